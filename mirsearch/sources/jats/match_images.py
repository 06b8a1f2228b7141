"""Match the image files beside an article to the figures that it declares."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from mirsearch.imaging.images import SUFFIXES, is_image_name
from mirsearch.sources.base import SourceFailure
from mirsearch.sources.folder_walker import FolderListing, FolderWalker
from mirsearch.sources.jats.figures import JatsFigure

IMAGE_FOLDERS = frozenset(
    ("images", "image", "figures", "figure", "figs", "fig", "graphics", "graphic", "media", "img")
)
_SUFFIX_ORDER = {
    suffix: rank for rank, suffix in enumerate((".tif", ".tiff", ".png", ".jpg", ".jpeg", ".webp", ".gif"))
}
_KIND_PATTERNS = {
    "fig": r"fig(?:ure|ura)?|gr|g|f|abb(?:ildung)?",
    "sch": r"sch(?:eme)?|esquema",
    "chart": r"chart",
    "plate": r"plate",
    "box": r"box[ ._-]*+fig(?:ure)?",
    "ext": r"extended[ ._-]*+data[ ._-]*+fig(?:ure)?|ed[ ._-]*+fig(?:ure)?",
    "app": r"app(?:endix)?[ ._-]*+\d*+[ ._—-]*+fig(?:ure)?",
}
_NUMBER_PATTERNS = [
    (
        kind,
        re.compile(
            rf"(?<![a-z])(?:{words})[\s._-]*+(s?+)[\s._-]*+0{{0,20}}(\d{{1,4}})([a-z]?)(?![a-z0-9])", re.IGNORECASE
        ),
    )
    for kind, words in reversed(_KIND_PATTERNS.items())
]
_SUPPLEMENT = re.compile(
    r"fig(?:ure)?[\s._-]*+0{0,20}(\d{1,9})[\s._—–-]*+(?:fig(?:ure)?[\s._-]*+)?+supp(?:lement)?[\s._-]*+"
    r"0{0,20}(\d{1,9})",
    re.IGNORECASE,
)
_NOT_A_FIGURE = re.compile(r"\dfs\d|source[\s._-]*(?:data|code)|[\s_-]data\d", re.IGNORECASE)

FigureNumber = tuple[str, str, str]
"""Kind, number ("2", "s2") and part letter of a figure, read from its label or its file's name."""


def parse_figure_number(text: str) -> FigureNumber | None:
    """Return ("fig", "2", "b") for "Figure 2b" or "PMC1_fig-02b"; None if the text names no figure.

    A supplement of figure 2 gives ("supp", "2.1", ""). Supplementary figures get an s before their number.
    """
    if _NOT_A_FIGURE.search(text):
        return None
    if supplement := _SUPPLEMENT.search(text):
        return "supp", f"{supplement[1]}.{supplement[2]}", ""
    supplementary = "s" if "suppl" in text.lower() else ""
    for kind, pattern in _NUMBER_PATTERNS:
        matches = list(pattern.finditer(text))
        if matches:
            last_match = matches[-1]
            return kind, (last_match[1].lower() or supplementary) + last_match[2], last_match[3].lower()
    return None


@dataclass
class ImagePool:
    """Image files that may belong to an article, found by name. Files outside the root folder are never returned.

    Of files that differ only in their suffix (publishers add a small .gif to each .jpg), the best one is kept.
    """

    files: list[Path]
    root: Path
    taken: set[Path] = field(default_factory=set)

    def __post_init__(self) -> None:
        best: dict[tuple[Path, str], Path] = {}
        for path in sorted(self.files, key=_suffix_rank):
            best.setdefault((path.parent, path.stem.lower()), path)
        kept = set(best.values())
        self.files = [path for path in self.files if path in kept]
        self._by_name: dict[str, list[Path]] = {}
        for path in sorted(self.files, key=lambda file: (len(file.parts), _suffix_rank(file), str(file))):
            for key in {path.name.lower(), path.stem.lower()}:
                self._by_name.setdefault(key, []).append(path)

    def find(self, href: str) -> Path | None:
        """Return the unused file that an href names; None if there is none.

        The file may have the href's suffix or another one. Only the href's last part counts.
        """
        name = href_file_name(href)
        if leaves_folder(href) or not name:
            return None
        stem = name[: -len(PurePosixPath(name).suffix)] if PurePosixPath(name).suffix.lower() in SUFFIXES else name
        for key in (name, stem, stem.removeprefix("journal.")):
            for path in self._by_name.get(key.lower(), ()):
                if path not in self.taken:
                    return path
        return None

    def unmatched_paths(self) -> list[Path]:
        """Return the files that no figure has taken, in order."""
        return [path for path in self.files if path not in self.taken]


def _suffix_rank(path: Path) -> int:
    return _SUFFIX_ORDER.get(path.suffix.lower(), len(_SUFFIX_ORDER))


def href_file_name(href: str) -> str:
    """Return the name of the file that an href points to."""
    try:
        path = urlsplit(href).path
    except ValueError:  # brackets around an invalid host
        path = href
    return unquote(path or href).replace("\\", "/").rstrip("/").rpartition("/")[2]


def leaves_folder(href: str) -> bool:
    """Return whether an href without a scheme leads out of the article's folder."""
    plain = unquote(href).replace("\\", "/")
    if re.match(r"[a-z][a-z0-9+.-]+:", plain, re.IGNORECASE) and not plain.lower().startswith("file:"):
        return False
    plain = re.sub(r"^file:", "", plain, flags=re.IGNORECASE)
    return plain.startswith("/") or ".." in plain.split("/")


def match_images(
    figures: Iterable[JatsFigure], pool: ImagePool, other_images: Iterable[str] = ()
) -> list[tuple[JatsFigure, list[Path]]]:
    """Return each figure with its files, which may be none: found by the names it gives, else by its number.

    `other_images` are names of images that are no figures (tables, formulas): their files are taken from the pool.
    """
    matched: list[tuple[JatsFigure, list[Path]]] = []
    for figure in figures:
        paths = []
        for names in figure.images:
            path = next((found for name in names if (found := pool.find(name)) is not None), None)
            if path is not None:
                paths.append(path)
                pool.taken.add(path)
        matched.append((figure, paths))
    pool.taken.update(path for name in other_images if (path := pool.find(name)) is not None)
    _match_numbers([pair for pair in matched if not pair[1]], pool)
    return matched


def _match_numbers(unmatched: list[tuple[JatsFigure, list[Path]]], pool: ImagePool) -> None:
    """Give figures the files that bear their number: the one file, or all of its lettered parts."""
    numbered: dict[FigureNumber, list[Path]] = {}
    for path in pool.unmatched_paths():
        number = parse_figure_number(path.stem)
        if number is not None:
            numbered.setdefault(number, []).append(path)
    wanted = [_figure_number(figure) for figure, _ in unmatched]
    for (_, paths), number in zip(unmatched, wanted, strict=True):
        if number is None or wanted.count(number) > 1:
            continue
        exact = numbered.get(number, [])
        parts = [files for key, files in sorted(numbered.items()) if key[:2] == number[:2] and key[2] and not number[2]]
        if len(exact) == 1:
            paths.extend(exact)
        elif not exact and parts and all(len(part) == 1 for part in parts):
            paths.extend(part[0] for part in parts)
        pool.taken.update(paths)


def _figure_number(figure: JatsFigure) -> FigureNumber | None:
    return parse_figure_number(figure.label) if figure.label else parse_figure_number(figure.id or "")


def list_images(folder: Path, walker: FolderWalker, recursive: bool) -> Iterator[Path | SourceFailure]:
    """Yield the image files in a folder and below it; if not `recursive`, only its subfolders for images."""
    if recursive:
        for item in walker.walk(folder):
            if isinstance(item, FolderListing):
                yield from (file for file in item.files if is_image_name(file))
            else:
                yield item
        return
    listing = walker.visit(folder)
    if isinstance(listing, SourceFailure):
        yield listing
    if not isinstance(listing, FolderListing):
        return
    yield from (file for file in listing.files if is_image_name(file))
    for subfolder in listing.folders:
        if subfolder.name.lower() in IMAGE_FOLDERS and isinstance(images := walker.visit(subfolder), FolderListing):
            yield from (file for file in images.files if is_image_name(file))
