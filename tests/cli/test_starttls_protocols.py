from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import trio
import trio.testing

from support.authority import Authority
from support.starttls_server import SCRIPTS, act, plain_server, starttls_server
from support.terminal import FakeTerminal
from trio_secure_cli import ExitCode
from trio_secure_cli._failure import CommandError
from trio_secure_cli._options import ConnectionOptions
from trio_secure_cli._probe import probe
from trio_secure_cli._probe_options import STARTTLS_PORTS, ProbeOptions
from trio_secure_cli._starttls import Conversation
from trio_secure_cli._starttls_protocols import PROTOCOLS

HOST = "127.0.0.1"


def test_every_protocol_of_the_command_line_is_spoken() -> None:
    assert set(PROTOCOLS) == set(STARTTLS_PORTS) == set(SCRIPTS)


@pytest.mark.parametrize("piece", [1 << 16, 1], ids=["whole", "byte-by-byte"])
@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_server_begins_tls_when_asked(protocol: str, piece: int, tmp_path: Path) -> None:
    authority = Authority.make()
    ca = authority.write(tmp_path)
    terminal = FakeTerminal()
    async with starttls_server(authority.issue(HOST), SCRIPTS[protocol], piece=piece) as port:
        options = ProbeOptions(ConnectionOptions(ca=ca), HOST, port, protocol)
        assert await probe(options, terminal) is ExitCode.OK
    printed = terminal.printed.decode()
    assert printed.startswith(f"{HOST} port {port}, {protocol} with STARTTLS\n")
    assert "version      TLS 1.3" in printed
    assert "ALPN         none" in printed


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_plaintext_across_the_boundary_is_refused(protocol: str, tmp_path: Path) -> None:
    script = [*SCRIPTS[protocol][:-1], SCRIPTS[protocol][-1] + b"injected"]
    async with plain_server(script) as port:
        options = ProbeOptions(ConnectionOptions(), HOST, port, protocol)
        with pytest.raises(CommandError, match="8 bytes of plaintext came with the server's word") as caught:
            await probe(options, FakeTerminal())
    assert caught.value.code is ExitCode.PROTOCOL


async def refusal(protocol: str, *script: bytes) -> CommandError:
    near, far = trio.testing.memory_stream_pair()
    errors: list[CommandError] = []

    async def speak() -> None:
        try:
            await PROTOCOLS[protocol](Conversation(near), "h.example")
        except CommandError as error:
            errors.append(error)
        await near.aclose()

    async def play() -> None:
        await act(far, script)
        await far.send_eof()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(speak)
        nursery.start_soon(play)
    (error,) = errors
    return error


_EHLO = b"C: EHLO localhost\r\n"
_OFFER = b"S: 250 STARTTLS\r\n"
_STREAM = (
    SCRIPTS["xmpp"][0].replace(b"127.0.0.1", b"h.example"),
    b"S: <stream:stream>",
)


@pytest.mark.parametrize(
    ("protocol", "script", "code", "message"),
    [
        ("smtp", [b"S: 554 not today\r\n"], ExitCode.TLS, "does not begin TLS: not today"),
        ("smtp", [b"S: 220 x\r\n", _EHLO, b"S: 502 no\r\n"], ExitCode.TLS, "has no STARTTLS: no"),
        ("smtp", [b"S: 220 x\r\n", _EHLO, b"S: 250 XSTARTTLS\r\n"], ExitCode.TLS, "has no STARTTLS"),
        (
            "smtp",
            [b"S: 220 x\r\n", _EHLO, _OFFER, b"C: STARTTLS\r\n", b"S: 454 later\r\n"],
            ExitCode.TLS,
            "TLS: later",
        ),
        ("smtp", [b"S: SSH-2.0-OpenSSH\r\n"], ExitCode.PROTOCOL, "is no reply: SSH-2.0"),
        ("smtp", [b"S: " + b"220-x\r\n" * 101], ExitCode.PROTOCOL, "a reply of over 100 lines"),
        ("ftp", [b"S: 421 busy\r\n"], ExitCode.TLS, "TLS: busy"),
        ("ftp", [b"S: 220 x\r\n", b"C: AUTH TLS\r\n", b"S: 500 what\r\n"], ExitCode.TLS, "TLS: what"),
        ("imap", [b"S: * PREAUTH in\r\n"], ExitCode.TLS, "TLS: [*] PREAUTH in"),
        ("imap", [b"S: * OK\r\n", b"C: a1 STARTTLS\r\n", b"S: a1 NO no\r\n"], ExitCode.TLS, "TLS: a1 NO no"),
        (
            "imap",
            [b"S: * OK\r\n", b"C: a1 STARTTLS\r\n", b"S: " + b"* x\r\n" * 100],
            ExitCode.PROTOCOL,
            "over 100 lines",
        ),
        ("pop3", [b"S: -ERR no\r\n"], ExitCode.TLS, "TLS: -ERR no"),
        ("pop3", [b"S: +OK\r\n", b"C: STLS\r\n", b"S: -ERR no\r\n"], ExitCode.TLS, "TLS: -ERR no"),
        ("postgres", [*SCRIPTS["postgres"][:1], b"S: N"], ExitCode.TLS, "answers N to SSLRequest"),
        ("postgres", [*SCRIPTS["postgres"][:1], b"S: E"], ExitCode.PROTOCOL, "neither S nor N"),
        ("xmpp", [*_STREAM, b"S: <stream:features/>"], ExitCode.TLS, "have no starttls"),
        ("xmpp", [*_STREAM, b"S: <stream:error><x/></stream:error>"], ExitCode.TLS, "have no starttls"),
        (
            "xmpp",
            [
                *_STREAM,
                b"S: <features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></features>",
                SCRIPTS["xmpp"][4],
                b"S: <failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'></failure>",
            ],
            ExitCode.TLS,
            "TLS: <failure",
        ),
        ("xmpp", [*_STREAM, b"S: " + b"x" * 40_000], ExitCode.PROTOCOL, "over 32768 bytes"),
    ],
)
async def test_a_server_that_does_not_begin_tls_is_an_error_that_says_why(
    protocol: str, script: Sequence[bytes], code: ExitCode, message: str
) -> None:
    error = await refusal(protocol, *script)
    assert error.code is code
    with pytest.raises(CommandError, match=message):
        raise error


async def test_a_name_is_no_markup(autojump_clock: trio.testing.MockClock) -> None:
    near, far = trio.testing.memory_stream_pair()
    with trio.move_on_after(1):
        await PROTOCOLS["xmpp"](Conversation(near), "a'b<ü")
    said = await far.receive_some()
    assert b"to='a&#x27;b&lt;&#252;'" in said
