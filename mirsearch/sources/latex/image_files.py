"""Find the files that the names of images in LaTeX stand for."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping
from itertools import islice

from mirsearch.sources.latex.joining import JoinedText
from mirsearch.sources.latex.macros import Macro, expand_macros

_PATHS = re.compile(r"\\graphicspath\s*+\{((?:\s*+\{[^{}]*+\})++\s*+)\}")
_PATH = re.compile(r"\{([^{}]*+)\}")
_FONT_COMMAND = re.compile(r"\\(?:detokenize|string|protect|relax|space)(?![A-Za-z])")
_SUFFIXES = (
    "", ".png", ".jpg", ".jpeg", ".pdf", "-eps-converted-to.pdf", ".tif", ".tiff", ".gif", ".PNG", ".JPG", ".JPEG",
    ".PDF", ".eps", ".ps", ".EPS", ".eps.gz",
)  # fmt: skip
_INSTEAD_OF_POSTSCRIPT = ("-eps-converted-to.pdf", ".pdf", ".png", ".jpg", ".jpeg")
"""Files that stand for an .eps: pdfLaTeX makes and takes them."""
_POSTSCRIPT = re.compile(r"\.e?ps(?:\.gz)?$", re.IGNORECASE)
_MAX_IMAGES = 5_000
"""Images that an article's figures may name."""
_MAX_FOLDERS = 20


class ImageFinder:
    """Finds the files that images' names stand for, in the folders that an article's source gives."""

    def __init__(self, joined: JoinedText, files: frozenset[str], macros: Mapping[str, Macro]) -> None:
        self._files, self._macros = files, macros
        self._parent = posixpath.dirname(joined.main_file)
        named = (self._plain(path[1]) for found in _PATHS.finditer(joined.text) for path in _PATH.finditer(found[1]))
        folders = dict.fromkeys(islice(named, _MAX_FOLDERS))
        self._folders = ["", *folders, *joined.folders[:_MAX_FOLDERS]]
        self._found: dict[str, str | None] = {}

    def find(self, name: str) -> str | None:
        """Return the file of an image; None if there is none."""
        if name not in self._found:
            self._found[name] = self._look(name) if len(self._found) < _MAX_IMAGES else None
        return self._found[name]

    def _plain(self, name: str) -> str:
        """Return a name without commands, braces and quotes."""
        name = _FONT_COMMAND.sub("", expand_macros(name[:1_000], self._macros)).replace("\\_", "_")
        return name.translate({ord(mark): None for mark in '{}"'}).strip()

    def _look(self, name: str) -> str | None:
        name = self._plain(name)
        if not name:
            return None
        stem = _POSTSCRIPT.sub("", name)
        names = [f"{stem}{suffix}" for suffix in _INSTEAD_OF_POSTSCRIPT] if stem != name else []
        names += [f"{name}{suffix}" for suffix in _SUFFIXES]
        paths = (path for each in names for path in self._paths(each))
        return next((path for path in paths if path in self._files), None)

    def _paths(self, name: str) -> Iterable[str]:
        """Yield the paths that a name may stand for. None leads out of the e-print."""
        for folder in self._folders:
            for base in (self._parent, ""):
                path = posixpath.normpath(posixpath.join(base, folder, name))
                if not path.startswith(("../", "/")):
                    yield path
