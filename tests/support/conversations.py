"""The command `ws` against a server in memory that follows a script."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial

import outcome
import trio
import trio.testing

from support.terminal import FakeTerminal, typed
from support.websocket_peer import CLOSE, Peer, frame
from trio_secure_cli import ExitCode
from trio_secure_cli._options import ConnectionOptions, WsOptions
from trio_secure_cli._ws import ws

Script = Callable[[Peer], Awaitable[None]]
OPTIONS = WsOptions(ConnectionOptions(), "ws://h.example/")


async def converse(
    script: Script, text: bytes, person: str = "", *, ends: bool = True, options: WsOptions = OPTIONS
) -> FakeTerminal:
    """Type `text` to a server that follows `script`; what the terminal then holds."""
    terminal, result = await conversation(script, text, person, ends=ends, options=options)
    assert result.unwrap() is ExitCode.OK  # not in a group, as the nursery would have it
    return terminal


async def conversation(
    script: Script, text: bytes, person: str = "", *, ends: bool = True, options: WsOptions = OPTIONS
) -> tuple[FakeTerminal, outcome.Outcome[ExitCode]]:
    """The same, with what became of the command."""

    async def serve(stream: trio.abc.HalfCloseableStream) -> None:
        await script(Peer(stream))

    async def socket(host: str, port: int) -> trio.abc.Stream:
        near, far = trio.testing.memory_stream_pair()
        nursery.start_soon(serve, far)
        return near

    with typed(text, ends=ends) as stdin:
        terminal = FakeTerminal(stdin, person)
        async with trio.open_nursery() as nursery:
            # The peer does not answer Pings, and a virtual clock is soon past them.
            quietly = partial(ws, options, terminal, Socket=socket, ping_interval=None)
            result = await outcome.acapture(quietly)
            nursery.cancel_scope.cancel()
    return terminal, result


def patient(seconds: float) -> WsOptions:
    """The options that give up after so long."""
    return replace(OPTIONS, connection=ConnectionOptions(timeout=seconds))


async def echo(peer: Peer) -> None:
    """A server that sends each message back, and closes when the client does."""
    await peer.accept()
    while (one := await peer.frame()) is not None:
        if one.opcode == CLOSE:
            await peer.send(frame(CLOSE, one.payload))
            await peer.stream.aclose()
            return
        await peer.send(frame(one.opcode, one.payload))


def answering(*answers: bytes) -> Script:
    """A server that accepts, sends the frames at once, and then does as the client does."""

    async def script(peer: Peer) -> None:
        await peer.accept(behind=b"".join(answers))
        await peer.finish()

    return script
