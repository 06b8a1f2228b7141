"""Evaluate the look of an extractor on a folder with one subfolder for each class of images."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mirsearch.errors import MirsearchError, UsageError
from mirsearch.evaluation.groups import groups_of_files, read_groups
from mirsearch.evaluation.measures import Ranking
from mirsearch.evaluation.results import Evaluation, evaluate_rankings
from mirsearch.extractors.base import Extractor
from mirsearch.query import Pixels, Vector
from mirsearch.search.query_page import open_query_page
from mirsearch.sources.base import SourceFailure
from mirsearch.sources.folder_walker import FolderWalker

log = logging.getLogger(__name__)

_BATCH = 8
"""Images that are decoded and embedded together."""
_MAX_TOLD = 3
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, eq=False)
class ClassedImages:
    """Images by their names in the folder, with the class and group of each, and their vectors, float32 (n, dims)."""

    names: tuple[str, ...]
    classes: tuple[str, ...]
    groups: tuple[str, ...]
    vectors: Vector
    notes: tuple[str, ...] = ()


def evaluate_classes(
    folder: Path, extractor: Extractor, groups: Path | None = None, progress: Progress | None = None
) -> Evaluation:
    """Ask with each image for the others of its class. Images of one group never answer each other.

    `groups` is a csv table of file and group; an image that it does not name is a group of its own. Images that can't
    be read are left out and counted. Raises UsageError if there is nothing to find.
    """
    images = read_classes(folder, extractor, groups, progress)
    rankings = list(rank_images(images))
    if not rankings:
        raise UsageError(f"no image of {folder} has another one of its class to find", "give more images")
    traits = {name: {"class": of} for name, of in zip(images.names, images.classes, strict=True)}
    results = evaluate_rankings(rankings, dict(zip(images.names, images.groups, strict=True)), traits)
    settings = {
        "extractor": extractor.name, "extractor_version": extractor.version, "images": len(images.names),
        "classes": len(set(images.classes)), "groups": len(set(images.groups)),
    }  # fmt: skip
    return Evaluation(str(folder), settings, tuple(results), len(images.names) - len(rankings), images.notes)


def read_classes(
    folder: Path, extractor: Extractor, groups: Path | None = None, progress: Progress | None = None
) -> ClassedImages:
    """Return the images of a folder of classes with their vectors. Images that can't be read are noted."""
    files = find_classes(folder)
    group_of = {} if groups is None else groups_of_files(files, folder, read_groups(groups))
    kept: list[Path] = []
    failed: list[str] = []
    vectors: list[Vector] = []
    paths = list(files)
    for start in range(0, len(paths), _BATCH):
        read = list(_read_images(paths[start : start + _BATCH], failed))
        kept += [path for path, _ in read]
        vectors += list(extractor.embed([pixels for _, pixels in read])) if read else []
        if progress is not None:
            progress(min(start + _BATCH, len(paths)), len(paths))
    if not kept:
        raise UsageError(f"no image of {folder} can be read", "give png, jpg or tif images")
    names = tuple(str(path.relative_to(folder)) for path in kept)
    return ClassedImages(
        names,
        tuple(files[path] for path in kept),
        tuple(group_of.get(path, name) for path, name in zip(kept, names, strict=True)),
        np.stack(vectors),
        _notes(failed, 0 if groups is None else sum(path not in group_of for path in kept)),
    )


def find_classes(folder: Path) -> dict[Path, str]:
    """Return the visible files below each subfolder, with its name: the class. UsageError without two classes."""
    if not folder.is_dir():
        raise UsageError(f"{folder} is no folder", "give a folder with one subfolder for each class")
    found: dict[Path, str] = {}
    for listing in FolderWalker().walk(folder):
        if isinstance(listing, SourceFailure):
            raise UsageError(f"{listing.location}: {listing.reason}", "check the folder")
        inside = listing.folder.relative_to(folder)
        if inside.parts:
            found |= dict.fromkeys(listing.files, inside.parts[0])
    if len(set(found.values())) < 2:
        raise UsageError(f"{folder} has no two classes", "give a folder with one subfolder for each class")
    return found


def rank_images(images: ClassedImages) -> Iterator[Ranking]:
    """Yield what each image finds among those of other groups, nearest first; not those with nothing to find."""
    classes, groups = np.array(images.classes), np.array(images.groups)
    names = np.array(images.names)
    for number, name in enumerate(images.names):
        candidates = np.flatnonzero(groups != groups[number])
        is_relevant = classes[candidates] == classes[number]
        if not is_relevant.any():
            continue
        cosines = images.vectors[candidates] @ images.vectors[number]
        order = np.lexsort((names[candidates], -cosines))
        relevant = dict.fromkeys(names[candidates[is_relevant]].tolist(), 1)
        yield Ranking(name, names[candidates[order]].tolist(), relevant, len(candidates))


def _read_images(paths: list[Path], failed: list[str]) -> Iterator[tuple[Path, Pixels]]:
    """Yield the images that can be read; add the names of the others to `failed`."""
    for path in paths:
        try:
            yield path, open_query_page(path, 0).pixels
        except MirsearchError as error:
            log.info("%s is left out: %s", path, error)
            failed.append(path.name)


def _notes(failed: list[str], without_group: int) -> tuple[str, ...]:
    notes = []
    if failed:
        shown = ", ".join(failed[:_MAX_TOLD]) + (" …" if len(failed) > _MAX_TOLD else "")
        notes.append(f"left out, because no image can be read from them ({len(failed):,}): {shown}")
    if without_group:
        notes.append(f"{without_group:,} images have no group in the table: each is a group of its own")
    return tuple(notes)
