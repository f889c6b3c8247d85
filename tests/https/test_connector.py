from __future__ import annotations

import pytest
import trio
import trio.testing

from support.http_peers import always, ok, peers
from trio_https import URL, Deadlines, InsecureConnection, TooSlow
from trio_https._connector import Connector
from trio_https._route import Route


async def test_the_callers_factory_gets_host_port_secure_and_the_route() -> None:
    async with peers(always(ok())) as server:
        await Connector(server, None).connect(URL.parse("http://h/"), None, Deadlines())
        route = Route("proxy", transport=server)
        await Connector(server, {"a": 1}).connect(URL.parse("https://g/"), route, Deadlines())
        assert server.calls[0] == ("h", 80, {})
        host, port, options = server.calls[1]
        assert (host, port, options["secure"]) == ("g", 443, {"a": 1})
        through = options["Socket"]
        assert callable(through)
        assert await through("x", 1) is server.streams[2]


async def test_the_default_for_http_is_the_route_itself() -> None:
    async with peers(always(ok())) as server:
        await Connector(None, {"a": 1}).connect(URL.parse("http://h/"), Route("r", None, server), Deadlines())
        assert server.calls == [("h", 80, {})]


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
