"""The source `jats`: articles as JATS XML (Journal Article Tag Suite, ANSI/NISO Z39.96), their images beside them."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mirsearch.corpus import Article, Origin
from mirsearch.errors import SourceError
from mirsearch.sources.base import FoundFigure, SourceFailure, SourceRequest
from mirsearch.sources.jats.figures import JatsFigure
from mirsearch.sources.jats.match_images import Pool, climbs_out, images_below, match
from mirsearch.sources.jats.parse import JatsArticle, read_jats
from mirsearch.sources.walking import Listing, Walker

_HEAD_BYTES = 1 << 16
_ROOT = re.compile(r"<([A-Za-z_][\w.:-]*)[\s/>]")
_ARTICLE = re.compile(r"<(?:\w+:)?article[\s>]")
_JATS = re.compile(r"<(?:\w+:)?(?:front|article-meta|floats-group)[\s>]|//NLM//DTD|JATS|article-type\s*=")
_WORD = re.compile(r"[^\W_]+")
_BESIDE = "put the article's image files beside the XML, under the names it gives or as fig1.jpg, fig2.jpg …"


class JatsSource:
    """Folders with JATS XML (*.xml, *.nxml) and images in them or below, or single XML files."""

    name = "jats"
    priority = 20

    def recognizes(self, path: Path) -> bool:
        """A folder with a JATS file in it; a file that is one, or pretends to be and needs telling."""
        if path.is_dir():
            return any(_looks(each) for each in path.iterdir() if is_xml_name(each))
        return is_xml_name(path) and (_looks(path) or _unclear(path))

    def find(self, request: SourceRequest) -> Iterator[FoundFigure | SourceFailure]:
        """Figures of each article in order of its file's name, then images no figure names.

        SourceError where nothing of a path can be used.
        """
        for path in request.paths:
            if path.is_dir():
                yield from _folder(path.resolve())
            else:
                yield from _single(path.parent.resolve() / path.name)


def is_xml_name(path: Path) -> bool:
    """Whether a file's name is one of XML (hidden files are not)."""
    return path.suffix.lower() in (".xml", ".nxml") and not path.name.startswith(".")


def _head(path: Path) -> str:
    try:
        if not path.is_file():
            return ""
        with path.open("rb") as file:
            data = file.read(_HEAD_BYTES)
    except OSError:
        return ""
    wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return data.decode("utf-16" if wide else "utf-8", errors="replace")


def _looks(path: Path) -> bool:
    head = _head(path)
    return bool(_ARTICLE.search(head) and _JATS.search(head))


def _unclear(path: Path) -> bool:
    """XML that says it is an article's by its suffix, has no root to tell it by, or declares entities."""
    head = _head(path)
    return path.suffix.lower() == ".nxml" or _ROOT.search(head) is None or "<!ENTITY" in head


@dataclass
class _Read:
    """A file with the articles in it."""

    path: Path
    articles: list[JatsArticle]


def _single(path: Path) -> Iterator[FoundFigure | SourceFailure]:
    """One file's figures; images it does not name are someone else's, as the folder was not asked for."""
    read = _Read(path, read_jats(path))
    files = [each for each in images_below(path.parent, Walker(), everything=False) if isinstance(each, Path)]
    siblings = [each for each in sorted(path.parent.iterdir()) if is_xml_name(each) and each != path]
    alone = not any(_looks(each) for each in siblings)
    pool = Pool(files, path.parent)
    for article in read.articles:
        whole = alone and len(read.articles) == 1
        yield from _figures(read, article, pool if whole else _Owners(pool).own(read, article))


def _folder(folder: Path) -> Iterator[FoundFigure | SourceFailure]:
    reads: list[_Read] = []
    failures: list[SourceFailure] = []
    files: list[Path] = []
    for item in Walker().walk(folder):
        if isinstance(item, Listing):
            for each in (path for path in item.files if is_xml_name(path)):
                _read_into(each, reads, failures)
        else:
            failures.append(item)
    files = [each for each in images_below(folder, Walker(), everything=True) if isinstance(each, Path)]
    yield from failures
    if not reads:
        if not failures:
            raise SourceError(f"{folder}: no JATS XML", "give a folder with an article's JATS XML")
        return
    yield from _articles(reads, Pool(files, folder))


def _read_into(path: Path, reads: list[_Read], failures: list[SourceFailure]) -> None:
    try:
        reads.append(_Read(path, read_jats(path)))
    except SourceError as error:
        other = not (_looks(path) or _unclear(path))  # an instrument's XML, say: not asked for, worth a word
        failures.append(SourceFailure.of(path, error, note=other))


def _articles(reads: list[_Read], pool: Pool) -> Iterator[FoundFigure | SourceFailure]:
    every = [(read, article) for read in reads for article in read.articles]
    seen: set[str] = set()
    owners = _Owners(pool)
    for read, article in every:
        identity = article.article.id if article.article else None
        if identity in seen:
            yield SourceFailure(str(read.path), f"{identity} was read from another file already; remove one", note=True)
            continue
        if identity is not None:
            seen.add(identity)
        own = pool if len(every) == 1 else owners.own(read, article)
        yield from _figures(read, article, own)
        pool.taken |= own.taken
        for path in own.left() if len(every) > 1 else ():
            pool.taken.add(path)
            yield _plain(path, article.article)
    alone = every[0][1].article if len(every) == 1 else None
    for path in pool.left():
        yield _plain(path, alone)


class _Owners:
    """Of the images several articles share, those that are one's by folder or name; built once, asked per article."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._by_folder: dict[Path, list[Path]] = {}
        self._by_mark: dict[str, list[Path]] = {}
        for path in pool.files:
            inner = path.relative_to(pool.root).parents
            for folder in inner[:-1]:
                self._by_folder.setdefault(pool.root / folder, []).append(path)
            marks = {folder.name.lower() for folder in inner[:-1]} | _beginnings(path.stem.lower())
            for mark in marks:
                self._by_mark.setdefault(mark, []).append(path)

    def own(self, read: _Read, article: JatsArticle) -> Pool:
        """What is named in the article's figures, lies in its own folder, or bears its file's name or PMC id."""
        marks = [read.path.stem.lower()]
        if article.article is not None and article.article.pmcid:
            marks.append(article.article.pmcid.lower())
        hrefs = (name for figure in article.figures for image in figure.images for name in image)
        own = {hit for name in hrefs if (hit := self._pool.named(name))}
        own.update(self._by_folder.get(read.path.parent, ()))
        own.update(path for mark in marks for path in self._by_mark.get(mark, ()))
        return Pool(sorted(own - self._pool.taken), self._pool.root)


def _beginnings(stem: str) -> set[str]:
    """What a name begins with, up to each place where letters and digits end: `pmc1` and `pmc1_fig2` of `pmc1_fig2`."""
    return {stem[: found.end()] for found in _WORD.finditer(stem)}


def _figures(read: _Read, article: JatsArticle, pool: Pool) -> Iterator[FoundFigure | SourceFailure]:
    """The article's figures that have images; one line for all that have none, one for names that climb out."""
    missing: list[JatsFigure] = []
    found_any = False
    for figure, paths in match(article.figures, pool):
        for path in paths:
            found_any = True
            yield _found(path, figure, article.article)
        if not paths and not figure.optional:
            missing.append(figure)
    outside = [name for figure in article.figures for image in figure.images for name in image if climbs_out(name)]
    if outside:
        shown = ", ".join(repr(each[:80]) for each in outside[:3])
        yield SourceFailure(
            str(read.path), f"image names that lead out of the folder are refused: {shown}; mend the XML"
        )
    if missing:
        which = ", ".join(each.label or each.id or "?" for each in missing[:12]) + (" …" if len(missing) > 12 else "")
        reason = f"no image for {len(missing)} of {len(article.figures)} figures ({which}); {_BESIDE}"
        yield SourceFailure(str(read.path), reason, note=found_any)
    elif not article.figures:
        yield SourceFailure(str(read.path), "declares no figures; images beside it have no captions", note=True)


def _found(path: Path, figure: JatsFigure, article: Article | None) -> FoundFigure:
    return FoundFigure(
        path=path,
        origin=Origin("jats", str(path)),
        caption=figure.caption,
        label=figure.label,
        article=article,
        permission_note=figure.permission_note,
    )


def _plain(path: Path, article: Article | None) -> FoundFigure:
    return FoundFigure(path=path, origin=Origin("jats", str(path)), article=article)
