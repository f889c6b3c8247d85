"""Against servers this project did not write, over bare TCP: `websockets` in a thread, and Hypercorn."""

from __future__ import annotations

import asyncio
import os
import random
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from http import HTTPStatus
from typing import cast

import hypercorn.trio
import pytest
import trio
from hypercorn.config import Config
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed as ServerSawClosed
from websockets.http11 import Request, Response

from support.asgi_application import application
from support.cancellation import every_checkpoint
from trio_wss import ConnectionClosed, UpgradeRefused, open_websocket

MESSAGES: list[str | bytes] = [
    "hello",
    "",
    b"",
    "Grüße, 世界",
    b"\x00\xff",
    "x" * 126,
    os.urandom(65_535),
    os.urandom(65_536),
    os.urandom(1 << 20),
]

Handler = Callable[[ServerConnection], Awaitable[None]]


class Log:
    """What the server saw, to be looked at when it has stopped."""

    def __init__(self) -> None:
        self.messages: list[str | bytes] = []
        self.codes: list[int | None] = []


@contextmanager
def websockets(handler: Handler) -> Generator[str]:
    """The asyncio server of `websockets` in a thread; its URL."""
    started = threading.Event()
    loop = asyncio.new_event_loop()
    stop = loop.create_future()
    ports: list[int] = []

    async def run() -> None:
        async with serve(handler, "127.0.0.1", 0, process_request=only_the_root, max_size=None) as server:
            ports.append(server.sockets[0].getsockname()[1])
            started.set()
            await stop

    def main() -> None:
        try:
            # Which ends the tasks of connections that came too late to be served.
            with asyncio.Runner(loop_factory=lambda: loop) as runner:
                runner.run(run())
        finally:
            started.set()

    thread = threading.Thread(target=main)
    thread.start()
    started.wait()
    try:
        yield f"ws://127.0.0.1:{ports[0]}/"
    finally:
        loop.call_soon_threadsafe(stop.set_result, None)
        thread.join()


def only_the_root(connection: ServerConnection, request: Request) -> Response | None:
    return None if request.path == "/" else connection.respond(HTTPStatus.NOT_FOUND, "nothing here")


async def echo(connection: ServerConnection) -> None:
    async for message in connection:
        await connection.send(message)


def keep(log: Log) -> Handler:
    """Writes down what comes and how it ends."""

    async def handler(connection: ServerConnection) -> None:
        try:
            async for message in connection:
                log.messages.append(message)
        except ServerSawClosed:
            pass
        log.codes.append(connection.close_code)

    return handler


async def tcp(host: str, port: int) -> trio.abc.Stream:
    return await trio.open_tcp_stream(host, port)


async def test_messages_of_every_kind_and_size_come_back() -> None:
    with websockets(echo) as url:
        async with open_websocket(url, Socket=tcp) as ws:
            for message in MESSAGES:
                await ws.send(message)
                assert await ws.receive() == message
            assert 0 < await ws.ping() < 10
        assert ws.close_code == 1000


async def test_the_default_socket_connects_too() -> None:
    with websockets(echo) as url:
        async with open_websocket(url) as ws:
            await ws.send("hello")
            assert await ws.receive() == "hello"


async def test_a_message_in_fragments_arrives_as_one() -> None:
    async def fragments() -> AsyncIterator[bytes]:
        for number in range(100):
            yield b"%d," % number

    with websockets(echo) as url:
        async with open_websocket(url, Socket=tcp) as ws:
            await ws.send(fragments())
            assert await ws.receive() == b"".join([b"%d," % number for number in range(100)])


async def test_a_fragmented_message_from_the_server_arrives_as_one() -> None:
    async def handler(connection: ServerConnection) -> None:
        await connection.send(["Gr", "üß", "e"])

    with websockets(handler) as url:
        async with open_websocket(url, Socket=tcp) as ws:
            assert [message async for message in ws] == ["Grüße"]


async def test_the_server_s_code_and_reason_arrive_and_are_echoed() -> None:
    log = Log()

    async def handler(connection: ServerConnection) -> None:
        await connection.close(4000, "enough")
        received = connection.protocol.close_rcvd
        log.codes.append(None if received is None else received.code)

    with websockets(handler) as url:
        async with open_websocket(url, Socket=tcp) as ws:
            with pytest.raises(ConnectionClosed, match="4000: enough"):
                await ws.receive()
    assert log.codes == [4000]


async def test_a_ping_is_answered_while_the_application_does_not_receive() -> None:
    async def handler(connection: ServerConnection) -> None:
        for number in range(100):
            await connection.send(f"{number}" * 100)
        await (await connection.ping())
        answered.set()
        await connection.wait_closed()

    answered = threading.Event()
    with websockets(handler) as url:
        async with open_websocket(url, Socket=tcp) as ws:
            assert await trio.to_thread.run_sync(answered.wait, 10)
            assert await ws.receive() == "0" * 100


async def test_a_path_the_server_does_not_serve() -> None:
    with websockets(echo) as url, pytest.raises(UpgradeRefused) as caught:
        async with open_websocket(f"{url}missing", Socket=tcp):
            pass
    assert (caught.value.status, caught.value.body) == (404, b"nothing here")


async def test_sends_cancelled_at_every_checkpoint_tear_no_frame() -> None:
    log = Log()
    sent: list[bytes] = []
    with websockets(keep(log)) as url:
        async with open_websocket(url, Socket=tcp) as ws:
            for number, cancelling in enumerate(every_checkpoint()):
                await ws.send(b"before" + bytes(500_000))  # so that there is something to wait for
                message = b"%d" % number + os.urandom(100_000)
                await cancelling.run(ws.send, message)
                if not cancelling.cancelled:
                    sent.append(message)
    assert [message for message in log.messages if not message.startswith(b"before")] == sent  # type: ignore[arg-type]
    assert log.codes == [1000]


async def test_sends_cancelled_at_any_time_tear_no_frame() -> None:
    log = Log()
    sent: list[bytes] = []
    chance = random.Random(6455)  # noqa: S311  # for times, not secrets
    with websockets(keep(log)) as url:
        async with open_websocket(url, Socket=tcp) as ws:
            for number in range(60):
                message = b"%d" % number + bytes(chance.randrange(400_000))
                with trio.move_on_after(chance.choice([0, 0.001, 1]) * chance.random()):
                    await ws.send(message)
                    sent.append(message)
    assert log.messages == sent
    assert 0 < len(sent) < 60
    assert log.codes == [1000]


async def test_a_block_cancelled_at_any_time_tears_no_frame() -> None:
    log = Log()
    chance = random.Random(6455)  # noqa: S311  # for times, not secrets
    with websockets(keep(log)) as url:
        for _ in range(20):
            with trio.move_on_after(chance.random() * 0.02):
                async with open_websocket(url, Socket=tcp) as ws:
                    while True:
                        await ws.send(bytes(300_000))
    assert {len(message) for message in log.messages} == {300_000}
    # None but 1001 and, where the cancellation fell into the server's own handshake, the loss of it.
    assert set(log.codes) <= {1001, 1006}
    assert log.codes.count(1001) > log.codes.count(1006)


async def test_opening_receiving_and_closing_cancelled_at_every_checkpoint_tear_no_frame() -> None:
    log = Log()

    async def handler(connection: ServerConnection) -> None:
        try:
            await connection.send("welcome")
            log.messages.append(await connection.recv())
            await connection.close(4000)
        except ServerSawClosed:
            pass
        log.codes.append(connection.close_code)

    async def use(url: str) -> None:
        async with open_websocket(url, Socket=tcp) as ws:
            assert await ws.receive() == "welcome"
            await ws.send("x" * 100_000)
            with pytest.raises(ConnectionClosed, match="4000"):
                await ws.receive()

    with websockets(handler) as url:
        for cancelling in every_checkpoint():
            await cancelling.run(use, url)
    assert set(log.messages) == {"x" * 100_000}
    # 1006 where the cancellation fell into the handshake.
    assert set(log.codes) <= {4000, 1001, 1006}
    assert 1001 in log.codes


@asynccontextmanager
async def hypercorn_echo() -> AsyncGenerator[str]:
    """Hypercorn on its Trio worker, in this event loop; its URL."""
    config = Config()
    config.bind = ["127.0.0.1:0"]
    config.errorlog = None
    serve_asgi = cast(
        "Callable[..., Awaitable[None]]",
        hypercorn.trio.serve,  # pyright: ignore[reportUnknownMemberType]  # vague about WSGI
    )
    stop = trio.Event()
    async with trio.open_nursery() as nursery:
        (bound,) = await nursery.start(partial(serve_asgi, application, config, shutdown_trigger=stop.wait))
        yield bound.replace("http://", "ws://") + "/echo"
        stop.set()


async def test_hypercorn_echoes() -> None:
    async with hypercorn_echo() as url:
        async with open_websocket(url, Socket=tcp) as ws:
            for message in MESSAGES:
                await ws.send(message)
                assert await ws.receive() == message
        assert ws.close_code == 1000
