"""Parse LaTeX with pylatexenc, in a number of steps that grows like the text."""

from __future__ import annotations

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

    return BoundedWalker(latex, tolerant_parsing=True).get_latex_nodes()[0]
