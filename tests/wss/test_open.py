from __future__ import annotations

from typing import Any  # arguments of wrong types, on purpose

import pytest
import trio
import trio.testing

import trio_secure
from support.authority import Authority
from support.cancellation import every_checkpoint
from support.rough_stream import RoughStream
from support.tls_server import tls_server
from support.websocket_peer import BINARY, CLOSE, TEXT, Frame, Peer, close_frame, connected, frame
from trio_https import URL, InsecureConnection, InvalidURL, Proxy, SocketFactory
from trio_wss import (
    ConnectionClosed,
    ConnectionLost,
    MessageTooLarge,
    UpgradeRefused,
    connect_websocket,
    open_websocket,
    wrap_websocket,
)
from trio_wss._connection import HURRY

HERE = "ws://server.test/"


class Server:
    """A Socket factory over memory: each connection is served by a task of the nursery."""

    def __init__(self, nursery: trio.Nursery, *, lockstep: bool = False, close: bool = True) -> None:
        self._nursery = nursery
        self._make_pair = trio.testing.lockstep_stream_pair if lockstep else trio.testing.memory_stream_pair
        self._close = close
        self.asked: list[tuple[str, int, dict[str, object]]] = []
        self.frames: list[Frame] = []
        self.gone = trio.Event()

    async def __call__(self, host: str, port: int, **options: object) -> trio.abc.Stream:
        self.asked.append((host, port, options))
        await trio.lowlevel.checkpoint()
        client_end, server_end = self._make_pair()
        self._nursery.start_soon(self._serve, Peer(server_end))
        return client_end

    async def _serve(self, peer: Peer) -> None:
        accepted = False
        try:
            await peer.accept()
            accepted = True
            while (one := await peer.frame()) is not None:
                self.frames.append(one)
                if one.opcode == CLOSE and self._close:
                    await peer.send(frame(CLOSE, one.payload[:2]))
                    await peer.stream.aclose()
                    return
                if one.opcode in (TEXT, BINARY):
                    await peer.send(frame(one.opcode, one.payload))
        except (trio.BrokenResourceError, AssertionError):
            if accepted:
                raise  # the client left a frame unfinished
        finally:
            self.gone.set()


# Opening


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("ws://server.test/", "server.test", 80),
        ("WS://Server.Test:8080/chat", "server.test", 8080),
        ("wss://server.test", "server.test", 443),
        ("wss://[::1]:8443/", "::1", 8443),
        (URL.parse("wss://server.test/", schemes=["wss"]), "server.test", 443),
    ],
)
async def test_the_factory_is_asked_for_the_url_s_host_and_port(url: str | URL, host: str, port: int) -> None:
    async with trio.open_nursery() as nursery:
        server = Server(nursery)
        async with open_websocket(url, Socket=server) as ws:
            await ws.send("hello")
            assert await ws.receive() == "hello"
        assert server.asked == [(host, port, {})]


async def test_secure_is_passed_on_if_it_is_given() -> None:
    async with trio.open_nursery() as nursery:
        server = Server(nursery)
        async with open_websocket(HERE, Socket=server, secure={"verify": False}):
            pass
        assert server.asked[0][2] == {"secure": {"verify": False}}


@pytest.mark.parametrize(
    "url",
    ["http://server.test/", "server.test", "ws:server.test", "ws:///", "ws://u:p@server.test/", "ws://a b/"],
)
async def test_a_url_that_is_not_one_is_refused(url: str) -> None:
    with pytest.raises(InvalidURL):
        async with open_websocket(url):
            pass


async def test_a_url_has_no_fragment() -> None:
    with pytest.raises(InvalidURL, match="%23"):
        async with open_websocket(HERE + "#part"):
            pass


async def test_a_parsed_url_of_another_scheme_is_refused() -> None:
    with pytest.raises(InvalidURL, match="not a ws: or wss: URL"):
        async with open_websocket(URL.parse("https://server.test/")):
            pass


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"max_message_size": 0}, "max_message_size"),
        ({"max_buffered": 0}, "max_buffered"),
        ({"close_timeout": -1}, "close_timeout"),
        ({"max_frame_size": 0}, "max_frame_size"),
        ({"max_fragments": 0}, "max_fragments"),
        ({"ping_interval": 0}, "ping_interval"),
        ({"open_timeout": 0}, "open_timeout"),
        ({"open_timeout": float("nan")}, "open_timeout"),
        ({"subprotocols": ["a b"]}, "subprotocol"),
        ({"headers": {"Upgrade": "x"}}, "upgrade"),
        ({"secure": {}}, "secure= is for wss"),
    ],
)
async def test_nonsense_is_refused_before_anything_is_connected(
    arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        async with open_websocket(HERE, **arguments):
            pass


async def test_without_a_factory_the_default_one_connects(monkeypatch: pytest.MonkeyPatch) -> None:
    async with trio.open_nursery() as nursery:
        server = Server(nursery)
        monkeypatch.setattr(trio_secure, "Socket", server)
        async with open_websocket(HERE) as ws:
            await ws.send("hello")
            assert await ws.receive() == "hello"


async def test_subprotocol_and_headers_reach_the_server(autojump_clock: trio.abc.Clock) -> None:
    client_end, server_end = trio.testing.memory_stream_pair()
    peer = Peer(server_end)

    async def socket(host: str, port: int) -> trio.abc.Stream:
        return client_end

    async def server() -> None:
        request = await peer.accept("Sec-WebSocket-Protocol: chat", behind=frame(TEXT, b"welcome"))
        assert request.get_all("sec-websocket-protocol") == ["talk, chat"]
        assert request.get_all("authorization") == ["Bearer x"]
        await peer.finish()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(server)
        headers = {"Authorization": "Bearer x"}
        async with open_websocket(HERE, Socket=socket, subprotocols=["talk", "chat"], headers=headers) as ws:
            assert ws.subprotocol == "chat"
            assert await ws.receive() == "welcome"


# Opening that fails


async def test_what_the_factory_raises_comes_through() -> None:
    async def socket(host: str, port: int) -> trio.abc.Stream:
        raise ConnectionRefusedError("nobody listens")

    with pytest.raises(ConnectionRefusedError, match="nobody listens"):
        async with open_websocket(HERE, Socket=socket):
            pass


async def test_bare_tcp_is_no_transport_for_a_secure_url() -> None:
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listener.socket.getsockname()[1]
    made: list[trio.SocketStream] = []

    async def socket(host: str, port: int) -> trio.abc.Stream:
        made.append(await trio.open_tcp_stream(host, port))
        return made[0]

    async with listener:
        with pytest.raises(InsecureConnection, match="needs TLS"):
            async with open_websocket(f"wss://127.0.0.1:{port}/", Socket=socket):
                pass
    assert made[0].socket.fileno() == -1


async def test_a_proxy_is_what_tls_runs_over() -> None:
    class Tunnel(Proxy):
        name = "tunnel"

        async def __call__(self, host: str, port: int, /) -> trio.abc.Stream:
            return await trio.open_tcp_stream("127.0.0.1", tls_port)

    async def refuse(stream: trio.abc.Stream) -> None:
        await stream.receive_some()
        await stream.send_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")

    authority = Authority.make()
    async with tls_server(authority.issue("ws.example"), refuse) as tls_port:
        with pytest.raises(UpgradeRefused, match="404"):
            async with open_websocket(
                "wss://ws.example/", Socket=Tunnel(), secure={"certificate": authority.certificate_der}
            ):
                pass


async def answered(response: bytes) -> trio.abc.Stream:
    """Open a WebSocket to a server with this answer; the server's end of the stream."""
    client_end, server_end = trio.testing.memory_stream_pair()
    await server_end.send_all(response)

    async def socket(host: str, port: int) -> trio.abc.Stream:
        return client_end

    try:
        async with open_websocket(HERE, Socket=socket):
            pass
    finally:
        assert client_end.receive_stream
        with pytest.raises(trio.ClosedResourceError):
            await client_end.receive_some()
    return server_end


async def test_a_refusal_closes_the_transport() -> None:
    with pytest.raises(UpgradeRefused) as caught:
        await answered(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")
    assert (caught.value.status, caught.value.body) == (403, b"no")


async def test_silence_is_too_slow_and_closes_the_transport(autojump_clock: trio.abc.Clock) -> None:
    started = trio.current_time()
    with pytest.raises(trio.TooSlowError, match=r"ws://server.test opened no WebSocket within 30 s"):
        await answered(b"HTTP/1.1 101 Switching")
    assert trio.current_time() - started == pytest.approx(30)


async def test_a_factory_that_hangs_is_too_slow(autojump_clock: trio.abc.Clock) -> None:
    async def socket(host: str, port: int) -> trio.abc.Stream:
        await trio.sleep_forever()
        raise AssertionError("unreachable")

    with pytest.raises(trio.TooSlowError, match="within 5 s"):
        async with open_websocket(HERE, Socket=socket, open_timeout=5):
            pass


async def test_without_a_timeout_the_caller_s_own_counts(autojump_clock: trio.abc.Clock) -> None:
    async def socket(host: str, port: int) -> trio.abc.Stream:
        await trio.sleep_forever()
        raise AssertionError("unreachable")

    with trio.move_on_after(1000) as scope:
        async with open_websocket(HERE, Socket=socket, open_timeout=None):
            pass
    assert scope.cancelled_caught


async def test_a_stream_that_does_not_close_in_good_order_does_not_hide_the_error() -> None:
    client_end, server_end = trio.testing.memory_stream_pair()
    stream = RoughStream(client_end)
    stream.closing = trio.BrokenResourceError("no close_notify")
    await server_end.send_eof()

    async def socket(host: str, port: int) -> trio.abc.Stream:
        return stream

    with pytest.raises(ConnectionLost, match="before it answered"):
        async with open_websocket(HERE, Socket=socket):
            pass


# The block


async def test_leaving_the_block_closes_normally() -> None:
    async with trio.open_nursery() as nursery:
        server = Server(nursery)
        async with open_websocket(HERE, Socket=server) as ws:
            await ws.send("hello")
        assert ws.close_code == 1000
        await server.gone.wait()
        assert server.frames == [Frame(TEXT, b"hello"), Frame(CLOSE, b"\x03\xe8")]


@pytest.mark.parametrize(
    "error",
    [
        LookupError("x"),
        KeyboardInterrupt(),
        ExceptionGroup("of the caller", [LookupError("x")]),
        trio.TooSlowError("the caller's own"),
    ],
)
async def test_the_block_s_exception_comes_through_as_it_is(error: BaseException) -> None:
    async with trio.open_nursery() as nursery:
        server = Server(nursery)
        with pytest.raises(type(error)) as caught:
            async with open_websocket(HERE, Socket=server):
                raise error
        assert caught.value is error
        await server.gone.wait()
        assert server.frames == [Frame(CLOSE, b"\x03\xe9")]


async def test_an_error_of_the_connection_comes_through_alone() -> None:
    with pytest.RaisesGroup(pytest.RaisesExc(ConnectionClosed)):  # the group is of `connected`'s own nursery
        async with connected() as (ws, peer):
            await peer.send(close_frame(1011))
            await ws.receive()


async def test_a_cancelled_block_closes_within_a_second(autojump_clock: trio.abc.Clock) -> None:
    async with trio.open_nursery() as nursery:
        server = Server(nursery, close=False)
        started = trio.current_time()
        with trio.move_on_after(5) as scope:
            async with open_websocket(HERE, Socket=server) as ws:
                await ws.send("hello")
                await trio.sleep_forever()
        assert scope.cancelled_caught
        assert trio.current_time() - started == pytest.approx(5 + HURRY)
        await server.gone.wait()
        assert server.frames == [Frame(TEXT, b"hello"), Frame(CLOSE, b"\x03\xe9")]


async def test_a_server_that_does_not_close_is_left_after_the_timeout(autojump_clock: trio.abc.Clock) -> None:
    async with trio.open_nursery() as nursery:
        server = Server(nursery, close=False)
        async with open_websocket(HERE, Socket=server, close_timeout=3) as ws:
            started = trio.current_time()
        assert trio.current_time() - started == pytest.approx(3)
        assert ws.close_code == 1006


async def test_a_server_that_reads_nothing_is_left_after_the_timeout(autojump_clock: trio.abc.Clock) -> None:
    async with connected(lockstep=True) as (ws, _):
        await ws.send(bytes(1 << 20))
        started = trio.current_time()
        with trio.move_on_after(0) as scope:
            await ws.aclose()
        assert scope.cancelled_caught
        assert trio.current_time() - started == pytest.approx(HURRY)


async def test_the_connection_works_in_a_shielded_block_of_a_cancelled_task() -> None:
    async with trio.open_nursery() as nursery:
        server = Server(nursery)
        with trio.CancelScope() as scope:
            async with open_websocket(HERE, Socket=server) as ws:
                scope.cancel()
                with trio.CancelScope(shield=True):
                    await ws.send("hello")
                    assert await ws.receive() == "hello"
        await server.gone.wait()
        assert server.frames == [Frame(TEXT, b"hello"), Frame(CLOSE, b"\x03\xe8")]


async def test_a_message_over_the_limit_given() -> None:
    async with connected(max_message_size=10) as (ws, peer):
        await peer.send(frame(TEXT, b"x" * 10) + frame(TEXT, b"x" * 11))
        assert await ws.receive() == "x" * 10
        with pytest.raises(MessageTooLarge, match="over 10 bytes"):
            await ws.receive()


@pytest.mark.parametrize("lockstep", [False, True])
async def test_cancelled_anywhere_it_leaves_nothing_open_and_no_frame_torn(lockstep: bool) -> None:
    async def use(server: SocketFactory) -> None:
        async with open_websocket(HERE, Socket=server) as ws:
            await ws.send("x" * 1000)
            assert await ws.receive() == "x" * 1000

    for cancelling in every_checkpoint():
        async with trio.open_nursery() as nursery:
            server = Server(nursery, lockstep=lockstep)
            await cancelling.run(use, server)
            # The server's task ends when the client's transport does, and then so does the nursery.
        if server.frames:
            assert server.frames[-1].opcode == CLOSE


# The twins


async def test_the_tasks_can_run_in_a_nursery_of_the_caller_s() -> None:
    async with trio.open_nursery() as nursery:
        server = Server(nursery)
        ws = await connect_websocket(nursery, HERE, Socket=server, max_message_size=100)
        await ws.send("hello")
        assert await ws.receive() == "hello"
        await ws.aclose(4000)
        await server.gone.wait()
        assert server.frames == [Frame(TEXT, b"hello"), Frame(CLOSE, b"\x0f\xa0")]


async def test_a_connection_in_a_cancelled_nursery_lasts_until_it_is_closed(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with trio.open_nursery() as servers, trio.open_nursery() as nursery:
        server = Server(servers)
        async with await connect_websocket(nursery, HERE, Socket=server) as ws:
            nursery.cancel_scope.cancel()
            with trio.CancelScope(shield=True):
                await ws.send("hello")
                assert await ws.receive() == "hello"
    assert server.frames[-1].opcode == CLOSE


async def test_a_nursery_that_has_ended_leaves_nothing_open() -> None:
    async with trio.open_nursery() as servers:
        server = Server(servers)
        async with trio.open_nursery() as nursery:
            pass
        with pytest.raises(RuntimeError):
            await connect_websocket(nursery, HERE, Socket=server)
        await server.gone.wait()


async def test_connecting_cancelled_anywhere_leaves_nothing_open() -> None:
    async def use(server: SocketFactory) -> None:
        async with (
            trio.open_nursery() as nursery,
            await connect_websocket(nursery, HERE, Socket=server) as ws,
        ):
            await ws.send("x")

    for cancelling in every_checkpoint():
        async with trio.open_nursery() as nursery:
            await cancelling.run(use, Server(nursery))


async def test_a_stream_that_is_there_can_be_wrapped() -> None:
    async with trio.open_nursery() as nursery:
        server = Server(nursery)
        stream = await server("not asked", 1)
        async with wrap_websocket(stream, "wss://server.test/", subprotocols=["chat"]) as ws:
            assert ws.transport_stream is stream
            await ws.send("hello")
            assert await ws.receive() == "hello"
        await server.gone.wait()


async def test_a_wrapped_stream_is_closed_when_the_handshake_fails() -> None:
    client_end, server_end = trio.testing.memory_stream_pair()
    await server_end.send_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
    with pytest.raises(UpgradeRefused):
        async with wrap_websocket(client_end, HERE):
            pass
    with pytest.raises(trio.ClosedResourceError):
        await client_end.receive_some()


async def test_a_handshake_over_a_wrapped_stream_has_its_time(autojump_clock: trio.abc.Clock) -> None:
    client_end, _ = trio.testing.memory_stream_pair()
    with pytest.raises(trio.TooSlowError, match="within 7 s"):
        async with wrap_websocket(client_end, HERE, open_timeout=7):
            pass
    with pytest.raises(trio.ClosedResourceError):
        await client_end.receive_some()
