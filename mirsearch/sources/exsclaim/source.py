"""The source `exsclaim`: what EXSCLAIM! found (Schwenker et al., Patterns 4, 100843, 2023), its panels and scales kept.

Reads the exsclaim.json of version 0.1 (corners as {x, y}) and of version 2 (boxes as {x0, y0, x1, y1}; with or without
the envelope {"version", "results"}).
"""

from __future__ import annotations

import json
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
from mirsearch.sources.exsclaim.panels import panels_of
from mirsearch.sources.jats.match_images import number_of
from mirsearch.sources.permissions import permission_note
from mirsearch.sources.walking import Listing, Walker

_HEAD_BYTES = 1 << 16
_MAX_SNIFFED = 50
_IMAGE_FOLDERS = ("figures", "images")
MAX_FAILURES = 20
_AGAIN = "let EXSCLAIM! write it again, or use the images alone with --source folder"
_NATURE = re.compile(r"https?://(?:www\.)?nature\.com/articles/([\w.-]+)", re.IGNORECASE)
_DOI_IN_TITLE = re.compile(r"\bDOI:\s*(10\.\S+)", re.IGNORECASE)


class ExsclaimSource:
    """An exsclaim.json, under any name, with the figures it names in its folder or below."""

    name = "exsclaim"
    priority = 30

    def recognizes(self, path: Path) -> bool:
        """A folder with such a file in it, or the file, told by what the file's beginning says."""
        if path.is_dir():
            files = [each for each in sorted(path.iterdir()) if is_json_name(each)]
            return any(_looks(each) for each in files[:_MAX_SNIFFED])
        return is_json_name(path) and (_looks(path) or path.name.lower() == "exsclaim.json")

    def find(self, request: SourceRequest) -> Iterator[FoundFigure | SourceFailure]:
        """Figures in the file's order; SourceError where a file is no whole exsclaim.json."""
        for path in request.paths:
            yield from _folder(path.resolve()) if path.is_dir() else _file(path.parent.resolve() / path.name, {})


def is_json_name(path: Path) -> bool:
    """Whether a file's name is one of JSON (hidden files are not)."""
    return path.suffix.lower() == ".json" and not path.name.startswith(".")


def _looks(path: Path) -> bool:
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


def _folder(folder: Path) -> Iterator[FoundFigure | SourceFailure]:
    """Every exsclaim.json of a folder; images that none names are counted."""
    used: dict[Path, Path] = {}
    files = [each for each in sorted(folder.iterdir()) if is_json_name(each) and _looks(each)]
    files = files or [each for each in (folder / "exsclaim.json",) if each.is_file()]
    if not files:
        raise SourceError(f"{folder}: no exsclaim.json", "give the folder EXSCLAIM! wrote, or the file itself")
    for path in files:
        try:
            yield from _file(path, used)
        except SourceError as error:
            yield SourceFailure.of(path, error)
    beside = [
        each
        for item in Walker().walk(folder)
        if isinstance(item, Listing)
        for each in item.files
        if is_image_name(each)
    ]
    others = len([each for each in beside if each not in used])
    if others:
        reason = f"{others} images below are not named in {files[0].name}; take them with --source folder"
        yield SourceFailure(str(folder), reason, note=True)


def _file(path: Path, used: dict[Path, Path]) -> Iterator[FoundFigure | SourceFailure]:
    """One file's figures, each image once; `used` collects the images."""
    figures = read_exsclaim(path)
    failures: list[SourceFailure] = []
    found = 0
    for key, entry in figures.items():
        where = f"{path}: {clean_text(key, 120)}"
        if not isinstance(entry, dict):
            failures.append(SourceFailure(where, f"not an object; {_AGAIN}"))
            continue
        try:
            image = _image(path.parent, key, entry)
        except SourceError as error:
            failures.append(SourceFailure.of(where, error))
            continue
        if image in used:
            continue
        used[image] = path
        found += 1
        figure, problem = _figure(image, key, entry)
        if problem:
            failures.append(SourceFailure(where, f"{problem}; its panels are found anew"))
        yield figure
    yield from failures[:MAX_FAILURES]
    if failures[MAX_FAILURES:]:
        yield SourceFailure(str(path), f"{len(failures) - MAX_FAILURES} more figures like these; {_AGAIN}")
    if not found and not figures:
        yield SourceFailure(str(path), "holds no figures", note=True)


def read_exsclaim(path: Path, limits: Limits = LIMITS) -> dict[str, Any]:
    """Figures by name. SourceError where the file is too large, cut short, no JSON, or of another shape."""
    try:
        with path.open("rb") as file:
            data = file.read(limits.json_bytes + 1)
    except OSError as error:
        raise SourceError(f"{path}: can't be read: {error.strerror or error}", "check its permissions") from error
    if len(data) > limits.json_bytes:
        raise SourceError(f"{path}: more than {limits.json_bytes:,} bytes", "split it")
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise SourceError(f"{path}: cut short or not JSON: {str(error)[:120]}", _AGAIN) from error
    if isinstance(found, dict) and "results" in found and "master_images" not in found:
        found = found["results"]
    if isinstance(found, list):  # version 2's API lists them
        found = {str(entry.get("figure_name", n)) if isinstance(entry, dict) else str(n): entry
                 for n, entry in enumerate(found)}  # fmt: skip
    if not isinstance(found, dict):
        raise SourceError(f"{path}: JSON, but no figures by name", _AGAIN)
    if found and not any(isinstance(each, dict) and "master_images" in each for each in found.values()):
        raise SourceError(f"{path}: no figure in it has 'master_images'", _AGAIN)
    return found


def _image(folder: Path, key: str, entry: Mapping[str, Any]) -> Path:
    """The figure's image in the folder: by its path, by ever shorter ends of it, by its name. SourceError."""
    given = [value for value in (entry.get("figure_path"), entry.get("figure_name"), key) if isinstance(value, str)]
    for value in given:
        parts = tuple(part for part in PureWindowsPath(value).parts if part not in ("/", "\\") and ":" not in part)
        if ".." in parts:
            raise SourceError(f"the path {clean_text(value, 200)!r} leads out of the folder", "mend figure_path")
        tails = [parts[start:] for start in range(len(parts))]
        tails += [(name, parts[-1]) for name in _IMAGE_FOLDERS if parts]
        for tail in tails:
            path = folder.joinpath(*tail)
            try:
                if is_image_name(path) and path.is_file():
                    return path
            except (OSError, ValueError):  # a name too long, or with a zero byte
                continue
    raise SourceError("no image of that name beside the file", "put the figures beside it, or in figures/")


def _figure(image: Path, key: str, entry: Mapping[str, Any]) -> tuple[FoundFigure, str | None]:
    """The figure, and why its panels could not be kept (None where they could)."""
    caption = clean_text(_text(entry.get("full_caption")), LIMITS.caption_chars)
    problem = None
    try:
        panels = panels_of(entry.get("master_images", []), _size(image))
    except SourceError as error:
        panels, problem = None, error.message
    number = number_of(Path(image.name).stem)
    figure = FoundFigure(
        path=image,
        origin=Origin("exsclaim", str(image)),
        caption=caption,
        label=f"Figure {number[1].upper()}{number[2]}" if number and number[0] == "fig" else None,
        article=_article(entry),
        panels=panels or None,
        permission_note=permission_note(caption),
    )
    return figure, problem


def _size(image: Path) -> tuple[int, int] | None:
    try:
        return picture_size(image)
    except ImageError:
        return None  # told when the picture itself is read


def _article(entry: Mapping[str, Any]) -> Article | None:
    """The article; its DOI told by a field, the title, the address, or a Nature address's last part."""
    title, url = _text(entry.get("title")), _text(entry.get("article_url"))
    in_title = _DOI_IN_TITLE.search(title)
    nature = _NATURE.match(url)
    doi = _text(entry.get("doi")) or (in_title[1] if in_title else "") or url
    if nature and not re.search(r"\b10\.\d{4}", doi):
        doi = f"10.1038/{nature[1]}"
    name, _, journal = _DOI_IN_TITLE.sub("", title).partition(" | ")
    given = entry.get("authors")
    rights = _text(entry.get("license"))
    return make_article(
        title=name,
        doi=doi,
        journal=journal,
        url=url,
        license=None if rights.lower() in ("", "unknown", "none") else rights,
        authors=[each for each in given if isinstance(each, str)] if isinstance(given, list) else (),
        given_id=_text(entry.get("article_name")),
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
