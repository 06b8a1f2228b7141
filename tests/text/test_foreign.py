"""JSON, numbers and texts from outside become values that can be stored and counted with, or a ValueError."""

from __future__ import annotations

import json
import sqlite3

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mirsearch.text.foreign import clean_surrogates, parse_integer, parse_json, parse_number, unescape_entities


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": NaN, "b": [Infinity, -Infinity]}', {"a": None, "b": [None, None]}),
        ("[1e999, -1e999, 1.5]", [None, None, 1.5]),
        (f"[{10**30}, {'9' * 5000}, {2**63}, {2**63 - 1}, {-(2**63)}]", [None, None, None, 2**63 - 1, -(2**63)]),
        ('{"\\ud800": "x\\udfffy"}', {"?": "x?y"}),
        ('"\\ud83d\\ude00"', "😀"),
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
    ],
)
def test_what_no_database_keeps_is_left_out(text, value):
    assert parse_json(text) == value


@pytest.mark.parametrize(
    "text", ["", "{", "[" * 100_000 + "]" * 100_000, '{"a":' * 5000 + "1" + "}" * 5000, b"\xff\xfe\0", "[1 2]"]
)
def test_what_is_no_json_or_nested_too_deeply_is_a_value_error(text):
    with pytest.raises(ValueError, match=r"\w"):
        parse_json(text)


def test_more_values_than_memory_has_room_for_are_refused():
    assert len(parse_json("[" + "1," * 99 + "1]", 100)) == 100
    for text in ("[" + "1," * 100 + "1]", "[" * 101, b"[" + b"{}," * 60 + b"{}]"):
        with pytest.raises(ValueError, match="more than the limit"):
            parse_json(text, 100)


@settings(max_examples=200, deadline=None)
@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()), lambda inner: (
    st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4)), max_leaves=20))  # fmt: skip
def test_every_value_can_be_written_to_a_database(value):
    plain = parse_json(json.dumps(value))
    database = sqlite3.connect(":memory:")
    database.execute("SELECT ?", (json.dumps(plain, ensure_ascii=False),))
    for item in plain if isinstance(plain, list) else [plain]:
        if not isinstance(item, list | dict):
            database.execute("SELECT ?", (item,))
    database.close()
    json.dumps(plain, allow_nan=False)


@pytest.mark.parametrize(
    ("value", "number"),
    [("12", 12), (" 7 ", 7), (2**53, 2**53), (2**53 + 1, None), (10**30, None), ("9" * 5000, None), (-1, None),
     (True, None), (1.0, None), ("١٢", None), ("1e3", None), ("-1", None), (None, None), ([], None)],
)  # fmt: skip
def test_whole_numbers(value, number):
    assert parse_integer(value) == number


@pytest.mark.parametrize(
    ("value", "number"),
    [(1, 1.0), (0.5, 0.5), (True, None), (float("nan"), None), (float("inf"), None), (10**400, None), ("1", None)],
)
def test_finite_numbers(value, number):
    assert parse_number(value) == number


def test_entities_and_halves_of_characters():
    assert unescape_entities("a &lt; &#181;m &#xB5; &#1114109;") == "a < µm µ \U0010fffd"
    assert unescape_entities(f"x&#{'9' * 5000}; &#x{'f' * 5000};y&#00000000000181;") == "x\ufffd \ufffdyµ"
    assert clean_surrogates("a\ud800ä\udfff") == "a?ä?"
