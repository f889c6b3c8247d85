"""What can go wrong with a WebSocket, as exceptions.

Theory of operation: a connection ends once, for one reason, and everybody who uses it afterwards is told that
reason::

    WebSocketError              also a trio.BrokenResourceError
    ├── UpgradeRefused          the server answered the handshake with an ordinary HTTP response
    ├── ProtocolViolation       the server broke HTTP's or WebSocket's rules; code is what it was told
    ├── MessageTooLarge         a message above a limit; refused with 1009, by its header alone if it says so
    └── ConnectionClosed        the server closed the connection; code and reason are its own
        └── ConnectionLost      it ended without a Close frame: code is 1006; __cause__ says why, where known
            └── PingTimeout     the server answered no Ping in time; also a trio.TooSlowError

Each is made from what it reports, so that it can be copied and pickled. Beside them stand Trio's own:
`trio.ClosedResourceError` once this side has closed the connection, and `trio.TooSlowError` for a handshake
that takes too long. What a Socket factory raises passes unchanged.
"""

from __future__ import annotations

import trio

from trio_https import Headers

from ._close_codes import ABNORMAL_CLOSURE, MESSAGE_TOO_BIG


class WebSocketError(trio.BrokenResourceError):
    """The connection cannot be opened, or has ended. The base of all errors here."""


class UpgradeRefused(WebSocketError):
    """The server answered the opening handshake with an HTTP response that is not `101 Switching Protocols`.

    Attributes:
        status: the HTTP status code, such as 401, 404 or 302.
        reason: its reason phrase, such as "Not Found"; may be empty.
        headers: the fields of the response.
        body: the beginning of the response's body, at most 16 KiB of it.
    """

    def __init__(self, status: int, reason: str, headers: Headers, body: bytes) -> None:
        super().__init__(status, reason, headers, body)
        self.status = status
        self.reason = reason
        self.headers = headers
        self.body = body

    def __str__(self) -> str:
        phrase = f" {self.reason}" if self.reason else ""
        return f"the server refused the WebSocket handshake: it answered {self.status}{phrase}, not 101"


class ProtocolViolation(WebSocketError):
    """The server sent what HTTP or RFC 6455 forbids; the connection was failed (§7.1.7).

    Attributes:
        code: the close code the server was told: 1002, or 1007 for text that is not UTF-8. `None` if the
            violation was in the opening handshake, where there is no Close frame yet.
    """

    def __init__(self, message: str, code: int | None = None) -> None:
        super().__init__(message, code)
        self.message = message
        self.code = code

    def __str__(self) -> str:
        return self.message


class MessageTooLarge(WebSocketError):
    """A message is longer than a limit allows. The server was told 1009.

    Attributes:
        limit: what is allowed: bytes, or the number of fragments.
        setting: the name of the limit: `max_message_size`, `max_frame_size` or `max_fragments`.
        code: the close code the server was told, 1009.
    """

    def __init__(self, limit: int, setting: str = "max_message_size") -> None:
        super().__init__(limit, setting)
        self.limit = limit
        self.setting = setting
        self.code = MESSAGE_TOO_BIG

    def __str__(self) -> str:
        what = {
            "max_message_size": f"a message of over {self.limit} bytes",
            "max_frame_size": f"a frame of over {self.limit} bytes",
            "max_fragments": f"a message in more than {self.limit} fragments",
        }[self.setting]
        return f"the server sent {what}; raise {self.setting} to accept it"


class ConnectionClosed(WebSocketError):
    """The server closed the connection.

    Attributes:
        code: its close code (RFC 6455 §7.4); 1005 if its Close frame had none.
        reason: its close reason, at most 123 bytes of text meant for developers; often empty.
    """

    def __init__(self, code: int, reason: str = "") -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason

    def __str__(self) -> str:
        why = f": {self.reason}" if self.reason else ""
        return f"the server closed the WebSocket with code {self.code}{why}"


class ConnectionLost(ConnectionClosed):
    """The connection ended without a Close frame. `code` is 1006, `reason` is empty."""

    def __init__(self, message: str) -> None:
        super().__init__(ABNORMAL_CLOSURE)
        self.args = (message,)

    def __str__(self) -> str:
        return str(self.args[0])


class PingTimeout(ConnectionLost, trio.TooSlowError):
    """Nothing came from the server for `ping_timeout` seconds, although a Ping asked it to answer."""
