from __future__ import annotations

import re

import pytest
import trio
import trio.testing

from trio_secure_cli import ExitCode
from trio_secure_cli._failure import CommandError
from trio_secure_cli._starttls import MOST_BYTES, Conversation, starttls_socket, unwilling


async def talk_with(data: bytes, *, ends: bool = True) -> Conversation:
    near, far = trio.testing.memory_stream_pair()
    await far.send_all(data)
    if ends:
        await far.send_eof()
    return Conversation(near)


async def test_lines_are_taken_one_by_one_however_they_end() -> None:
    talk = await talk_with(b"first\r\nsecond\nthird \xff\r\n")
    assert [await talk.line() for _ in range(3)] == ["first", "second", r"third \xff"]
    talk.finish()


async def test_lines_have_a_limit() -> None:
    talk = await talk_with(b"x" * 5000, ends=False)
    with pytest.raises(CommandError, match="a line of over 4096 bytes came before TLS"):
        await talk.line()
    talk = await talk_with(b"x" * 4096 + b"\n")
    with pytest.raises(CommandError, match="a line of over 4096 bytes"):
        await talk.line()


async def test_all_together_has_a_limit() -> None:
    talk = await talk_with(b"x" * (MOST_BYTES + 1))
    with pytest.raises(CommandError, match="over 32768 bytes came before TLS") as caught:
        await talk.until(re.compile(b"y"))
    assert caught.value.code is ExitCode.PROTOCOL


async def test_bytes_and_patterns_are_taken_away() -> None:
    talk = await talk_with(b"Sab<go/>rest")
    assert await talk.take(1) == b"S"
    assert (await talk.until(re.compile(b"<(go)/>")))[1] == b"go"
    with pytest.raises(CommandError, match="4 bytes of plaintext came with the server's word"):
        talk.finish()


@pytest.mark.parametrize("data", [b"", b"half a line"])
async def test_an_end_before_tls_is_an_error(data: bytes) -> None:
    talk = await talk_with(data)
    with pytest.raises(CommandError, match="closed the connection before TLS had begun"):
        await talk.line()


async def test_what_is_said_is_sent_as_a_line_or_as_it_is() -> None:
    near, far = trio.testing.memory_stream_pair()
    talk = Conversation(near)
    await talk.say("EHLO")
    await talk.say(b"\0\1")
    assert await far.receive_some() == b"EHLO\r\n\0\1"


def test_a_server_that_will_not_is_quoted_without_its_tricks() -> None:
    error = unwilling("no\x1b[2J" + "x" * 500)
    assert error.code is ExitCode.TLS
    assert r"no\x1b[2J" in error.message
    assert len(error.message) < 300


async def test_the_stream_is_where_tls_begins() -> None:
    near, far = trio.testing.memory_stream_pair()

    async def below(host: str, port: int) -> trio.abc.Stream:
        assert (host, port) == ("h.example", 25)
        return near

    async def speak(talk: Conversation, host: str) -> None:
        await talk.say(f"begin {host}")
        assert await talk.line() == "yes"

    await far.send_all(b"yes\n")
    assert await starttls_socket(speak, below)("h.example", 25) is near
    assert await far.receive_some() == b"begin h.example\r\n"


async def test_plaintext_behind_the_word_is_refused_and_the_connection_closed() -> None:
    """CVE-2011-0411, on the client's side."""
    near, far = trio.testing.memory_stream_pair()

    async def below(host: str, port: int) -> trio.abc.Stream:
        return near

    async def speak(talk: Conversation, host: str) -> None:
        await talk.line()

    await far.send_all(b"220 go ahead\r\n250 injected\r\n")
    with pytest.raises(CommandError, match="14 bytes of plaintext came with"):
        await starttls_socket(speak, below)("h.example", 25)
    assert await far.receive_some() == b""


async def test_a_conversation_that_is_cancelled_closes_the_connection(
    autojump_clock: trio.testing.MockClock,
) -> None:
    near, far = trio.testing.memory_stream_pair()

    async def below(host: str, port: int) -> trio.abc.Stream:
        return near

    async def speak(talk: Conversation, host: str) -> None:
        await talk.line()

    with trio.move_on_after(1) as scope:
        await starttls_socket(speak, below)("h.example", 25)
    assert scope.cancelled_caught
    assert await far.receive_some() == b""
