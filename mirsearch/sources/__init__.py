"""Sources of figures: image folders, JATS articles, PDFs, EXSCLAIM! results, LaTeX."""
