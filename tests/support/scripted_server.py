"""A scripted, misbehaving TLS server, and meetings of a client with it.

Theory of operation: `refused` and `accepted` run a `SecureStream` client and a server that follows a `Script`
over one in-memory stream, until both have let go of it. What the client raised, what it left behind and what
the server saw of it is in the `Meeting`. A server's own mistake fails the test.
"""

from __future__ import annotations

import contextlib
import warnings as python_warnings
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from dataclasses import dataclass

import pytest
import trio
from trio.testing import memory_stream_pair

from support.scripted_flights12 import serve12
from support.scripted_flights13 import serve13
from support.scripted_script import SERVER_NAME, Script
from support.scripted_wire import ClientGone, SeenAlert, ServerWire
from trio_secure import (
    AlertDescription,
    ConnectionInfo,
    LegacyTLSWarning,
    PeerMisbehaved,
    SecureStream,
    TLSConfig,
    TLSError,
)
from trio_secure._errors import AlertLevel
from trio_secure._versions import Version

#: A client that trusts everybody, makes no costly keys, and keeps no sessions, so that no test meets another's.
PLAIN = TLSConfig(verify=False, groups=["x25519", "secp256r1"], key_shares=["x25519"], cache=False)
# A meeting takes milliseconds; one that waits for nothing fails.
_DEADLINE = 10


async def serve(server: ServerWire) -> None:
    """Follow the script to its end, and log what comes after it."""
    try:
        await (serve13 if server.script.version >= Version.TLS13 else serve12)(server)
        await server.script.then(server)
    except ClientGone:
        pass
    await server.drain()
    await server.transport.aclose()


@dataclass(frozen=True)
class Meeting:
    """What came of it."""

    server: ServerWire
    error: TLSError | None = None
    info: ConnectionInfo | None = None

    @property
    def alert(self) -> SeenAlert | None:
        """The one alert the server saw, if it saw any."""
        assert len(self.server.alerts) <= 1, self.server.alerts
        return self.server.alerts[0] if self.server.alerts else None


class Trickle(trio.abc.HalfCloseableStream):
    """A stream that gives what it receives byte by byte."""

    def __init__(self, stream: trio.abc.HalfCloseableStream) -> None:
        self._stream = stream

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send."""
        await self._stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        """Wait."""
        await self._stream.wait_send_all_might_not_block()

    async def send_eof(self) -> None:
        """End sending."""
        await self._stream.send_eof()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        """Receive a byte."""
        return await self._stream.receive_some(1)

    async def aclose(self) -> None:
        """Close."""
        await self._stream.aclose()


wrap = SecureStream[trio.abc.Stream].wrap


@contextlib.contextmanager
def _legacy(version: Version, *, established: bool = True) -> Generator[None]:
    """Below TLS 1.2 an established connection warns, and no other does."""
    if established and version < Version.TLS12:
        with pytest.warns(LegacyTLSWarning, match=f"speaks only {version.label}"):
            yield
    else:
        with python_warnings.catch_warnings():
            python_warnings.simplefilter("error")
            yield


@contextlib.asynccontextmanager
async def met(
    script: Script,
    config: TLSConfig = PLAIN,
    *,
    name: str | None = SERVER_NAME,
    transports: Callable[[], tuple[trio.abc.Stream, trio.abc.Stream]] = memory_stream_pair,
) -> AsyncGenerator[tuple[SecureStream[trio.abc.Stream], ServerWire]]:
    """A meeting in which the client does what the block says, and closes at its end."""
    ours, theirs = transports()
    server = ServerWire(theirs, script)
    with trio.fail_after(_DEADLINE):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(serve, server)
            with _legacy(script.version):
                stream = await wrap(ours, name, config)
            try:
                yield stream, server
            finally:
                await stream.aclose()


async def refused(
    script: Script,
    config: TLSConfig = PLAIN,
    *,
    name: str | None = SERVER_NAME,
    talk: bool = False,
    early_data: bytes = b"",
) -> Meeting:
    """A meeting that the client ends with an error.

    Args:
        talk: whether the error comes after the handshake, when the client receives.
        early_data: what to send along with the first message.
    """
    ours, theirs = memory_stream_pair()
    server = ServerWire(theirs, script)
    failure: TLSError | None = None
    with trio.fail_after(_DEADLINE):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(serve, server)
            stream: SecureStream[trio.abc.Stream] | None = None
            try:
                with _legacy(script.version, established=talk):
                    stream = await wrap(ours, name, config, early_data=early_data)
                while talk and await stream.receive_some():
                    pass
            except TLSError as error:
                failure = error
            if stream is not None:
                await stream.aclose()
    assert failure is not None, "the client accepted it"
    assert talk is (stream is not None), repr(failure)
    return Meeting(server, failure)


async def accepted(
    script: Script,
    config: TLSConfig = PLAIN,
    *,
    name: str | None = SERVER_NAME,
    trickle: bool = False,
    data: bytes = b"ping",
    early_data: bytes = b"",
    warnings: Sequence[int] = (),
) -> Meeting:
    """A meeting in which `data` goes there and back; besides `warnings` the client sends close_notify alone."""
    ours, theirs = memory_stream_pair()
    server = ServerWire(theirs, script)
    with trio.fail_after(_DEADLINE):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(serve, server)
            transport = Trickle(ours) if trickle else ours
            with _legacy(script.version):
                stream = await wrap(transport, name, config, early_data=early_data)
            await stream.send_all(data)
            received = b""
            while len(received) < len(data):
                received += await stream.receive_some()
            assert received == data
            await stream.aclose()
    assert [alert.description for alert in server.alerts] == [*warnings, AlertDescription.CLOSE_NOTIFY]
    return Meeting(server, info=stream.info)


async def expect_refusal(
    script: Script,
    alert: AlertDescription | None,
    config: TLSConfig = PLAIN,
    *,
    error: type[TLSError] = PeerMisbehaved,
    talk: bool = False,
    early_data: bytes = b"",
) -> Meeting:
    """A meeting that the client ends with exactly this error and this alert, which the server sees."""
    meeting = await refused(script, config, talk=talk, early_data=early_data)
    assert type(meeting.error) is error, repr(meeting.error)
    if alert is None:
        assert meeting.alert is None
    else:
        assert meeting.error is not None
        assert meeting.error.alert == alert, repr(meeting.error)
        assert meeting.alert is not None, "the server saw no alert"
        level = AlertLevel.WARNING if alert is AlertDescription.CLOSE_NOTIFY else AlertLevel.FATAL
        assert meeting.alert[:2] == (level, alert)
    return meeting
