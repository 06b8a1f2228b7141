"""The state of the search page, all of it in its address: fields, image, and the first hit that is shown."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import quote_plus, urlencode

from pydantic import ValidationError

from mirsearch.web.fields import LIST_FIELDS, FilterFields, SearchFields
from mirsearch.web.problems import Problem, ProblemError
from mirsearch.web.weight_sliders import CONTROLS, chosen_weights
from mirsearch.web.width_range import HANDLES, chosen_widths

PAGE_HITS = 24
"""Hits of a page."""
MAX_SHOWN = 480
"""Rank of the last hit that the page shows: no one looks at more, and each page searches for all before it."""
_IMAGE_ID = re.compile(r"[0-9a-f]{32}")
UNMARKED: dict[str, None] = dict.fromkeys(("alike", "not_alike"))
"""What `changed` takes to forget all marks."""
SCALE_FIELDS = ("scale", "bar_px", "nm_per_px", "field_of_view", "no_scale")
"""Fields that tell the scale of the image."""
_OF_IMAGE = ("panel", "crop", "page", "scale", "bar_px", "nm_per_px")
"""Fields that speak of the image, and make no sense for another one."""

_FILTERS = frozenset(FilterFields.model_fields)
_CONTROLS = frozenset((*HANDLES, *CONTROLS))
"""Fields of the form that stand for others."""

_DEFAULTS = {name: field.default for name, field in SearchFields.model_fields.items()}
_ORDER = {name: place for place, name in enumerate(SearchFields.model_fields)}
"""The order of the fields in addresses; the image comes after them."""

Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class PageState:
    """A search as the page knows it. `image` is the id of a kept upload, `start` the rank of the first hit shown."""

    fields: SearchFields
    image: str | None = None
    start: int = 1

    @property
    def asks(self) -> bool:
        """Return whether there is something to search for."""
        return bool(self.image or self.fields.like or self.fields.text or self.fields.alike)

    @property
    def browses(self) -> bool:
        """Return whether there are only filters, whose panels are then listed."""
        return not self.asks and self.has_filters

    @property
    def has_filters(self) -> bool:
        """Return whether there are filters."""
        return not _FILTERS.isdisjoint(self.fields.given)

    @property
    def shown(self) -> int:
        """Return how many hits a page shows: those that were asked for, within a bound."""
        return min(self.fields.top, MAX_SHOWN) if "top" in self.fields.model_fields_set else PAGE_HITS

    @property
    def last(self) -> int:
        """Return the rank of the last hit that a page shows, if there are so many."""
        return min(self.start + self.shown - 1, MAX_SHOWN)

    def changed(self, **fields: Any) -> PageState:
        """Return the state with other fields (None: without them), from the first hit on.

        The values are not checked: whoever comes to the state's address is told of wrong ones.
        """
        values = {name: _DEFAULTS[name] if value is None else value for name, value in fields.items()}
        changed = self.fields.model_copy(update=values)
        changed.model_fields_set.difference_update(name for name, value in fields.items() if value is None)
        return PageState(changed, self.image)

    def with_image(self, image: str | None) -> PageState:
        """Return the state for another image, or none. What was said of the one before it is dropped."""
        state = self if self.image is None and image is not None else self.changed(**dict.fromkeys(_OF_IMAGE))
        return PageState(state.fields, image)

    def at(self, start: int) -> PageState:
        """Return the state with the hits from rank `start` on."""
        return PageState(self.fields, self.image, start)

    def like_address(self, panel_id: str) -> str:
        """Return the address of the search for panels like one of the corpus, with this one's filters."""
        base = self._like_base
        return f"{base}{'&' if '?' in base else '?'}like={quote_plus(panel_id)}"

    @cached_property
    def _like_base(self) -> str:
        return self.with_image(None).changed(like=None, text=None, require=None, **UNMARKED).address()

    def mark_address(self, field: str, panel_id: str) -> str:
        """Return the address of the state with a panel marked, `field` being "alike" or "not_alike"."""
        return f"{self._mark_base}&{field}={quote_plus(panel_id)}#answer"

    @cached_property
    def _mark_base(self) -> str:
        return self.at(1).address()

    def toggle_address(self, field: str, value: str) -> str:
        """Return the address with a value of a field that may be repeated, or without it if it is there.

        The rest of the address is worked out once for all values of a field.
        """
        if field not in self._around:
            pairs = self.changed(**{field: None}).pairs()
            place = _ORDER[field]
            before = urlencode([pair for pair in pairs if _ORDER.get(pair[0], place) < place])
            after = urlencode([pair for pair in pairs if _ORDER.get(pair[0], place + 1) > place])
            self._around[field] = before, after
        before, after = self._around[field]
        chosen = urlencode([(field, other) for other in self._toggled_values(field, value)])
        query = "&".join(filter(None, (before, chosen, after)))
        return f"/search?{query}" if query else "/search"

    @cached_property
    def _around(self) -> dict[str, tuple[str, str]]:
        return {}

    def _toggled_values(self, field: str, value: str) -> list[str]:
        values = list(getattr(self.fields, field))
        kept = [other for other in values if other.lower() != value.lower()]
        return kept if len(kept) < len(values) else [*values, value]

    def address(self, path: str = "/search") -> str:
        """Return the address of the state, on a page or as another format."""
        pairs = self.pairs()
        return f"{path}?{urlencode(pairs)}" if pairs else path

    def pairs(self) -> list[tuple[str, str]]:
        """Return the fields of the address."""
        pairs: list[tuple[str, str]] = []
        for name, value in self.fields.given.items():
            pairs += [(name, _text(item)) for item in (value if isinstance(value, list) else [value])]
        if self.image:
            pairs.append(("image", self.image))
        if self.start > 1:
            pairs.append(("start", str(self.start)))
        return pairs


def parse_state(pairs: Pairs) -> PageState:
    """Return the state that an address or a form holds. ProblemError names the first field that is wrong."""
    values: dict[str, Any] = {}
    controls: dict[str, str] = {}
    image, start = None, 1
    for name, text in pairs:
        value = text.strip()
        if not value:
            continue
        if name == "image":
            image = _image_id(value)
        elif name == "start":
            start = _start(value)
        elif name in _CONTROLS:
            controls[name] = value
        elif name in LIST_FIELDS:
            values.setdefault(name, []).append(value)
        elif name in SearchFields.model_fields:
            values[name] = value
    _read_controls(controls, values)
    try:
        return PageState(SearchFields.model_validate(values), image, start)
    except ValidationError as error:
        raise ProblemError(validation_problem(error.errors())) from error


def _read_controls(controls: Mapping[str, str], values: dict[str, Any]) -> None:
    """Add the fields that the sliders and handles of the form stand for."""
    if weights := chosen_weights(controls):
        values["weight"] = [*values.get("weight", []), *weights]
    handles = {name: controls[name] for name in HANDLES if name in controls}
    try:
        widths = chosen_widths(handles) if handles else None
    except ValueError as error:
        raise ProblemError(Problem(400, f"fov: {error}", "move the handles of the histogram")) from error
    if widths is not None:
        values["fov"] = widths


def validation_problem(errors: Sequence[Mapping[str, Any]], status: int = 400) -> Problem:
    """Return the problem of fields that have a wrong form, told of the first."""
    first = errors[0]
    where = ".".join(str(part) for part in first["loc"] if part not in ("body", "query", "path")) or "the request"
    message = str(first["msg"]).removeprefix("Value error, ").replace("Input should", "it should")
    return Problem(status, f"{where}: {message}", "correct this field")


def _image_id(value: str) -> str:
    if not _IMAGE_ID.fullmatch(value):
        raise ProblemError(Problem(400, "image: that is no image of a search", "give the image again"))
    return value


def _start(value: str) -> int:
    if not (value.isascii() and value.isdigit() and 1 <= int(value[:6]) <= MAX_SHOWN):
        raise ProblemError(Problem(400, f"start: {value[:20]} is out of range", f"give 1 to {MAX_SHOWN}"))
    return int(value)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    return f"{value:g}" if isinstance(value, float) else str(value)
