from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any  # arguments of wrong types, on purpose

import pytest
import trio
import trio.testing

from support.cancellation import every_checkpoint
from support.websocket_peer import Peer, Request, accept_token
from trio_https import URL, HeadersLike
from trio_wss import ConnectionLost, ProtocolViolation, UpgradeRefused
from trio_wss._deflate import Deflate
from trio_wss._handshake import BODY_SECONDS, MAX_BODY, MAX_HEAD, Handshake, Upgrade

HERE = URL.parse("ws://server.test/chat?room=1", schemes=("ws", "wss"))

Answer = Callable[[Peer], Awaitable[None]]


async def perform(handshake: Handshake, answer: Answer) -> Upgrade:
    """Perform the handshake with a server that answers like this, and then closes."""
    client_end, server_end = trio.testing.memory_stream_pair()

    async def serve() -> None:
        await answer(Peer(server_end))
        await server_end.send_eof()

    failure: Exception | None = None
    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve)
        try:
            return await handshake.perform(client_end)
        except Exception as error:  # noqa: BLE001  # raised again, outside of the nursery
            failure = error
    raise failure


def says(*lines: str, body: bytes = b"", accept: bool = True) -> Answer:
    """Answers with these lines and the right Sec-WebSocket-Accept."""

    async def answer(peer: Peer) -> None:
        request = await peer.read_request()
        token = [f"Sec-WebSocket-Accept: {accept_token(request)}"] if accept else []
        await peer.send("\r\n".join([*lines, *token, "", ""]).encode("latin-1") + body)

    return answer


SWITCHING = "HTTP/1.1 101 Switching Protocols"
UPGRADE = "Upgrade: websocket"
CONNECTION = "Connection: Upgrade"


# The request


async def requested(**arguments: Any) -> Request:
    """The request as the server sees it."""
    requests: list[Request] = []

    async def answer(peer: Peer) -> None:
        requests.append(await peer.accept())

    await perform(Handshake(HERE, **arguments), answer)
    return requests[0]


async def test_the_request_is_the_one_of_the_rfc() -> None:
    request = await requested()
    assert request.line == "GET /chat?room=1 HTTP/1.1"
    fields = {name: value for name, value in request.fields if name != "Sec-WebSocket-Key"}
    assert fields == {
        "Host": "server.test",
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
    }


async def test_every_handshake_has_a_key_of_its_own() -> None:
    keys = {(await requested()).get_all("sec-websocket-key")[0] for _ in range(5)}
    assert len(keys) == 5


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Basic eA==", "X-One": b"1"},
        [("Authorization", "Basic eA=="), (b"X-One", "1")],
        {b"Authorization": "Basic eA==", b"X-One": "1"},
    ],
)
async def test_further_headers_are_sent(headers: HeadersLike) -> None:
    request = await requested(headers=headers)
    assert request.get_all("authorization") == ["Basic eA=="]
    assert request.get_all("x-one") == ["1"]


async def test_a_host_given_replaces_the_url_s() -> None:
    assert (await requested(headers={"HOST": "other.test"})).get_all("host") == ["other.test"]


async def test_subprotocols_are_offered_in_order() -> None:
    request = await requested(subprotocols=["chat.v2", "chat"])
    assert request.get_all("sec-websocket-protocol") == ["chat.v2, chat"]


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({"Upgrade": "h2c"}, "may not hold upgrade: the handshake sets"),
        ([("Sec-WebSocket-Key", "x"), ("CONNECTION", "x")], "connection, sec-websocket-key"),
        ({"Content-Length": "5"}, "content-length"),
        ({"X": "a\r\nY: b"}, "cannot be sent"),
        ({"X Y": "a"}, "cannot be sent"),
        ({"X": "ü"}, "ascii"),
    ],
)
def test_a_header_that_may_not_be_sent_is_refused(headers: HeadersLike, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Handshake(HERE, headers=headers)


@pytest.mark.parametrize("headers", [["ab"], [("X", 5)], [("X",)], [5], "X: y", {"X": None}])
def test_headers_that_are_not_pairs_of_text_are_refused(headers: Any) -> None:
    with pytest.raises(TypeError, match="a header is a pair"):
        Handshake(HERE, headers=headers)


@pytest.mark.parametrize("name", ["", "two words", "a,b", "ü", "a/b"])
def test_a_subprotocol_is_a_token(name: str) -> None:
    with pytest.raises(ValueError, match="is not a subprotocol name"):
        Handshake(HERE, [name])


def test_a_subprotocol_is_offered_once() -> None:
    with pytest.raises(ValueError, match="twice"):
        Handshake(HERE, ["chat", "chat"])


def test_one_name_is_no_sequence_of_names() -> None:
    with pytest.raises(TypeError, match=r"\['chat'\]"):
        Handshake(HERE, "chat")


# The response


async def test_an_upgrade_is_accepted_in_any_case_and_with_more_options() -> None:
    answer = says(SWITCHING, "upgrade: WebSocket", "connection: keep-alive, UPGRADE", "Set-Cookie: a=b")
    upgrade = await perform(Handshake(HERE), answer)
    assert upgrade.subprotocol is None
    assert upgrade.headers["set-cookie"] == "a=b"
    assert upgrade.received == b""


async def test_a_connection_field_may_be_repeated() -> None:
    await perform(Handshake(HERE), says(SWITCHING, UPGRADE, CONNECTION, "Connection: keep-alive"))


async def test_frames_right_behind_the_response_are_kept() -> None:
    upgrade = await perform(Handshake(HERE), says(SWITCHING, UPGRADE, CONNECTION, body=b"\x81\x01x"))
    assert upgrade.received == b"\x81\x01x"


async def test_a_response_may_come_byte_by_byte() -> None:
    async def answer(peer: Peer) -> None:
        request = await peer.read_request()
        lines = [SWITCHING, UPGRADE, CONNECTION, f"Sec-WebSocket-Accept: {accept_token(request)}"]
        for byte in "\r\n".join([*lines, "", ""]).encode():
            await peer.send(bytes([byte]))

    assert (await perform(Handshake(HERE), answer)).received == b""


async def test_interim_responses_are_read_past() -> None:
    hints = "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n"
    await perform(Handshake(HERE), says(hints, hints, SWITCHING, UPGRADE, CONNECTION))


async def test_interim_responses_without_end_are_refused() -> None:
    hints = "HTTP/1.1 103 Early Hints\r\n"
    with pytest.raises(ProtocolViolation, match="17 interim"):
        await perform(Handshake(HERE), says(*[hints] * 30, SWITCHING))


async def test_the_server_chooses_a_subprotocol() -> None:
    answer = says(SWITCHING, UPGRADE, CONNECTION, "Sec-WebSocket-Protocol: chat")
    assert (await perform(Handshake(HERE, ["chat.v2", "chat"]), answer)).subprotocol == "chat"


async def test_the_server_may_choose_none() -> None:
    assert (
        await perform(Handshake(HERE, ["chat"]), says(SWITCHING, UPGRADE, CONNECTION))
    ).subprotocol is None


async def test_compression_is_offered_and_agreed_on() -> None:
    request = await requested(deflate=Deflate())
    assert request.get_all("sec-websocket-extensions") == ["permessage-deflate; client_max_window_bits"]
    answer = says(
        SWITCHING,
        UPGRADE,
        CONNECTION,
        "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=10",
    )
    upgrade = await perform(Handshake(HERE, deflate=Deflate(level=9)), answer)
    assert upgrade.deflate == Deflate(level=9, server_max_window_bits=10)


async def test_the_server_may_decline_compression() -> None:
    upgrade = await perform(Handshake(HERE, deflate=Deflate()), says(SWITCHING, UPGRADE, CONNECTION))
    assert upgrade.deflate is None


async def test_an_answer_about_compression_that_breaks_the_rules_is_a_violation() -> None:
    answer = says(SWITCHING, UPGRADE, CONNECTION, "Sec-WebSocket-Extensions: permessage-deflate; x=1")
    with pytest.raises(ProtocolViolation, match="unknown parameter"):
        await perform(Handshake(HERE, deflate=Deflate()), answer)


BAD_RESPONSES = {
    "no Upgrade": (says(SWITCHING, CONNECTION), "no 'Upgrade: websocket'"),
    "another Upgrade": (says(SWITCHING, "Upgrade: h2c", CONNECTION), "no 'Upgrade: websocket'"),
    "two Upgrades": (says(SWITCHING, UPGRADE, "Upgrade: h2c", CONNECTION), "no 'Upgrade: websocket'"),
    "no Connection": (says(SWITCHING, UPGRADE), "no 'Connection: Upgrade'"),
    "another Connection": (says(SWITCHING, UPGRADE, "Connection: upgraded"), "no 'Connection: Upgrade'"),
    "no Accept": (says(SWITCHING, UPGRADE, CONNECTION, accept=False), "wrong Sec-WebSocket-Accept"),
    "a wrong Accept": (
        says(
            SWITCHING, UPGRADE, CONNECTION, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", accept=False
        ),
        "wrong Sec-WebSocket-Accept",
    ),
    "two Accepts": (
        says(SWITCHING, UPGRADE, CONNECTION, "Sec-WebSocket-Accept: x"),
        "wrong Sec-WebSocket-Accept",
    ),
    "an extension": (
        says(SWITCHING, UPGRADE, CONNECTION, "Sec-WebSocket-Extensions: permessage-deflate"),
        "agrees to the extension 'permessage-deflate', which was not offered",
    ),
    "an extension behind an empty field": (
        says(SWITCHING, UPGRADE, CONNECTION, "Sec-WebSocket-Extensions: x", "Sec-WebSocket-Extensions:"),
        "agrees to the extension 'x', which was not offered",
    ),
    "a subprotocol not offered": (
        says(SWITCHING, UPGRADE, CONNECTION, "Sec-WebSocket-Protocol: other"),
        "'other', which was not offered",
    ),
    "a subprotocol in another case": (
        says(SWITCHING, UPGRADE, CONNECTION, "Sec-WebSocket-Protocol: CHAT"),
        "'CHAT', which was not offered",
    ),
    "two subprotocols": (
        says(SWITCHING, UPGRADE, CONNECTION, "Sec-WebSocket-Protocol: chat", "Sec-WebSocket-Protocol: talk"),
        "'chat, talk', which was not offered",
    ),
    "a list of subprotocols": (
        says(SWITCHING, UPGRADE, CONNECTION, "Sec-WebSocket-Protocol: chat, talk"),
        "'chat, talk', which was not offered",
    ),
    "a subprotocol that is not ASCII": (
        says(SWITCHING, UPGRADE, CONNECTION, "Sec-WebSocket-Protocol: \xff"),
        "which was not offered",
    ),
    "HTTP/1.0": (says("HTTP/1.0 101 Switching Protocols", UPGRADE, CONNECTION), "is not HTTP/1.1"),
    "another protocol": (says("SSH-2.0-OpenSSH_9.2"), "did not answer the handshake in HTTP/1.1"),
    "a TLS alert": (says("\x15\x03\x01\x00\x02\x02\x46"), "did not answer the handshake in HTTP/1.1"),
    "a header without a name": (says(SWITCHING, ": x"), "did not answer the handshake in HTTP/1.1"),
    "a header that is too long": (
        says(SWITCHING, *["X: " + "x" * 4000] * 30),
        f"more than {MAX_HEAD} bytes",
    ),
}


@pytest.mark.parametrize(("answer", "message"), BAD_RESPONSES.values(), ids=BAD_RESPONSES)
async def test_a_response_that_breaks_the_rules_is_a_violation(answer: Answer, message: str) -> None:
    with pytest.raises(ProtocolViolation, match=message) as caught:
        await perform(Handshake(HERE, ["chat", "talk"]), answer)
    assert caught.value.code is None
    assert "ws://server.test" in str(caught.value)


async def test_a_header_without_end_is_refused_while_it_comes() -> None:
    client_end, server_end = trio.testing.lockstep_stream_pair()
    sent = 0

    async def serve() -> None:
        nonlocal sent
        peer = Peer(server_end)
        await peer.read_request()
        await peer.send(b"HTTP/1.1 101 Switching Protocols\r\n")
        with suppress(trio.BrokenResourceError):
            while True:
                await peer.send(b"X: " + b"x" * 1000 + b"\r\n")
                sent += 1000

    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve)
        with pytest.raises(ProtocolViolation, match="header section"):
            await Handshake(HERE).perform(client_end)
        await client_end.aclose()
    assert sent < 2 * MAX_HEAD


# A refusal


async def refused(answer: Answer) -> UpgradeRefused:
    with pytest.raises(UpgradeRefused) as caught:
        await perform(Handshake(HERE), answer)
    return caught.value


async def test_any_other_status_is_a_refusal() -> None:
    answer = says("HTTP/1.1 401 Unauthorized", "WWW-Authenticate: Basic", "Content-Length: 5", body=b"go on")
    error = await refused(answer)
    assert (error.status, error.reason, error.body) == (401, "Unauthorized", b"go on")
    assert error.headers["www-authenticate"] == "Basic"


async def test_200_is_a_refusal_too() -> None:
    error = await refused(says("HTTP/1.1 200 OK", UPGRADE, CONNECTION, "Content-Length: 2", body=b"hi"))
    assert (error.status, error.body) == (200, b"hi")


async def test_a_body_until_the_connection_closes() -> None:
    assert (await refused(says("HTTP/1.1 404 Not Found", body=b"nothing here"))).body == b"nothing here"


async def test_only_the_beginning_of_a_long_body_is_kept() -> None:
    body = b"x" * (4 * MAX_BODY)
    answer = says("HTTP/1.1 500 Oops", f"Content-Length: {len(body)}", body=body)
    assert (await refused(answer)).body == body[:MAX_BODY]


async def test_a_body_that_breaks_off_does_not_hide_the_refusal() -> None:
    error = await refused(says("HTTP/1.1 503 Later", "Content-Length: 100", body=b"half"))
    assert (error.status, error.body) == (503, b"half")


async def test_a_body_that_does_not_come_does_not_delay_the_refusal(autojump_clock: trio.abc.Clock) -> None:
    client_end, server_end = trio.testing.memory_stream_pair()
    await server_end.send_all(b"HTTP/1.1 503 Later\r\nContent-Length: 100\r\n\r\nhal")
    started = trio.current_time()
    with pytest.raises(UpgradeRefused) as caught:
        await Handshake(HERE).perform(client_end)
    assert caught.value.body == b"hal"
    assert trio.current_time() - started == BODY_SECONDS


async def test_a_transport_that_breaks_in_the_body_does_not_hide_the_refusal() -> None:
    client_end, server_end = trio.testing.memory_stream_pair()
    await server_end.send_all(b"HTTP/1.1 503 Later\r\nContent-Length: 100\r\n\r\nhal")

    async def breaker() -> None:
        await trio.testing.wait_all_tasks_blocked()
        client_end.receive_stream.close()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(breaker)
        with pytest.raises(UpgradeRefused) as caught:
            await Handshake(HERE).perform(client_end)
    assert caught.value.body == b"hal"


# The end of the transport


async def test_a_server_that_closes_without_an_answer() -> None:
    async def answer(peer: Peer) -> None:
        await peer.read_request()

    with pytest.raises(ConnectionLost, match="before it answered"):
        await perform(Handshake(HERE), answer)


async def test_a_server_that_closes_within_its_answer() -> None:
    async def answer(peer: Peer) -> None:
        await peer.read_request()
        await peer.send(b"HTTP/1.1 101 Switching")

    with pytest.raises(ConnectionLost, match="before it answered"):
        await perform(Handshake(HERE), answer)


async def test_a_transport_that_cannot_send() -> None:
    client_end, server_end = trio.testing.memory_stream_pair()
    await server_end.aclose()
    with pytest.raises(ConnectionLost, match="broke in the handshake") as caught:
        await Handshake(HERE).perform(client_end)
    assert isinstance(caught.value.__cause__, trio.BrokenResourceError)


async def test_a_transport_that_cannot_receive() -> None:
    client_end, _ = trio.testing.memory_stream_pair()
    client_end.receive_stream.close()
    with pytest.raises(ConnectionLost, match="broke in the handshake") as caught:
        await Handshake(HERE).perform(client_end)
    assert isinstance(caught.value.__cause__, trio.ClosedResourceError)


async def test_a_handshake_can_be_cancelled_anywhere() -> None:
    for cancelling in every_checkpoint():
        client_end, server_end = trio.testing.lockstep_stream_pair()

        async def serve(stream: trio.abc.Stream) -> None:
            peer = Peer(stream)
            await peer.accept()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(serve, server_end)
            upgrade = await cancelling.run(Handshake(HERE).perform, client_end)
            assert cancelling.cancelled == (upgrade is None)
            nursery.cancel_scope.cancel()
