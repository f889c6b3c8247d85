from __future__ import annotations

import pytest
import trio
from cryptography import x509
from trio.testing import MockClock

from trio_secure import AlertReceived, SecureSocket
from trio_secure.testing import Authority, ServerStream

AUTHORITY = Authority()


async def test_a_server_echoes_by_default() -> None:
    async with (
        AUTHORITY.serve("example.com", "127.0.0.1") as server,
        server.SecureSocket("example.com", 443) as stream,
        server.SecureSocket("127.0.0.1", 443) as other,
    ):
        for one in (stream, other):
            await one.send_all(b"hello")
            assert await one.receive_some() == b"hello"
    assert [connection.server_name for connection in server.connections] == ["example.com", None]


@pytest.mark.parametrize(("version", "label"), [(0x303, "TLSv1.2"), (0x304, "TLSv1.3"), (None, "TLSv1.3")])
async def test_a_server_speaks_the_version_it_is_told_to(version: int | None, label: str) -> None:
    async with (
        AUTHORITY.serve("example.com", version=version) as server,
        server.SecureSocket("example.com", 443),
    ):
        assert server.connections[0].version == label


@pytest.mark.parametrize(
    ("theirs", "agreed"),
    [(["h2", "http/1.1"], "h2"), (["http/1.1"], "http/1.1"), (["smtp"], None), ([], None)],
)
async def test_a_server_chooses_a_protocol(theirs: list[str], agreed: str | None) -> None:
    secure = {**({"applicationLayerProtocolNegotiation": theirs} if theirs else {})}
    async with (
        AUTHORITY.serve("example.com", alpn=["h2", "http/1.1"]) as server,
        server.SecureSocket("example.com", 443, secure=secure) as stream,
    ):
        assert stream.info.alpn == server.connections[0].alpn == agreed


async def test_a_client_shows_its_certificate() -> None:
    async with (
        AUTHORITY.serve("example.com", ask_client=True) as server,
        server.SecureSocket("example.com", 443, secure=AUTHORITY.identity("client.example")) as stream,
    ):
        await stream.send_all(b"hello")
        assert await stream.receive_some() == b"hello"
        shown = server.connections[0].client_certificate
        assert shown is not None
        names = shown.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert names.get_values_for_type(x509.DNSName) == ["client.example"]


@pytest.mark.parametrize("identity", [None, Authority().identity("client.example")], ids=["none", "foreign"])
async def test_a_client_without_a_good_certificate_is_refused(identity: dict[str, object] | None) -> None:
    async with (
        AUTHORITY.serve("example.com", ask_client=True) as server,
        server.SecureSocket("example.com", 443, secure=identity) as stream,
    ):
        with pytest.raises(AlertReceived):
            await stream.receive_some()
    assert server.connections[0].error is not None


async def test_a_server_has_a_name() -> None:
    with pytest.raises(ValueError, match="at least one name"):
        async with AUTHORITY.serve():
            pass


async def test_what_the_block_raises_comes_out_as_it_is() -> None:
    with pytest.raises(KeyError):
        async with AUTHORITY.serve("example.com"):
            raise KeyError


async def test_what_a_handler_raises_ends_the_block_and_comes_out_as_it_is() -> None:
    async def handler(stream: ServerStream) -> None:
        raise ZeroDivisionError

    async def block() -> None:
        async with AUTHORITY.serve("example.com", handler=handler) as server:
            await server.SecureSocket("example.com", 443)
            await trio.sleep_forever()

    with pytest.raises(ZeroDivisionError):
        await block()


async def test_a_block_that_is_cancelled_is_cancelled() -> None:
    with trio.CancelScope() as scope:
        async with AUTHORITY.serve("example.com") as server:
            await server.SecureSocket("example.com", 443)
            scope.cancel()
            await trio.sleep_forever()
    assert scope.cancelled_caught


def test_nothing_waits_for_a_clock() -> None:
    """A virtual clock that stands still is enough for handshake, data and the end."""

    async def main() -> None:
        async with (
            AUTHORITY.serve("example.com") as server,
            SecureSocket("example.com", 443, secure=server.secure, Socket=server.Socket) as stream,
        ):
            await stream.send_all(b"hello")
            assert await stream.receive_some() == b"hello"
            await stream.send_eof()
            assert await stream.receive_some() == b""

    trio.run(main, clock=MockClock())
