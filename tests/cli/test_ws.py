from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Self, cast

import outcome
import pytest
import trio
import trio.testing

from support.authority import Authority
from support.terminal import FakeTerminal, typed
from support.tls_server import tls_server
from support.websocket_peer import BINARY, CLOSE, TEXT, Peer, close_frame, frame
from trio_secure_cli import ExitCode
from trio_secure_cli._failure import CommandError
from trio_secure_cli._lines import LineReader
from trio_secure_cli._options import ConnectionOptions, WsOptions
from trio_secure_cli._ws import Conversation, ws
from trio_wss import ConnectionClosed, WebSocket

Script = Callable[[Peer], Awaitable[None]]


async def converse(
    script: Script,
    text: bytes,
    terminal_for: str = "",
    *,
    ends: bool = True,
    wait: float = 5,
    patience: float = 30,
) -> FakeTerminal:
    """Type `text` to a server that follows `script`; what the terminal then holds."""

    async def serve(stream: trio.abc.HalfCloseableStream) -> None:
        await script(Peer(stream))

    async def socket(host: str, port: int) -> trio.abc.Stream:
        near, far = trio.testing.memory_stream_pair()
        nursery.start_soon(serve, far)
        return near

    with typed(text, ends=ends) as stdin:
        terminal = FakeTerminal(stdin, terminal_for)
        options = WsOptions(ConnectionOptions(timeout=patience), "ws://h.example/", wait)
        async with trio.open_nursery() as nursery:
            result = await outcome.acapture(partial(ws, options, terminal, Socket=socket, ping_interval=None))
            nursery.cancel_scope.cancel()
    assert result.unwrap() is ExitCode.OK  # not in a group, as the nursery would have it
    return terminal


async def echo(peer: Peer) -> None:
    await peer.accept()
    while (one := await peer.frame()) is not None:
        if one.opcode == CLOSE:
            await peer.send(frame(CLOSE, one.payload))
            await peer.stream.aclose()
            return
        await peer.send(frame(one.opcode, one.payload))


def answering(*answers: bytes) -> Script:
    """Accepts, sends the frames at once, and then does as the client does."""

    async def script(peer: Peer) -> None:
        await peer.accept(behind=b"".join(answers))
        await peer.finish()

    return script


async def test_lines_go_out_and_their_echo_is_printed() -> None:
    terminal = await converse(echo, "one\nzwei, 三\r\n\nlast".encode())
    assert terminal.printed.decode() == "one\nzwei, 三\n\nlast\n"
    assert terminal.said == ""


async def test_no_lines_are_a_conversation_too() -> None:
    terminal = await converse(echo, b"")
    assert terminal.printed == b""


async def test_a_person_is_told_that_it_is_connected() -> None:
    terminal = await converse(echo, b"one\n", "ioe")
    assert terminal.said == "connected to ws://h.example/; type lines to send, Ctrl-D to end\n"


@pytest.mark.parametrize(
    ("person", "printed"),
    [("", "a\x1b[2J\n\tb\n(binary, 2 bytes) 00ff\n"), ("o", "a\\x1b[2J\n\tb\n(binary, 2 bytes) 00ff\n")],
)
async def test_what_comes_is_exact_in_a_pipe_and_harmless_on_a_terminal(person: str, printed: str) -> None:
    script = answering(frame(TEXT, b"a\x1b[2J\n\tb"), frame(BINARY, b"\x00\xff"))
    terminal = await converse(script, b"x\ny\n", person)
    assert terminal.printed.decode() == printed


async def test_a_server_that_closes_ends_the_conversation_though_the_input_goes_on() -> None:
    async def script(peer: Peer) -> None:
        await peer.accept()
        await peer.frame()
        await peer.send(frame(TEXT, b"bye") + close_frame(1000, "ti\x1bred"))
        await peer.frame()
        await peer.stream.aclose()

    terminal = await converse(script, b"quit\n", ends=False)
    assert terminal.printed == b"bye\n"
    assert terminal.said == "the server closed the WebSocket: ti\\x1bred\n"


async def test_a_server_that_closes_while_lines_are_sent_is_told_once() -> None:
    async def script(peer: Peer) -> None:
        await peer.accept(behind=close_frame(1001))
        await peer.frame()
        await peer.stream.aclose()

    terminal = await converse(script, b"line\n" * 10_000, ends=False)
    assert terminal.said == "the server closed the WebSocket\n"


async def test_a_close_that_is_an_error_is_one() -> None:
    async def script(peer: Peer) -> None:
        await peer.accept(behind=close_frame(1011, "oops"))
        await peer.frame()
        await peer.stream.aclose()

    with pytest.raises(ExceptionGroup) as caught:
        await converse(script, b"", ends=False)
    assert caught.group_contains(ConnectionClosed, match="1011")


async def test_fewer_replies_than_lines_are_noticed(autojump_clock: trio.testing.MockClock) -> None:
    with pytest.raises(CommandError) as caught:
        await converse(answering(frame(TEXT, b"one")), b"a\nb\nc\n", wait=3)
    assert caught.value.code is ExitCode.TOO_SLOW
    assert caught.value.message == "1 of 3 replies came within 3 s of the last line"
    assert "--wait" in (caught.value.hint or "")


async def test_replies_that_will_not_come_any_more_are_noticed_at_once() -> None:
    async def script(peer: Peer) -> None:
        await peer.accept()
        for _ in range(3):
            await peer.frame()
        await peer.send(frame(TEXT, b"one"))
        await trio.testing.wait_all_tasks_blocked(0.02)
        await peer.send(close_frame(1000))
        await peer.frame()
        await peer.stream.aclose()

    with pytest.raises(CommandError) as caught:
        await converse(script, b"a\nb\nc\n")
    assert caught.value.code is ExitCode.PROTOCOL
    assert caught.value.message == "1 of 3 replies came before the server closed the WebSocket"


async def test_no_replies_are_awaited_on_request(autojump_clock: trio.testing.MockClock) -> None:
    began = trio.current_time()
    await converse(answering(), b"a\nb\n", wait=0)
    assert trio.current_time() == began


async def test_a_handshake_that_is_not_answered_is_given_up(autojump_clock: trio.testing.MockClock) -> None:
    async def script(peer: Peer) -> None:
        await trio.sleep_forever()

    with pytest.raises(CommandError, match="nothing came for 7 s while the WebSocket was being opened"):
        await converse(script, b"", patience=7)


async def test_over_tls_the_ca_given_is_trusted(tmp_path_factory: pytest.TempPathFactory) -> None:
    authority = Authority.make()
    ca = authority.write(tmp_path_factory.mktemp("ca"))

    async def serve(stream: trio.abc.Stream) -> None:
        await echo(Peer(stream))

    async with tls_server(authority.issue("127.0.0.1"), serve) as port:
        with typed(b"hello\n") as stdin:
            terminal = FakeTerminal(stdin)
            options = WsOptions(ConnectionOptions(ca=ca), f"wss://127.0.0.1:{port}/")
            assert await ws(options, terminal) is ExitCode.OK
    assert terminal.printed == b"hello\n"


async def test_what_cannot_be_sent_any_more_is_told_by_who_reads() -> None:
    class Closing:
        """A WebSocket whose end is met by sending first."""

        close_reason = ""

        def __init__(self) -> None:
            self.tried = trio.Event()

        async def send(self, message: str) -> None:
            self.tried.set()
            raise ConnectionClosed(1000)

        def __aiter__(self) -> Self:
            return self

        async def __anext__(self) -> str:
            await self.tried.wait()
            raise StopAsyncIteration

    with typed(b"line\n") as stdin:
        terminal = FakeTerminal(stdin)
        websocket = cast("WebSocket", Closing())  # the part of one that is used
        options = WsOptions(ConnectionOptions(), "ws://h.example/")
        await Conversation(websocket, LineReader(stdin.fileno()), terminal, options).run()
    assert terminal.said == "the server closed the WebSocket\n"
