"""Conversion and display of option values without pydantic.

Typer checks each value with a validator of pydantic. To import pydantic and build the validators of `mirsearch query`
takes 0.12 s, half as long as the rest of the start. So this module converts the few types of our options, by replacing
one method of each parameter. Typer itself converts all other types; and it converts all values in a future version that
works in another way. That is correct, but slower, and tests/cli/test_start.py reports it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import Enum
from pathlib import Path
from typing import Any, get_args, get_origin

import typer

_TYPE_NAMES: dict[type, str] = {str: "text", int: "integer", float: "float", Path: "path"}


def simplify(parameters: Iterable[Any]) -> list[Any]:
    """Return the parameters of a command, each with our own conversion and display where its type is known."""
    found = list(parameters)
    for parameter in found:
        kind = _item_type(parameter)
        if kind is not None and "process_value" not in vars(parameter):
            parameter.process_value = _processing(parameter, kind)
            parameter.display_type_rich = _display(parameter, kind)
            if parameter.param_type_name == "argument" and parameter.metavar is None:
                parameter.metavar = str(parameter.name).upper()
    return found


def _item_type(parameter: Any) -> type | None:
    """Return the type of a parameter's values (for a list: of its items), or None if this module can't convert it."""
    annotation = getattr(getattr(parameter, "type_descriptor", None), "annotation", None)
    if get_origin(annotation) is list:
        annotation = get_args(annotation)[0]
    if not isinstance(annotation, type):
        return None
    return annotation if annotation in (bool, *_TYPE_NAMES) or issubclass(annotation, Enum) else None


def _processing(parameter: Any, kind: type) -> Callable[[Any, Any], Any]:
    """Return a replacement for the parameter's `process_value(context, value)`."""
    original = parameter.process_value
    is_list = parameter.multiple or parameter.nargs == -1

    def process(ctx: Any, value: Any) -> Any:
        if (parameter.required and not value) or (kind is bool and isinstance(value, str)):
            return original(ctx, value)
        try:
            if is_list:
                value = tuple(_convert(parameter, item, kind) for item in value or ())
            elif value is not None:
                value = _convert(parameter, value, kind)
        except ValueError as error:
            raise typer.BadParameter(str(error), ctx=ctx, param=parameter) from error
        return value if parameter.callback is None else parameter.callback(ctx, parameter, value)

    return process


def _convert(parameter: Any, item: Any, kind: Any) -> Any:
    """Return one value in its type; ValueError says what is wrong with it."""
    if issubclass(kind, Enum):
        for member in kind:
            if item in (member, member.value):
                return member
        raise ValueError(f"{item!r} is not one of {', '.join(repr(member.value) for member in kind)}.")
    if not isinstance(item, kind):
        try:
            item = kind(item)
        except ValueError as error:
            raise ValueError(f"{item!r} is not a valid {_TYPE_NAMES[kind]}.") from error
    low, high = getattr(parameter, "min", None), getattr(parameter, "max", None)
    if (low is not None and item < low) or (high is not None and item > high):
        at_least = "" if low is None else f"{low}<=" if high is not None else f"x>={low}"
        at_most = "" if high is None else f"x<={high}"
        raise ValueError(f"{item} is not in the range {at_least}{at_most}.")
    return item


def _display(parameter: Any, kind: type) -> Callable[..., str | None]:
    """Return a replacement for the parameter's `display_type_rich`: what its help shows as the type of the value."""
    shown: str | None = None
    if parameter.param_type_name == "option" and parameter.metavar is not None:
        shown = parameter.metavar
    elif issubclass(kind, Enum):
        shown = f"[{'|'.join(str(member.value) for member in kind)}]"
    elif kind is not bool and not getattr(parameter, "count", False):
        shown = _TYPE_NAMES[kind].upper()
    return lambda ctx: shown
