from __future__ import annotations

import errno
import ssl
from contextlib import suppress
from typing import Any, cast

import pytest
import trio
from trio.testing import memory_stream_pair

from support.cancellation import every_checkpoint
from support.counting_stream import CountingStream
from support.openssl_peer import NAME, TRANSPORT_ERRORS, OpenSSLPeer, authority, server_context
from support.tls_server import ignore, tcp_server
from trio_secure import CertificateRefused, MemoryCache, SecureSocket, SecureStream, Socket, TLSConfig
from trio_secure._sockets import SocketFactory, _Connector, with_reason  # pyright: ignore[reportPrivateUsage]

SECURE = {"certificate": authority().certificate_der, "serverName": NAME}


async def serve(transport: trio.abc.Stream) -> None:
    peer = OpenSSLPeer(transport, server_context())
    with suppress(ssl.SSLError, *TRANSPORT_ERRORS):
        await peer.do_handshake()
        await peer.send_all(b"hello")
        await peer.aclose()


async def test_a_socket_connects_when_awaited() -> None:
    async with tcp_server(ignore) as port:
        stream = await Socket("127.0.0.1", port)
        assert isinstance(stream, trio.SocketStream)
        await stream.aclose()


@pytest.mark.parametrize("factory", [Socket, SecureSocket])
def test_who_forgets_to_connect_is_told(factory: Any) -> None:
    with pytest.raises(
        AttributeError, match=r"no 'send_all' before it is connected: stream = await \w*Socket\("
    ):
        _ = factory("a.test", 443).send_all
    with pytest.raises(AttributeError, match=r"Socket' has no 'sendall'$"):
        _ = factory("a.test", 443).sendall
    assert not hasattr(factory("a.test", 443), "__aiter__")


class NoName(trio.abc.HostnameResolver):
    async def getaddrinfo(self, *_: object, **__: object) -> Any:
        raise trio.socket.gaierror(trio.socket.EAI_NONAME, "Name or service not known")

    async def getnameinfo(self, sockaddr: object, flags: int) -> tuple[str, str]:
        raise OSError


@pytest.mark.parametrize("factory", [Socket, SecureSocket])
async def test_a_name_without_an_address_is_named(factory: SocketFactory[trio.abc.Stream]) -> None:
    trio.socket.set_custom_hostname_resolver(NoName())
    with pytest.raises(
        trio.socket.gaierror, match=r"host a\.test was not found \(Name or .*network"
    ) as caught:
        await factory("a.test", 443)
    assert caught.value.errno == trio.socket.EAI_NONAME
    assert isinstance(caught.value.__cause__, trio.socket.gaierror)


async def test_a_secure_socket_connects_when_awaited() -> None:
    async with tcp_server(serve) as port:
        stream = await SecureSocket("127.0.0.1", port, secure=SECURE)
        assert isinstance(stream, SecureStream)
        assert isinstance(stream.transport_stream, trio.SocketStream)
        assert await stream.receive_some() == b"hello"
        await stream.aclose()


async def test_the_stream_is_closed_at_the_end_of_the_block() -> None:
    async with tcp_server(serve) as port:
        async with SecureSocket("127.0.0.1", port, secure=TLSConfig(verify=False)) as stream:
            assert await stream.receive_some() == b"hello"
        with pytest.raises(trio.ClosedResourceError):
            await stream.receive_some()


async def test_a_block_that_was_not_entered_closes_nothing() -> None:
    await Socket("a.test", 443).__aexit__(None, None, None)


async def test_an_address_is_verified_as_an_address() -> None:
    async with tcp_server(serve) as port:
        with pytest.raises(CertificateRefused, match=r"127\.0\.0\.1"):
            await SecureSocket("127.0.0.1", port, secure={"certificate": authority().certificate_der})


async def test_nobody_listens() -> None:
    async with tcp_server(ignore) as port:
        pass
    for factory in (Socket, SecureSocket):
        with pytest.raises(
            ConnectionRefusedError, match=r"failed: Connection refused\. Does the server run"
        ) as caught:
            await factory("127.0.0.1", port)
        assert isinstance(caught.value.__cause__, ExceptionGroup)


@pytest.mark.parametrize(
    ("errors", "kind", "says"),
    [
        ([errno.EHOSTUNREACH] * 2, OSError(errno.EHOSTUNREACH, ""), "all failed: No route to host"),
        (
            [errno.EHOSTUNREACH, errno.ECONNREFUSED],
            OSError(),
            "all failed: No route to host; Connection refused",
        ),
        ([None], OSError(), "all failed"),
        ([], OSError(), "all failed"),
    ],
)
def test_why_nothing_could_be_connected_to_is_said(
    errors: list[int | None], kind: OSError, says: str
) -> None:
    failed = OSError("all failed")
    if errors:
        failed.__cause__ = ExceptionGroup(
            "", [OSError("?") if one is None else OSError(one, "") for one in errors]
        )
    told = with_reason(failed)
    assert told.errno == kind.errno
    assert str(told).endswith(says)


async def test_any_other_factory_makes_the_transport() -> None:
    asked: list[tuple[str, int]] = []
    ours, theirs = memory_stream_pair()

    async def factory(host: str, port: int) -> trio.abc.Stream:
        asked.append((host, port))
        return ours

    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve, theirs)
        async with SecureSocket("Server.TEST", 443, secure=SECURE, Socket=factory) as stream:
            assert stream.transport_stream is ours
            assert await stream.receive_some() == b"hello"
    assert asked == [("server.test", 443)]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
async def test_sessions_belong_to_host_and_port(version: ssl.TLSVersion) -> None:
    """The port is passed on: two services of one host need not be one."""
    context = server_context(version=version, tickets=2)
    config = TLSConfig(verify=False, cache=MemoryCache())

    async def resumed(host: str, port: int) -> bool:
        ours, theirs = memory_stream_pair()
        peer = OpenSSLPeer(theirs, context)

        async def factory(host: str, port: int) -> trio.abc.Stream:
            return ours

        async with trio.open_nursery() as nursery:
            nursery.start_soon(peer.do_handshake)
            stream = await SecureSocket(host, port, secure=config, Socket=factory)
        await peer.send_all(b"hello")
        assert await stream.receive_some() == b"hello"
        return stream.info.resumed

    places = [(NAME, 443), (NAME, 8443), ("other.test", 443), ("127.0.0.1", 443)]
    assert [await resumed(*place) for place in (*places, *places)] == [False] * 4 + [True] * 4


async def test_connecting_cancelled_at_any_checkpoint_leaves_nothing_open() -> None:
    async with trio.open_nursery() as nursery:

        async def factory(host: str, port: int) -> trio.abc.Stream:
            await trio.lowlevel.checkpoint()
            ours, theirs = memory_stream_pair()
            nursery.start_soon(serve, theirs)
            return CountingStream(ours)

        async def connect() -> bytes:
            async with SecureSocket(NAME, 443, secure=SECURE, Socket=factory) as stream:
                return await stream.receive_some()

        for cancelling in every_checkpoint():
            received = await cancelling.run(connect)
            assert cancelling.cancelled or received == b"hello"
            assert CountingStream.open_streams == 0


@pytest.mark.parametrize(
    ("host", "port", "error", "message"),
    [
        (7, 443, TypeError, "host must be a str, not int"),
        (b"a.test", 443, TypeError, "host must be a str, not bytes"),
        ("", 443, ValueError, "server name ''"),
        ("not a host", 443, ValueError, "server name 'not a host'"),
        ("a.test", "443", TypeError, "port must be an int, not str"),
        ("a.test", True, TypeError, "port must be an int, not bool"),
        ("a.test", 0, ValueError, "port must be between 1 and 65535, not 0"),
        ("a.test", 65536, ValueError, "port must be between 1 and 65535, not 65536"),
    ],
)
def test_a_bad_address_is_refused_at_once(
    host: object, port: object, error: type[Exception], message: str
) -> None:
    for factory in (Socket, SecureSocket):
        with pytest.raises(error, match=message):
            factory(cast("str", host), cast("int", port))


def test_bad_settings_are_refused_at_once() -> None:
    with pytest.raises(ValueError, match="unknown key 'verfy'"):
        SecureSocket("a.test", 443, secure={"verfy": False})
    with pytest.raises(ValueError, match="is not a certificate"):
        SecureSocket("a.test", 443, secure={"certificate": b"x"})
    with pytest.raises(TypeError, match="Socket must be a Socket factory, not int"):
        SecureSocket("a.test", 443, Socket=cast("SocketFactory[trio.abc.Stream]", 7))


def test_it_says_where_it_leads() -> None:
    assert repr(Socket("Example.COM", 80)) == "Socket('example.com', 80)"
    assert repr(SecureSocket("bücher.example", 443)) == "SecureSocket('xn--bcher-kva.example', 443)"


async def test_what_no_class_of_its_own_connects_cannot() -> None:
    with pytest.raises(TypeError, match="_Connector cannot connect"):
        await _Connector[trio.abc.Stream]("a.test", 1)
