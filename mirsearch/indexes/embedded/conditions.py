"""Filters as SQL for one commit of an embedded index, with the panels that meet words found in the words file."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from mirsearch.indexes.embedded.database.filters import Where, build_where
from mirsearch.indexes.embedded.words.postings import Postings
from mirsearch.query import Filters

if TYPE_CHECKING:
    from mirsearch.indexes.embedded.database.word_conditions import Condition
    from mirsearch.text.word_query import Node


def find_where(connection: sqlite3.Connection, postings: Postings, filters: Filters) -> Where:
    """Return the conditions of `filters` for the transaction of the connection. Raises DamagedRowError, UsageError."""

    def word_condition(tree: Node) -> Condition:
        from mirsearch.indexes.embedded.database import word_conditions  # most questions have no condition on words

        return postings.ask(connection, lambda words: word_conditions.word_condition(tree, words))

    return build_where(filters, word_condition)
