"""What files are that mirsearch does not read, by their suffix, and what reads them."""

from __future__ import annotations

_ROSETTASCIIO = "the reader of docs/example_reader (rosettasciio) reads it; or save it as tif"
_BIO_FORMATS = "save it as OME-TIFF, for instance with Fiji and Bio-Formats"
_KINDS = (
    (".emi", "TIA: its images are in the .ser files beside it"),
    (".bcf .blo .mib .elid .rpl .dens .sur .pro .img .asw .pts .tvips .tvf .de5 .zspy .wdf .unf .prf .app5",
     _ROSETTASCIIO),
    (".lsm .oib .oif .oir .vsi .zvi .lei .scn .ims .sld .ipw .stk .nd .mrxs .bif .flex .dv .r3d .ids .ics .vms",
     _BIO_FORMATS),
    (".spm .jpk .ibw .gwy .sxm .mdt .stp", "a scanning probe's file: export it as tif, for instance with Gwyddion"),
    (".fits .fit .dcm .nrrd .nii", "save it as tif, for instance with Fiji"),
    (".eps .ps", "PostScript: convert it to png, for instance with Ghostscript"),
    (".svg .ai .cdr .odg", "a drawing: export it as png, for instance with Inkscape"),
    (".emf .wmf", "a Windows drawing: save it as png"),
    (".psd .xcf .kra", "a painting program's file: export it as png"),
    (".cr2 .cr3 .nef .arw .dng .orf .rw2 .raf", "a camera's raw file: export it as tif"),
    (".doc .ppt", "Office of before 2007: save it as docx or pptx"),
    (".rar .7z .lzh", "an archive: unpack it"),
    (".mp4 .avi .mov .mkv .wmv .mpg", "a film: export its frames as png"),
    (".opj .opju", "Origin: export its graphs as png"),
    (".npy .npz .mat", "numbers: save the images as tif"),
    (".pbm .pgm .ppm .pnm .tga .ico .xpm .pcx .jxr .wdp .jxl .jls", "convert it to png"),
)  # fmt: skip
"""Suffixes of files with pictures that mirsearch does not read, and what to do."""

_WORDS_AND_NUMBERS = (
    ".txt .csv .tsv .jsonl .json .md .rst .log .ini .cfg .toml .yml .yaml .xml .nxml .html .htm .css .tex .bib .bst",
    ".cls .sty .bbl .aux .out .toc .pdf .rtf .xls .ods .db .sqlite .sqlite3 .hdr .inf .xsl .dtd .md5 .sha256 .sum .url",
)
_PROGRAMS = ".js .py .ipynb .m .r .sh .bat .c .h .cpp .java .exe .dll .so .pyc .lock .part .tmp .bak .wal .shm"
QUIET_SUFFIXES = frozenset(suffix for line in (*_WORDS_AND_NUMBERS, _PROGRAMS) for suffix in line.split())
"""Suffixes of files that hold words, numbers or programs: nobody expects pictures of them, so they are not told."""

_KIND_BY_SUFFIX = {suffix: words for suffixes, words in _KINDS for suffix in suffixes.split()}


def describe_kind(suffix: str) -> str:
    """Return what to do with files with a suffix (lower case, with its dot), in one line."""
    return _KIND_BY_SUFFIX.get(suffix, "no reader is known for it; save its pictures as png or tif")
