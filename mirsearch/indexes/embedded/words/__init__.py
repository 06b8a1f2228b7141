"""The file of words beside the database, and BM25 over it."""
