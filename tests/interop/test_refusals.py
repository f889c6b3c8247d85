"""What the client refuses, and that the server is told why.

Theory of operation: `openssl s_server -state` prints each alert it reads, so these tests see the refusal
from the other side. A server that has nothing to hide is used throughout: the certificates are wrong, or a
byte is changed on the way.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trio

from support import servers
from support.authority import Authority, Leaf, self_signed
from support.servers import TLSVersion
from trio_secure import CertificateRefused, PeerMisbehaved, SecureSocket

_OPTIONS: dict[TLSVersion, str] = {"1.2": "-tls1_2", "1.3": "-tls1_3"}
_VERSIONS = pytest.mark.parametrize("version", ["1.2", "1.3"])


def _wrong_name(authority: Authority) -> Leaf:
    return authority.issue("elsewhere.example")


def _expired(authority: Authority) -> Leaf:
    return authority.issue("localhost", not_after=datetime.now(UTC) - timedelta(days=1))


def _unknown_ca(authority: Authority) -> Leaf:
    return Authority.make(name=f"Not {authority.certificate.subject.rfc4514_string()}").issue("localhost")


def _self_signed(_authority: Authority) -> Leaf:
    return self_signed("localhost")


@_VERSIONS
@pytest.mark.parametrize(
    ("make", "code", "alert"),
    [
        (_wrong_name, 42, "bad certificate"),
        (_expired, 45, "certificate expired"),
        (_unknown_ca, 48, "unknown CA"),
        (_self_signed, 48, "unknown CA"),
    ],
)
async def test_a_bad_certificate_is_refused_and_the_server_is_told_why(
    make: Callable[[Authority], Leaf],
    code: int,
    alert: str,
    version: TLSVersion,
    authority: Authority,
    tmp_path: Path,
) -> None:
    async with servers.openssl(make(authority), tmp_path, _OPTIONS[version], files=tmp_path) as running:
        with pytest.raises(CertificateRefused) as refusal:
            await SecureSocket("localhost", running.port, secure={"certificate": authority.certificate_der})
        assert refusal.value.alert == code
        await running.says(f"SSL3 alert read:fatal:{alert}")


class _Flipping(trio.abc.Stream):
    """A stream that flips the last bit of what it receives, once, when `armed`."""

    def __init__(self, transport: trio.SocketStream) -> None:
        self.transport = transport
        self.armed = False

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        received = await self.transport.receive_some(max_bytes)
        if self.armed and received:
            self.armed = False
            return bytes([*received[:-1], received[-1] ^ 1])
        return bytes(received)

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await self.transport.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        await self.transport.wait_send_all_might_not_block()

    async def aclose(self) -> None:
        await self.transport.aclose()


@_VERSIONS
async def test_a_bit_flipped_in_a_record_is_refused_and_the_server_is_told(
    version: TLSVersion, authority: Authority, tmp_path: Path
) -> None:
    wires: list[_Flipping] = []

    async def connect(host: str, port: int) -> _Flipping:
        wires.append(_Flipping(await trio.open_tcp_stream(host, port)))
        return wires[-1]

    secure = {"certificate": authority.certificate_der}
    async with servers.openssl(
        authority.issue("localhost"), tmp_path, _OPTIONS[version], "-rev", "-num_tickets", "0"
    ) as running:
        stream = await SecureSocket("localhost", running.port, secure=secure, Socket=connect)
        async with stream:
            await stream.send_all(b"desrever\n")
            assert await stream.receive_some() == b"reversed\n"
            wires[-1].armed = True
            await stream.send_all(b"desrever\n")
            with pytest.raises(PeerMisbehaved) as refusal:
                await stream.receive_some()
        assert refusal.value.alert == 20
        await running.says("SSL3 alert read:fatal:bad record mac")
