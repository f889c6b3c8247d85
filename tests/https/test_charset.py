from __future__ import annotations

import pytest

from trio_https import ResponseTooLarge
from trio_https._charset import Lines, charset_of, decoder_of


@pytest.mark.parametrize(
    ("content_type", "charset"),
    [
        ("", "utf-8-sig"),
        ("text/html; charset=UTF-8", "utf-8-sig"),
        ("text/html; charset=latin1", "iso8859-1"),
        ("text/html; charset=nonsense", "utf-8-sig"),
        ("text/html; charset=zip", "utf-8-sig"),
        ("text/html; charset=punycode", "utf-8-sig"),
    ],
)
def test_charsets(content_type: str, charset: str) -> None:
    assert charset_of(content_type) == charset


def test_text_comes_whole_wherever_it_is_cut() -> None:
    for text, charset in (("\ufeffkäse 🧀", "utf-8"), ("テスト", "shift_jis"), ("käse", "utf-16")):
        data = text.encode(charset)
        decoder = decoder_of(f"text/plain; charset={charset}")
        pieces = [decoder.decode(data[at : at + 1]) for at in range(len(data))]
        assert "".join([*pieces, decoder.decode(b"", final=True)]) == text.removeprefix("\ufeff")


@pytest.mark.parametrize("piece", [1, 2, 3, 100])
def test_lines_end_in_lf_cr_and_both_and_in_nothing_else(piece: int) -> None:
    data = "a\nb\r\nc\rd\u2028e\x0cf\n\ng".encode()
    lines = Lines("", 100, "it")
    found: list[str] = []
    for at in range(0, len(data), piece):
        found += lines.feed(data[at : at + piece])
    assert [*found, *lines.finish()] == ["a", "b", "c", "d\u2028e\x0cf", "", "g"]


@pytest.mark.parametrize(
    ("data", "found"), [(b"", []), (b"a\n", ["a"]), (b"a\r", ["a"]), (b"\xc3", ["\ufffd"])]
)
def test_the_end_of_the_body_ends_the_last_line(data: bytes, found: list[str]) -> None:
    lines = Lines("", 100, "it")
    assert [*lines.feed(data), *lines.finish()] == found


def _feed_bytes(lines: Lines, data: bytes) -> None:
    for at in range(len(data)):
        lines.feed(data[at : at + 1])


@pytest.mark.parametrize("data", [b"x" * 11, b"x" * 6 + b"\n" + b"x" * 11 + b"\n", b"a\n" + b"x" * 11])
def test_a_line_has_a_most_length(data: bytes) -> None:
    with pytest.raises(ResponseTooLarge, match=r"a line in the body of it is longer than 10 characters"):
        Lines("", 10, "it").feed(data)
    with pytest.raises(ResponseTooLarge):
        _feed_bytes(Lines("", 10, "it"), data)
