"""Fill in the page's templates. Jinja2 escapes every value; before that, every value is cleaned.

The templates lie in `templates/`: one macro a file, under the file's name, with its values as arguments. Other programs
that show answers as HTML can import the same macros from `template_environment()`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, nodes
from jinja2.compiler import CodeGenerator, Frame
from markupsafe import Markup, escape

from mirsearch.report.wording import clean_text, format_number


class _CodeGenerator(CodeGenerator):
    """Compiles templates to call one function for each value in place of two, which is half of the time of a page.

    Were these hooks of Jinja2 to go, it would call its own `escape` and `finalize`, which make the same.
    """

    def _output_child_pre(self, node: nodes.Expr, frame: Frame, finalize: CodeGenerator._FinalizeInfo) -> None:
        if frame.eval_ctx.volatile or not frame.eval_ctx.autoescape:
            super()._output_child_pre(node, frame, finalize)
        else:
            self.write("environment.shown((")  # `_output_child_post` writes two closing brackets


class _Environment(Environment):
    code_generator_class = _CodeGenerator

    @staticmethod
    def shown(value: Any) -> str:
        """Return what a page shows of a value: cleaned and escaped. Most of the thousands of a page need neither."""
        kind = type(value)
        if kind is str and value.isascii() and value.isprintable() and "  " not in value:
            is_plain = "&" not in value and "<" not in value and ">" not in value
            return value if is_plain and '"' not in value and "'" not in value else escape(value)
        if kind is int:
            return str(value)
        if kind is float:
            return f"{value:.6g}"
        return value if kind is Markup else escape(_clean_value(value))


@lru_cache(maxsize=1)
def template_environment() -> Environment:
    """Return the environment of the package's templates; autoescape is on for all of them, whatever their name."""
    environment = _Environment(
        loader=PackageLoader("mirsearch.report"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_clean_value,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["fixed"] = format_number
    return environment


def render_page(**values: object) -> str:
    """Return the document of `page.html` with these values."""
    return template_environment().get_template("page.html").render(**values)


def render_partial(name: str, *values: object) -> str:
    """Return what the macro `name` of the template `name`.html makes of the values."""
    return str(getattr(template_environment().get_template(f"{name}.html").module, name)(*values))


def embed_asset(element: str, content: str) -> Markup:
    """Return the project's own style or script as markup, so that it reaches the page unchanged.

    The policy holds the hash of exactly this text, and escaping would change it. ValueError for a text that would end
    its own element early.
    """
    if f"</{element}" in content.lower():
        raise ValueError(f"{element} text closes its own element")
    return Markup(content)  # noqa: S704  (our own file, and the check above)


def _clean_value(value: object) -> object:
    """Return a value ready to be escaped: text without control and bidi characters, numbers with six digits.

    A space at either end is kept: stretches of one text follow each other.
    """
    if value is None:
        return ""
    if isinstance(value, Markup | int):
        return value
    if isinstance(value, float):
        return f"{value:.6g}"
    text = str(value)
    start = " " if text[:1] == " " else ""
    end = " " if text[1:] and text[-1] == " " else ""
    return f"{start}{clean_text(text)}{end}"
