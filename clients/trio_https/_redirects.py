"""Following redirects: where to, with which method, and what of the request goes along.

Theory of operation: `redirected` is the whole judgement, from a request and a response to the next request, to
`None` when there is nothing to follow, or to `RedirectRefused`. The layer around it is a loop with a limit.

A redirect is the server's word, so what it can do is bounded: never from `https:` to `http:` unless allowed, never
to another scheme, never with credentials in the URL. To another origin nothing goes along that might tell
who asks: not only Authorization and Cookie but every header that is not known to be harmless, because an
`X-Api-Key` is a password too; and not the client's certificate, on the whole way from there.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from types import TracebackType
from urllib.parse import urljoin

from ._body import Body
from ._errors import InvalidURL, RedirectRefused
from ._headers import Field, Headers
from ._leftovers import discard
from ._outgoing import Outgoing
from ._response import ResponseHead, StreamingResponse
from ._sender import Sender
from ._url import URL

_STATUSES = {301, 302, 303, 307, 308}
# `wss:` and `ws:` for the sister package, which judges redirects as this one does.
_SCHEMES = ("http", "https")
_WITH_TLS = ("https", "wss")
_HARMLESS = {
    b"accept",
    b"accept-charset",
    b"accept-encoding",
    b"accept-language",
    b"cache-control",
    b"connection",
    b"if-match",
    b"if-modified-since",
    b"if-none-match",
    b"if-range",
    b"if-unmodified-since",
    b"pragma",
    b"range",
    b"te",
    b"user-agent",
    b"want-content-digest",
    b"want-repr-digest",
}
# RFC 9110 §15.4: "remove Content-Encoding, Content-Language, Content-Location, Content-Type, Content-Length,
# Digest, Last-Modified" when the request has no content any more.
_OF_THE_BODY = {b"digest", b"repr-digest", b"last-modified", b"expect", b"trailer"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Redirects:
    """How redirects are followed.

    Raises:
        ValueError: the limit is below 1.
    """

    limit: int = 10
    """The most in a row."""
    downgrade: bool = False
    """Whether to follow from `https:` to `http:`, where anybody on the way can answer."""

    def __post_init__(self) -> None:
        if self.limit < 1:
            raise ValueError(f"Redirects.limit must be at least 1, not {self.limit}; None follows none")


class Following:
    """A `Sender` that follows redirects, and gives the response to the last request."""

    def __init__(self, send: Sender, policy: Redirects) -> None:
        self._send = send
        self._policy = policy

    def __call__(self, request: Outgoing) -> AbstractAsyncContextManager[StreamingResponse]:
        """Send the request, and those it is redirected to.

        Raises:
            RedirectRefused: see there.
        """
        return _Followed(self._send, self._policy, request) if request.follow else self._send(request)


class _Followed(AbstractAsyncContextManager[StreamingResponse]):
    """The block of a response. A class, not a generator: every request passes through, and few are redirected."""

    __slots__ = ("_block", "_policy", "_request", "_send")

    # Once entered: that of the last response.
    _block: AbstractAsyncContextManager[object]

    def __init__(self, send: Sender, policy: Redirects, request: Outgoing) -> None:
        self._send = send
        self._policy = policy
        self._request = request

    async def __aenter__(self) -> StreamingResponse:
        before: tuple[ResponseHead, ...] = ()
        hops = 0
        while True:
            block = self._send(self._request)
            response = await block.__aenter__()
            if response.status not in _STATUSES and not before:
                self._block = block
                return response
            async with AsyncExitStack() as stack:
                stack.push_async_exit(block)
                following = redirected(self._request, response, self._policy)
                response.history = (*before, *response.history)
                if following is None:
                    self._block = stack.pop_all()
                    return response
                if hops == self._policy.limit:
                    raise RedirectRefused(
                        f"{response.url} redirects to {following.url}: that is redirect {hops + 1} in a row "
                        f"(Redirects.limit is {self._policy.limit})"
                    )
                await discard(response)
            hops += 1
            before = (*response.history, response)
            self._request = following

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        return await self._block.__aexit__(exc_type, exc_value, traceback)


def redirected(request: Outgoing, response: ResponseHead, policy: Redirects) -> Outgoing | None:
    """The request to send next; `None` if the response is not a redirect that says where to.

    Raises:
        RedirectRefused: it says where to, and this client does not follow.
    """
    url = destination(request.url, response.status, response.headers, policy)
    if url is None:
        return None
    method, body, trailers = request.method, request.body, request.trailers
    headers = list(request.headers)
    if _becomes_get(method, response.status):
        method, body, trailers = "GET", Body.of(None), None
        headers = [field for field in headers if not _describes_the_body(field)]
    elif not request.replayable:
        raise RedirectRefused(
            f"{request.url} redirects this {method} to {url}, and its body cannot be sent twice: give it as bytes"
        )
    auth, anonymous = request.auth, request.anonymous
    if url.origin != request.url.origin:
        headers = [field for field in headers if _goes_along(field)]
        auth = None if auth is None else auth.elsewhere
        anonymous = True
    return request.replace(
        method=method,
        url=url,
        headers=tuple(headers),
        body=body,
        trailers=trailers,
        auth=auth,
        anonymous=anonymous,
    )


def destination(
    base: URL, status: int, headers: Headers, policy: Redirects, schemes: Collection[str] = _SCHEMES
) -> URL | None:
    """Where a response redirects to; `None` if it is not a redirect that says where to.

    Args:
        base: what was asked for.
        status: of the response.
        headers: of the response.
        policy: whether a place without TLS will do.
        schemes: those that can be followed.

    Raises:
        RedirectRefused: it says where to, and this client does not follow.
    """
    places = set(headers.get_all("location"))
    if status not in _STATUSES or not places:
        return None
    if len(places) > 1:
        raise RedirectRefused(f"{base} redirects to several places at once")
    url = _target(base, places.pop(), schemes)
    if base.scheme in _WITH_TLS and url.scheme not in _WITH_TLS and not policy.downgrade:
        raise RedirectRefused(
            f"{base} redirects to {url}, which is not secure: if it may be followed, "
            "Redirects(downgrade=True) does"
        )
    return url


def _target(base: URL, location: str, schemes: Collection[str]) -> URL:
    # Many servers write UTF-8, and spaces, where RFC 9110 §10.2.2 has a URI reference; browsers take both.
    raw = location.encode("latin-1")
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = location
    try:
        url = URL.parse(urljoin(str(base), text.replace(" ", "%20")), schemes)
    except ValueError as error:
        # RFC 9110 §4.2.4: "Before making use of an "http" or "https" URI reference received from an untrusted
        # source, a recipient SHOULD parse for userinfo and treat its presence as an error".
        reason = error if isinstance(error, InvalidURL) else "it is no URL"
        raise RedirectRefused(f"{base} redirects to where nobody can follow: {reason}") from None
    # RFC 9110 §10.2.2: "If the Location value provided in a 3xx (Redirection) response does not have a fragment
    # component, a user agent MUST process the redirection as if the value inherits the fragment component of
    # the URI reference used to generate the target URI".
    return url if url.fragment else dataclasses.replace(url, fragment=base.fragment)


def _becomes_get(method: str, status: int) -> bool:
    # RFC 9110 §15.4.4 for 303; §15.4.2 and §15.4.3 let 301 and 302 do what they always did to POST.
    return (status == 303 and method not in ("GET", "HEAD")) or (status in (301, 302) and method == "POST")


def _describes_the_body(field: Field) -> bool:
    name = field[0].lower()
    return name.startswith(b"content-") or name in _OF_THE_BODY


def _goes_along(field: Field) -> bool:
    name = field[0].lower()
    return name in _HARMLESS or name.startswith(b"content-")
