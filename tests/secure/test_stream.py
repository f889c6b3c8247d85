from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import cast

import pytest
import trio
from trio.testing import (
    check_half_closeable_stream,
    check_two_way_stream,
    lockstep_stream_pair,
    memory_stream_pair,
    wait_all_tasks_blocked,
)

from support.cancellation import every_checkpoint
from support.counting_stream import CountingStream
from support.identities import authority as client_authority
from support.identities import client, identity
from support.openssl_peer import (
    NAME,
    TRANSPORT_ERRORS,
    OpenSSLPeer,
    Transports,
    authority,
    secure_pair,
    server_context,
    trusting,
)
from support.record_peer import established
from support.rough_stream import RoughStream
from support.scripted_script import Script, leaf
from support.scripted_server import PLAIN, accepted, serve
from support.scripted_wire import ServerWire
from support.tls_server import ignore, tcp_server
from trio_secure import (
    AlertDescription,
    AlertReceived,
    LegacyTLSWarning,
    PeerMisbehaved,
    SecureStream,
    TLSConfig,
    TraceEvent,
    Truncated,
)
from trio_secure._stream import _close  # pyright: ignore[reportPrivateUsage]
from trio_secure._versions import Version

TLS12, TLS13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
both_versions = pytest.mark.parametrize("version", [TLS12, TLS13], ids=["1.2", "1.3"])
Secure = SecureStream[trio.abc.Stream]


async def wrap(transport: trio.abc.Stream, config: TLSConfig | None = None) -> Secure:
    return await Secure.wrap(transport, NAME, config or trusting())


def maker(
    context: ssl.SSLContext, transports: Transports
) -> Callable[[], Coroutine[None, None, tuple[Secure, OpenSSLPeer]]]:
    async def make() -> tuple[Secure, OpenSSLPeer]:
        return await secure_pair(context, transports=transports)

    return make


def senders(stream: Secure) -> tuple[Callable[[], Awaitable[None]], ...]:
    return (lambda: stream.send_all(b"x"), stream.send_eof, stream.wait_send_all_might_not_block)


# ---- as a Trio stream


@both_versions
async def test_it_is_a_two_way_stream(autojump_clock: object, version: int) -> None:
    context = server_context(version=version)
    make, clogged = maker(context, memory_stream_pair), maker(context, lockstep_stream_pair)
    await check_two_way_stream(make, clogged)


async def test_it_is_a_half_closeable_stream(autojump_clock: object) -> None:
    context = server_context()
    make, clogged = maker(context, memory_stream_pair), maker(context, lockstep_stream_pair)
    await check_half_closeable_stream(make, clogged)


# ---- the handshake


@both_versions
async def test_wrap_gives_a_stream_that_knows_what_was_settled(version: int) -> None:
    ours, theirs = memory_stream_pair()
    stream, _ = await secure_pair(server_context(version=version), transports=lambda: (ours, theirs))
    assert stream.transport_stream is ours
    assert stream.info.version == version
    assert stream.info.server_name == NAME
    assert stream.info.verified_chain[-1] == authority().certificate_der


async def test_the_configuration_may_be_a_dictionary_and_name_the_server() -> None:
    config = {"certificate": authority().certificate_der, "serverName": NAME}
    ours, theirs = memory_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(OpenSSLPeer(theirs, server_context()).do_handshake)
        stream = await SecureStream.wrap(ours, "another.test", config)
    assert stream.info.server_name == NAME


async def test_a_name_is_needed_for_verification_and_only_then() -> None:
    ours, theirs = memory_stream_pair()
    with pytest.raises(ValueError, match="a server name is needed"):
        await SecureStream.wrap(ours, None)
    with pytest.raises(TypeError, match="server_name must be a str, not int"):
        await SecureStream.wrap(ours, cast("str", 7))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(OpenSSLPeer(theirs, server_context()).do_handshake)
        stream = await SecureStream.wrap(ours, None, TLSConfig(verify=False))
    assert stream.info.server_name is None
    assert stream.info.verified_chain == ()


@both_versions
async def test_a_handshake_cancelled_at_any_checkpoint_leaves_nothing_open(version: int) -> None:
    context = server_context(version=version)
    rounds = 0
    for cancelling in every_checkpoint():
        ours, theirs = memory_stream_pair()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_handshake_or_not, OpenSSLPeer(theirs, context))
            stream = await cancelling.run(wrap, CountingStream(ours))
            if cancelling.cancelled:
                assert CountingStream.open_streams == 0
                assert stream is None
            else:
                assert stream is not None
                await stream.aclose()
        rounds += 1
    assert CountingStream.open_streams == 0
    assert rounds >= 3


async def _handshake_or_not(peer: OpenSSLPeer) -> None:
    with suppress(ssl.SSLError, *TRANSPORT_ERRORS):
        await peer.do_handshake()


async def test_an_error_of_the_users_own_is_told_to_the_peer_and_closes_the_transport() -> None:
    def sink(event: TraceEvent) -> None:
        if event.name == "Certificate":
            raise ZeroDivisionError("of the sink")

    ours, theirs = memory_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_expect_alert, OpenSSLPeer(theirs, server_context()), "TLSV1_ALERT_INTERNAL_ERROR")
        with pytest.raises(ZeroDivisionError):
            await wrap(CountingStream(ours), trusting(trace=sink))
    assert CountingStream.open_streams == 0


async def _expect_alert(peer: OpenSSLPeer, reason: str) -> None:
    with pytest.raises(ssl.SSLError) as caught:
        await peer.do_handshake()
    assert caught.value.reason == reason


async def test_an_exit_of_the_program_closes_the_transport_too() -> None:
    def sink(event: TraceEvent) -> None:
        raise SystemExit

    with pytest.raises(SystemExit):
        await wrap(CountingStream(memory_stream_pair()[0]), trusting(trace=sink))
    assert CountingStream.open_streams == 0


# ---- servers that are none


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "it answered in plain HTTP"),
        (b"<html>", "plain HTTP"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "it answered in SSH"),
        (b"220 mail.test ESMTP\r\n", "STARTTLS"),
        (b"\xde\xad\xbe\xef\x00\x00\x00", "something that is not a TLS record"),
        (b"\x16\x03\x03\xff\xff", "announces 65535 bytes"),
        (b"\x17\x03\x03\x00\x01x", "a record of type 23 came instead of ServerHello"),
        (b"\x15\x03\x03\x00\x01x", "an alert record of 1 bytes"),
        (b"\x16\x03\x03\x00\x00", "an empty handshake record"),
        (b"\x16\x03\x03\x00\x04\x02\xff\xff\xff", "announces 16777215 bytes"),
    ],
)
async def test_a_server_that_does_not_speak_tls_is_named(answer: bytes, message: str) -> None:
    ours, theirs = memory_stream_pair()
    await theirs.send_all(answer)
    with pytest.raises(PeerMisbehaved, match=message) as caught:
        await wrap(CountingStream(ours))
    assert caught.value.phase == "ServerHello"
    assert CountingStream.open_streams == 0


async def test_a_server_that_closes_at_once() -> None:
    ours, theirs = memory_stream_pair()
    await theirs.send_eof()
    with pytest.raises(Truncated, match="the server ended the connection instead of sending ServerHello"):
        await wrap(CountingStream(ours))
    assert CountingStream.open_streams == 0


async def test_a_server_that_resets() -> None:
    ours, _ = memory_stream_pair()
    rough = RoughStream(ours)
    rough.receiving = trio.BrokenResourceError("reset")
    rough.closing = trio.BrokenResourceError("reset")
    with pytest.raises(Truncated, match="the server ended the connection instead of sending ServerHello"):
        await wrap(rough)


async def test_a_server_that_refuses() -> None:
    ours, theirs = memory_stream_pair()
    await theirs.send_all(b"\x15\x03\x03\x00\x02\x02\x28")
    with pytest.raises(AlertReceived, match="handshake_failure"):
        await wrap(ours)


async def test_a_server_that_says_nothing_has_as_long_as_the_user_gives_it(autojump_clock: object) -> None:
    ours, _ = memory_stream_pair()
    with pytest.raises(trio.TooSlowError), trio.fail_after(30):
        await wrap(CountingStream(ours))
    assert CountingStream.open_streams == 0


async def test_a_peer_that_does_not_read_its_alert_delays_an_error_by_little(
    autojump_clock: trio.testing.MockClock,
) -> None:
    ours, theirs = lockstep_stream_pair()

    async def server() -> None:
        await theirs.receive_some(2**16)
        await theirs.send_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(server)
        with pytest.raises(PeerMisbehaved, match="plain HTTP"):
            await wrap(ours)
    assert autojump_clock.current_time() <= 2


async def test_a_transport_that_does_not_close_does_not_delay_an_error_for_ever(
    autojump_clock: object,
) -> None:
    class Stuck(CountingStream):
        async def aclose(self) -> None:
            await trio.sleep_forever()

    await _close(Stuck(memory_stream_pair()[0]))
    CountingStream.open_streams = 0


# ---- receiving


@both_versions
@pytest.mark.parametrize("size", [1, 2, 3, 1000, 16384, 16385, 40000, None])
async def test_max_bytes_of_any_size_gives_the_same_bytes(version: int, size: int | None) -> None:
    data = bytes(range(251)) * (160 if size is None or size > 2 else 8)
    stream, peer = await secure_pair(server_context(version=version))
    await peer.send_all(data)
    await peer.send_eof()
    received = b""
    while piece := await stream.receive_some(size):
        assert size is None or len(piece) <= size
        received += piece
    assert received == data


@pytest.mark.parametrize("wrong", [0, -1])
async def test_max_bytes_must_be_positive(wrong: int) -> None:
    stream, _ = established()
    with pytest.raises(ValueError, match="max_bytes must be at least 1"):
        await stream.receive_some(wrong)
    with pytest.raises(TypeError, match="max_bytes must be an int, not float"):
        await stream.receive_some(cast("int", 1.5))


async def test_a_cancelled_receive_loses_nothing_wherever_the_data_was_cut() -> None:
    stream, peer = established()
    for cut in range(26):
        record = peer.seal(23, b"abcd")
        await _receive_in_vain(stream, peer.transport, record[:cut])
        await peer.transport.send_all(record[cut:])
        assert await stream.receive_some() == b"abcd"


async def test_a_cancelled_receive_loses_nothing_over_tcp() -> None:
    async def serve(transport: trio.abc.Stream) -> None:
        peer = OpenSSLPeer(transport, server_context(tickets=2))
        await peer.do_handshake()
        for _ in range(30):
            await peer.send_all(await peer.receive_some())
        await peer.aclose()

    async with tcp_server(serve) as port:
        stream = await wrap(await trio.open_tcp_stream("127.0.0.1", port))
        for round_ in range(30):
            await stream.send_all(b"%02d" % round_ * 5000)
            received = b""
            while len(received) < 10000:
                for cancelling in every_checkpoint():
                    piece = await cancelling.run(stream.receive_some, 6000)
                    if piece is not None:
                        received += piece
                        break
            assert received == b"%02d" % round_ * 5000
        assert await stream.receive_some() == b""
        await stream.aclose()


async def test_over_tcp_a_stream_tells_that_there_is_nothing_to_receive() -> None:
    async def serve(transport: trio.abc.Stream) -> None:
        peer = OpenSSLPeer(transport, server_context(tickets=0))
        await peer.do_handshake()
        await peer.send_all(await peer.receive_some())
        await peer.receive_some()

    async with tcp_server(serve) as port:
        stream = await wrap(await trio.open_tcp_stream("127.0.0.1", port))
        assert stream.nothing_to_receive()
        await stream.send_all(b"hello")
        assert await stream.receive_some(2) == b"he"
        assert not stream.nothing_to_receive()
        assert await stream.receive_some() == b"llo"
        assert stream.nothing_to_receive()
        await stream.send_all(b"the end")
        with pytest.raises(trio.BrokenResourceError):
            await stream.receive_some()
        assert not stream.nothing_to_receive()
        await stream.transport_stream.aclose()
        await stream.aclose()
        assert not stream.nothing_to_receive()


async def test_over_other_transports_it_asks_or_does_not_know() -> None:
    class Telling(CountingStream):
        def nothing_to_receive(self) -> bool:
            return True

    for kind, known in ((CountingStream, False), (Telling, True)):
        ours, theirs = memory_stream_pair()
        peer = OpenSSLPeer(theirs, server_context(tickets=0))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(peer.do_handshake)
            stream = await wrap(kind(ours))
        assert stream.nothing_to_receive() is known
        await stream.aclose()


async def test_a_transport_closed_underneath_is_not_quiet() -> None:
    async def serve(transport: trio.abc.Stream) -> None:
        await OpenSSLPeer(transport, server_context(tickets=0)).do_handshake()

    async with tcp_server(serve) as port:
        stream = await wrap(await trio.open_tcp_stream("127.0.0.1", port))
        await stream.transport_stream.aclose()
        assert not stream.nothing_to_receive()


async def _receive_in_vain(stream: Secure, transport: trio.abc.Stream, piece: bytes) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stream.receive_some)
        await wait_all_tasks_blocked()
        if piece:
            await transport.send_all(piece)
        await wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()


async def test_a_receive_cancelled_before_it_begins_leaves_the_data() -> None:
    stream, peer = established()
    await peer.send_data(b"data")
    with trio.CancelScope() as scope:
        scope.cancel()
        await stream.receive_some()
    assert scope.cancelled_caught
    assert await stream.receive_some(2) == b"da"
    assert await stream.receive_some() == b"ta"


@both_versions
async def test_the_end_is_a_close_notify_and_stays(version: int) -> None:
    stream, peer = await secure_pair(server_context(version=version))
    await peer.send_eof()
    assert [await stream.receive_some() for _ in range(3)] == [b"", b"", b""]


@both_versions
async def test_a_bare_end_is_truncation_and_stays(version: int) -> None:
    stream, peer = await secure_pair(server_context(version=version))
    await peer.send_all(b"half")
    await peer.transport.aclose()
    assert await stream.receive_some() == b"half"
    for _ in range(2):
        with pytest.raises(Truncated, match="may be incomplete") as caught:
            await stream.receive_some()
        assert caught.value.phase == "application data"


# ---- sending


@both_versions
async def test_send_eof_leaves_receiving_open(version: int) -> None:
    stream, peer = await secure_pair(server_context(version=version))
    await stream.send_all(b"question")
    await stream.send_eof()
    assert await peer.receive_some() == b"question"
    assert await peer.receive_some() == b""
    if version == TLS13:
        await peer.send_all(b"answer")
        assert await stream.receive_some() == b"answer"
    await peer.aclose()
    assert await stream.receive_some() == b""
    with pytest.raises(trio.ClosedResourceError, match="send_eof"):
        await stream.send_all(b"more")


async def test_a_cancelled_send_breaks_sending_alone(autojump_clock: object) -> None:
    stream, peer = established(transports=lockstep_stream_pair)
    with trio.move_on_after(1):
        await stream.send_all(b"x" * 100_000)
    for send in senders(stream):
        with pytest.raises(trio.BrokenResourceError, match="an earlier send was interrupted"):
            await send()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(peer.send_data, b"data")
        assert await stream.receive_some() == b"data"
    await stream.aclose()


async def test_a_send_cancelled_before_it_begins_breaks_nothing() -> None:
    stream, peer = established()
    with trio.CancelScope() as scope:
        scope.cancel()
        await stream.send_all(b"never")
    await stream.send_all(b"sent")
    assert (await peer.receive()).content == b"sent"


# ---- two tasks


async def test_one_receiver_and_one_sender_at_a_time() -> None:
    stream, _ = established(transports=lockstep_stream_pair)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stream.receive_some)
        nursery.start_soon(stream.send_all, b"x")
        await wait_all_tasks_blocked()
        with pytest.raises(trio.BusyResourceError, match="receiving"):
            await stream.receive_some()
        for send in senders(stream):
            with pytest.raises(trio.BusyResourceError, match="sending"):
                await send()
        nursery.cancel_scope.cancel()


async def test_over_tcp_a_cancelled_send_breaks_sending_alone() -> None:
    more, reads = bytes(2**24), trio.Event()

    async def serve(transport: trio.abc.Stream) -> None:
        peer = OpenSSLPeer(transport, server_context())
        await peer.do_handshake()
        await reads.wait()
        await peer.send_all(b"still")
        with pytest.raises(trio.BrokenResourceError):
            await ignore(peer)

    async with tcp_server(serve) as port:
        stream = await wrap(await trio.open_tcp_stream("127.0.0.1", port))
        with trio.CancelScope() as scope:
            scope.cancel()
            await stream.send_all(b"never")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(stream.send_all, more)
            await wait_all_tasks_blocked()
            with pytest.raises(trio.BusyResourceError):
                await stream.send_all(b"meanwhile")
            nursery.cancel_scope.cancel()
        with pytest.raises(trio.BrokenResourceError, match="interrupted"):
            await stream.send_all(b"afterwards")
        reads.set()
        assert await stream.receive_some() == b"still"
        await stream.aclose()


@both_versions
async def test_large_transfers_both_ways_at_once_over_tcp(version: int) -> None:
    data = bytes(range(256)) * 4096

    async def serve(transport: trio.abc.Stream) -> None:
        peer = OpenSSLPeer(transport, server_context(version=version))
        await peer.do_handshake()
        await _exchange(peer, data)
        await peer.aclose()

    async with tcp_server(serve) as port:
        stream = await wrap(await trio.open_tcp_stream("127.0.0.1", port))
        await _exchange(stream, data)
        await stream.aclose()


async def _exchange(stream: trio.abc.Stream, data: bytes) -> None:
    received = bytearray()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stream.send_all, data)
        while len(received) < len(data):
            received += await stream.receive_some()
    assert received == data


# ---- closing


async def test_closing_says_goodbye_once_and_closes_the_transport() -> None:
    stream, peer = established()
    await stream.aclose()
    await stream.aclose()
    assert await peer.receive_alert() is AlertDescription.CLOSE_NOTIFY
    with pytest.raises(Truncated):
        await peer.receive()


async def test_everything_else_is_refused_after_closing() -> None:
    stream, _ = established()
    await stream.aclose()
    calls: tuple[Callable[[], Awaitable[object]], ...] = (stream.receive_some, *senders(stream))
    for call in calls:
        with pytest.raises(trio.ClosedResourceError):
            await call()


async def test_closing_after_send_eof_sends_nothing_more() -> None:
    stream, peer = established()
    await stream.send_eof()
    await stream.send_eof()
    await stream.aclose()
    assert await peer.receive_alert() is AlertDescription.CLOSE_NOTIFY
    with pytest.raises(Truncated):
        await peer.receive()


async def test_closing_does_not_wait_for_a_peer_that_does_not_read(
    autojump_clock: trio.testing.MockClock,
) -> None:
    ours, theirs = lockstep_stream_pair()
    stream, _ = established(transports=lambda: (CountingStream(ours), theirs))
    await stream.aclose()
    assert autojump_clock.current_time() <= 1
    assert CountingStream.open_streams == 0


async def test_closing_when_cancelled_closes_the_transport() -> None:
    stream, peer = established()
    await trio.aclose_forcefully(stream)
    with pytest.raises(Truncated):
        await peer.receive()


async def test_closing_at_every_checkpoint_closes_the_transport() -> None:
    for cancelling in every_checkpoint():
        ours, theirs = memory_stream_pair()
        stream, _ = established(transports=lambda: (CountingStream(ours), theirs))  # noqa: B023
        await cancelling.run(stream.aclose)
        assert CountingStream.open_streams == 0


async def test_closing_interrupts_a_sender_and_a_receiver() -> None:
    stream, _ = established(transports=lockstep_stream_pair)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_expect_closed, stream.receive_some)
        nursery.start_soon(_expect_closed, lambda: stream.send_all(b"x"))
        await wait_all_tasks_blocked()
        await stream.aclose()


async def test_closing_interrupts_a_receiver_that_owes_the_peer_something(autojump_clock: object) -> None:
    stream, peer = established(transports=lockstep_stream_pair)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_expect_closed, stream.receive_some)
        await peer.send_key_update(request=True)
        await wait_all_tasks_blocked()
        await stream.aclose()


async def _expect_closed(call: Callable[[], Awaitable[object]]) -> None:
    with pytest.raises(trio.ClosedResourceError):
        await call()


# ---- any transport


async def test_tls_in_tls() -> None:
    context = server_context()
    outer, outer_peer = await secure_pair(context)
    inner, inner_peer = await secure_pair(context, transports=lambda: (outer, outer_peer))
    await inner.send_all(b"question")
    assert await inner_peer.receive_some() == b"question"
    await inner_peer.send_all(b"answer")
    await inner_peer.aclose()
    assert await inner.receive_some() == b"answer"
    assert await inner.receive_some() == b""
    await inner.aclose()


async def test_a_unix_socket(tmp_path: Path) -> None:
    path = str(tmp_path / "socket")
    with trio.socket.socket(trio.socket.AF_UNIX) as listening:
        await listening.bind(path)
        listening.listen()
        ours = await trio.open_unix_socket(path)
        accepted, _ = await listening.accept()
    theirs = trio.SocketStream(accepted)
    stream, peer = await secure_pair(transports=lambda: (ours, theirs))
    await peer.send_all(b"hello")
    assert await stream.receive_some() == b"hello"
    await stream.aclose()
    await peer.aclose()


# ---- what a connection has besides data


@pytest.mark.parametrize("both", [True, False])
async def test_keys_change_with_a_real_server(both: bool) -> None:
    stream, peer = await secure_pair()
    for _ in range(3):
        await stream.update_keys(both=both)
        await stream.send_all(b"question")
        assert await peer.receive_some() == b"question"
        await peer.send_all(b"answer")
        assert await stream.receive_some() == b"answer"


async def test_secrets_and_bindings_are_the_connections_own() -> None:
    """`test_bindings` asks OpenSSL."""
    first, _ = await secure_pair()
    second, _ = await secure_pair()
    assert first.export_keying_material("label", None, 32) == first.export_keying_material(b"label", b"", 32)
    assert first.export_keying_material("label", None, 32) != second.export_keying_material("label", None, 32)
    assert first.channel_binding("tls-exporter") != second.channel_binding("tls-exporter")


async def test_asked_after_the_handshake_it_answers_a_real_server() -> None:
    context = server_context()
    context.post_handshake_auth = True
    context.verify_mode = ssl.CERT_OPTIONAL
    context.load_verify_locations(cadata=client_authority().certificate_pem.decode())
    stream, peer = await secure_pair(
        context, config=trusting(post_handshake_auth=True, client_identities=[identity("p256")])
    )
    assert peer.tls.getpeercert(binary_form=True) is None
    peer.tls.verify_client_post_handshake()
    # OpenSSL asks with what it sends next, and learns the answer when it reads.
    await peer.send_all(b"question")
    assert await stream.receive_some() == b"question"
    await stream.send_all(b"x")
    assert await peer.receive_some() == b"x"
    assert peer.tls.getpeercert(binary_form=True) == client("p256").certificate_der


@pytest.mark.parametrize("version", [Version.TLS10, Version.TLS11])
@pytest.mark.parametrize("name", ["scripted.test", None])
async def test_a_version_out_of_use_warns_where_it_is_used(version: Version, name: str | None) -> None:
    config = PLAIN.replace(min_version=version, max_version=version)
    ours, theirs = memory_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve, ServerWire(theirs, Script(version=version, leaf=leaf("p256"))))
        with pytest.warns(LegacyTLSWarning) as caught:
            stream = await Secure.wrap(ours, name, config)
        await stream.aclose()
    (warning,) = caught
    assert str(warning.message) == (
        f"{name or 'the server'} speaks only {version.label}, which is out of use (RFC 8996)"
    )
    assert warning.filename == __file__


async def test_a_warning_that_is_an_error_ends_the_connection() -> None:
    config = PLAIN.replace(min_version=Version.TLS10, max_version=Version.TLS10)
    ours, theirs = memory_stream_pair()
    server = ServerWire(theirs, Script(version=Version.TLS10, leaf=leaf("p256")))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve, server)
        with pytest.raises(LegacyTLSWarning, match="speaks only"):
            await Secure.wrap(CountingStream(ours), "scripted.test", config)
    assert CountingStream.open_streams == 0
    assert [alert.description for alert in server.alerts] == [AlertDescription.INTERNAL_ERROR]


@pytest.mark.parametrize("early_data", [b"data", bytearray(b"data"), memoryview(b"data"), b""])
async def test_early_data_is_bytes(early_data: bytes | bytearray | memoryview) -> None:
    """`test_early_data` has what becomes of it."""
    ours, theirs = memory_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(OpenSSLPeer(theirs, server_context()).do_handshake)
        stream = await Secure.wrap(ours, NAME, trusting(), early_data=early_data)
    assert stream.info.early_data_accepted is None


@pytest.mark.parametrize("early_data", ["data", 7, None])
async def test_anything_else_is_none_and_leaves_the_transport_open(early_data: object) -> None:
    ours, _ = memory_stream_pair()
    with pytest.raises(TypeError, match="bytes-like object is required"):
        await Secure.wrap(ours, NAME, trusting(), early_data=cast("bytes", early_data))
    await ours.send_all(b"still open")


async def test_tickets_may_come_at_any_time() -> None:
    stream, peer = await secure_pair(server_context(tickets=4))
    await peer.send_all(b"data")
    assert await stream.receive_some() == b"data"


async def test_a_hello_request_that_shares_the_finisheds_record_is_refused_politely() -> None:
    script = Script(version=Version.TLS12, trail={"Finished": bytes(4)})
    await accepted(script, warnings=[AlertDescription.NO_RENEGOTIATION])


@both_versions
async def test_a_change_cipher_spec_after_the_handshake_is_refused(
    autojump_clock: object, version: int
) -> None:
    # RFC 9846 §5 [8446 §5]: they are dropped only "before the peer's Finished message has been received".
    stream, peer = await secure_pair(server_context(version=version, tickets=0))
    await peer.transport.send_all(b"\x14\x03\x03\x00\x01\x01")
    with pytest.raises(PeerMisbehaved) as caught, trio.fail_after(1):
        await stream.receive_some()
    assert caught.value.alert in (AlertDescription.UNEXPECTED_MESSAGE, AlertDescription.BAD_RECORD_MAC)
