from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from typing import Any  # what awaiting exchanges with the event loop

import pytest
import trio
import trio.testing

from support.http_peers import Peer, always, answering, ok, peers
from support.http_server import http_server
from trio_https import (
    Deadlines,
    InvalidRequest,
    InvalidURL,
    Limits,
    Request,
    Response,
    ResponseTooLarge,
    TooSlow,
)

PAGE = ok("käse".encode("latin-1"), "Content-Type: text/plain; charset=latin-1")


async def test_gives_the_body_in_the_form_asked_for() -> None:
    async with peers(always(PAGE)) as server:
        text = await Request(host="h", response=str, Socket=server)
        assert text == "käse"
        data = await Request(host="h", response=bytes, Socket=server)
        assert data == "käse".encode("latin-1")
        whole = await Request(host="h", Socket=server)
        assert isinstance(whole, Response)
        assert (whole.status, whole.text) == (200, "käse")
        assert server.open == 0


async def test_streams() -> None:
    async with peers(always(PAGE)) as server:
        request = Request(host="h", Socket=server)
        for _ in range(2):
            async with request as response:
                assert response.status == 200
                assert b"".join([chunk async for chunk in response]) == "käse".encode("latin-1")
            assert server.open == 0


async def test_streaming_closes_the_connection_whatever_happens() -> None:
    async with peers(always(ok(bytes(100_000)))) as server:
        with pytest.raises(KeyError):
            async with Request(host="h", Socket=server):
                raise KeyError
        assert server.open == 0

        async def fail(host: str, port: int) -> trio.abc.Stream:
            raise OSError("refused")

        with pytest.raises(OSError, match="refused"):
            async with Request(host="h", Socket=fail):
                pytest.fail("there is no response")


async def test_sends_what_it_is_told_and_that_it_will_close() -> None:
    async def source() -> AsyncGenerator[bytes]:
        yield b"stream"

    async with peers(always(PAGE)) as server:
        await Request(host="h", path="/a?b", method="PUT", body="text", headers={"X": "y"}, Socket=server)
        await Request(host="h", body=source(), Socket=server)
        first, second = server.requests
        assert (first.method, first.target, first.body) == ("PUT", "/a?b", b"text")
        assert first.headers["connection"] == "close"
        assert first.headers["host"] == "h"
        assert first.headers["x"] == "y"
        assert (second.method, second.target, second.body) == ("GET", "/", b"stream")


@pytest.mark.parametrize(
    "headers",
    [
        {"Date": "now", "X": "1"},
        [("Date", "now"), ("X", "1")],
        ["Date", "now", "X", 1],
        ("Date", "now", b"X", b"1"),
    ],
)
async def test_headers_in_every_shape(headers: list[object]) -> None:
    async with peers(always(PAGE)) as server:
        await Request(host="h", headers=headers, Socket=server)
        assert server.requests[0].headers["date"] == "now"
        assert server.requests[0].headers["x"] == "1"


async def test_a_header_may_replace_one_it_makes() -> None:
    async with peers(always(PAGE)) as server:
        await Request(host="h", headers=["connection", "keep-alive", "Host", "other"], Socket=server)
        assert server.requests[0].headers["connection"] == "keep-alive"
        assert server.requests[0].headers["host"] == "other"
        assert server.open == 0


def _without_alpn(options: dict[str, Any]) -> None:
    """Take out of the options what every HTTPS client offers."""
    protocols = options["secure"].pop("applicationLayerProtocolNegotiation")
    assert protocols == ("http/1.1",)
    if not options["secure"]:
        del options["secure"]


async def test_ports_and_what_is_secure(monkeypatch: pytest.MonkeyPatch) -> None:
    async with peers(always(PAGE)) as server:
        made: list[str] = []

        class SecureSocket:
            """By its name the one of trio_secure."""

            __module__ = "trio_secure._sockets"

            def __init__(self, host: str, port: int, **options: object) -> None:
                assert callable(options.pop("Socket"))
                _without_alpn(options)
                self._connecting = server(host, port, **options)

            def __await__(self) -> Generator[Any, Any, trio.abc.Stream]:
                return self._connecting.__await__()

        async def secure(host: str, port: int, **options: object) -> trio.abc.Stream:
            assert callable(options.pop("Socket"))
            _without_alpn(options)
            made.append("https")
            return await server(host, port, **options)

        async def plain(_dial: object, host: str, port: int, _trace: object) -> trio.abc.Stream:
            made.append("http")
            return await server(host, port)

        monkeypatch.setattr("trio_https._connector.default_socket", lambda: secure)
        monkeypatch.setattr("trio_https._dial.Dial.connect", plain)
        await Request(host="h")
        await Request(host="h", port=8080)
        await Request(host="h", port=443)
        await Request(host="h", secure={"verify": True})
        await Request(host="h", port=8443, secure={})
        assert made == ["http", "http", "https", "https", "https"]
        await Request(host="h", Socket=SecureSocket)
        await Request(host="h", Socket=SecureSocket, port=80)
        await Request(host="h", Socket=server)
        assert server.calls == [
            ("h", 80, {}),
            ("h", 8080, {}),
            ("h", 443, {}),
            ("h", 443, {"secure": {"verify": True}}),
            ("h", 8443, {}),
            ("h", 443, {}),
            ("h", 80, {}),
            ("h", 80, {}),
        ]
        assert server.requests[4].headers["host"] == "h:8443"


async def test_limits_and_deadlines_are_those_given(autojump_clock: trio.testing.MockClock) -> None:
    async def silent(peer: Peer) -> None:
        await trio.sleep_forever()

    async with peers(always(PAGE)) as server:
        with pytest.raises(ResponseTooLarge):
            await Request(host="h", Socket=server, limits=Limits(body=3))
        server.script = silent
        with pytest.raises(TooSlow):
            await Request(host="h", Socket=server, deadlines=Deadlines(idle=3))
        assert trio.current_time() == 3


def test_says_what_it_is() -> None:
    assert repr(Request(host="::1", port=443, path="/x", method="PUT")) == "<Request PUT https://[::1]/x>"


def test_nonsense_is_refused_when_it_is_made() -> None:
    with pytest.raises(InvalidURL, match="a space"):
        Request(host="a b")
    with pytest.raises(InvalidURL, match="port"):
        Request(host="h", port=70_000)
    with pytest.raises(InvalidURL, match="begin with '/'"):
        Request(host="h", path="x")
    with pytest.raises(InvalidRequest, match="Illegal method"):
        Request(host="h", method="A B")
    with pytest.raises(InvalidRequest, match="Illegal header"):
        Request(host="h", headers=["a b", "c"])
    with pytest.raises(TypeError, match="a value for every name, and this one has 3 items"):
        Request(host="h", headers=["a", "b", "c"])
    with pytest.raises(TypeError, match="a header must be a pair"):
        Request(host="h", headers=[1, 2])
    with pytest.raises(TypeError, match="a body must be"):
        Request(host="h", body=7)  # type: ignore[call-overload]  # the error is the test
    with pytest.raises(TypeError, match="response must be str, bytes or None, not <class 'int'>"):
        Request(host="h", response=int)  # type: ignore[arg-type]  # the error is the test


async def test_an_address_is_connected_to_in_place_of_the_host() -> None:
    with http_server({"/": b"hello"}) as server:
        assert await Request(address="127.0.0.1", port=server.port, response=str) == "hello"
        page = await Request(host="Example.com", address="127.0.0.1", port=server.port)
        assert page.content == b"hello"
        assert page.url.host == "example.com"
    with pytest.raises(TypeError, match="needs a host, or an address"):
        Request(port=80)


async def test_a_redirect_is_the_answer() -> None:
    async with peers(answering(ok(b"moved", "Location: /x", status="302 Found"))) as factory:
        assert await Request(host="h.example", response=str, Socket=factory) == "moved"
