"""The source `exsclaim`: results of EXSCLAIM! (Schwenker et al., Patterns 4, 100843, 2023) with panels and scales.

Reads the exsclaim.json of version 0.1 (corners as {x, y}) and of version 2 (boxes as {x0, y0, x1, y1}; with or without
the envelope {"version", "results"}).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PureWindowsPath
from typing import Any

from mirsearch.corpus import Article, Origin
from mirsearch.errors import ImageError, SourceError
from mirsearch.imaging.images import is_image_name, picture_size
from mirsearch.settings import LIMITS, Limits
from mirsearch.sources.articles import clean_text, make_article
from mirsearch.sources.base import FoundFigure, SourceFailure, SourceRequest
from mirsearch.sources.exsclaim.panels import parse_panels
from mirsearch.sources.folder_walker import FolderListing, FolderWalker
from mirsearch.sources.jats.match_images import parse_figure_number
from mirsearch.sources.permissions import permission_note
from mirsearch.text.foreign import parse_json

_HEAD_BYTES = 1 << 16
_MAX_PROBED_FILES = 50
_IMAGE_FOLDERS = ("figures", "images")
MAX_FAILURES = 20
_REMEDY = "run EXSCLAIM! again, or use only the images with --source folder"
_NATURE = re.compile(r"https?://(?:www\.)?nature\.com/articles/([\w.-]+)", re.IGNORECASE)
_DOI_IN_TITLE = re.compile(r"\bDOI:\s*(10\.\S+)", re.IGNORECASE)


class ExsclaimSource:
    """An exsclaim.json, under any name, with the figures it names in its folder or below."""

    name = "exsclaim"
    priority = 30

    def recognizes(self, path: Path) -> bool:
        """Return whether the file, or a file in the folder, begins like an exsclaim.json."""
        if path.is_dir():
            files = [file for file in sorted(path.iterdir()) if is_json_name(file)]
            return any(_looks_like_exsclaim(file) for file in files[:_MAX_PROBED_FILES])
        return is_json_name(path) and (_looks_like_exsclaim(path) or path.name.lower() == "exsclaim.json")

    def find_figures(self, request: SourceRequest) -> Iterator[FoundFigure | SourceFailure]:
        """Yield the figures in the file's order. Raise SourceError if a file is no complete exsclaim.json."""
        for path in request.paths:
            yield from (
                _folder_figures(path.resolve())
                if path.is_dir()
                else _file_figures(path.parent.resolve() / path.name, {})
            )


def is_json_name(path: Path) -> bool:
    """Return whether a file has the suffix of JSON and is not hidden."""
    return path.suffix.lower() == ".json" and not path.name.startswith(".")


def _looks_like_exsclaim(path: Path) -> bool:
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError:
        return False
    return b'"master_images"' in head and any(
        key in head for key in (b'"figure_name"', b'"figure_path"', b'"full_caption"')
    )


def _folder_figures(folder: Path) -> Iterator[FoundFigure | SourceFailure]:
    """Yield the figures of every exsclaim.json in a folder, and a note with the number of unnamed images."""
    used: dict[Path, Path] = {}
    files = [file for file in sorted(folder.iterdir()) if is_json_name(file) and _looks_like_exsclaim(file)]
    files = files or [file for file in (folder / "exsclaim.json",) if file.is_file()]
    if not files:
        raise SourceError(f"{folder}: no exsclaim.json", "give the folder EXSCLAIM! wrote, or the file itself")
    for path in files:
        try:
            yield from _file_figures(path, used)
        except SourceError as error:
            yield SourceFailure.from_error(path, error)
    beside = [
        file
        for item in FolderWalker().walk(folder)
        if isinstance(item, FolderListing)
        for file in item.files
        if is_image_name(file)
    ]
    unnamed = len([file for file in beside if file not in used])
    if unnamed:
        reason = f"{unnamed} images below are not named in {files[0].name}; add them with --source folder"
        yield SourceFailure(str(folder), reason, is_note=True)


def _file_figures(path: Path, used: dict[Path, Path]) -> Iterator[FoundFigure | SourceFailure]:
    """Yield one file's figures, each image once. `used` collects the images."""
    figures = read_exsclaim(path)
    failures: list[SourceFailure] = []
    count = 0
    for key, entry in figures.items():
        location = f"{path}: {clean_text(key, 120)}"
        if not isinstance(entry, dict):
            failures.append(SourceFailure(location, f"not an object; {_REMEDY}"))
            continue
        try:
            image = _find_image(path.parent, key, entry)
        except SourceError as error:
            failures.append(SourceFailure.from_error(location, error))
            continue
        if image in used:
            continue
        used[image] = path
        count += 1
        figure, problem = _make_figure(image, key, entry)
        if problem:
            failures.append(SourceFailure(location, f"{problem}; mirsearch finds its panels itself"))
        yield figure
    yield from failures[:MAX_FAILURES]
    if failures[MAX_FAILURES:]:
        yield SourceFailure(str(path), f"{len(failures) - MAX_FAILURES} more figures like these; {_REMEDY}")
    if not count and not figures:
        yield SourceFailure(str(path), "holds no figures", is_note=True)


def read_exsclaim(path: Path, limits: Limits = LIMITS) -> dict[str, Any]:
    """Return the figures by name. Raises SourceError if the file is too large, no JSON, or of another shape."""
    try:
        with path.open("rb") as file:
            data = file.read(limits.json_bytes + 1)
    except OSError as error:
        raise SourceError(f"{path}: can't be read: {error.strerror or error}", "check its permissions") from error
    if len(data) > limits.json_bytes:
        raise SourceError(f"{path}: more than {limits.json_bytes:,} bytes", "split it")
    try:
        figures = parse_json(data)
    except ValueError as error:
        raise SourceError(f"{path}: truncated or not JSON: {str(error)[:120]}", _REMEDY) from error
    if isinstance(figures, dict) and "results" in figures and "master_images" not in figures:
        figures = figures["results"]
    if isinstance(figures, list):  # the API of version 2 gives a list
        figures = {str(entry.get("figure_name", index)) if isinstance(entry, dict) else str(index): entry
                   for index, entry in enumerate(figures)}  # fmt: skip
    if not isinstance(figures, dict):
        raise SourceError(f"{path}: JSON without figures by name", _REMEDY)
    if figures and not any(isinstance(entry, dict) and "master_images" in entry for entry in figures.values()):
        raise SourceError(f"{path}: no figure in it has 'master_images'", _REMEDY)
    return figures


def _find_image(folder: Path, key: str, entry: Mapping[str, Any]) -> Path:
    """Return the figure's image in the folder. Raises SourceError if there is none.

    It is found by its path, by ever shorter ends of the path, or by its name.
    """
    names = [value for value in (entry.get("figure_path"), entry.get("figure_name"), key) if isinstance(value, str)]
    for value in names:
        parts = tuple(part for part in PureWindowsPath(value).parts if part not in ("/", "\\") and ":" not in part)
        if ".." in parts:
            raise SourceError(f"the path {clean_text(value, 200)!r} leads out of the folder", "correct figure_path")
        tails = [parts[start:] for start in range(len(parts))]
        tails += [(name, parts[-1]) for name in _IMAGE_FOLDERS if parts]
        for tail in tails:
            path = folder.joinpath(*tail)
            try:
                if is_image_name(path) and path.is_file():
                    return path
            except (OSError, ValueError):  # the name is too long or contains a zero byte
                continue
    raise SourceError("no image with that name beside the file", "put the figures beside it, or in figures/")


def _make_figure(image: Path, key: str, entry: Mapping[str, Any]) -> tuple[FoundFigure, str | None]:
    """Return the figure, and the reason why its panels could not be kept (None if they were)."""
    caption = clean_text(_text_or_empty(entry.get("full_caption")), LIMITS.caption_chars)
    problem = None
    try:
        panels = parse_panels(entry.get("master_images", []), _picture_size(image))
    except SourceError as error:
        panels, problem = None, error.message
    number = parse_figure_number(Path(image.name).stem)
    figure = FoundFigure(
        path=image,
        origin=Origin("exsclaim", str(image)),
        caption=caption,
        label=f"Figure {number[1].upper()}{number[2]}" if number and number[0] == "fig" else None,
        article=_article_data(entry),
        panels=panels or None,
        permission_note=permission_note(caption),
    )
    return figure, problem


def _picture_size(image: Path) -> tuple[int, int] | None:
    try:
        return picture_size(image)
    except ImageError:
        return None  # reported when the picture itself is read


def _article_data(entry: Mapping[str, Any]) -> Article | None:
    """Return the article. Its DOI comes from a field, the title, the address, or the last part of a Nature address."""
    title, url = _text_or_empty(entry.get("title")), _text_or_empty(entry.get("article_url"))
    in_title = _DOI_IN_TITLE.search(title)
    nature = _NATURE.match(url)
    doi = _text_or_empty(entry.get("doi")) or (in_title[1] if in_title else "") or url
    if nature and not re.search(r"\b10\.\d{4}", doi):
        doi = f"10.1038/{nature[1]}"
    article_title, _, journal = _DOI_IN_TITLE.sub("", title).partition(" | ")
    authors = entry.get("authors")
    license_text = _text_or_empty(entry.get("license"))
    return make_article(
        title=article_title,
        doi=doi,
        journal=journal,
        url=url,
        license=None if license_text.lower() in ("", "unknown", "none") else license_text,
        authors=[author for author in authors if isinstance(author, str)] if isinstance(authors, list) else (),
        fallback_id=_text_or_empty(entry.get("article_name")),
    )


def _text_or_empty(value: Any) -> str:
    return value if isinstance(value, str) else ""
