r"""Drop what LaTeX does not typeset: comments, verbatim text, and branches that are known to be false."""

from __future__ import annotations

import re

_COMMENT = re.compile(r"(?<!\\)((?:\\\\)*+)%[^\n]*+")
_VERBATIM_NAMES = (
    "comment",
    "verbatim",
    "verbatim*",
    "Verbatim",
    "lstlisting",
    "minted",
    "filecontents",
    "filecontents*",
)
_BEGIN = re.compile(r"\\begin\s*+\{([A-Za-z]{1,40}\*?)\}")
_EXCLUDED = re.compile(r"\\excludecomment\s*+\{([A-Za-z]{1,40})\}")
_MAX_EXCLUDED = 20
_TOKEN = re.compile(
    r"\\(newif\s*+\\if[A-Za-z@]++|if[A-Za-z@]*+|else|fi|[A-Za-z@]+?(?:true|false))(?![A-Za-z@])(\s*+0(?![\d.]))?+"
)
_PRIMITIVES = frozenset(
    ("if", "ifcat", "ifnum", "ifdim", "ifodd", "ifvmode", "ifhmode", "ifmmode", "ifinner", "ifvoid", "ifhbox", "ifvbox",
     "ifx", "ifeof", "iftrue", "iffalse", "ifcase", "ifdefined", "ifcsname", "iffontchar", "ifpdf", "ifxetex",
     "ifluatex")
)  # fmt: skip
_MAX_FLAGS = 200


def drop_comments(text: str) -> str:
    r"""Return a file's text without comments, verbatim text, and what follows \endinput."""
    text = drop_environments(_COMMENT.sub(r"\1", text))
    return text.partition(r"\endinput")[0]


def drop_environments(text: str) -> str:
    """Return the text without the environments whose content is not typeset as LaTeX."""
    names = {*_VERBATIM_NAMES, *[match[1] for match in _EXCLUDED.finditer(text)][:_MAX_EXCLUDED]}
    pieces, position = [], 0
    while (begin := _BEGIN.search(text, position)) is not None:
        end = -1
        if begin[1] in names:
            mark = f"\\end{{{begin[1]}}}"
            end = text.find(mark, begin.end())
            if end < 0:
                names.discard(begin[1])  # no later one ends, either
        pieces.append(text[position : begin.start() if end >= 0 else begin.end()])
        position = end + len(mark) if end >= 0 else begin.end()
    return "".join([*pieces, text[position:]])


def drop_false_branches(text: str) -> str:
    r"""Return the text without branches that are never typeset: \iffalse … \fi, \if0 … \fi, and flags of \newif.

    Of conditionals that only TeX can decide, both branches stay, and so does what follows one that never ends.
    """
    if "\\fi" not in text:
        return text
    scan = _Conditionals()
    pieces: list[str] = []
    start = 0
    for token in _TOKEN.finditer(text):
        was_hidden = scan.is_hidden
        end = scan.read(token)
        if scan.is_hidden and not was_hidden:
            pieces.append(text[start : token.start()])
            start = token.start()
        elif was_hidden and not scan.is_hidden:
            start = end
    return "".join([*pieces, text[start:]])


class _Conditionals:
    """The conditionals that are open at a place in a text. `branches` tells which are typeset; None: unknown."""

    def __init__(self) -> None:
        self._flags: dict[str, bool] = {}
        self._branches: list[bool | None] = []
        self._false_count = 0

    @property
    def is_hidden(self) -> bool:
        """Whether the text at this place is not typeset."""
        return self._false_count > 0

    def read(self, token: re.Match[str]) -> int:
        """Read a command. Return where it ends."""
        word = token[1]
        if word.startswith("newif"):
            if len(self._flags) < _MAX_FLAGS:
                self._flags[word.rpartition("\\if")[2]] = False
        elif word in ("fi", "else"):
            self._end_branch(is_last=word == "fi")
        elif word.startswith("if"):
            value = self._condition(word, token[2])
            if value != "other":
                self._branches.append({"true": True, "false": False}.get(value))
                self._false_count += value == "false"
        else:
            self._set_flag(word)
        return token.end(1)

    def _end_branch(self, is_last: bool) -> None:
        if not self._branches:
            return
        branch = self._branches.pop()
        self._false_count -= branch is False
        if not is_last:
            self._branches.append(None if branch is None else not branch)
            self._false_count += branch is True

    def _condition(self, word: str, zero: str | None) -> str:
        """Return what a conditional says: "true", "false" or "unknown"; "other" for other commands."""
        if word in ("iftrue", "iffalse"):
            return word[2:]
        if word != "if" and word[2:] in self._flags:
            return "true" if self._flags[word[2:]] else "false"
        if word == "if" and zero:
            return "false"  # \if0 … \fi: 0 is compared with the letter that follows
        return "unknown" if word in _PRIMITIVES else "other"

    def _set_flag(self, word: str) -> None:
        for ending in ("true", "false"):
            name = word.removesuffix(ending)
            if name != word and name in self._flags and not self.is_hidden:
                self._flags[name] = ending == "true"
