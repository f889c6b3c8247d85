"""Cookies: which a server may set, and which it gets back, as RFC 6265 §5 has it.

Theory of operation: a `Cookie` is a frozen value. The jar keeps them by domain, then by path and name, so that a
request looks only at the domains its host belongs to. Three rules come from the RFC's successor (6265bis), since
every browser has them: a server reached in the clear neither sets nor replaces a Secure cookie, the prefixes
`__Secure-` and `__Host-` mean what they promise, and nothing lives longer than 400 days. Which domains are
everybody's, such as `co.uk`, is the Public Suffix List's to say, which comes with the package `publicsuffixlist`
and is loaded when a server first names a domain.

SameSite has no meaning here: nothing a page embeds is ever fetched, and every request is the program's own.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache

from ._cookie_syntax import SetCookie, parse_set_cookie
from ._url import URL

# RFC 6265 §6.1 asks for at least these, and browsers hold hardly more.
_MOST_COOKIES = 3000
_MOST_PER_DOMAIN = 50
_MOST_BYTES = 4096
_MOST_PATH_BYTES = 1024
# RFC 6265bis §5.5: "The limit SHOULD NOT be greater than 400 days (34560000 seconds) in the future."
_LONGEST_LIFE = 400 * 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Cookie:
    """One cookie of a `CookieJar`."""

    name: str
    value: str
    domain: str
    """In lower case and ASCII, without a leading dot."""
    path: str = "/"
    host_only: bool = True
    """Whether it is for the host `domain` alone, and not for those below."""
    secure: bool = False
    """Whether it is sent over `https:` only."""
    http_only: bool = False
    """Whether it was not meant for scripts, which means nothing here."""
    expires: float | None = None
    """Seconds since the epoch; `None` for a cookie of the session."""
    created: float = 0.0
    """Seconds since the epoch. Older ones of the same path length are sent first."""


class CookieJar:
    """The cookies of a `Client`: `Client(cookies=CookieJar())`.

    Iterating gives every `Cookie` that has not expired. One jar may serve several clients. It holds at most
    3,000 cookies, and 50 for a domain; the ones that were set first make room.

    Args:
        clock: gives seconds since the epoch.
    """

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._by_domain: dict[str, dict[tuple[str, str], Cookie]] = {}

    def store(self, url: URL, fields: Iterable[str]) -> None:
        """Take what a response to `url` set: its Set-Cookie fields. What it may not set is ignored."""
        now = self._clock()
        for text in fields:
            said = parse_set_cookie(text, now)
            cookie = None if said is None else _accepted(said, url, now)
            if cookie is not None and not self._shadows_secure(cookie, url):
                self.add(cookie)

    def header(self, url: URL) -> str | None:
        """The value of the Cookie field for a request to `url`; `None` if there is nothing to send."""
        now = self._clock()
        secure = url.scheme in ("https", "wss")
        path = url.target.partition("?")[0]
        found = [
            cookie
            for domain in _domains_of(url.host)
            for cookie in self._by_domain.get(domain, {}).values()
            if (domain == url.host or not cookie.host_only)
            and (secure or not cookie.secure)
            and (cookie.expires is None or cookie.expires > now)
            and path_matches(path, cookie.path)
        ]
        # RFC 6265 §5.4: "Cookies with longer paths are listed before cookies with shorter paths", then by age.
        found.sort(key=lambda cookie: (-len(cookie.path), cookie.created))
        return "; ".join(f"{cookie.name}={cookie.value}" for cookie in found) or None

    def add(self, cookie: Cookie) -> None:
        """Put a cookie in, in place of one of the same name, domain and path; an expired one takes it out."""
        now = self._clock()
        key = (cookie.path, cookie.name)
        cookies = self._by_domain.get(cookie.domain, {})
        before = cookies.pop(key, None)
        if cookie.expires is not None:
            cookie = dataclasses.replace(cookie, expires=min(cookie.expires, now + _LONGEST_LIFE))
        if cookie.expires is None or cookie.expires > now:
            if not cookie.created:
                # RFC 6265 §5.3: a cookie that takes another's place keeps its creation-time.
                cookie = dataclasses.replace(cookie, created=before.created if before else now)
            cookies[key] = cookie
            self._by_domain[cookie.domain] = cookies
            self._make_room(cookies, now)
        elif not cookies:
            self._by_domain.pop(cookie.domain, None)

    def clear(self, domain: str | None = None) -> None:
        """Forget every cookie, or those of exactly this domain."""
        if domain is None:
            self._by_domain.clear()
        else:
            self._by_domain.pop(domain.lower(), None)

    def __iter__(self) -> Iterator[Cookie]:
        now = self._clock()
        for cookies in list(self._by_domain.values()):
            for cookie in list(cookies.values()):
                if cookie.expires is None or cookie.expires > now:
                    yield cookie

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        # Not their values: they are as good as passwords.
        return f"<CookieJar: {len(self)} cookies of {len(self._by_domain)} domains>"

    def _shadows_secure(self, cookie: Cookie, url: URL) -> bool:
        """Whether a server reached in the clear would replace, or be taken for, one that set a Secure cookie."""
        if url.scheme in ("https", "wss"):
            return False
        # RFC 6265bis §5.7: "their name matches the name of the newly-created cookie", Secure, with a domain that
        # domain-matches the other's either way, and a path that the new one path-matches: ignore the new one.
        return any(
            old.secure
            and old.name == cookie.name
            and (_domain_matches(old.domain, cookie.domain) or _domain_matches(cookie.domain, old.domain))
            and path_matches(cookie.path, old.path)
            for old in self
        )

    def _make_room(self, cookies: dict[tuple[str, str], Cookie], now: float) -> None:
        if len(cookies) > _MOST_PER_DOMAIN:
            self._drop_oldest(list(cookies.values()), now)
        if sum(map(len, self._by_domain.values())) > _MOST_COOKIES:
            self._drop_oldest([cookie for all_ in self._by_domain.values() for cookie in all_.values()], now)

    def _drop_oldest(self, cookies: list[Cookie], now: float) -> None:
        """Take out what has expired, or else the one that was set first."""
        expired = [cookie for cookie in cookies if cookie.expires is not None and cookie.expires <= now]
        for cookie in expired or [min(cookies, key=lambda cookie: cookie.created)]:
            of_domain = self._by_domain[cookie.domain]
            del of_domain[cookie.path, cookie.name]
            if not of_domain:
                del self._by_domain[cookie.domain]


def _accepted(said: SetCookie, url: URL, now: float) -> Cookie | None:
    """The cookie a server may set with this; `None` if it may not."""
    secure_origin = url.scheme in ("https", "wss")
    if len(said.name) + len(said.value) > _MOST_BYTES or (said.secure and not secure_origin):
        return None
    domain, host_only = url.host, True
    if said.domain and said.domain != url.host:
        # RFC 6265 §5.3: "If the canonicalized request-host does not domain-match the domain-attribute: Ignore the
        # cookie entirely", and the same for a public suffix.
        if not _domain_matches(url.host, said.domain) or is_public_suffix(said.domain):
            return None
        domain, host_only = said.domain, False
    elif said.domain:
        # "If the domain-attribute is identical to the canonicalized request-host: let the domain-attribute be the
        # empty string", if that is a public suffix; an address has no hosts below it either.
        host_only = _is_address(url.host) or is_public_suffix(said.domain)
    path = said.path if said.path.startswith("/") and len(said.path) <= _MOST_PATH_BYTES else ""
    if not _keeps_its_prefix(said, path, secure_origin):
        return None
    return Cookie(
        said.name,
        said.value,
        domain,
        path or _default_path(url),
        host_only,
        said.secure,
        said.http_only,
        said.expires,
    )


def _keeps_its_prefix(said: SetCookie, path: str, secure_origin: bool) -> bool:
    # RFC 6265bis §4.1.3 and §5.7, where the prefixes are compared without regard to case.
    name = said.name.lower()
    if name.startswith("__host-"):
        return said.secure and secure_origin and not said.domain and path == "/"
    return not name.startswith("__secure-") or (said.secure and secure_origin)


def _default_path(url: URL) -> str:
    # RFC 6265 §5.1.4.
    path = url.target.partition("?")[0]
    return path[: path.rindex("/")] or "/"


def path_matches(path: str, cookie_path: str) -> bool:
    """Whether a request for `path` is one below `cookie_path` (RFC 6265 §5.1.4)."""
    return path == cookie_path or (
        path.startswith(cookie_path) and (cookie_path.endswith("/") or path[len(cookie_path)] == "/")
    )


def _domain_matches(host: str, domain: str) -> bool:
    # RFC 6265 §5.1.3.
    return host == domain or (host.endswith("." + domain) and not _is_address(host))


def _domains_of(host: str) -> Iterator[str]:
    """The host, and the domains it is in."""
    yield host
    while not _is_address(host) and "." in host:
        host = host.partition(".")[2]
        yield host


def _is_address(host: str) -> bool:
    # `URL` has made sure that a host whose last label is a number is an IPv4 address.
    return ":" in host or host.rpartition(".")[2].isdigit()


@cache
def _suffixes() -> Callable[[str], bool]:
    # 30 ms, which a program without such cookies need not spend.
    from publicsuffixlist import PublicSuffixList

    return PublicSuffixList().is_public


def is_public_suffix(domain: str) -> bool:
    """Whether anybody can register names below `domain`: `com`, `co.uk`, `github.io`."""
    return _suffixes()(domain)
