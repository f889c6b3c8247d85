from __future__ import annotations

import pytest

from trio_https import URL, InvalidURL


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("http://example.com", ("http", "example.com", 80, "/")),
        ("https://example.com/", ("https", "example.com", 443, "/")),
        ("HTTPS://Example.COM:8443/A?b=C#d", ("https", "example.com", 8443, "/A?b=C")),
        ("http://example.com?query", ("http", "example.com", 80, "/?query")),
        ("http://example.com#fragment", ("http", "example.com", 80, "/")),
        ("http://example.com./x", ("http", "example.com", 80, "/x")),
        ("http://example.com:/", ("http", "example.com", 80, "/")),
        ("http://example.com:00080/", ("http", "example.com", 80, "/")),
        ("http://my_host-1/", ("http", "my_host-1", 80, "/")),
        ("http://127.0.0.1:1/", ("http", "127.0.0.1", 1, "/")),
        ("http://[::1]:65535/", ("http", "::1", 65535, "/")),
        ("http://[2001:DB8:0:0::1]", ("http", "2001:db8::1", 80, "/")),
        ("https://bücher.example/", ("https", "xn--bcher-kva.example", 443, "/")),
        ("https://Faß.example/", ("https", "xn--fa-hia.example", 443, "/")),
        ("https://例え.テスト/", ("https", "xn--r8jz45g.xn--zckzah", 443, "/")),
        # UTS 46 leaves out what cannot be seen, as browsers do.
        ("https://a\u00ad\u200b.example/", ("https", "a.example", 443, "/")),
        ("https://\uff11\uff12\uff17.0.0.1/", ("https", "127.0.0.1", 443, "/")),
        ("http://h/käse?ü=ö", ("http", "h", 80, "/k%C3%A4se?%C3%BC=%C3%B6")),
        ("http://h/a%20b%zz?{x}|<y>", ("http", "h", 80, "/a%20b%zz?%7Bx%7D%7C%3Cy%3E")),
        ("http://h/a//b/../c;d=e,f@g:h!$&'()*+[]~", ("http", "h", 80, "/a//b/../c;d=e,f@g:h!$&'()*+[]~")),
    ],
)
def test_parses(text: str, parts: tuple[str, str, int, str]) -> None:
    url = URL.parse(text)
    assert (url.scheme, url.host, url.port, url.target) == parts


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no scheme"),
        ("example.com/", "begin it with http: or https:"),
        ("//example.com/", "no scheme"),
        ("localhost:8080/", "begin it with http: or https:"),
        ("localhost:8080", "no scheme"),
        ("tel:110x", "scheme 'tel'"),
        ("ftp://example.com/", "http: or https: is needed"),
        ("wss://example.com/", "scheme 'wss'"),
        ("http:example.com", "no '//'"),
        ("http:///path", "has no host"),
        ("http://:80/", "has no host"),
        ("http://exa mple.com/", "a space at position 10: percent-encode it as %20"),
        ("http://example.com/a b", "a space"),
        (" http://example.com/", "a space at position 0"),
        ("http://example.com/\r\nX: y", r"'\\r'"),
        ("http://example.com/\x00", r"'\\x00'"),
        ("http://example.com/\x7f", r"'\\x7f'"),
        ("http://example.com/\u3000", r"'\\u3000'"),
        ("http://example.com\\@evil.example/", "a backslash"),
        ("http://example.com/\ud800", "not text"),
        ("http://user@example.com/", "credentials"),
        ("http://example.com:80:80/", "port '80:80'"),
        ("http://example.com:0/", "number from 1 to 65535"),
        ("http://example.com:65536/", "port '65536'"),
        ("http://example.com:-1/", "port '-1'"),
        ("http://example.com:٣/", "port '٣'"),
        ("http://example.com:http/", "port 'http'"),
        ("http://[::1/", "not one in brackets"),
        ("http://[::1]x/", "not one in brackets"),
        ("http://[::g]/", "not an IPv6 address"),
        ("http://[127.0.0.1]/", "not an IPv6 address"),
        ("http://[fe80::1%25eth0]/", "a zone"),
        ("http://::1/", "has no host"),
        ("http://exa%6dple.com/", "invalid label 'exa%6dple'"),
        ("http://a..b/", "invalid label ''"),
        ("http://.example.com/", "invalid label ''"),
        ("http://" + "a" * 64 + ".example/", "invalid label"),
        ("http://" + "a." * 127 + "a/", "longer than 253"),
        ("http://" + "a" * 2000 + "/", "too long"),
        ("http://xn--\u00fc.example/", "not a valid international name"),
        ("http://127.1/", "not an IPv4 address"),
        ("http://0x7f.0.0.1/", "not an IPv4 address"),
        ("http://2130706433/", "not an IPv4 address"),
        ("http://127.0.0.1.5/", "not an IPv4 address"),
        ("http://example.0x/", "not an IPv4 address"),
        ("http://h/" + "a" * 65536, "65545 characters"),
    ],
)
def test_refuses_and_says_why(text: str, message: str) -> None:
    with pytest.raises(InvalidURL, match=message):
        URL.parse(text)


def test_refuses_what_is_not_text() -> None:
    with pytest.raises(TypeError, match="a URL must be str, not b'http://h/'"):
        URL.parse(b"http://h/")  # type: ignore[arg-type]  # the error is the test


@pytest.mark.parametrize(
    "text",
    [
        "http://user:secret@h/",
        "http://user:secret@h/ ",
        "ftp://user:secret@h/",
        "http://user:secret/@h/",
        "http://user:secret?secret@h/",
        "http://user:#" + "secret" * 500 + "@h/ ",
    ],
)
def test_errors_do_not_show_credentials(text: str) -> None:
    with pytest.raises(InvalidURL) as caught:
        URL.parse(text)
    assert "secret" not in str(caught.value)


def test_errors_are_short() -> None:
    with pytest.raises(InvalidURL) as caught:
        URL.parse("http://" + "a" * 60_000)
    assert len(str(caught.value)) < 600


def test_other_schemes_are_parsed_where_they_are_named() -> None:
    url = URL.parse("wss://example.com/chat", schemes=("ws", "wss"))
    assert (url.port, url.origin) == (443, "wss://example.com")
    with pytest.raises(InvalidURL, match="ws: or wss: is needed"):
        URL.parse("https://example.com/", schemes=("ws", "wss"))
    with pytest.raises(InvalidURL, match="as in wss://example"):
        URL.parse("localhost:8443", schemes=("ws", "wss"))


@pytest.mark.parametrize(
    ("text", "authority"),
    [
        ("http://example.com:80/", "example.com"),
        ("https://example.com:80/", "example.com:80"),
        ("https://[::1]/", "[::1]"),
        ("http://[::1]:81/", "[::1]:81"),
    ],
)
def test_the_authority_names_a_port_only_if_it_is_not_the_default(text: str, authority: str) -> None:
    assert URL.parse(text).authority == authority


def test_becomes_text_that_parses_to_the_same() -> None:
    url = URL.parse("HTTP://[::1]:8080/ü?x#y")
    assert str(url) == "http://[::1]:8080/%C3%BC?x"
    assert URL.parse(str(url)) == url


@pytest.mark.parametrize(
    ("host", "path", "text"),
    [
        ("Example.com", "/a?b", "https://example.com:8443/a?b"),
        ("::1", "", "https://[::1]:8443/"),
        ("[::1]", "?q#f", "https://[::1]:8443/?q"),
        ("bücher.example", "/ü", "https://xn--bcher-kva.example:8443/%C3%BC"),
    ],
)
def test_is_put_together_from_parts(host: str, path: str, text: str) -> None:
    assert str(URL.of("https", host, 8443, path)) == text


@pytest.mark.parametrize(
    ("host", "port", "path", "message"),
    [
        ("", 80, "/", "no host"),
        ("a b", 80, "/", "a space"),
        ("h", 0, "/", "port"),
        ("h", 65536, "/", "port"),
        ("h", -1, "/", "port"),
        ("h", 80, "x", "does not begin with '/'"),
        ("h", 80, "/a b", "a space"),
        ("u@h", 80, "/", "invalid label 'u@h'"),
        ("h/x", 80, "/", "invalid label 'h/x'"),
        ("h:81", 80, "/", "not an IPv6 address"),
    ],
)
def test_parts_are_checked(host: str, port: int, path: str, message: str) -> None:
    with pytest.raises(InvalidURL, match=message):
        URL.of("http", host, port, path)


def test_parts_have_types() -> None:
    with pytest.raises(TypeError, match="host must be str, not None"):
        URL.of("http", None, 80, "/")  # type: ignore[arg-type]  # the error is the test
    with pytest.raises(TypeError, match="path must be str"):
        URL.of("http", "h", 80, b"/")  # type: ignore[arg-type]  # the error is the test
    with pytest.raises(TypeError, match="port must be int, not '80'"):
        URL.of("http", "h", "80", "/")  # type: ignore[arg-type]  # the error is the test
    with pytest.raises(TypeError, match="port must be int, not True"):
        URL.of("http", "h", True, "/")
