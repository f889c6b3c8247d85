"""What is to be sent: one request, checked before anything is connected.

Theory of operation: `OutgoingRequest` is where a caller's method, URL, headers and body become an h11 event.
The caller's headers win over the defaults, with one exception: how the body is framed follows from the body
alone. A wrong Content-Length beside it is refused, by h11 as soon as it shows.
"""

from __future__ import annotations

from collections.abc import Sequence

import h11

from ._body import Body, BodyLike
from ._errors import InvalidRequest, InvalidURL
from ._headers import Field, HeadersLike, fields, merged
from ._url import URL

_DEFAULTS: list[Field] = [
    (b"User-Agent", b"trio-https"),
    (b"Accept", b"*/*"),
    # Nothing is decompressed here, so nothing compressed is asked for.
    (b"Accept-Encoding", b"identity"),
]
# RFC 9110 §8.6: for these a missing body is announced as empty.
_METHODS_WITH_BODY = {"POST", "PUT", "PATCH"}


class OutgoingRequest:
    """One request, ready to be sent.

    Args:
        method: any token but CONNECT, which makes no request to the server named by the URL.
        url: text, or a parsed `http:` or `https:` URL.
        headers: added to those this class makes, or in place of them.
        body: sent with Content-Length if its length is known, else chunked.
        defaults: headers that the caller's take precedence of.

    Raises:
        InvalidURL: see `URL.parse`.
        InvalidRequest: the method or a header is not one.
        TypeError: an argument is of a wrong type.
    """

    __slots__ = ("body", "event", "method", "url")

    def __init__(
        self,
        method: str,
        url: str | URL,
        headers: HeadersLike | None,
        body: BodyLike | None,
        defaults: Sequence[Field] = (),
    ) -> None:
        _check_method(method)
        if method == "CONNECT":
            raise InvalidRequest(
                "CONNECT makes a tunnel, not a request: give a Socket factory that connects through"
            )
        self.method = method
        self.url = url if isinstance(url, URL) else URL.parse(url)
        if self.url.scheme not in ("http", "https"):
            raise InvalidURL(f"{self.url.origin} is not an http: or https: URL")
        self.body = Body(body)
        given = fields(headers)
        names = {name.lower() for name, _ in given}
        if b"transfer-encoding" in names:
            raise InvalidRequest("a Transfer-Encoding header is made from the body, and cannot be given")
        own = [(b"Host", self.url.authority.encode()), *merged(defaults, _DEFAULTS)]
        if b"content-length" not in names:
            own += self._framing()
        try:
            self.event = h11.Request(method=method, target=self.url.target, headers=merged(given, own))
        except (h11.LocalProtocolError, UnicodeEncodeError) as error:
            raise InvalidRequest(f"{method[:100]!r} request to {self.url.origin}: {error}") from error

    def _framing(self) -> list[Field]:
        if self.body.data is None:
            return [(b"Transfer-Encoding", b"chunked")]
        if self.body.data or self.method in _METHODS_WITH_BODY:
            return [(b"Content-Length", b"%d" % len(self.body.data))]
        return []


def _check_method(method: object) -> None:
    if not isinstance(method, str):
        raise TypeError(f"a method must be a str, not {method!r}")
