from __future__ import annotations

import pytest

from trio_https import Headers, InvalidRequest
from trio_https._headers import fields, merged


def test_looks_fields_up_whatever_their_case() -> None:
    headers = Headers([(b"Content-Type", b"text/plain"), (b"X-One", b"1")])
    assert headers["content-type"] == headers["CONTENT-TYPE"] == "text/plain"
    assert headers.get("absent") is None
    assert "x-ONE" in headers
    assert dict(headers) == {"content-type": "text/plain", "x-one": "1"}
    assert len(headers) == 2
    assert headers.raw == ((b"Content-Type", b"text/plain"), (b"X-One", b"1"))
    assert repr(headers) == "<Headers {'content-type': 'text/plain', 'x-one': '1'}>"


def test_joins_repeated_fields_and_gives_them_one_by_one() -> None:
    headers = Headers([(b"Via", b"a"), (b"via", b"b"), (b"Set-Cookie", b"x=1, y"), (b"Set-Cookie", b"z=2")])
    assert headers["via"] == "a, b"
    assert headers.get_all("Set-Cookie") == ["x=1, y", "z=2"]
    assert headers.get_all("absent") == []
    headers.get_all("via").clear()
    assert headers.get_all("via") == ["a", "b"]


def test_reads_bytes_beyond_ascii() -> None:
    assert Headers([(b"X", b"caf\xe9")])["x"] == "café"


def test_a_caller_gives_a_mapping_or_pairs() -> None:
    expected = [(b"A", b"1"), (b"B", b"2")]
    assert fields(None) == []
    by_text: dict[str, str | bytes] = {"A": "1", "B": b"2"}
    by_bytes: dict[bytes, str | bytes] = {b"A": "1", b"B": b"2"}
    assert fields(by_text) == fields(by_bytes) == expected
    assert fields([("A", "1"), (b"B", b"2")]) == expected
    assert fields(iter([("A", "1"), ("B", "2")])) == expected


@pytest.mark.parametrize(
    "headers", ["A: 1", b"A", 7, [("A",)], [("A", "1", "2")], ["A", "1"], [("A", 1)], [(None, "1")]]
)
def test_other_things_are_refused(headers: object) -> None:
    with pytest.raises(TypeError, match="header"):
        fields(headers)  # type: ignore[arg-type]  # the error is the test


def test_text_that_is_not_ascii_is_refused_with_what_to_do() -> None:
    with pytest.raises(InvalidRequest, match="header value 'ü' is not ASCII: encode it"):
        fields({"X": "ü"})
    with pytest.raises(InvalidRequest, match="header name"):
        fields({"Ü": "x"})
    assert fields({"X": "ü".encode()}) == [(b"X", b"\xc3\xbc")]


def test_given_fields_replace_defaults() -> None:
    defaults = [(b"Accept", b"*/*"), (b"User-Agent", b"x")]
    assert merged([(b"ACCEPT", b"a"), (b"accept", b"b")], defaults) == [
        (b"User-Agent", b"x"),
        (b"ACCEPT", b"a"),
        (b"accept", b"b"),
    ]


def test_without_any_given_the_defaults_stand() -> None:
    assert merged([], [(b"A", b"b")]) == [(b"A", b"b")]
