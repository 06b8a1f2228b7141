"""The panels that a question marks as alike and as not alike, and what they make of its vector."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mirsearch.errors import UsageError
from mirsearch.indexes.base import Index
from mirsearch.query import Filters, StoredPanel, Vector
from mirsearch.search.asked_pictures import IMAGE_KINDS
from mirsearch.search.naming import named_panel
from mirsearch.search.question import Question


@dataclass(frozen=True, slots=True)
class Marks:
    """Marked panels, each once."""

    alike: tuple[StoredPanel, ...] = ()
    not_alike: tuple[StoredPanel, ...] = ()

    @property
    def kind(self) -> str | None:
        """Return the kind of what is alike, None if nothing is; that of an image before that of a drawing."""
        kinds = [stored.panel.kind for stored in self.alike]
        return next((kind for kind in kinds if kind in IMAGE_KINDS), next(iter(kinds), None))

    @property
    def panel_ids(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the ids of what is alike, and of what is not."""
        alike, not_alike = (tuple(stored.panel.id for stored in marked) for marked in (self.alike, self.not_alike))
        return alike, not_alike


def read_marks(index: Index, question: Question, asked: StoredPanel | None) -> Marks:
    """Return the panels that a question marks; `asked` is the panel that it asks with.

    Raises NotFoundError for an unknown name, UsageError for a panel that is marked as both.
    """
    marks = Marks(_named(index, question.alike), _named(index, question.not_alike))
    alike, not_alike = marks.panel_ids
    contradicted = next((panel_id for panel_id in not_alike if panel_id in alike), None)
    if contradicted is not None:
        raise UsageError(f"{contradicted} is marked as alike and as not alike", "give it once")
    if asked is not None and asked.panel.id in not_alike:
        raise UsageError(f"{asked.panel.id} is asked with and marked as not alike", "give it once")
    return marks


def _named(index: Index, names: Sequence[str]) -> tuple[StoredPanel, ...]:
    found = [named_panel(index, name) for name in names]
    return tuple({stored.panel.id: stored for stored in found}.values())


def turn_by_marks(index: Index, vector: Vector | None, marks: Marks, filters: Filters) -> Vector | None:
    """Return the vector of a question, (dims,), turned by its marks; `filters` choose the panels that it searches.

    Raises UsageError if the marks leave no direction.
    """
    if not marks.alike and not marks.not_alike:
        return vector
    from mirsearch.search.feedback import SAMPLE, turn_vector

    alike, not_alike = ([index.vector(panel_id) for panel_id in ids] for ids in marks.panel_ids)
    turned = turn_vector(vector, alike, not_alike, index.first_vectors(filters, SAMPLE))
    if turned is None:
        raise UsageError("the marked panels have nothing in common", "take back one of the marks")
    return turned
