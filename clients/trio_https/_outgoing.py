"""What is to be sent: one request, checked before anything is connected.

Theory of operation: an `Outgoing` is a frozen value, from which an h11 event is made as soon as it exists, so that
nonsense is refused where it was written. `replace` makes another one that differs in a field or two: a redirect
has another URL, an authenticated request one header more. Host and the framing of the body are no part of
`headers`: they follow from URL and body, anew for each. A wrong Content-Length beside the body is refused, by h11
as soon as it shows.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import h11

from ._auth import Auth
from ._body import NO_BODY, Body, BodyLike
from ._decoders import accepted
from ._errors import InvalidRequest, InvalidURL
from ._headers import Field, HeadersLike, fields, merged
from ._informational import Informational
from ._limits import Deadlines
from ._route import Route
from ._url import URL

DEFAULT_HEADERS: list[Field] = [
    (b"User-Agent", b"trio-https"),
    (b"Accept", b"*/*"),
    (b"Accept-Encoding", accepted().encode()),
]
TrailersLike = HeadersLike | Callable[[], HeadersLike]
"""What a caller may give as trailers."""

# RFC 9110 §8.6: for these a missing body is announced as empty.
_METHODS_WITH_BODY = {"POST", "PUT", "PATCH"}
# What is checked again for every request does not stay in memory: any field might be a secret but for these.
_HARMLESS = frozenset(
    b"accept accept-encoding accept-language cache-control connection content-length host range user-agent".split()
)
# RFC 9110 §6.5.1: no trailers for message framing, routing, authentication, request modifiers, or to know what the
# content is. Whoever merged one of them into the header would read another request.
_NO_TRAILERS = frozenset(
    b"authorization connection content-encoding content-length content-range content-type cookie expect host "
    b"if-match if-modified-since if-none-match if-range if-unmodified-since max-forwards proxy-authorization "
    b"range te trailer transfer-encoding upgrade".split()
)
_MOST_SEEN = 64
_seen: dict[object, object] = {}
# RFC 9110 §9.2.2.
_IDEMPOTENT = {"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"}


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class Outgoing:
    """One request, ready to be sent.

    Made by `Outgoing.of` or by `replace`.

    Raises:
        InvalidURL: the URL is not one of `http:` or `https:`.
        InvalidRequest: the method or a header is not one.
        TypeError: the method is no `str`.
    """

    method: str
    """Any token but CONNECT, which makes no request to the server named by the URL."""
    url: URL
    """Where to."""
    headers: tuple[Field, ...]
    """All but those that follow from URL and body; a Host or Content-Length given here wins over them."""
    body: Body
    """Sent with Content-Length if its length is known, else chunked."""
    route: Route | None = None
    """The way there; `None` for the client's own."""
    auth: Auth | None = None
    """What answers a server that asks who this is."""
    anonymous: bool = False
    """Whether the client's certificate is not for this server, since another one has redirected here."""
    follow: bool = True
    """Whether redirects are followed, if the client does at all."""
    trailers: TrailersLike | None = None
    """Fields to send behind the body, which is then chunked; a function is called when the body has been sent."""
    on_informational: Callable[[Informational], object] | None = None
    """Told of each interim response, when it comes."""
    decode: bool = True
    """Whether the content codings of the response's body are undone."""
    deadlines: Deadlines | None = None
    """How long to wait for the server; `None` for the client's own."""
    event: h11.Request = field(init=False)
    """The header section as it goes on the wire."""

    def __post_init__(self) -> None:
        check_method(self.method)
        if self.url.scheme not in ("http", "https"):
            raise InvalidURL(f"{self.url.origin} is not an http: or https: URL")
        try:
            event = h11.Request(method=self.method, target=self._target(), headers=self._checked())
        except (h11.LocalProtocolError, UnicodeEncodeError) as error:
            raise InvalidRequest(f"{self.method[:100]!r} request to {self.url.origin}: {error}") from error
        object.__setattr__(self, "event", event)
        if self.trailers is not None and not callable(self.trailers):
            self.trailing_fields()  # to check what was given

    @classmethod
    def of(
        cls,
        method: str,
        url: str | URL,
        headers: HeadersLike | None = None,
        body: BodyLike | Body | None = None,
        defaults: Sequence[Field] = (),
        **others: Any,
    ) -> Outgoing:
        """Make a request of what a caller gives.

        Args:
            method: see the field.
            url: text, or a parsed URL.
            headers: added to those this class makes, or in place of them.
            body: see `Body`.
            defaults: headers that the caller's take precedence of.
            **others: the other fields.

        Raises:
            InvalidURL: see `URL.parse`, and the class.
            InvalidRequest, TypeError: see the class.
        """
        parsed = url if isinstance(url, URL) else URL.parse(url)
        own = body if isinstance(body, Body) else Body.of(body)
        all_headers = merged(fields(headers), merged(defaults, DEFAULT_HEADERS))
        return cls(method=method, url=parsed, headers=tuple(all_headers), body=own, **others)

    def __repr__(self) -> str:
        # Without the headers, which hold secrets.
        way = "" if self.route is None else f" by way of {self.route.name}"
        return f"<Outgoing {self.method} {self.url}{way}, {self.body!r}>"

    def replace(self, **changes: Any) -> Outgoing:
        """The same request but for the fields named; they are checked as any."""
        return dataclasses.replace(self, **changes)

    @property
    def expects(self) -> bool:
        """Whether the body waits for `100 Continue`: the header asks for it, and there is one."""
        return self.body.length != 0 and any(
            name.lower() == b"expect" and value.lower() == b"100-continue" for name, value in self.headers
        )

    def without(self, name: bytes) -> Outgoing:
        """The same request without a header; `name` is in lower case."""
        return self.replace(headers=tuple(one for one in self.headers if one[0].lower() != name))

    def trailing_fields(self) -> list[Field]:
        """The trailers, now that the body has been sent.

        Raises:
            TypeError, InvalidRequest: they are no fields.
        """
        found = fields(self.trailers() if callable(self.trailers) else self.trailers)
        for name, _ in found:
            if name.lower() in _NO_TRAILERS:
                raise InvalidRequest(
                    f"{name.decode()} cannot be a trailer: a server needs it before the body"
                )
        return found

    @property
    def idempotent(self) -> bool:
        """Whether sending it twice means no more than sending it once (RFC 9110 §9.2.2)."""
        return self.method in _IDEMPOTENT

    @property
    def replayable(self) -> bool:
        """Whether it can be sent again: false if its body comes from an iterable that is used up by sending."""
        return self.body.replayable

    def _target(self) -> str:
        whole = self.route is not None and self.route.absolute_form and self.url.scheme == "http"
        return str(self.url) if whole else self.url.target

    def _checked(self) -> Any:
        """The fields as h11 has checked them: most requests have those of the one before, to the same server."""
        key = (self.headers, self.url.authority, self.method in _METHODS_WITH_BODY)
        plain = self.body is NO_BODY and self.trailers is None
        if plain and key in _seen:
            return _seen[key]
        given = self._fields()
        headers = h11.Request(method="GET", target="/", headers=given).headers
        if plain and all(name.lower() in _HARMLESS for name, _ in given):
            if len(_seen) >= _MOST_SEEN:
                _seen.clear()
            _seen[key] = headers
        return headers

    def _fields(self) -> list[Field]:
        names = {name.lower() for name, _ in self.headers}
        if b"transfer-encoding" in names:
            raise InvalidRequest("a Transfer-Encoding header is made from the body, and cannot be given")
        host = [] if b"host" in names else [(b"Host", self.url.authority.encode())]
        framing = [] if b"content-length" in names else self._framing()
        return [*host, *self.headers, *framing]

    def _framing(self) -> list[Field]:
        length = self.body.length
        if length is None or self.trailers is not None:
            return [(b"Transfer-Encoding", b"chunked")]
        if length or self.method in _METHODS_WITH_BODY:
            return [(b"Content-Length", b"%d" % length)]
        return []


def check_method(method: object) -> None:
    """Refuse what is no text, and CONNECT; h11 refuses what is no token."""
    if not isinstance(method, str):
        raise TypeError(f"a method must be a str, not {method!r}")
    if method == "CONNECT":
        raise InvalidRequest(
            "CONNECT makes a tunnel, not a request: give a Socket factory that connects through"
        )
