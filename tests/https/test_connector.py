from __future__ import annotations

from collections.abc import Generator
from types import SimpleNamespace
from typing import Any  # options are passed on as they are

import pytest
import trio
import trio.testing

from support.http_peers import NearEnd, always, answering, ok, peers
from trio_https import URL, Deadlines, InsecureConnection, ProtocolError, TooSlow
from trio_https._connector import Connector
from trio_https._route import Route
from trio_secure import SecureSocket


async def test_the_callers_factory_gets_host_port_secure_and_the_route() -> None:
    async with peers(always(ok())) as server:
        await Connector(server, None).connect(URL.parse("http://h/"), None, Deadlines())
        route = Route("proxy", transport=server)
        await Connector(server, {"a": 1}).connect(URL.parse("https://g/"), route, Deadlines())
        assert server.calls[0] == ("h", 80, {})
        host, port, options = server.calls[1]
        assert (host, port, options["secure"]) == ("g", 443, {"a": 1})
        through: Any = options["Socket"]
        assert await through("x", 1) is server.streams[2]


async def test_the_default_for_http_is_the_route_itself() -> None:
    async with peers(always(ok())) as server:
        await Connector(None, {"a": 1}).connect(URL.parse("http://h/"), Route("r", None, server), Deadlines())
        assert server.calls == [("h", 80, {})]


async def test_who_the_client_is_can_be_withheld() -> None:
    secure = {"verify": False, "clientCertificates": b"c", "clientKey": b"k"}
    given: list[object] = []

    async with peers(always(ok())) as server:

        class Recording(SecureSocket):
            def __init__(self, host: str, port: int, *, secure: object, Socket: Any) -> None:  # noqa: N803
                super().__init__(host, port)
                given.append(secure)

            def __await__(self) -> Generator[Any, Any, Any]:
                return server(self.host, self.port).__await__()

        made = Connector(Recording, secure)
        assert made.has_identity
        assert not Connector(Recording, {"verify": False}).has_identity
        # What another factory makes of it is not known.
        assert not Connector(server, secure).has_identity
        for withheld in (False, True):
            await made.connect(URL.parse("https://h/"), None, Deadlines(), anonymous=withheld)
        offer = {"applicationLayerProtocolNegotiation": ("http/1.1",)}
        assert given == [{**secure, **offer}, {"verify": False, **offer}]


async def test_bare_tcp_is_refused_for_https() -> None:
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    streams: list[trio.SocketStream] = []

    async def tcp(host: str, port: int) -> trio.SocketStream:
        streams.append(await trio.testing.open_stream_to_socket_listener(listeners[0]))
        return streams[0]

    async with listeners[0]:
        with pytest.raises(InsecureConnection, match="https://h: the Socket factory returned bare TCP"):
            await Connector(tcp, None).connect(URL.parse("https://h/"), None, Deadlines())
    assert streams[0].socket.fileno() == -1


async def test_connecting_may_not_take_for_ever(autojump_clock: trio.testing.MockClock) -> None:
    async def never(host: str, port: int) -> trio.abc.Stream:
        await trio.sleep_forever()
        raise AssertionError

    with pytest.raises(TooSlow, match="https://h was not connected within 5 s"):
        await Connector(never, None).connect(URL.parse("https://h/"), None, Deadlines(connect=5))
    assert trio.current_time() == 5


async def test_the_handshake_has_a_time_of_its_own(
    monkeypatch: pytest.MonkeyPatch, autojump_clock: trio.testing.MockClock
) -> None:
    async def stuck(host: str, port: int, *, secure: object, Socket: Any) -> trio.abc.Stream:  # noqa: N803
        await Socket(host, port)
        await trio.sleep_forever()
        raise AssertionError

    monkeypatch.setattr("trio_https._connector.default_socket", lambda: stuck)

    async def slow(host: str, port: int) -> trio.abc.Stream:
        await trio.sleep(29)
        return trio.testing.memory_stream_pair()[0]

    with pytest.raises(TooSlow, match=r"after it was connected by way of proxy within 30 s.*Deadlines\.tls"):
        await Connector(None, None).connect(URL.parse("https://h/"), Route("proxy", None, slow), Deadlines())
    assert trio.current_time() == 59


async def test_secure_socket_runs_over_the_dial(monkeypatch: pytest.MonkeyPatch) -> None:
    async with peers(answering()) as server:

        async def dial(_self: object, host: str, port: int, _trace: object) -> trio.abc.Stream:
            return await server(host, port)

        monkeypatch.setattr("trio_https._dial.Dial.connect", dial)
        with pytest.raises(trio.BrokenResourceError):
            # The peer is gone when it has been asked for a handshake; that it was asked is the point.
            await Connector(SecureSocket, None).connect(URL.parse("https://h/"), None, Deadlines(tls=None))
        assert server.calls == [("h", 443, {})]


async def test_a_server_that_chooses_another_protocol_is_left() -> None:
    class Chosen(NearEnd):
        info = SimpleNamespace(alpn="h2")

    near, far = trio.testing.memory_stream_pair()
    made: list[Chosen] = []

    async def other(host: str, port: int) -> trio.abc.Stream:
        await trio.lowlevel.checkpoint()
        made.append(Chosen(near))
        return made[-1]

    with pytest.raises(ProtocolError, match="https://h was offered 'h2' by ALPN"):
        await Connector(other, None).connect(URL.parse("https://h/"), None, Deadlines())
    assert made[0].closed
    assert await far.receive_some() == b""
