"""Saved questions: `Corpus.watches` keeps them in the index, and tells what is new to each since it was last told.

A watch is told of a figure once. It knows a figure when the figure was among its first DEPTH hits before (or, for a
question of filters alone, among all it lists). What a run found is settled after it was told: a run that is interrupted
tells the same again.
"""

from __future__ import annotations

import base64
import inspect
from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from mirsearch.errors import MirsearchError, NotFoundError, UsageError
from mirsearch.facade.images import ImageLike, open_image
from mirsearch.indexes.base import Index, JsonObject
from mirsearch.query import StoredPanel

if TYPE_CHECKING:
    from mirsearch.facade.corpus import Corpus

WATCHES, SEEN, TOLD = "watches", "watches seen", "watches told"
"""The lists of an index with the questions, the figures that each knows, and the last news of each."""
DEPTH = 1_000
DEFAULT_TOP = 50
MAX_IMAGE_BYTES = 4 << 20
MAX_NAME, MAX_TOLD = 80, 100
"""Longest name of a watch, and most news that are kept of each, for feeds."""


@dataclass(frozen=True, slots=True)
class Watch:
    """A saved question: the options of `Corpus.query` (or of `Corpus.list`, for filters alone), with its images.

    `images` are (name of the file, its bytes); they are kept in the index.
    """

    name: str
    options: JsonObject
    images: tuple[tuple[str, bytes], ...] = ()
    added_at: str = ""
    run_at: str | None = None

    @property
    def is_list(self) -> bool:
        """Return whether the question is one of filters alone."""
        return not self.images and not any(self.options.get(name) for name in ("text", "like", "alike"))

    @property
    def sentence(self) -> str:
        """Return the question in words, as its options are typed."""
        words = [name for name, _ in self.images]
        words += [f"{name}={value if isinstance(value, str) else repr(value)}" for name, value in self.options.items()]
        return ", ".join(words) or "everything"

    def as_json(self) -> JsonObject:
        """Return plain JSON types, without the bytes of the images."""
        images = [name for name, _ in self.images]
        return {"name": self.name, "images": images, "options": self.options, "added_at": self.added_at,
                "run_at": self.run_at}  # fmt: skip


@dataclass(frozen=True, slots=True)
class News:
    """What is new to a watch, best first, each figure once; and what it was told of before, the newest first.

    `told` has news of earlier runs as `news_json` makes them.
    """

    watch: Watch
    found: tuple[tuple[StoredPanel, float | None], ...]
    at: str
    told: tuple[JsonObject, ...] = field(default=())

    def as_json(self) -> JsonObject:
        """Return plain JSON types, as `mirsearch watch run --format json` prints them."""
        return {"watch": self.watch.name, "at": self.at, "new": self.items()}

    def items(self) -> list[JsonObject]:
        """Return what is new, as `news_json` makes it."""
        return [news_json(stored, score, self.at) for stored, score in self.found]


def news_json(stored: StoredPanel, score: float | None, at: str) -> JsonObject:
    """Return one piece of news: the panel, what a person calls it, its article, caption and address."""
    from mirsearch.report.wording import article_title, clean_text, figure_name

    article = stored.figure.article
    address = None if article is None else article.url or (f"https://doi.org/{article.doi}" if article.doi else None)
    return {
        "panel": stored.panel.id, "figure": stored.figure.id, "name": figure_name(stored.figure, stored.panel),
        "article": article_title(article) or None, "caption": clean_text(stored.panel.caption, 500) or None,
        "url": address, "image": stored.figure.image, "score": score, "at": at,
    }  # fmt: skip


class Watches:
    """The saved questions of a corpus."""

    def __init__(self, corpus: Corpus) -> None:
        self._corpus = corpus

    @property
    def _index(self) -> Index:
        return self._corpus.index

    def add(self, name: str, *images: ImageLike, **options: Any) -> Watch:
        """Save a question under a name, in place of an earlier one; what answers it now is not new.

        The options are those of `Corpus.query`. Filters alone are a question, too. Raises UsageError for a question
        that contradicts itself or an image that is too large.
        """
        if not name.strip() or len(name) > MAX_NAME or not name.isprintable():
            raise UsageError(f"{name!r} is no name for a watch", f"give a word of at most {MAX_NAME} letters")
        given = {key: _to_plain(value) for key, value in options.items() if value not in (None, False, [], ())}
        watch = Watch(name, given, tuple(map(_read_image, images)), _now())
        _check(watch)
        seen = {stored.figure.id for stored, _ in self._ask(watch, DEPTH)}
        pictures = [{"name": file, "content": base64.b64encode(data).decode()} for file, data in watch.images]
        entry = {"options": watch.options, "images": pictures, "added_at": watch.added_at, "run_at": None}
        with self._index.writer() as writer:
            writer.write_entries(WATCHES, {name: entry})
            writer.write_entries(SEEN, {name: {"figures": sorted(seen)}})
            writer.write_entries(TOLD, {}, removed=[name])
        return watch

    def list(self) -> tuple[Watch, ...]:
        """Return the saved questions by name."""
        return tuple(_from_entry(name, entry) for name, entry in self._index.entries(WATCHES).items())

    def remove(self, *names: str) -> None:
        """Remove saved questions. Raises NotFoundError for an unknown name."""
        self._named(names)
        with self._index.writer() as writer:
            for kept in (WATCHES, SEEN, TOLD):
                writer.write_entries(kept, {}, removed=names)

    def run(self, *names: str) -> tuple[News | tuple[Watch, MirsearchError], ...]:
        """Ask the questions of these names (none: all); return the news of each, or why it can't be asked.

        The news count as told only once they are given to `settle`.
        """
        watches = self._named(names) if names else self.list()
        seen, told = self._index.entries(SEEN), self._index.entries(TOLD)
        done: deque[News | tuple[Watch, MirsearchError]] = deque()
        for watch in watches:
            known = set(map(str, seen.get(watch.name, {}).get("figures", ())))
            try:
                found = self._ask(watch, None if watch.is_list else int(watch.options.get("top", DEFAULT_TOP)))
            except MirsearchError as error:
                done.append((watch, error))
                continue
            new: dict[str, tuple[StoredPanel, float | None]] = {}
            for stored, score in found:
                if stored.figure.id not in known:
                    new.setdefault(stored.figure.id, (stored, score))
            earlier = tuple(told.get(watch.name, {}).get("items", ()))
            done.append(News(watch, tuple(new.values()), _now(), earlier))
        return tuple(done)

    def settle(self, news: Iterable[News]) -> None:
        """Take note that news were told: no later run tells them again."""
        done = tuple(news)
        if not done:
            return
        watches, seen = self._index.entries(WATCHES), self._index.entries(SEEN)
        with self._index.writer() as writer:
            for each in done:
                name = each.watch.name
                if name not in watches:
                    continue  # it was removed meanwhile
                writer.write_entries(WATCHES, {name: watches[name] | {"run_at": each.at}})
                if each.found:
                    figures = {*seen.get(name, {}).get("figures", ()), *(stored.figure.id for stored, _ in each.found)}
                    writer.write_entries(SEEN, {name: {"figures": sorted(figures)}})
                    writer.write_entries(TOLD, {name: {"items": [*each.items(), *each.told][:MAX_TOLD]}})

    def _named(self, names: Sequence[str]) -> Sequence[Watch]:
        found = {watch.name: watch for watch in self.list()}
        unknown = next((name for name in names if name not in found), None)
        if unknown is not None:
            raise NotFoundError(f"there is no watch {unknown!r}", "`mirsearch watch list` lists them")
        return tuple(found[name] for name in dict.fromkeys(names))

    def _ask(self, watch: Watch, top: int | None) -> Sequence[tuple[StoredPanel, float | None]]:
        """Return the panels that answer a question, with their scores, best first."""
        if watch.is_list:
            return [(panel.stored, None) for panel in self._corpus.list(**watch.options)]
        with TemporaryDirectory(prefix="mirsearch-") as folder:
            paths = [_write_image(Path(folder), at, *image) for at, image in enumerate(watch.images)]
            hits = self._corpus.query(*paths, **watch.options | {"top": top})
        return [
            pair
            for hit in hits.answer.hits
            for pair in ((hit.stored, hit.scored.score), *((stored, scored.score) for scored, stored in hit.others))
        ]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _to_plain(value: Any) -> Any:
    """Return the value of an option in JSON types. Raises UsageError for one that can't be kept."""
    if isinstance(value, str | int | float | bool) or value is None:
        return value
    if isinstance(value, dict):
        return {str(key): _to_plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_to_plain(item) for item in value]
    if hasattr(value, "id"):  # a panel of the corpus
        return value.id
    raise UsageError(f"{type(value).__name__} can't be kept in a watch", "give a text, a number or a list")


def _read_image(image: ImageLike) -> tuple[str, bytes]:
    with ExitStack() as stack:
        path, shown = stack.enter_context(open_image(image))
        data = path.read_bytes() if path.stat().st_size <= MAX_IMAGE_BYTES else b""
        if not data:
            most = MAX_IMAGE_BYTES >> 20
            raise UsageError(
                f"{path.name} is empty or has more than {most} MB", "give the part of it that you ask with"
            )
        return Path(shown or path).name[-MAX_NAME:] or "image", data


def _write_image(folder: Path, at: int, name: str, data: bytes) -> Path:
    path = folder / str(at) / Path(name.replace("\\", "/")).name
    path.parent.mkdir()
    path.write_bytes(data)
    return path


def _check(watch: Watch) -> None:
    """Raise UsageError if an option is none of the question's kind."""
    from mirsearch.facade.corpus import Corpus

    method = Corpus.list if watch.is_list else Corpus.query
    known = {name for name, each in inspect.signature(method).parameters.items() if each.kind is each.KEYWORD_ONLY}
    unknown = sorted(
        watch.options.keys() - (known - {"figures", "sort", "reverse"} - ({"top"} if watch.is_list else set()))
    )
    if unknown and watch.is_list:
        raise UsageError(f"nothing to search for, though there is --{unknown[0]}", "give an image, --like or --text")
    if unknown:
        raise UsageError(f"{unknown[0]!r} is no option of a question", "`mirsearch query --help` lists them")


def _from_entry(name: str, entry: JsonObject) -> Watch:
    images = tuple((str(each["name"]), base64.b64decode(each["content"])) for each in entry.get("images", ()))
    return Watch(name, dict(entry["options"]), images, str(entry.get("added_at", "")), entry.get("run_at"))
