"""The words of a question: whether they are a condition, and what is told of words that no panel has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mirsearch.errors import UsageError
from mirsearch.indexes.base import Index, SpellingIndex
from mirsearch.query import Filters, StoredPanel
from mirsearch.search.question import Question
from mirsearch.text.tokens import STOP_WORDS, tokens
from mirsearch.text.word_query import parse_words
from mirsearch.text.word_ranking import rank_terms, wanted_words

MAX_TOLD = 4
"""Most words without a match that are told."""


def require_words(question: Question, filters: Filters, has_looks: bool) -> Filters:
    """Return the filters, with the words as a condition where the question requires them.

    Raises UsageError for an expression that is not well formed, and for one that gives nothing to rank by.
    """
    if not question.text or not question.text.strip():
        if question.require:
            raise UsageError("--require needs words", "add --text WORDS")
        return filters
    if not (question.require or parse_words(question.text).binds):
        return filters
    if not has_looks and not rank_terms(question.text):
        raise UsageError(
            f"--text {question.text!r} names no word to look for, so that nothing ranks the panels",
            "add words or an image; or list the panels with: mirsearch list --text",
        )
    return replace(filters, text=question.text)


def word_notes(index: Index, text: str | None, found: Sequence[StoredPanel] = ()) -> list[str]:
    """Return a note for each word that no panel of the index has, with near spellings. `found` are panels of an answer.

    Words that these have are not looked up.
    """
    wanted = {token.rstrip("*"): word.typed for word in wanted_words(text) if word.field != "label" and not word.prefix
              for token in word.term if token not in STOP_WORDS}  # fmt: skip
    names = {token: typed if tokens(typed) == [token] else token for token, typed in wanted.items()}
    for stored in found:
        if names:
            title = stored.figure.article.title if stored.figure.article else None
            texts = (stored.panel.caption, stored.panel.text, title or "")
            seen = {token for told in texts for token in tokens(told)}
            names = {token: name for token, name in names.items() if token not in seen}
    if not names or not isinstance(index, SpellingIndex):
        return []
    near = index.near_words(list(names))
    return [_note(names[token], near[token]) for token in names if token in near][:MAX_TOLD]


def _note(word: str, near: Sequence[str]) -> str:
    *others, last = near or ("",)
    names = f"{', '.join(others)} or {last}" if others else last
    return f"no panel has the word “{word}”" + (f": did you mean {names}?" if near else "")
