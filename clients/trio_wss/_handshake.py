"""The opening handshake: an HTTP request, and everything RFC 6455 §4.1 wants checked in the answer.

Theory of operation: h11 does the HTTP; wsproto makes the nonce and the token that answers it. wsproto's own
handshake is not used, because of what it lets pass or cannot do: of a repeated `Connection` field it looks at
the last one only, and so it does of `Sec-WebSocket-Extensions`, which hides an extension nobody offered, of
`Sec-WebSocket-Protocol` and of `Sec-WebSocket-Accept`; it accepts HTTP/1.0, takes an interim response (103,
say) for a refusal, and fails with a `UnicodeDecodeError` where a field holds a byte that is not ASCII.

The handshake has no deadline of its own; whoever opens the connection sets one. Only the body of a refusal
has, since the refusal should be reported also when the body does not come.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import h11
import trio
from wsproto.utilities import generate_accept_token, generate_nonce

from trio_https import URL, Headers, HeadersLike

from . import _extensions
from ._deflate import Deflate
from ._errors import ConnectionLost, ProtocolViolation, UpgradeRefused
from ._transport import TRANSPORT_ERRORS

MAX_HEAD = 1 << 16
MAX_BODY = 1 << 14
BODY_SECONDS = 1.0
MAX_INTERIM = 16
_READ_SIZE = 1 << 14

# RFC 9110 §5.6.2; RFC 6455 §4.1 item 10 wants a subprotocol to be one.
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# What the handshake itself decides. A body is not sent.
_OWN_FIELDS = frozenset(
    {
        b"connection",
        b"content-length",
        b"sec-websocket-accept",
        b"sec-websocket-extensions",
        b"sec-websocket-key",
        b"sec-websocket-protocol",
        b"sec-websocket-version",
        b"transfer-encoding",
        b"upgrade",
    }
)

Field = tuple[bytes, bytes]


@dataclass(frozen=True)
class Upgrade:
    """What the server agreed to."""

    subprotocol: str | None
    deflate: Deflate | None
    headers: Headers
    received: bytes
    """What it sent behind its response: the beginning of the first frames."""


class Handshake:
    """One opening handshake, from the client's side.

    Args:
        url: where to; `ws:` or `wss:`.
        subprotocols: those offered, in order of preference.
        headers: further fields of the request. A `Host` field takes the place of the URL's.
        deflate: the compression to offer, if any.

    Raises:
        ValueError: a subprotocol or a field that HTTP does not allow, or that is not the caller's to give.
        TypeError: something of the wrong type.
    """

    def __init__(
        self,
        url: URL,
        subprotocols: Sequence[str] = (),
        headers: HeadersLike | None = None,
        deflate: Deflate | None = None,
    ) -> None:
        self._origin = url.origin
        self._deflate = deflate
        self._subprotocols = _checked_subprotocols(subprotocols)
        self._key = generate_nonce()
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD)
        try:
            request = h11.Request(
                method="GET", target=url.target, headers=self._fields(url.authority, headers)
            )
            self._request = self._http.send(request) + self._http.send(h11.EndOfMessage())
        except h11.LocalProtocolError as error:
            raise ValueError(f"the headers cannot be sent: {error}") from None

    async def perform(self, stream: trio.abc.Stream) -> Upgrade:
        """Ask the server to switch to WebSocket, and check that it does.

        Raises:
            UpgradeRefused: it answered with another status.
            ProtocolViolation: its answer is not HTTP/1.1, or not the one the request calls for.
            ConnectionLost: the connection ended before the answer was complete.
        """
        try:
            await stream.send_all(self._request)
        except TRANSPORT_ERRORS as error:
            raise self._broken(error) from error
        response = await self._response(stream)
        if isinstance(response, h11.Response):
            raise await self._refusal(stream, response)
        return self._accepted(response)

    def _fields(self, authority: str, headers: HeadersLike | None) -> list[Field]:
        given = encoded(headers)
        names = {name.lower() for name, _ in given}
        if owned := names & _OWN_FIELDS:
            shown = ", ".join(sorted(name.decode() for name in owned))
            raise ValueError(f"headers may not hold {shown}: the handshake sets them itself")
        fields = [] if b"host" in names else [(b"Host", authority.encode())]
        fields += [
            (b"Upgrade", b"websocket"),
            (b"Connection", b"Upgrade"),
            (b"Sec-WebSocket-Key", self._key),
            (b"Sec-WebSocket-Version", b"13"),
        ]
        if self._subprotocols:
            fields.append((b"Sec-WebSocket-Protocol", ", ".join(self._subprotocols).encode()))
        if self._deflate is not None:
            fields.append((b"Sec-WebSocket-Extensions", _extensions.offer(self._deflate).encode()))
        return fields + given

    async def _response(self, stream: trio.abc.Stream) -> h11.InformationalResponse | h11.Response:
        interim = 0
        while True:
            try:
                event = self._http.next_event()
            except h11.RemoteProtocolError as error:
                raise self._not_http(error) from None
            if isinstance(event, h11.Response):
                return event
            if isinstance(event, h11.InformationalResponse):
                if event.status_code == 101:
                    return event
                interim += 1  # RFC 9110 §15.2: a client reads past the interim responses it did not expect
                if interim > MAX_INTERIM:
                    raise ProtocolViolation(
                        f"{self._origin} sent {interim} interim responses and no final one"
                    )
            elif data := await self._receive(stream):
                self._http.receive_data(data)
            else:
                raise ConnectionLost(f"{self._origin} ended the connection before it answered the handshake")

    async def _receive(self, stream: trio.abc.Stream) -> bytes:
        try:
            return bytes(await stream.receive_some(_READ_SIZE))
        except TRANSPORT_ERRORS as error:
            raise self._broken(error) from error

    def _broken(self, error: Exception) -> ConnectionLost:
        return ConnectionLost(f"the connection to {self._origin} broke in the handshake: {error}")

    def _not_http(self, error: h11.RemoteProtocolError) -> ProtocolViolation:
        if error.error_status_hint == 431:
            return ProtocolViolation(f"{self._origin} sent a header section of more than {MAX_HEAD} bytes")
        return ProtocolViolation(f"{self._origin} did not answer the handshake in HTTP/1.1: {error!s:.200}")

    async def _refusal(self, stream: trio.abc.Stream, response: h11.Response) -> UpgradeRefused:
        body = b""
        with trio.move_on_after(BODY_SECONDS):
            try:
                while len(body) < MAX_BODY:
                    event = self._http.next_event()
                    if isinstance(event, h11.Data):
                        body += event.data
                    elif event is h11.NEED_DATA:
                        self._http.receive_data(await self._receive(stream))
                    else:
                        break
            except (h11.RemoteProtocolError, ConnectionLost):
                pass  # the status says what matters, and this is as much of the body as there is
        reason = response.reason.decode("latin-1")
        return UpgradeRefused(
            response.status_code, reason, Headers(response.headers.raw_items()), body[:MAX_BODY]
        )

    def _accepted(self, response: h11.InformationalResponse) -> Upgrade:
        headers = Headers(response.headers.raw_items())
        if response.http_version != b"1.1":
            raise self._bad("is not HTTP/1.1")
        if headers.get("upgrade", "").lower() != "websocket":
            raise self._bad("has no 'Upgrade: websocket'")
        options = headers.get("connection", "").lower().split(",")
        if "upgrade" not in (option.strip() for option in options):
            raise self._bad("has no 'Connection: Upgrade'")
        # §11.3.3: the field appears once.
        if headers.get_all("sec-websocket-accept") != [generate_accept_token(self._key).decode()]:
            raise self._bad("has a wrong Sec-WebSocket-Accept, so it is not an answer to this handshake")
        try:
            deflate = _extensions.agreement(headers.get_all("sec-websocket-extensions"), self._deflate)
        except _extensions.BadAnswer as error:
            raise self._bad(str(error)) from None
        return Upgrade(self._subprotocol(headers), deflate, headers, self._http.trailing_data[0])

    def _subprotocol(self, headers: Headers) -> str | None:
        chosen = headers.get_all("sec-websocket-protocol")
        if not chosen:
            return None
        if len(chosen) > 1 or chosen[0] not in self._subprotocols:
            raise self._bad(f"chooses the subprotocol {', '.join(chosen)!r:.200}, which was not offered")
        return chosen[0]

    def _bad(self, what: str) -> ProtocolViolation:
        return ProtocolViolation(f"the handshake response of {self._origin} {what}")


def encoded(headers: HeadersLike | None) -> list[Field]:
    """The fields given by the caller.

    Raises:
        TypeError: they are not pairs of text.
        UnicodeEncodeError: the text is not ASCII.
    """
    pairs: Iterable[object] = headers or ()
    if isinstance(headers, Mapping):
        # An iterable of pairs might be a mapping with pairs for keys, as far as types go.
        pairs = cast("Mapping[object, object]", headers).items()
    fields: list[Field] = []
    for pair in pairs:
        match pair:
            case (str() | bytes() as name, str() | bytes() as value):
                fields.append((_ascii(name), _ascii(value)))
            case _:
                raise TypeError(f"a header is a pair of str or bytes, name and value, not {pair!r:.200}")
    return fields


def _ascii(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode("ascii")


def _checked_subprotocols(subprotocols: Sequence[str]) -> tuple[str, ...]:
    if isinstance(subprotocols, str):
        raise TypeError(f"subprotocols is a sequence of names, not one name: [{subprotocols!r}]")
    for name in subprotocols:
        if not _TOKEN.fullmatch(name):
            raise ValueError(f"{name!r} is not a subprotocol name: a token of RFC 9110 §5.6.2 is needed")
    if len(set(subprotocols)) != len(subprotocols):
        raise ValueError("a subprotocol is offered twice")
    return tuple(subprotocols)
