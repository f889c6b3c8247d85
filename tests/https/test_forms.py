from __future__ import annotations

import pytest

from trio_https import URL, FormLike
from trio_https._forms import encoded, pairs, with_params


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({}, ""),
        ({"a": "b c", "ü": "&="}, "a=b+c&%C3%BC=%26%3D"),
        ({"a": [1, 2.5], "b": True, "c": False, "d": None, "e": ["x", None]}, "a=1&a=2.5&b=true&c=false&e=x"),
        ([("a", "1"), ("a", b"\xff")], "a=1&a=%FF"),
        ({"a": []}, ""),
    ],
)
def test_names_and_values(given: FormLike, text: str) -> None:
    assert encoded(given, "data") == text


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("a=b", "params must be a mapping or pairs of name and value, not str"),
        (7, "params must be a mapping or pairs of name and value, not int"),
        ([("a",)], r"and holds \('a',\)"),
        (["ab"], "and holds 'ab'"),
        ({1: "x"}, "a name in params must be a str, not 1"),
        ({"a": {"b": "c"}}, r"params\['a'\] must be text, a number or a bool, not dict"),
        ({"a": [object()]}, r"params\['a'\] must be text"),
    ],
)
def test_anything_else_is_refused(given: FormLike, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        pairs(given, "params")


def test_params_go_behind_the_query() -> None:
    url = URL.parse("http://h/a")
    assert with_params(url, None) is url
    assert with_params(url, {"a": None}) is url
    assert str(with_params(url, {"b": "c d"})) == "http://h/a?b=c+d"
    assert str(with_params(URL.parse("http://h/a?x"), {"b": "c"})) == "http://h/a?x&b=c"
