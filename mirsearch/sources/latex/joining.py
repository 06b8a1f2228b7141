r"""Join the files of a LaTeX article into one text: the main file with what it takes in, without comments."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from mirsearch.sources.latex.conditionals import drop_comments, drop_false_branches

_INPUT = re.compile(
    r"\\(?:(?P<import>(?:sub)?(?:import|inputfrom|includefrom))\*?+\s*+\{(?P<folder>[^{}]{0,300}+)\}\s*+\{(?P<part>[^{}]{1,300}+)\}"
    r"|(?:input|include|subfile|subfileinclude|InputIfFileExists)(?![A-Za-z])\s*+"
    r"(?:\{(?P<name>[^{}]{1,300}+)\}|(?P<bare>[^\s{}\\\[\]%,;]{1,300}+)))"
)
_DOCUMENT_CLASS = re.compile(r"\\document(?:class|style)")
_BEGIN, _END = "\\begin{document}", "\\end{document}"
_MAX_INPUTS = 200
_MAX_DEPTH = 8
_MAX_CHARS = 20_000_000
_MAX_CANDIDATES = 10
"""Files that may be the main one whose whole text is looked at."""


@dataclass(slots=True)
class JoinedText:
    """An article's text, the path of its main file, and the folders of the files that it takes in."""

    text: str
    main_file: str
    folders: list[str] = field(default_factory=list)


def join_sources(sources: Mapping[str, str]) -> JoinedText | None:
    """Return an article's text; None without any file. The main file is the one that becomes the longest text."""
    candidates = [name for name, text in sources.items() if _BEGIN in text]
    candidates = [name for name in candidates if _DOCUMENT_CLASS.search(sources[name])] or candidates
    ordered = sorted(candidates or sources, key=lambda name: (len(sources[name]), name), reverse=True)
    joined = [_Joiner(sources).join(name) for name in ordered[:_MAX_CANDIDATES]]
    return max(joined, key=lambda each: (len(each.text), each.main_file), default=None)


class _Joiner:
    """Takes each file in once."""

    def __init__(self, sources: Mapping[str, str]) -> None:
        self._sources = sources
        self._included: set[str] = set()
        self._chars_left = _MAX_CHARS
        self._folders: dict[str, None] = {}

    def join(self, main_file: str) -> JoinedText:
        """Return the text of a file with the files that it takes in."""
        self._included.add(main_file)
        text = self._expand(main_file, [PurePosixPath(main_file).parent], 0)
        return JoinedText(drop_false_branches(text), main_file, list(self._folders))

    def _expand(self, name: str, folders: list[PurePosixPath], depth: int) -> str:
        """Return a file's text. Names in it are looked up in `folders`."""

        def take_in(match: re.Match[str]) -> str:
            bases = folders
            if match["import"]:
                base = folders[-1] if match["import"].startswith("sub") else folders[0]
                bases = [*folders, base / match["folder"].strip()]
            called = (match["part"] or match["name"] or match["bare"]).strip().strip('"')
            found = self._find(called, bases)
            if found is None or found in self._included or depth >= _MAX_DEPTH or len(self._included) > _MAX_INPUTS:
                return ""
            self._included.add(found)
            self._folders[str(PurePosixPath(found).parent)] = None
            return self._expand(found, bases, depth + 1)

        text = _body(drop_comments(self._sources[name]), is_main=depth == 0)
        text = text[: max(self._chars_left, 0)]
        self._chars_left -= len(text)
        return _INPUT.sub(take_in, text)

    def _find(self, name: str, folders: list[PurePosixPath]) -> str | None:
        for file_name in (name, f"{name}.tex"):
            for path in (*(str(folder / file_name) for folder in reversed(folders)), file_name):
                plain = path.removeprefix("./")
                if plain in self._sources:
                    return plain
        return None


def _body(text: str, is_main: bool) -> str:
    """Return what is typeset of a file. Of a document taken into another one, only its body is."""
    begin, end = text.find(_BEGIN), text.find(_END)
    if begin < 0:
        return text
    return text[0 if is_main else begin + len(_BEGIN) : end if end > begin else len(text)]
