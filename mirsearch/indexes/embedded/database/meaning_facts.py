"""What an index tells of its sentence vectors: the model that made them."""

from __future__ import annotations

import sqlite3

from mirsearch.indexes.base import ExtractorIdentity
from mirsearch.indexes.embedded.database import schema


def read_meaning(connection: sqlite3.Connection) -> ExtractorIdentity | None:
    """Return the model of the sentence vectors; None if the index has none. Raises as read_extractor."""
    meta = schema.read_meta(connection)
    if not meta.get("meaning"):
        return None
    model = ExtractorIdentity(meta["meaning"], meta["meaning_version"], int(meta["meaning_dims"]))
    schema.check_meta(meta)
    return model


def write_meaning(connection: sqlite3.Connection, model: ExtractorIdentity | None) -> None:
    """Tell in the facts which model made the sentence vectors, or that there are none."""
    facts = (model.name, model.version, str(model.dims)) if model else ("", "", "")
    schema.write_meta(connection, **dict(zip(("meaning", "meaning_version", "meaning_dims"), facts, strict=True)))
