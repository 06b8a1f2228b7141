"""Image files beside an article, matched to the figures it declares."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from mirsearch.imaging.images import SUFFIXES, is_image_name
from mirsearch.sources.base import SourceFailure
from mirsearch.sources.jats.figures import JatsFigure
from mirsearch.sources.walking import Listing, Walker

IMAGE_FOLDERS = frozenset(
    ("images", "image", "figures", "figure", "figs", "fig", "graphics", "graphic", "media", "img")
)
_SUFFIX_ORDER = {
    suffix: rank for rank, suffix in enumerate((".tif", ".tiff", ".png", ".jpg", ".jpeg", ".webp", ".gif"))
}
_KINDS = {
    "fig": r"fig(?:ure|ura)?|gr|g|f|abb(?:ildung)?",
    "sch": r"sch(?:eme)?|esquema",
    "chart": r"chart",
    "plate": r"plate",
    "box": r"box[ ._-]*fig(?:ure)?",
    "ext": r"extended[ ._-]*data[ ._-]*fig(?:ure)?|ed[ ._-]*fig(?:ure)?",
    "app": r"app(?:endix)?[ ._-]*\d*[ ._—-]*fig(?:ure)?",
}
_NUMBERED = [
    (kind, re.compile(rf"(?<![a-z])(?:{words})[\s._-]*(s?)[\s._-]*0*(\d{{1,4}})([a-z]?)(?![a-z0-9])", re.IGNORECASE))
    for kind, words in reversed(_KINDS.items())
]
_SUPPLEMENT = re.compile(
    r"fig(?:ure)?[\s._-]*0*(\d+)[\s._—–-]*fig(?:ure)?[\s._-]*supp(?:lement)?[\s._-]*0*(\d+)", re.IGNORECASE
)
_OTHER = re.compile(r"\dfs\d|source[\s._-]*(?:data|code)|[\s_-]data\d", re.IGNORECASE)

Number = tuple[str, str, str]
"""Kind, number ("2", "s2") and part letter of a figure, as its label or its file's name tells."""


def number_of(text: str) -> Number | None:
    """("fig", "2", "b") of "Figure 2b" or "PMC1_fig-02b", ("supp", "2.1", "") of its supplement; None for others.

    Supplementary figures have an s before the number, whichever way they are called.
    """
    if _OTHER.search(text):
        return None
    if child := _SUPPLEMENT.search(text):
        return "supp", f"{child[1]}.{child[2]}", ""
    supplementary = "s" if "suppl" in text.lower() else ""
    for kind, pattern in _NUMBERED:
        found = list(pattern.finditer(text))
        if found:
            last = found[-1]
            return kind, (last[1].lower() or supplementary) + last[2], last[3].lower()
    return None


@dataclass
class Pool:
    """Image files that may be an article's, looked up by name; never anything outside the folder it was made of.

    Files of one name that differ in suffix (publishers add a small .gif to each .jpg) are one image: the best is kept.
    """

    files: list[Path]
    root: Path
    taken: set[Path] = field(default_factory=set)

    def __post_init__(self) -> None:
        best: dict[tuple[Path, str], Path] = {}
        for path in sorted(self.files, key=_rank):
            best.setdefault((path.parent, path.stem.lower()), path)
        kept = set(best.values())
        self.files = [path for path in self.files if path in kept]
        self._by_name: dict[str, list[Path]] = {}
        for path in sorted(self.files, key=lambda each: (len(each.parts), _rank(each), str(each))):
            for key in {path.name.lower(), path.stem.lower()}:
                self._by_name.setdefault(key, []).append(path)

    def named(self, href: str) -> Path | None:
        """The file an href names: with its suffix, with another, or by its last part alone; None where none does."""
        name = last_part(href)
        if climbs_out(href) or not name:
            return None
        stem = name[: -len(PurePosixPath(name).suffix)] if PurePosixPath(name).suffix.lower() in SUFFIXES else name
        for key in (name, stem, stem.removeprefix("journal.")):
            for path in self._by_name.get(key.lower(), ()):
                if path not in self.taken:
                    return path
        return None

    def left(self) -> list[Path]:
        """Files no figure has taken, in order."""
        return [path for path in self.files if path not in self.taken]


def _rank(path: Path) -> int:
    return _SUFFIX_ORDER.get(path.suffix.lower(), len(_SUFFIX_ORDER))


def last_part(href: str) -> str:
    """What the file an href points to is called."""
    try:
        path = urlsplit(href).path
    except ValueError:  # a host in brackets that is none
        path = href
    return unquote(path or href).replace("\\", "/").rstrip("/").rpartition("/")[2]


def climbs_out(href: str) -> bool:
    """Whether an href without a scheme leads out of the article's folder."""
    plain = unquote(href).replace("\\", "/")
    if re.match(r"[a-z][a-z0-9+.-]+:", plain, re.IGNORECASE) and not plain.lower().startswith("file:"):
        return False
    plain = re.sub(r"^file:", "", plain, flags=re.IGNORECASE)
    return plain.startswith("/") or ".." in plain.split("/")


def match(figures: Iterable[JatsFigure], pool: Pool) -> list[tuple[JatsFigure, list[Path]]]:
    """Each figure with its files (none where there are none): first by the names it gives, then by its number."""
    matched: list[tuple[JatsFigure, list[Path]]] = []
    for figure in figures:
        paths = []
        for names in figure.images:
            path = next((found for name in names if (found := pool.named(name)) is not None), None)
            if path is not None:
                paths.append(path)
                pool.taken.add(path)
        matched.append((figure, paths))
    _match_numbers([pair for pair in matched if not pair[1]], pool)
    return matched


def _match_numbers(unmatched: list[tuple[JatsFigure, list[Path]]], pool: Pool) -> None:
    """Give figures the files that bear their number: the one file, or all of its lettered parts."""
    numbered: dict[Number, list[Path]] = {}
    for path in pool.left():
        number = number_of(path.stem)
        if number is not None:
            numbered.setdefault(number, []).append(path)
    wanted = [_figure_number(figure) for figure, _ in unmatched]
    for (_, paths), number in zip(unmatched, wanted, strict=True):
        if number is None or wanted.count(number) > 1:
            continue
        whole = numbered.get(number, [])
        parts = [files for key, files in sorted(numbered.items()) if key[:2] == number[:2] and key[2] and not number[2]]
        if len(whole) == 1:
            paths.extend(whole)
        elif not whole and parts and all(len(each) == 1 for each in parts):
            paths.extend(each[0] for each in parts)
        pool.taken.update(paths)


def _figure_number(figure: JatsFigure) -> Number | None:
    return number_of(figure.label) if figure.label else number_of(figure.id or "")


def images_below(folder: Path, walker: Walker, everything: bool) -> Iterator[Path | SourceFailure]:
    """Image files of a folder: with `everything` of all below it, else of its image sub-folders alone."""
    if everything:
        for item in walker.walk(folder):
            if isinstance(item, Listing):
                yield from (each for each in item.files if is_image_name(each))
            else:
                yield item
        return
    top = walker.enter(folder)
    if isinstance(top, SourceFailure):
        yield top
    if not isinstance(top, Listing):
        return
    yield from (each for each in top.files if is_image_name(each))
    for each in top.folders:
        if each.name.lower() in IMAGE_FOLDERS and isinstance(inside := walker.enter(each), Listing):
            yield from (path for path in inside.files if is_image_name(path))
