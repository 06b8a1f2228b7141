"""The source `jats`: articles in JATS XML (Journal Article Tag Suite, ANSI/NISO Z39.96) and their images."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mirsearch.corpus import Article, Origin
from mirsearch.errors import SourceError
from mirsearch.isolation.pool import run_isolated
from mirsearch.sources.base import FoundFigure, SourceFailure, SourceRequest
from mirsearch.sources.folder_walker import FolderListing, FolderWalker
from mirsearch.sources.jats.figures import JatsFigure
from mirsearch.sources.jats.match_images import ImagePool, leaves_folder, list_images, match_images
from mirsearch.sources.jats.parse import JatsArticle, read_jats

_HEAD_BYTES = 1 << 16
_ROOT = re.compile(r"<([A-Za-z_][\w.:-]*)[\s/>]")
_ARTICLE = re.compile(r"<(?:\w+:)?article[\s>]")
_JATS = re.compile(r"<(?:\w+:)?(?:front|article-meta|floats-group)[\s>]|//NLM//DTD|JATS|article-type\s*=")
_WORD = re.compile(r"[^\W_]+")
_REMEDY = "put the article's image files beside the XML, named as in the XML or fig1.jpg, fig2.jpg …"


class JatsSource:
    """Folders with JATS XML (*.xml, *.nxml) and images in them or below, or single XML files."""

    name = "jats"
    priority = 20

    def recognizes(self, path: Path) -> bool:
        """Return whether a folder holds a JATS file, or whether a file is or may be one."""
        if path.is_dir():
            return any(_looks_like_jats(file) for file in path.iterdir() if is_xml_name(file))
        return is_xml_name(path) and (_looks_like_jats(path) or _may_be_jats(path))

    def find_figures(self, request: SourceRequest) -> Iterator[FoundFigure | SourceFailure]:
        """Yield the figures of each article in order of the file names, then the images that no figure names.

        Raises SourceError if nothing in a path is usable.
        """
        for path in request.paths:
            if path.is_dir():
                yield from _folder_figures(path.resolve())
            else:
                yield from _file_figures(path.parent.resolve() / path.name)


def is_xml_name(path: Path) -> bool:
    """Return whether a file has a suffix of XML and is not hidden."""
    return path.suffix.lower() in (".xml", ".nxml") and not path.name.startswith(".")


def _read_head(path: Path) -> str:
    try:
        if not path.is_file():
            return ""
        with path.open("rb") as file:
            data = file.read(_HEAD_BYTES)
    except OSError:
        return ""
    is_utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return data.decode("utf-16" if is_utf16 else "utf-8", errors="replace")


def _looks_like_jats(path: Path) -> bool:
    head = _read_head(path)
    return bool(_ARTICLE.search(head) and _JATS.search(head))


def _may_be_jats(path: Path) -> bool:
    """Return whether XML has the suffix of articles, no readable root, or its own entities."""
    head = _read_head(path)
    return path.suffix.lower() == ".nxml" or _ROOT.search(head) is None or "<!ENTITY" in head


@dataclass
class _JatsFile:
    """A file with the articles in it."""

    path: Path
    articles: list[JatsArticle]


def _file_figures(path: Path) -> Iterator[FoundFigure | SourceFailure]:
    """Yield the figures of one file. Images beside it that it does not name are skipped."""
    jats_file = _JatsFile(path, run_isolated(read_jats, path, name=str(path)))
    files = [file for file in list_images(path.parent, FolderWalker(), recursive=False) if isinstance(file, Path)]
    siblings = [file for file in sorted(path.parent.iterdir()) if is_xml_name(file) and file != path]
    is_only_file = not any(_looks_like_jats(file) for file in siblings)
    pool = ImagePool(files, path.parent)
    for article in jats_file.articles:
        is_only_article = is_only_file and len(jats_file.articles) == 1
        yield from _article_figures(
            jats_file, article, pool if is_only_article else _ImageOwners(pool).own(jats_file, article)
        )


def _folder_figures(folder: Path) -> Iterator[FoundFigure | SourceFailure]:
    jats_files: list[_JatsFile] = []
    failures: list[SourceFailure] = []
    files: list[Path] = []
    for item in FolderWalker().walk(folder):
        if isinstance(item, FolderListing):
            for file in (path for path in item.files if is_xml_name(path)):
                _read_file(file, jats_files, failures)
        else:
            failures.append(item)
    files = [file for file in list_images(folder, FolderWalker(), recursive=True) if isinstance(file, Path)]
    yield from failures
    if not jats_files:
        if not failures:
            raise SourceError(f"{folder}: no JATS XML", "give a folder with an article's JATS XML")
        return
    yield from _figures_of_files(jats_files, ImagePool(files, folder))


def _read_file(path: Path, jats_files: list[_JatsFile], failures: list[SourceFailure]) -> None:
    try:
        jats_files.append(_JatsFile(path, run_isolated(read_jats, path, name=str(path))))
    except SourceError as error:
        is_other_xml = not (
            _looks_like_jats(path) or _may_be_jats(path)
        )  # for example an instrument's XML: a note is enough
        failures.append(SourceFailure.from_error(path, error, is_note=is_other_xml))


def _figures_of_files(jats_files: list[_JatsFile], pool: ImagePool) -> Iterator[FoundFigure | SourceFailure]:
    articles = [(jats_file, article) for jats_file in jats_files for article in jats_file.articles]
    seen_ids: set[str] = set()
    owners = _ImageOwners(pool)
    for jats_file, article in articles:
        article_id = article.article.id if article.article else None
        if article_id in seen_ids:
            yield SourceFailure(
                str(jats_file.path),
                f"{article_id} was already read from another file; remove one of them",
                is_note=True,
            )
            continue
        if article_id is not None:
            seen_ids.add(article_id)
        own_pool = pool if len(articles) == 1 else owners.own(jats_file, article)
        yield from _article_figures(jats_file, article, own_pool)
        pool.taken |= own_pool.taken
        for path in own_pool.unmatched_paths() if len(articles) > 1 else ():
            pool.taken.add(path)
            yield _figure_without_caption(path, article.article)
    only_article = articles[0][1].article if len(articles) == 1 else None
    for path in pool.unmatched_paths():
        yield _figure_without_caption(path, only_article)


class _ImageOwners:
    """Splits a pool of images among several articles, by folder or file name. It is built once for all articles."""

    def __init__(self, pool: ImagePool) -> None:
        self._pool = pool
        self._by_folder: dict[Path, list[Path]] = {}
        self._by_mark: dict[str, list[Path]] = {}
        for path in pool.files:
            parents = path.relative_to(pool.root).parents
            for folder in parents[:-1]:
                self._by_folder.setdefault(pool.root / folder, []).append(path)
            keys = {folder.name.lower() for folder in parents[:-1]} | _name_prefixes(path.stem.lower())
            for key in keys:
                self._by_mark.setdefault(key, []).append(path)

    def own(self, jats_file: _JatsFile, article: JatsArticle) -> ImagePool:
        """Return the images that the article names, that lie in its folder, or that bear its file's name or PMC id."""
        keys = [jats_file.path.stem.lower()]
        if article.article is not None and article.article.pmcid:
            keys.append(article.article.pmcid.lower())
        hrefs = (name for figure in article.figures for image in figure.images for name in image)
        images = {hit for name in hrefs if (hit := self._pool.find(name))}
        images.update(self._by_folder.get(jats_file.path.parent, ()))
        images.update(path for key in keys for path in self._by_mark.get(key, ()))
        return ImagePool(sorted(images - self._pool.taken), self._pool.root)


def _name_prefixes(stem: str) -> set[str]:
    """Return the prefixes of a name that end with a word: `pmc1` and `pmc1_fig2` for `pmc1_fig2`."""
    return {stem[: match.end()] for match in _WORD.finditer(stem)}


def _article_figures(
    jats_file: _JatsFile, article: JatsArticle, pool: ImagePool
) -> Iterator[FoundFigure | SourceFailure]:
    """Yield the article's figures that have images; one failure for all figures without, one for refused names."""
    missing: list[JatsFigure] = []
    found_any = False
    for figure, paths in match_images(article.figures, pool, article.other_images):
        for path in paths:
            found_any = True
            yield _make_figure(path, figure, article.article)
        if not paths and not figure.optional:
            missing.append(figure)
    outside = [name for figure in article.figures for image in figure.images for name in image if leaves_folder(name)]
    if outside:
        shown = ", ".join(repr(name[:80]) for name in outside[:3])
        yield SourceFailure(
            str(jats_file.path), f"image names that lead out of the folder are refused: {shown}; correct the XML"
        )
    if missing:
        labels = ", ".join(lost.label or lost.id or "?" for lost in missing[:12]) + (" …" if len(missing) > 12 else "")
        reason = f"no image for {len(missing)} of {len(article.figures)} figures ({labels}); {_REMEDY}"
        yield SourceFailure(str(jats_file.path), reason, is_note=found_any)
    elif not article.figures:
        yield SourceFailure(
            str(jats_file.path), "declares no figures, so the images beside it have no captions", is_note=True
        )


def _make_figure(path: Path, figure: JatsFigure, article: Article | None) -> FoundFigure:
    return FoundFigure(
        path=path,
        origin=Origin("jats", str(path)),
        caption=figure.caption,
        label=figure.label,
        article=article,
        permission_note=figure.permission_note,
        mentions=figure.mentions,
    )


def _figure_without_caption(path: Path, article: Article | None) -> FoundFigure:
    return FoundFigure(path=path, origin=Origin("jats", str(path)), article=article)
