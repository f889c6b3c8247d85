from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest

from trio_https import URL, BodyLike, HeadersLike, InvalidRequest, InvalidURL, _outgoing
from trio_https._outgoing import Outgoing
from trio_https._route import Route


def _headers(
    method: str = "GET", headers: HeadersLike | None = None, body: BodyLike | None = None
) -> dict[str, str]:
    event = Outgoing.of(method, "http://example.com:81/", headers, body).event
    return {name.decode(): value.decode() for name, value in event.headers}


async def _source() -> AsyncGenerator[bytes]:
    yield b"x"


def test_says_what_it_accepts() -> None:
    assert _headers() == {
        "host": "example.com:81",
        "user-agent": "trio-https",
        "accept": "*/*",
        "accept-encoding": "gzip, deflate, br, zstd",
    }


def test_takes_a_url_as_text_or_parsed() -> None:
    url = URL.parse("https://example.com/a?b")
    for given in (url, str(url)):
        request = Outgoing.of("GET", given, None, None)
        assert request.url == url
        assert request.event.target == b"/a?b"
        assert request.event.method == b"GET"


def test_the_caller_wins_over_the_clients_headers_and_those_over_the_defaults() -> None:
    request = Outgoing.of(
        "GET",
        "http://h/",
        {"accept": "text/html", "Host": "other"},
        None,
        [(b"Accept", b"a/b"), (b"User-Agent", b"mine")],
    )
    assert dict(request.event.headers) == {
        b"host": b"other",
        b"accept": b"text/html",
        b"user-agent": b"mine",
        b"accept-encoding": b"gzip, deflate, br, zstd",
    }


def test_a_body_that_is_here_is_announced_by_its_length() -> None:
    assert _headers("POST", body=b"abc")["content-length"] == "3"
    assert _headers("POST", body="ü")["content-length"] == "2"
    assert _headers("GET", body=b"abc")["content-length"] == "3"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_methods_that_expect_a_body_announce_an_empty_one(method: str) -> None:
    assert _headers(method)["content-length"] == "0"


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE", "OPTIONS", "PURGE", "m-search"])
def test_other_methods_announce_no_missing_body(method: str) -> None:
    headers = _headers(method)
    assert "content-length" not in headers
    assert "transfer-encoding" not in headers


async def test_a_body_of_unknown_length_is_chunked_unless_a_length_is_given() -> None:
    assert _headers("PUT", body=_source())["transfer-encoding"] == "chunked"
    headers = _headers("PUT", {"Content-Length": "1"}, _source())
    assert headers["content-length"] == "1"
    assert "transfer-encoding" not in headers


@pytest.mark.parametrize(
    ("method", "headers", "message"),
    [
        ("", None, "Illegal method"),
        ("GE T", None, "Illegal method"),
        ("GET\r\nX", None, "Illegal method"),
        ("GÉT", None, "ascii"),
        ("CONNECT", None, "makes a tunnel"),
        ("GET", {"Bad Name": "x"}, "Illegal header name"),
        ("GET", {"X": "a\r\nY: b"}, "Illegal header value"),
        ("GET", {"X": "a\x00"}, "Illegal header value"),
        ("GET", {"Content-Length": "x"}, "bad Content-Length"),
        ("GET", [("Host", "a"), ("host", "b")], "multiple Host|Host"),
        ("POST", {"Transfer-Encoding": "chunked"}, "cannot be given"),
    ],
)
def test_refuses_what_http_cannot_carry(method: str, headers: HeadersLike | None, message: str) -> None:
    with pytest.raises(InvalidRequest, match=message):
        Outgoing.of(method, "http://h/", headers, None)


def test_refuses_other_schemes_and_types() -> None:
    with pytest.raises(InvalidURL, match="wss://h is not an http: or https: URL"):
        Outgoing.of("GET", URL.parse("wss://h/", schemes=("wss",)), None, None)
    with pytest.raises(TypeError, match="a method must be a str"):
        Outgoing.of(b"GET", "http://h/", None, None)  # type: ignore[arg-type]  # the error is the test


def test_the_same_request_but_for_a_field_or_two() -> None:
    request = Outgoing.of("PUT", "http://h/a", {"X": "y"}, b"abc")
    other = request.replace(url=URL.parse("https://g:1/b"))
    assert other.event.target == b"/b"
    assert dict(other.event.headers)[b"host"] == b"g:1"
    assert dict(other.event.headers)[b"content-length"] == b"3"
    assert (other.method, other.headers, other.body) == ("PUT", request.headers, request.body)
    with pytest.raises(InvalidRequest):
        request.replace(method="GE T")


def test_only_a_proxy_gets_the_whole_url() -> None:
    request = Outgoing.of("GET", "http://h/a?b")
    assert request.replace(route=Route("r")).event.target == b"/a?b"
    assert request.replace(route=Route("r", absolute_form=True)).event.target == b"http://h/a?b"
    tunnel = Outgoing.of("GET", "https://h/a?b").replace(route=Route("r", absolute_form=True))
    assert tunnel.event.target == b"/a?b"


def test_what_may_be_sent_twice() -> None:
    assert Outgoing.of("PUT", "http://h/", None, b"x").idempotent
    assert not Outgoing.of("POST", "http://h/").idempotent
    assert Outgoing.of("PUT", "http://h/", None, b"x").replayable
    assert not Outgoing.of("PUT", "http://h/", None, _source()).replayable


def test_it_can_do_without_a_header() -> None:
    request = Outgoing.of("PUT", "http://h/", {"Expect": "100-continue", "X": "y"}, b"x")
    assert request.expects
    assert not Outgoing.of("PUT", "http://h/", {"Expect": "100-continue"}).expects
    less = request.without(b"expect")
    assert not less.expects
    assert (b"X", b"y") in less.headers


def test_trailers_are_fields_or_a_function_that_gives_them() -> None:
    assert Outgoing.of("GET", "http://h/").trailing_fields() == []
    for trailers in ({"X": "y"}, lambda: {"X": "y"}):
        request = Outgoing.of("POST", "http://h/", None, None, trailers=trailers)
        assert request.trailing_fields() == [(b"X", b"y")]
        assert (b"transfer-encoding", b"chunked") in list(request.event.headers)


def test_what_was_checked_is_not_checked_again_and_no_secret_is_kept() -> None:
    _outgoing._seen.clear()
    for number in range(2 * _outgoing._MOST_SEEN):
        for _ in range(2):
            request = Outgoing.of("GET", f"http://h{number}/")
            assert dict(request.event.headers)[b"host"] == f"h{number}".encode()
            Outgoing.of("GET", f"http://h{number}/", {"Authorization": "secret"})
            Outgoing.of("GET", f"http://h{number}/", {"X-Api-Key": "secret"})
    assert 0 < len(_outgoing._seen) <= _outgoing._MOST_SEEN
    assert "secret" not in repr(_outgoing._seen)


def test_its_text_shows_no_headers() -> None:
    request = Outgoing.of("PUT", "http://h/a", {"Authorization": "secret"}, b"abc")
    assert repr(request) == "<Outgoing PUT http://h/a, <Body of 3 bytes>>"
    assert repr(request.replace(route=Route("proxy x"))) == (
        "<Outgoing PUT http://h/a by way of proxy x, <Body of 3 bytes>>"
    )
