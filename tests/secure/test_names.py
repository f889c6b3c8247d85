from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.properties import bounded
from trio_secure._names import ServerName


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("example.com", "example.com"),
        ("EXAMPLE.Com", "example.com"),
        ("example.com.", "example.com"),
        ("localhost", "localhost"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("BÜCHER.example.", "xn--bcher-kva.example"),
        ("例え。テスト", "xn--r8jz45g.xn--zckzah"),
        ("my_host.internal", "my_host.internal"),
        ("a" * 63 + ".example", "a" * 63 + ".example"),
        ("bücher。example。", "xn--bcher-kva.example"),
        ("1and1.com", "1and1.com"),
        (".".join(["a" * 63] * 3 + ["a" * 61]), ".".join(["a" * 63] * 3 + ["a" * 61])),
    ],
)
def test_a_dns_name_is_lower_case_a_labels_without_a_trailing_dot(written: str, text: str) -> None:
    assert ServerName.parse(written) == ServerName(text, is_address=False)


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("::1", "::1"),
        ("[::1]", "::1"),
        ("2001:0DB8:0:0:0:0:0:1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("127.0.0.1.", "127.0.0.1"),
        ("１２７.0.0.1", "127.0.0.1"),  # noqa: RUF001 - full-width digits are the point
    ],
)
def test_an_address_stands_in_its_shortest_form(written: str, text: str) -> None:
    assert ServerName.parse(written) == ServerName(text, is_address=True)


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "a..b",
        ".example.com",
        "example.com..",
        "-a.example",
        "a-.example",
        "a b.example",
        "a\0.example",
        "example.com\n",
        "*.example.com",
        "a" * 64 + ".example",
        ".".join(["a" * 63] * 3 + ["a" * 62]),
        "[example.com]",
        "[::1",
        "::1]",
        "example.com:443",
        "https://example.com",
        "user@example.com",
    ],
)
def test_what_is_neither_name_nor_address_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is neither a host name nor an IP address"):
        ServerName.parse(name)


@pytest.mark.parametrize(
    "name", ["bü cher.example", "ü..example", "ü" * 80, "\ud800.example", "a\u200b\u0300ß-"]
)
def test_what_idna_refuses_is_refused_with_its_reason(name: str) -> None:
    with pytest.raises(ValueError, match="is not a valid host name: "):
        ServerName.parse(name)


def test_a_long_name_is_not_repeated_in_full() -> None:
    with pytest.raises(ValueError, match="server name") as caught:
        ServerName.parse("-" * 100_000)
    assert len(str(caught.value)) < 200


@bounded
@given(st.one_of(st.text(max_size=40), st.text(alphabet="a1.-_[]:% üß。", max_size=12)))
def test_any_text_is_a_name_or_a_value_error(text: str) -> None:
    try:
        name = ServerName.parse(text)
    except ValueError:
        return
    assert ServerName.parse(name.text) == name
    assert name.text.isascii()
