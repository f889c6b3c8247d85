from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_secure_cli._json_text import indented

READABLE = """\
{
  "a": [
    1,
    {}
  ],
  "b": [],
  "a, again": "x: {\\"}\\"",
  "n": 1.10e400
}"""


def test_each_member_has_a_line() -> None:
    assert indented('{"a":[1 , { } ],"b":[\t],"a, again":"x: {\\"}\\"","n":1.10e400}') == READABLE
    assert indented(READABLE) == READABLE


@pytest.mark.parametrize("text", ["1", '"a"', "null", "[]", "{}", " 12 "])
def test_a_single_value_stays_one(text: str) -> None:
    assert indented(text) == text.strip()


def test_numbers_and_names_that_come_twice_are_left_as_they_are() -> None:
    digits = "1" * 10_000
    assert indented(f'{{"a":{digits},"a":1.0}}') == f'{{\n  "a": {digits},\n  "a": 1.0\n}}'


@pytest.mark.parametrize("text", ["", "hello", "{", '{"a":}', "[1,]", "[" * 100_000])
def test_what_is_not_json_is_told(text: str) -> None:
    assert indented(text) is None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=30,
)


@given(json_values, st.booleans())
def test_it_agrees_with_the_standard_library(value: object, ascii_only: bool) -> None:
    expected = json.dumps(value, indent=2, ensure_ascii=ascii_only)
    assert indented(json.dumps(value, separators=(",", ":"), ensure_ascii=ascii_only)) == expected
