from __future__ import annotations

import copy
import pickle

import pytest
import trio

from trio_https import Headers
from trio_wss import (
    ConnectionClosed,
    ConnectionLost,
    MessageTooLarge,
    PingTimeout,
    ProtocolViolation,
    UpgradeRefused,
    WebSocketError,
)

EXAMPLES: list[tuple[WebSocketError, str]] = [
    (
        UpgradeRefused(404, "Not Found", Headers([(b"Server", b"x")]), b"gone"),
        "the server refused the WebSocket handshake: it answered 404 Not Found, not 101",
    ),
    (
        UpgradeRefused(599, "", Headers([]), b""),
        "the server refused the WebSocket handshake: it answered 599, not 101",
    ),
    (ProtocolViolation("reserved bits", 1002), "reserved bits"),
    (
        MessageTooLarge(1024),
        "the server sent a message of over 1024 bytes; raise max_message_size to accept it",
    ),
    (
        MessageTooLarge(8, "max_frame_size"),
        "the server sent a frame of over 8 bytes; raise max_frame_size to accept it",
    ),
    (
        MessageTooLarge(8, "max_fragments"),
        "the server sent a message in more than 8 fragments; raise max_fragments to accept it",
    ),
    (PingTimeout("silent"), "silent"),
    (ConnectionClosed(1000), "the server closed the WebSocket with code 1000"),
    (ConnectionClosed(4000, "enough"), "the server closed the WebSocket with code 4000: enough"),
    (ConnectionLost("it broke"), "it broke"),
]


@pytest.mark.parametrize(("error", "message"), EXAMPLES)
def test_an_error_says_what_happened_also_after_copying_and_pickling(
    error: WebSocketError, message: str
) -> None:
    for one in (error, copy.copy(error), pickle.loads(pickle.dumps(error))):  # noqa: S301  # our own pickle
        assert type(one) is type(error)
        assert str(one) == message


def test_attributes_survive_copying() -> None:
    refused = copy.copy(EXAMPLES[0][0])
    assert isinstance(refused, UpgradeRefused)
    assert (refused.status, refused.reason, refused.headers["server"], refused.body) == (
        404,
        "Not Found",
        "x",
        b"gone",
    )
    closed = copy.copy(ConnectionClosed(4000, "enough"))
    assert (closed.code, closed.reason) == (4000, "enough")
    assert MessageTooLarge(7).limit == 7
    assert MessageTooLarge(7).code == 1009
    assert ProtocolViolation("in the handshake").code is None


def test_a_lost_connection_is_closed_with_1006() -> None:
    lost = ConnectionLost("it broke")
    assert isinstance(lost, ConnectionClosed)
    assert (lost.code, lost.reason) == (1006, "")


@pytest.mark.parametrize("error", [error for error, _ in EXAMPLES])
def test_code_written_for_any_trio_stream_catches_every_error(error: WebSocketError) -> None:
    assert isinstance(error, trio.BrokenResourceError)


def test_silence_is_too_slow_and_a_loss() -> None:
    silent = PingTimeout("silent")
    assert isinstance(silent, trio.TooSlowError)
    assert isinstance(silent, ConnectionLost)
    assert silent.code == 1006
