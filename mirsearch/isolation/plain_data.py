"""Write values as plain JSON types, and read them back as the types that a function's annotations tell.

What comes back from a process that read hostile data is checked value by value; nothing in it can name a class.
"""

from __future__ import annotations

import dataclasses
import os
import types
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from mirsearch.text.foreign import parse_number

_LARGEST_INTEGER = 2**63

_Decoder = Callable[[Any, Sequence[bytes]], Any]


def encode(value: Any, blobs: list[bytes]) -> Any:
    """Return a value as JSON types. Bytes and paths are added to `blobs`; their numbers stand for them.

    Raises TypeError for a value of another kind than the kinds that `decode` reads.
    """
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, bytes | Path):
        blobs.append(value if isinstance(value, bytes) else os.fsencode(value))
        return len(blobs) - 1
    if isinstance(value, tuple | list):
        return [encode(item, blobs) for item in value]
    if isinstance(value, frozenset | set):
        return [encode(item, blobs) for item in sorted(value)]
    if isinstance(value, dict):
        return {str(key): encode(item, blobs) for key, item in value.items()}
    if dataclasses.is_dataclass(value):
        fields = dataclasses.fields(value)
        return {field.name: encode(getattr(value, field.name), blobs) for field in fields}
    raise TypeError(f"{type(value).__name__} is no plain data")


def decode(kind: Any, value: Any, blobs: Sequence[bytes] = ()) -> Any:
    """Return JSON types as a value of a type: of plain types, Path, their containers, and dataclasses of all these.

    Raises ValueError if the value does not fit the type.
    """
    return _decoder(kind)(value, blobs)


@lru_cache(maxsize=256)
def function_types(function: Callable[..., Any]) -> tuple[tuple[Any, ...], Any]:
    """Return the types of a function's positional arguments, and of what it returns."""
    hints = get_type_hints(function)
    returned = hints.pop("return")
    return tuple(hints.values()), returned


@lru_cache(maxsize=256)
def _decoder(kind: Any) -> _Decoder:
    """Return a function that reads values of a type. Raises TypeError for a type that can't be read."""
    if kind in _SIMPLE:
        return _SIMPLE[kind]
    if dataclasses.is_dataclass(kind):
        return _dataclass_decoder(kind)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return _union_decoder(arguments)
    if origin is Literal:
        return _choice_decoder(arguments)
    if origin in (tuple, list, frozenset, dict, Mapping):
        return _container_decoder(origin, arguments)
    raise TypeError(f"{kind} can't be read from plain data")


def _container_decoder(origin: Any, arguments: tuple[Any, ...]) -> _Decoder:
    if origin is tuple and arguments[-1:] != (...,):
        return _fixed_tuple_decoder(arguments)
    if origin in (tuple, list, frozenset):
        item_decoder = _decoder(arguments[0])
        return lambda value, blobs: origin(item_decoder(item, blobs) for item in _checked(value, list))
    value_decoder = _decoder(arguments[1])
    return lambda value, blobs: {key: value_decoder(item, blobs) for key, item in _checked(value, dict).items()}


def _checked(value: Any, kind: type) -> Any:
    if type(value) is not kind:
        raise ValueError(f"{type(value).__name__} instead of {kind.__name__}")
    return value


def _integer(value: Any, _: Sequence[bytes]) -> int:
    if not -_LARGEST_INTEGER <= (number := int(_checked(value, int))) < _LARGEST_INTEGER:
        raise ValueError("an integer out of range")
    return number


def _number(value: Any, _: Sequence[bytes]) -> float:
    if (number := parse_number(value)) is None:
        raise ValueError(f"{type(value).__name__} instead of a finite number")
    return number


def _blob(value: Any, blobs: Sequence[bytes]) -> bytes:
    number = _integer(value, blobs)
    if not 0 <= number < len(blobs):
        raise ValueError("bytes are missing")
    return blobs[number]


_SIMPLE: dict[Any, _Decoder] = {
    type(None): lambda value, _: _checked(value, type(None)),
    bool: lambda value, _: _checked(value, bool),
    str: lambda value, _: _checked(value, str),
    int: _integer,
    float: _number,
    bytes: _blob,
    Path: lambda value, blobs: Path(os.fsdecode(_blob(value, blobs))),
}


def _union_decoder(kinds: tuple[Any, ...]) -> _Decoder:
    decoders = [_decoder(kind) for kind in kinds]

    def decode_first(value: Any, blobs: Sequence[bytes]) -> Any:
        reasons = []
        for decoder in decoders:
            try:
                return decoder(value, blobs)
            except ValueError as error:
                reasons.append(str(error))
        raise ValueError("; ".join(reasons))

    return decode_first


def _choice_decoder(choices: tuple[Any, ...]) -> _Decoder:
    def decode_choice(value: Any, _: Sequence[bytes]) -> Any:
        if not isinstance(value, str | int) or value not in choices:
            raise ValueError("a value that is no choice")
        return value

    return decode_choice


def _fixed_tuple_decoder(kinds: tuple[Any, ...]) -> _Decoder:
    decoders = [_decoder(kind) for kind in kinds]

    def decode_tuple(value: Any, blobs: Sequence[bytes]) -> tuple[Any, ...]:
        if len(_checked(value, list)) != len(decoders):
            raise ValueError(f"{len(value)} values instead of {len(decoders)}")
        return tuple(decoder(item, blobs) for decoder, item in zip(decoders, value, strict=True))

    return decode_tuple


def _dataclass_decoder(kind: Any) -> _Decoder:
    hints = get_type_hints(kind)
    decoders = {field.name: _decoder(hints[field.name]) for field in dataclasses.fields(kind)}

    def decode_fields(value: Any, blobs: Sequence[bytes]) -> Any:
        if _checked(value, dict).keys() != decoders.keys():
            raise ValueError(f"fields that are not those of {kind.__name__}")
        return kind(**{name: decoder(value[name], blobs) for name, decoder in decoders.items()})

    return decode_fields
