from __future__ import annotations

import pytest

from trio_secure_cli._text import byte_count, printable, seconds, version_name


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, Grüße, 你好", "plain, Grüße, 你好"),
        ("\x1b[31mred\x07", r"\x1b[31mred\x07"),
        ("a\r\nb\tc", r"a\r\nb\tc"),
        ("in\u202everted", r"in\u202everted"),
        ("\x9b2J\u200b", r"\x9b2J\u200b"),
        ("\udc80", r"\udc80"),
    ],
)
def test_what_could_move_the_cursor_is_escaped(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_the_characters_named_are_kept() -> None:
    assert printable("a\n\tb\x1b", keep="\n\t") == "a\n\tb\\x1b"


def test_a_long_text_is_cut_and_says_so() -> None:
    assert printable("x" * 2003) == "x" * 2000 + "… (3 more characters)"
    assert printable("x" * 2003, cap=None) == "x" * 2003
    assert printable("abc", cap=3) == "abc"


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (1023, "1023 bytes"),
        (1024, "1.0 KiB"),
        (64 << 20, "64.0 MiB"),
        (3 << 30, "3.0 GiB"),
        (5 << 40, "5.0 TiB"),
    ],
)
def test_byte_counts_are_shown_in_the_unit_that_fits(count: int, shown: str) -> None:
    assert byte_count(count) == shown


@pytest.mark.parametrize(
    ("duration", "shown"),
    [(0.00035, "0.35 ms"), (0.0012, "1.2 ms"), (0.0123, "12 ms"), (0.999, "999 ms"), (1.25, "1.2 s")],
)
def test_durations_are_shown_in_the_unit_that_fits(duration: float, shown: str) -> None:
    assert seconds(duration) == shown


def test_versions_have_their_usual_names() -> None:
    assert [version_name(version) for version in (0x0302, 0x0303, 0x0304)] == [
        "TLS 1.1",
        "TLS 1.2",
        "TLS 1.3",
    ]
