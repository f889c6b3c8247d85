from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import trio
import trio.testing
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from support.authority import Authority
from support.conversations import OPTIONS, answering, converse, echo, patient
from support.terminal import FakeTerminal, typed
from support.tls_server import tls_server
from support.websocket_peer import TEXT, Peer, Request, close_frame, frame
from trio_https import InvalidURL
from trio_secure_cli import ExitCode, _ws
from trio_secure_cli._failure import CommandError
from trio_secure_cli._notation import Framing, Notation
from trio_secure_cli._options import ConnectionOptions, WsOptions
from trio_secure_cli._ws import ws
from trio_wss import MessageTooLarge


async def test_a_person_is_told_that_it_is_connected() -> None:
    terminal = await converse(echo, b"one\n", "ie")
    greeting = "connected to ws://h.example/; type lines to send, Ctrl-D to end"
    assert terminal.said.splitlines()[0] == greeting


async def test_a_pipe_is_exact_in_every_notation() -> None:
    messages = b"\xff\r\n\x00\xfe\x00"
    binary = replace(OPTIONS, notation=Notation.BINARY, framing=Framing.NULLS)
    assert (await converse(echo, messages, options=binary)).printed == messages
    digits = replace(OPTIONS, notation=Notation.HEX)
    assert (await converse(echo, b"00FF\r\n\n", options=digits)).printed == b"00ff\n\n"


async def test_what_comes_is_shown_as_asked() -> None:
    indented = replace(OPTIONS, json=True)
    assert (await converse(echo, b"[1]\n", options=indented)).printed == b"[\n  1\n]\n"


async def test_the_opening_request_is_what_was_asked_for() -> None:
    requests: list[Request] = []

    async def script(peer: Peer) -> None:
        requests.append(await peer.accept("Sec-WebSocket-Protocol: chat"))
        await peer.finish()

    options = replace(OPTIONS, subprotocols=("soap", "chat"), headers=(("X-Who", "me"),))
    terminal = await converse(script, b"", "ie", options=options)
    assert requests[0].get_all("sec-websocket-protocol") == ["soap, chat"]
    assert requests[0].get_all("x-who") == ["me"]
    assert "permessage-deflate" in requests[0].get_all("sec-websocket-extensions")[0]
    await converse(script, b"", options=replace(options, compression=False))
    assert requests[1].get_all("sec-websocket-extensions") == []
    assert "connected to ws://h.example/, subprotocol chat;" in terminal.said


@pytest.mark.parametrize(
    "options", [replace(OPTIONS, headers=(("Upgrade", "x"),)), replace(OPTIONS, subprotocols=("a b",))]
)
async def test_what_no_request_may_hold_is_refused(options: WsOptions) -> None:
    with pytest.raises(CommandError) as caught:
        await converse(echo, b"", options=options)
    assert caught.value.code is ExitCode.USAGE


async def test_a_bad_url_is_refused() -> None:
    with pytest.raises(InvalidURL):
        await converse(echo, b"", options=replace(OPTIONS, url="ws://h.example/#fragment"))


async def test_messages_may_be_as_long_as_the_user_says() -> None:
    script = answering(frame(TEXT, b"x" * 2_000_000))
    terminal = await converse(script, b"a\n", options=replace(OPTIONS, max_size=2_000_000))
    assert len(terminal.printed) == 2_000_001
    with pytest.raises(ExceptionGroup) as caught:
        await converse(script, b"a\n", options=replace(OPTIONS, max_size=1_999_999))
    assert caught.group_contains(MessageTooLarge)
    with pytest.raises(ExceptionGroup) as caught:
        await converse(echo, b"x" * 60_000, options=replace(OPTIONS, max_size=50_000))
    assert caught.group_contains(CommandError, match="line 1 of the input is longer than 50000 bytes")


async def test_a_handshake_that_is_not_answered_is_given_up(autojump_clock: trio.testing.MockClock) -> None:
    async def script(peer: Peer) -> None:
        await trio.sleep_forever()

    with pytest.raises(CommandError, match="nothing came for 7 s while the WebSocket was being opened"):
        await converse(script, b"", options=patient(7))


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


async def test_a_person_at_a_terminal_edits_lines(tmp_path: Path) -> None:
    async def script(peer: Peer) -> None:
        await peer.accept()
        for _ in range(2):
            one = await peer.frame()
            assert one is not None
            await peer.send(frame(TEXT, one.payload))
        await peer.send(close_frame(1000))
        await peer.frame()
        await peer.stream.aclose()

    history = tmp_path / "history"
    with create_pipe_input() as keys, create_app_session(input=keys, output=DummyOutput()):
        keys.send_text("helo\x1b[Dl\rbye\r")
        terminal = await converse(script, b"", "ioe", options=replace(OPTIONS, history=history))
    assert terminal.printed == b"hello\nbye\n"
    assert terminal.said.splitlines()[-1] == "the server closed the WebSocket with code 1000"
    assert "+hello\n" in history.read_text()


async def test_without_the_line_editor_there_is_the_terminal_s_own(monkeypatch: pytest.MonkeyPatch) -> None:
    def not_installed(_package: str) -> bool:
        return False

    monkeypatch.setattr(_ws, "is_installed", not_installed)
    assert (await converse(echo, b"one\n", "io")).said.endswith("has code 1000\n")
    with pytest.raises(CommandError, match="--history needs prompt_toolkit: pip install"):
        await converse(echo, b"one\n", "io", options=replace(OPTIONS, history=Path("history")))
