"""Every error of the HTTP client, as a tree.

Theory of operation: each class says who can do something about it, and its message says what happened, where,
and what to do. Errors that already have a type of their own come through as they are: `OSError` and TLS
errors from the Socket factory, whatever a request body's own iterator raises, and `trio.Cancelled`.

    HTTPError
    ├── InvalidURL           also a ValueError
    ├── InvalidRequest       also a ValueError
    ├── InsecureConnection
    ├── RedirectRefused
    ├── ProxyRefused
    ├── DownloadError
    │   ├── DownloadBusy
    │   └── DigestMismatch
    ├── ConnectionLost       also a trio.BrokenResourceError
    │   └── TruncatedBody
    ├── ProtocolError
    │   └── DecodingError
    ├── ResponseTooLarge
    └── TooSlow              also a trio.TooSlowError
"""

from __future__ import annotations

import trio


class HTTPError(Exception):
    """The base of all errors of this package."""


class InvalidURL(HTTPError, ValueError):
    """The URL cannot be used; the message says which part of it and why. Nothing was sent."""


class InvalidRequest(HTTPError, ValueError):
    """The request is not one that HTTP/1.1 can carry: a bad method, header, or body length.

    A body that turns out shorter or longer than its announced length is found when most of it is sent; the
    connection is then closed.
    """


class InsecureConnection(HTTPError):
    """An `https:` URL, and a Socket factory that returned a bare TCP stream. Nothing was sent."""


class RedirectRefused(HTTPError):
    """A server redirects to where this client does not follow.

    That is too often, without TLS, or with a body that is gone. The message says which, and names the place.
    """


class ProxyRefused(HTTPError):
    """A proxy does not connect: it wants other credentials, forbids the host, or cannot reach it.

    Nothing was sent to the server itself.

    Attributes:
        status: what an HTTP proxy answered; `None` from a SOCKS proxy.
    """

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class ConnectionLost(HTTPError, trio.BrokenResourceError):
    """The connection ended before the header of the response was complete.

    Whether the server acted on the request is unknown.
    """


class TruncatedBody(ConnectionLost):
    """The connection ended before the body did: what was read so far is not the whole.

    Raised for a body shorter than its Content-Length, a chunked body without its last chunk, and a body that
    lasts until the connection closes when the stream says that it broke (over TLS: no close_notify).
    """


class ProtocolError(HTTPError):
    """The server answered with something that is not HTTP/1.1 as RFC 9112 has it."""


class DecodingError(ProtocolError):
    """The body is not in the coding that Content-Encoding names, or ends before that does.

    With `decode=False` the body can be had as it was sent.
    """


class ResponseTooLarge(HTTPError):
    """The response is over one of the `Limits`; the message names it."""


class TooSlow(HTTPError, trio.TooSlowError):
    """One of the `Deadlines` passed; the message names it."""


class DownloadError(HTTPError):
    """There is no file under the name it was to have; what was there before is as it was.

    Attributes:
        status: what the server answered, if that is why.
        said: the place it points to, or the beginning of what it said if that was text or JSON.
        wait: how many seconds it asks to wait before the next attempt.
    """

    def __init__(
        self, message: str, status: int | None = None, said: str = "", wait: float | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.said = said
        self.wait = wait


class DownloadBusy(DownloadError):
    """Another task or process is downloading to the same file."""


class DigestMismatch(DownloadError):
    """What came is not what it was to be, by its SHA-256 or the server's Repr-Digest. It has been removed."""
