from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
import trio

from support.authority import Authority
from support.demo_server import demo_server
from support.http_peers import ok
from support.terminal import FakeTerminal
from support.tls_server import Handler, tls_server
from support.websocket_peer import TEXT, Peer, frame
from trio_secure import CertificateRefused, SecureSocket
from trio_secure_cli import ExitCode, _demo_server, _demo_steps
from trio_secure_cli._demo_content import PIECE, sha256
from trio_secure_cli._demo_process import DemoServer
from trio_secure_cli._demo_steps import Demonstration
from trio_secure_cli._failure import CommandError
from trio_secure_cli._patience import patience

SIZE = 3 * PIECE + 7


@pytest.fixture(autouse=True)
def small_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_demo_server, "SIZE", SIZE)
    monkeypatch.setattr(_demo_steps, "SIZE", SIZE)


@asynccontextmanager
async def demonstration(
    terminal: FakeTerminal, given: dict[str, object] | None = None
) -> AsyncGenerator[Demonstration]:
    """A demonstration against the real server, which runs in this event loop."""
    async with demo_server() as server:
        with patience(5) as clock:
            yield Demonstration(server, given or {}, terminal, clock)


@asynccontextmanager
async def against(handler: Handler) -> AsyncGenerator[Demonstration]:
    """A demonstration against a server that does not do as it should."""
    authority = Authority.make()
    async with tls_server(authority.issue("localhost"), handler) as port:
        with patience(5) as clock:
            server = DemoServer(port, authority.certificate_pem)
            yield Demonstration(server, {}, FakeTerminal(), clock)


async def test_every_step_shows_what_it_did() -> None:
    terminal = FakeTerminal()
    async with demonstration(terminal) as steps:
        steps.introduce(0.5)
        await steps.handshake()
        await steps.download()
        await steps.echo()
        await steps.missing_authority()
        steps.conclude(1.5)
    printed = terminal.printed.decode()
    for text in (
        "started in 500 ms, listens on 127.0.0.1 port",
        "→ ClientHello",
        "← ServerHello",
        "who the server says it is",
        "→ Finished",
        "✓ TLS 1.3, ",
        "✓ the certificate is for localhost",
        "✓ SHA-256 " + sha256(SIZE),
        "→ Grüße, 你好, 👋   ← the same, ",
        "→ 20000 characters",
        "✓ closed with code 1000",
        'manifest.json: {"resources": {"*": []}}',
        "refused: Resource not found: ca0.der.",
        'manifest.json: {"resources": {"*": ["$(CERTS)/ca0"]}}',
        "✓ TLS 1.3, anchored by ca0.der",
        "Done, in 1.5 s",
    ):
        assert text in printed
    assert "\x1b" not in printed


async def test_what_the_command_line_says_goes_before_the_demonstrations_own() -> None:
    stranger = Authority.make().certificate_der
    terminal = FakeTerminal()
    async with demonstration(terminal, {"certificate": stranger}) as steps:
        with pytest.raises(CertificateRefused):
            await steps.handshake()
    assert "ServerHello" in terminal.printed.decode()  # the trace is shown up to the failure


async def test_without_verification_it_does_not_say_that_the_certificate_is_good() -> None:
    terminal = FakeTerminal()
    async with demonstration(terminal, {"verify": False}) as steps:
        await steps.handshake()
    printed = terminal.printed.decode()
    assert "the certificate was not checked: --insecure" in printed
    assert "trusted" not in printed


async def test_the_last_step_can_be_traced_too() -> None:
    events: list[object] = []
    async with demonstration(FakeTerminal(), {"trace": events.append}) as steps:
        await steps.missing_authority()
    assert sum("ClientHello" in str(event) for event in events) == 2


async def test_a_file_that_is_not_what_was_sent_is_a_failure() -> None:
    async def serve(stream: trio.abc.Stream) -> None:
        await stream.receive_some()
        await stream.send_all(ok(b"x" * SIZE))

    async with against(serve) as steps:
        with pytest.raises(CommandError, match=r"the SHA-256 is [0-9a-f]{64}, not") as caught:
            await steps.download()
    assert caught.value.code is ExitCode.PROTOCOL


async def test_an_echo_that_is_none_is_a_failure() -> None:
    async def serve(stream: trio.abc.Stream) -> None:
        peer = Peer(stream)
        await peer.accept(behind=frame(TEXT, b"something else"))
        await peer.finish()

    async with against(serve) as steps:
        with pytest.raises(CommandError, match="the echo is not what was sent") as caught:
            await steps.echo()
    assert caught.value.code is ExitCode.PROTOCOL


async def test_a_ca_that_is_missed_by_nobody_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    class TrustsAnyone(SecureSocket):
        """What a client would be that forgot to verify."""

        def __init__(self, host: str, port: int, *, secure: dict[str, object]) -> None:
            super().__init__(host, port, secure={"verify": False})

    monkeypatch.setattr(_demo_steps, "SecureSocket", TrustsAnyone)
    async with demonstration(FakeTerminal()) as steps:
        with pytest.raises(CommandError, match="was not refused"):
            await steps.missing_authority()


async def test_a_refusal_for_another_reason_is_a_failure() -> None:
    async def nothing(stream: trio.abc.Stream) -> None:
        pass

    authority = Authority.make()
    # The name is wrong, so the certificate is refused before its CA is looked for.
    async with tls_server(authority.issue("elsewhere.example"), nothing) as port:
        with patience(5) as clock:
            server = DemoServer(port, authority.certificate_pem)
            steps = Demonstration(server, {}, FakeTerminal(), clock)
            with pytest.raises(CommandError, match="does not name the missing CA"):
                await steps.missing_authority()
