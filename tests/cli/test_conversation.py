from __future__ import annotations

from dataclasses import replace
from typing import Self, cast

import pytest
import trio
import trio.testing

from support.conversations import OPTIONS, answering, conversation, converse, echo, patient
from support.terminal import FakeTerminal, typed
from support.websocket_peer import PING, PONG, TEXT, Peer, close_frame, frame
from trio_secure_cli import ExitCode
from trio_secure_cli._conversation import Conversation
from trio_secure_cli._display import Display
from trio_secure_cli._failure import CommandError
from trio_secure_cli._lines import LineReader
from trio_secure_cli._notation import Framing, Notation
from trio_secure_cli._speech import Piped
from trio_wss import ConnectionClosed, ConnectionLost, WebSocket


async def test_lines_go_out_and_their_echo_is_printed() -> None:
    terminal = await converse(echo, "one\nzwei, 三\r\n\nlast".encode())
    assert terminal.printed.decode() == "one\nzwei, 三\n\nlast\n"
    assert terminal.said == ""


async def test_no_lines_are_a_conversation_too() -> None:
    terminal = await converse(echo, b"")
    assert terminal.printed == b""


async def test_a_server_that_closes_ends_the_conversation_though_the_input_goes_on() -> None:
    async def script(peer: Peer) -> None:
        await peer.accept()
        await peer.frame()
        await peer.send(frame(TEXT, b"bye") + close_frame(1000, "ti\x1bred"))
        await peer.frame()
        await peer.stream.aclose()

    terminal = await converse(script, b"quit\n", ends=False)
    assert terminal.printed == b"bye\n"
    assert terminal.said == "the server closed the WebSocket with code 1000: ti\\x1bred\n"


async def test_a_server_that_closes_while_lines_are_sent_is_told_once() -> None:
    async def script(peer: Peer) -> None:
        await peer.accept(behind=close_frame(1001))
        await peer.frame()
        await peer.stream.aclose()

    terminal = await converse(script, b"line\n" * 10_000, ends=False)
    assert terminal.said == "the server closed the WebSocket with code 1001\n"


@pytest.mark.parametrize("code", [1002, 1008, 1011, 3000, 4999])
async def test_a_close_that_is_an_error_is_one(code: int) -> None:
    async def script(peer: Peer) -> None:
        await peer.accept(behind=close_frame(code, "oops"))
        await peer.frame()
        await peer.stream.aclose()

    _, result = await conversation(script, b"", ends=False)
    with pytest.raises(ExceptionGroup) as caught:
        result.unwrap()
    error = caught.value.exceptions[0]
    assert isinstance(error, CommandError)
    assert (error.code, error.message) == (
        ExitCode.CLOSED,
        f"the server closed the WebSocket with code {code}: oops",
    )


async def test_a_connection_that_is_lost_is_no_close() -> None:
    async def script(peer: Peer) -> None:
        await peer.accept()
        await peer.stream.aclose()

    _, result = await conversation(script, b"", ends=False)
    with pytest.raises(ExceptionGroup) as caught:
        result.unwrap()
    assert caught.group_contains(ConnectionLost)


async def test_fewer_replies_than_lines_are_noticed(autojump_clock: trio.testing.MockClock) -> None:
    with pytest.raises(CommandError) as caught:
        await converse(answering(frame(TEXT, b"one")), b"a\nb\nc\n", options=replace(OPTIONS, wait=3))
    assert caught.value.code is ExitCode.TOO_SLOW
    assert caught.value.message == "1 of 3 replies came within 3 s of the last message"
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
    await converse(answering(), b"a\nb\n", options=replace(OPTIONS, wait=0))
    assert trio.current_time() == began


async def test_a_person_waits_for_replies_herself(autojump_clock: trio.testing.MockClock) -> None:
    began = trio.current_time()
    terminal = await converse(answering(), b"a\nb\n", "i")
    assert trio.current_time() == began
    assert terminal.said.splitlines()[-1] == "closed the WebSocket, the server's answer has code 1000"


async def test_pings_show_how_far_away_the_server_is(autojump_clock: trio.testing.MockClock) -> None:
    async def script(peer: Peer) -> None:
        await peer.accept()
        for _ in range(3):
            one = await peer.frame()
            assert one is not None
            assert one.opcode == PING
            await trio.sleep(0.25)
            await peer.send(frame(PONG, one.payload))
        await peer.send(close_frame(1000))
        await peer.frame()
        await peer.stream.aclose()

    terminal = await converse(script, b"", ends=False, options=replace(OPTIONS, ping=10))
    assert terminal.said.splitlines()[:-1] == ["a ping takes 250 ms"] * 3
    assert trio.current_time() >= 20


async def test_a_ping_that_is_not_answered_ends_it(autojump_clock: trio.testing.MockClock) -> None:
    async def script(peer: Peer) -> None:
        await peer.accept()
        await trio.sleep_forever()

    _, result = await conversation(script, b"", ends=False, options=replace(patient(7), ping=10))
    with pytest.raises(ExceptionGroup) as caught:
        result.unwrap()
    what = "nothing came for 7 s while the answer to a ping was awaited"
    assert caught.group_contains(CommandError, match=what)


async def test_pings_end_with_the_connection() -> None:
    async def script(peer: Peer) -> None:
        await peer.accept()
        await peer.frame()
        await peer.send(close_frame(1000))
        await peer.frame()
        await peer.stream.aclose()

    terminal = await converse(script, b"", ends=False, options=replace(OPTIONS, ping=10))
    assert terminal.said == "the server closed the WebSocket with code 1000\n"


async def test_all_of_the_input_can_be_one_message() -> None:
    whole = replace(OPTIONS, framing=Framing.WHOLE)
    parts: list[bytes] = []

    async def script(peer: Peer) -> None:
        await peer.accept()
        final = False
        while not final:
            one = await peer.frame()
            assert one is not None
            parts.append(one.payload)
            final = one.final
        await peer.send(frame(TEXT, b"got it\n"))
        await peer.finish()

    terminal = await converse(script, b"one\ntwo\n", options=whole)
    assert b"".join(parts) == b"one\ntwo\n"
    assert terminal.printed == b"got it\n"


async def test_what_cannot_be_sent_any_more_is_told_by_who_reads() -> None:
    class Closing:
        """A WebSocket whose end is met by sending first."""

        close_code = 1005
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
        speech = Piped(LineReader(stdin.fileno()), Notation.TEXT, Framing.LINES)
        await Conversation(websocket, speech, Display(terminal), OPTIONS).run()
    assert terminal.said == "the server closed the WebSocket\n"
