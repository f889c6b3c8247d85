from __future__ import annotations

import pytest

from trio_https._cookie_syntax import SetCookie, cookie_date, parse_set_cookie

NOW = 1_000_000.0
PLAIN = SetCookie("a", "b", None, "", "", secure=False, http_only=False)


@pytest.mark.parametrize(
    "text",
    [
        "a=b",
        " a = b ;",
        "a=b; Unknown=1; Flag",
        "a=b; Domain=; Domain=.",
        "a=b; Expires=never; Max-Age=soon; Max-Age=+1; Max-Age=",
        "a=b; Path=" + "/x" * 513,
    ],
)
def test_what_means_nothing_is_left_out(text: str) -> None:
    assert parse_set_cookie(text, NOW) == PLAIN


def test_every_attribute() -> None:
    text = "a=b=c; Expires=Wed, 09 Jun 2021 10:18:14 GMT; domain=.Example.COM; PATH=/x; Secure; HttpOnly=1"
    assert parse_set_cookie(text, NOW) == SetCookie(
        "a", "b=c", 1623233894.0, "example.com", "/x", secure=True, http_only=True
    )


@pytest.mark.parametrize(
    "text", ["", "a", "=b", " =b", "Secure", "a=b\x00", "a=\x7f", "a=b; Path=/\r\n", "a=\tb c"]
)
def test_what_is_no_cookie(text: str) -> None:
    assert parse_set_cookie(text, NOW) is None


@pytest.mark.parametrize(
    ("text", "expires"),
    [
        ("Max-Age=10; Expires=Wed, 09 Jun 2021 10:18:14 GMT", NOW + 10),
        ("Max-Age=0", 0),
        ("Max-Age=-5", 0),
        ("Max-Age=-" + "5" * 900, 0),
        ("Max-Age=1" + "0" * 900, NOW + 1e19),
        ("Expires=Wed, 09 Jun 2021 10:18:14 GMT; Expires=nonsense", 1623233894.0),
        ("Max-Age=1; Max-Age=2", NOW + 2),
    ],
)
def test_when_it_expires(text: str, expires: float) -> None:
    cookie = parse_set_cookie("a=b; " + text, NOW)
    assert cookie is not None
    assert cookie.expires == expires


@pytest.mark.parametrize(
    "text",
    [
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
        "8:49:37 6 november 94",
        "08:49:37xx 6th Nov 1994AD",
    ],
)
def test_dates_are_read_generously(text: str) -> None:
    assert cookie_date(text) == 784111777.0


@pytest.mark.parametrize(
    "text",
    [
        "",
        "06 Nov 1994",
        "08:49:37 Nov 1994",
        "08:49:37 6 1994",
        "08:49:37 6 Nov",
        "08:49:60 6 Nov 1994",
        "24:49:37 6 Nov 1994",
        "08:49:37 31 Feb 1994",
        "08:49:37 6 Nov 1600",
    ],
)
def test_what_is_no_date(text: str) -> None:
    assert cookie_date(text) is None


def test_years_of_two_digits() -> None:
    assert cookie_date("00:00:00 1 Jan 70") == 0
    assert cookie_date("00:00:00 1 Jan 69") == cookie_date("00:00:00 1 Jan 2069")
