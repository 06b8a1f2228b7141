"""Search: from a question to ranked hits."""

from mirsearch.search.search import Question, ask, prepare_question

__all__ = ["Question", "ask", "prepare_question"]
