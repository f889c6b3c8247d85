from __future__ import annotations

import pytest

from trio_secure_report._parts import MOST_ITEMS, Cursor, Misfit, Part, as_list, keys, taken_apart, words


def test_fields_are_taken_one_after_the_other() -> None:
    def layout(cursor: Cursor) -> None:
        cursor.take("version", 2, "TLS 1.2")
        cursor.number("lifetime", 4, "seconds")
        cursor.number("index", 1)
        cursor.opaque("cookie", 1)
        cursor.opaque("ticket", 1, "a ticket", secret=True)
        cursor.rest("padding")
        cursor.rest("nothing more")

    assert taken_apart(b"\x03\x03\0\0\x0e\x10\x07\x01A\x02BCxyz", layout) == (
        Part("version", b"\x03\x03", "TLS 1.2"),
        Part("lifetime", b"\0\0\x0e\x10", "3600 seconds"),
        Part("index", b"\x07", "7"),
        Part("cookie", b"\x01A", "1 byte"),
        Part("ticket", b"\x02BC", "a ticket", secret=True),
        Part("padding", b"xyz"),
    )


def test_a_list_has_its_length_and_its_items() -> None:
    (part,) = taken_apart(
        b"\0\x06\x13\x01\x13\x02\x13\x03", lambda cursor: cursor.items("suites", 2, 2, ("A", "B"), "suite")
    )
    assert part == Part(
        "suites",
        b"\0\x06",
        "6 bytes",
        (
            Part("suite", b"\x13\x01", "A"),
            Part("suite", b"\x13\x02", "B"),
            Part("suite", b"\x13\x03"),
        ),
    )


def test_of_a_long_list_the_rest_is_one_part() -> None:
    data = (2 * MOST_ITEMS + 20).to_bytes(2, "big") + bytes(2 * MOST_ITEMS + 20)
    (part,) = taken_apart(data, lambda cursor: cursor.items("suites", 2, 2, None, "suite"))
    assert len(part.parts) == MOST_ITEMS + 1
    assert part.parts[-1] == Part("suite", bytes(20), "and more: 20 bytes")


def test_what_is_left_over_is_shown() -> None:
    assert taken_apart(b"ab", lambda cursor: cursor.take("a", 1))[-1] == Part("left over", b"b")


@pytest.mark.parametrize("data", [b"", b"\x05abc", b"\x01"])
def test_what_does_not_fit_is_a_misfit(data: bytes) -> None:
    with pytest.raises(Misfit):
        taken_apart(data, lambda cursor: cursor.opaque("a", 1))


def test_decoded_values_are_put_into_words() -> None:
    assert words(None) == words(b"raw") == ""
    assert (words(True), words(False)) == ("yes", "no")
    assert words(("x25519", ("a", 1))) == "x25519, a, 1"
    assert words({"x25519": 32}) == "x25519: 32"
    assert len(words("x" * 10_000)) == 500


def test_what_is_no_list_has_no_items() -> None:
    assert list(as_list("abc")) == keys("abc") == []
    assert keys({"x25519": 32}) == ["x25519"]
