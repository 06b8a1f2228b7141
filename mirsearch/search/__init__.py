"""The flow out: from a question to ranked hits."""

from mirsearch.search.search import Question, ask, understand

__all__ = ["Question", "ask", "understand"]
