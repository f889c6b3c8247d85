from __future__ import annotations

import math

import pytest
import trio
import trio.testing

from trio_secure import (
    AlertDescription,
    AlertReceived,
    CertificateRefused,
    PeerMisbehaved,
    TLSError,
    Truncated,
)
from trio_secure.testing import (
    Authority,
    ChangedAt,
    ClientCertificateRefused,
    ConnectionRefused,
    ConnectionStalled,
    CutAt,
    Expired,
    Fault,
    MissingIntermediate,
    NoCloseNotify,
    NotTLS,
    NotYetValid,
    OldVersion,
    ServerStream,
    StalledAt,
    UnknownAuthority,
    WrongName,
)

AUTHORITY = Authority()
_FLIGHT = 200  # bytes: in the middle of the server's first flight


async def hello(stream: ServerStream) -> None:
    """One message of data, and the end."""
    await stream.send_all(b"hello")


async def exchange(fault: Fault, *, version: int | None = None) -> bytes:
    received = b""
    async with (
        AUTHORITY.serve("example.com", handler=hello, fault=fault, version=version) as server,
        server.SecureSocket("example.com", 443) as stream,
    ):
        async for data in stream:
            received += data
    return received


async def test_the_fault_that_is_none() -> None:
    assert await exchange(Fault()) == b"hello"


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Expired(), "expired"),
        (Expired(days=400), "expired"),
        (NotYetValid(), "valid only from"),
        (WrongName(), r"somebody-else\.example"),
        (UnknownAuthority(), "not a trusted CA"),
        (MissingIntermediate(), "not a trusted CA"),
    ],
    ids=repr,
)
@pytest.mark.parametrize("version", [0x303, 0x304])
async def test_a_bad_certificate_is_refused(fault: Fault, words: str, version: int) -> None:
    with pytest.raises(CertificateRefused, match=words):
        await exchange(fault, version=version)


@pytest.mark.parametrize("version", [0x303, 0x304])
async def test_a_client_certificate_is_refused(version: int) -> None:
    with pytest.raises(AlertReceived):
        await exchange(ClientCertificateRefused(), version=version)


async def test_an_old_server_finds_no_version_in_common() -> None:
    with pytest.raises(AlertReceived) as caught:
        await exchange(OldVersion())
    assert caught.value.alert == AlertDescription.PROTOCOL_VERSION


async def test_what_is_not_tls_is_told_from_it() -> None:
    with pytest.raises(TLSError):
        await exchange(NotTLS())


@pytest.mark.parametrize("sent", [0, _FLIGHT])
async def test_a_cut_in_the_handshake_is_an_error(sent: int) -> None:
    with pytest.raises(Truncated):
        await exchange(CutAt(sent))


async def test_the_end_without_close_notify_is_an_error() -> None:
    with pytest.raises(Truncated):
        await exchange(NoCloseNotify())


async def test_a_change_on_the_way_is_noticed() -> None:
    with pytest.raises((PeerMisbehaved, CertificateRefused)):
        await exchange(ChangedAt(_FLIGHT))


async def test_nobody_listens() -> None:
    with pytest.raises(
        ConnectionRefusedError, match=r"attempts to connect to example\.com:443 failed: Connection ref"
    ):
        await exchange(ConnectionRefused())


@pytest.mark.parametrize("fault", [StalledAt(0), StalledAt(_FLIGHT), ConnectionStalled()], ids=repr)
async def test_what_stalls_is_for_a_deadline_and_takes_no_time(
    fault: Fault, autojump_clock: trio.testing.MockClock
) -> None:
    before = trio.current_time()
    with pytest.raises(trio.TooSlowError), trio.fail_after(3600):
        await exchange(fault)
    # Closing may take its second.
    assert math.isclose(trio.current_time() - before, 3600, abs_tol=5)
