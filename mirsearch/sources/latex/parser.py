"""Parse LaTeX with pylatexenc, in a number of steps that grows like the text."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

_STEPS_PER_CHAR = 10
"""Tokens that may be read per character. Of usual captions, about one is read; of damaged ones, arguments are tried in
several ways, each inside the other."""
_MIN_STEPS = 1_000


def parse_nodes(latex: str) -> Any:
    """Return the nodes of a text. Raises ValueError if the parser takes too many steps."""
    from pylatexenc.latexwalker import LatexWalker

    class BoundedWalker(LatexWalker):  # type: ignore[misc]
        """A parser that gives up."""

        steps_left = _MIN_STEPS + _STEPS_PER_CHAR * len(latex)

        def get_token(self, *arguments: Any, **options: Any) -> Any:
            self.steps_left -= 1
            if self.steps_left < 0:
                raise ValueError("too many steps")
            return super().get_token(*arguments, **options)

    return BoundedWalker(latex, latex_context=_parser_context(), tolerant_parsing=True).get_latex_nodes()[0]


def make_writer() -> Any:
    """Return a converter from nodes to text. It keeps a state, so each text needs one; what it knows is shared."""
    from pylatexenc.latex2text import LatexNodes2Text

    return LatexNodes2Text(latex_context=_writer_context(), math_mode="text", keep_comments=False)


@lru_cache(maxsize=1)
def _parser_context() -> Any:
    from pylatexenc.latexwalker import get_default_latex_context_db

    return get_default_latex_context_db()


@lru_cache(maxsize=1)
def _writer_context() -> Any:
    from pylatexenc.latex2text import get_default_latex_context_db

    return get_default_latex_context_db()
