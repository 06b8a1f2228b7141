"""Near spellings of words that an embedded index lacks, from the words of its captions."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Sequence

from mirsearch.indexes.embedded.database.checksums import batches, placeholders
from mirsearch.indexes.embedded.database.word_conditions import find_panels
from mirsearch.indexes.embedded.words.words_file import Words
from mirsearch.text.spelling import MAX_CANDIDATES, as_written, most_edits, nearest_words
from mirsearch.text.word_query import Word


def near_words(
    connection: sqlite3.Connection, all_words: Sequence[Words], words: Sequence[str]
) -> dict[str, tuple[str, ...]]:
    """Return, for each of the tokens that no panel has, near spellings from the captions, as they are written there.

    `all_words` are those of all panels. Raises DamagedWordsError.
    """
    missing = [word for word in words if _find_caption(connection, all_words, Word((word,))) is None]
    return {word: _near(connection, all_words, word) for word in missing}


def _find_caption(connection: sqlite3.Connection, all_words: Sequence[Words], word: Word) -> str | None:
    """Return the caption of a panel that has a word, or None if there is no such panel."""
    query = "SELECT t.caption FROM panels p JOIN panel_texts t ON t.panel = p.key WHERE p.key IN ({}) LIMIT 1"
    for words in all_words:
        keys = words.key[find_panels(word, words)]
        for batch in batches(keys.tolist()):  # the first has one, unless its panels were all deleted
            row = connection.execute(query.format(placeholders(batch)), batch).fetchone()
            if row is not None:
                return str(row[0])
    return None


def _near(connection: sqlite3.Connection, all_words: Sequence[Words], word: str) -> tuple[str, ...]:
    edits = most_edits(word)
    counts = Counter[str]()
    for words in all_words if edits else ():
        counts.update(dict(words.count_panels(word[0], "caption")))
    fitting = [pair for pair in counts.items() if abs(len(pair[0]) - len(word)) <= edits]
    found = ((near, _find_caption(connection, all_words, Word((near,), "caption")))
             for near in nearest_words(word, fitting[:MAX_CANDIDATES]))  # fmt: skip
    return tuple(as_written(near, caption) for near, caption in found if caption is not None)
