"""What stands between a URL and an open WebSocket: credentials, cookies, and redirects.

Theory of operation: `Following.open` asks for a WebSocket again for as long as the refusals say how. Each
attempt is a connection and a handshake of its own, which the caller makes. The pieces are the HTTPS client's:
`Auth` answers challenges, `CookieJar` keeps cookies, `Redirects` says how far to follow.

A redirect is the server's word, so what it can do is bounded: never from `wss:` to `ws:` unless that is
allowed, to no other schemes than these (`https:` and `http:` stand for them), and to another origin none of
the caller's headers goes along but User-Agent, nor the client's certificate: any of the others may tell who asks.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

import trio

from trio_https import (
    URL,
    Asked,
    Auth,
    CookieJar,
    RedirectRefused,
    Redirects,
    parse_challenges,
)
from trio_https._redirects import destination

from ._errors import UpgradeRefused
from ._handshake import Field, Upgrade

_SCHEMES = {"ws": "ws", "wss": "wss", "http": "ws", "https": "wss"}
_MOST_ROUNDS = 3
_GO_ALONG = frozenset({b"user-agent"})

Opened = tuple[trio.abc.Stream, Upgrade]


@dataclass(frozen=True)
class Wanted:
    """A WebSocket to be opened."""

    url: URL
    fields: Sequence[Field]
    auth: Auth | None
    anonymous: bool = False
    """Whether the client's certificate is not for this server, since another one has redirected here."""


Attempt = Callable[[Wanted], Awaitable[Opened]]
"""Connects to the URL and performs the handshake with just these header fields."""


class Following:
    """Opens a WebSocket, wherever its URL leads.

    Args:
        cookies: the jar, if any.
        redirects: how redirects are followed; `None` follows none.
    """

    def __init__(self, cookies: CookieJar | None, redirects: Redirects | None) -> None:
        self._cookies = cookies
        self._redirects = redirects

    async def open(self, wanted: Wanted, attempt: Attempt) -> Opened:
        """Open it, or raise the refusal that leads no further.

        Raises:
            UpgradeRefused: the server answered otherwise.
            RedirectRefused: it redirects to where this client does not follow.
            Exception: what an attempt raises.
        """
        hops = 0
        while True:
            try:
                return await self.authenticated(wanted, attempt)
            except UpgradeRefused as refused:
                policy = self._redirects
                following = None if policy is None else _redirected(wanted, refused, policy)
                if following is None or policy is None:
                    raise
                if hops == policy.limit:
                    raise RedirectRefused(
                        f"{wanted.url} redirects to {following.url}: that is redirect {hops + 1} in a row "
                        f"(Redirects.limit is {policy.limit})"
                    ) from refused
            hops += 1
            wanted = following

    async def authenticated(self, wanted: Wanted, attempt: Attempt, *, rounds: int = _MOST_ROUNDS) -> Opened:
        """Open it at this URL, with credentials if there are any.

        Args:
            wanted: what to open. An Authorization header among its fields is used as it is.
            attempt: called at most `rounds` times.
            rounds: how often the server may be asked.
        """
        url, auth = wanted.url, wanted.auth
        if any(name.lower() == b"authorization" for name, _ in wanted.fields):
            auth = None
        asked = Asked(url.origin, url.host, url.scheme == "wss", "GET", url.target)
        value = None if auth is None else await auth.up_front(asked)
        while True:
            rounds -= 1
            credentials = [] if value is None else [(b"Authorization", value.encode("latin-1"))]
            try:
                fields = [*wanted.fields, *self._cookie(wanted), *credentials]
                stream, upgrade = await attempt(replace(wanted, fields=fields))
            except UpgradeRefused as refused:
                self._keep(url, refused.headers.get_all("set-cookie"))
                if refused.status != 401 or auth is None or not rounds:
                    raise
                challenges = parse_challenges(refused.headers.get_all("www-authenticate"))
                value = await auth.answer(asked, challenges, value)
                if value is None:
                    raise
            else:
                self._keep(url, upgrade.headers.get_all("set-cookie"))
                return stream, upgrade

    def _cookie(self, wanted: Wanted) -> list[Field]:
        """The cookies for the URL, unless the caller wrote a Cookie header."""
        if self._cookies is None or any(name.lower() == b"cookie" for name, _ in wanted.fields):
            return []
        value = self._cookies.header(wanted.url)
        return [] if value is None else [(b"Cookie", value.encode("latin-1"))]

    def _keep(self, url: URL, fields: Sequence[str]) -> None:
        if self._cookies is not None:
            self._cookies.store(url, fields)


def _redirected(wanted: Wanted, refused: UpgradeRefused, policy: Redirects) -> Wanted | None:
    """What to open instead; `None` if the refusal is no redirect that says where to.

    Raises:
        RedirectRefused: it says where to, and this client does not follow.
    """
    try:
        url = destination(wanted.url, refused.status, refused.headers, policy, tuple(_SCHEMES))
    except RedirectRefused as error:
        raise error from refused
    if url is None:
        return None
    # RFC 6455 §3: a fragment means nothing here, and MUST NOT be used.
    url = replace(url, scheme=_SCHEMES[url.scheme], fragment="")
    if url.origin == wanted.url.origin:
        return replace(wanted, url=url)
    auth = None if wanted.auth is None else wanted.auth.elsewhere
    fields = [field for field in wanted.fields if field[0].lower() in _GO_ALONG]
    return Wanted(url, fields, auth, anonymous=True)
