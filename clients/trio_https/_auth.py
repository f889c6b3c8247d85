"""Authentication: what proves to a server who is asking.

Theory of operation: an `Auth` is asked twice at most for every request: for what to send up front, and for what to
answer to a challenge. It gives the value of an Authorization field (of Proxy-Authorization, if a proxy asks) and
knows nothing of how it travels. `Basic` and `Bearer` are here; `Digest`, which computes, and netrc, which
looks up, have files of their own.

Credentials are for the server they were given for: whoever follows a redirect to another one asks `elsewhere` what
is left of them, and the answer is nothing, but for what is looked up by host anyway.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from ._challenges import Challenge
from ._errors import InvalidURL

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# RFC 6750 §2.1.
_B64TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")
_USERINFO = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://)([^/?#]*)@")


@dataclass(frozen=True, slots=True)
class Asked:
    """The request that credentials are for."""

    origin: str
    """Who gets it: for example `https://example.com`, or a proxy."""
    host: str
    """The host in it."""
    secure: bool
    """Whether nobody on the way can read it."""
    method: str
    target: str
    """As it goes on the wire: a path and query, a whole URL, or host and port."""
    body: bytes | memoryview | None = b""
    """`None` if it is not here yet."""


class Auth:
    """The base of all ways to authenticate; by itself it has nothing to say."""

    async def up_front(self, asked: Asked) -> str | None:
        """The credentials to send before anybody asked; `None` for none."""
        return None

    async def answer(self, asked: Asked, challenges: Sequence[Challenge], sent: str | None) -> str | None:
        """The credentials that answer the challenges; `None` if there are none, or they were `sent` already."""
        return None

    @property
    def elsewhere(self) -> Auth | None:
        """What to use at another origin, to which a server has redirected."""
        return None

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"  # and never what is in it


class BasicAuth(Auth):
    """User and password, sent with every request as they are (RFC 7617): for `https:`, since others could read.

    Args:
        user: without a colon.
        password: may be empty.

    Raises:
        ValueError: a character that the scheme cannot carry.
    """

    def __init__(self, user: str, password: str = "") -> None:
        # RFC 7617 §2: "a user-id containing a colon character is invalid", and "the user-id and password MUST NOT
        # contain any control characters".
        if ":" in user:
            raise ValueError(f"the user {user!r} holds a colon, which Basic authentication cannot carry")
        if _CONTROL.search(user + password):
            raise ValueError(
                "user or password hold a control character, which Basic authentication cannot carry"
            )
        self.user = user
        self.password = password
        self._value = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode("ascii")

    @classmethod
    def from_url(cls, url: str) -> tuple[str, BasicAuth | None]:
        """A URL without the credentials in it, and the credentials: for URLs the user of a program typed.

        A URL from anywhere else should not be trusted with this: it chooses who is told the password.

        Raises:
            InvalidURL: the credentials are no good.
        """
        found = _USERINFO.match(url)
        if found is None:
            return url, None
        user, _, password = found[2].partition(":")
        try:
            auth = cls(unquote(user, errors="strict"), unquote(password, errors="strict"))
        except ValueError as error:
            raise InvalidURL(f"the credentials in the URL are not usable: {type(error).__name__}") from None
        return found[1] + url[found.end() :], auth

    async def up_front(self, asked: Asked) -> str | None:
        """The credentials, always."""
        return self._value


class BearerAuth(Auth):
    """A token that is as good as a password to whoever has it (RFC 6750).

    Args:
        token: the token; or an asynchronous function that gives it, which is called for every request, and once
            more if the server does not take it, so that it can fetch a new one.

    Raises:
        ValueError: the token is not one. From the request, if a function gave it.
    """

    def __init__(self, token: str | Callable[[], Awaitable[str]]) -> None:
        self._token = token
        if isinstance(token, str):
            _check_token(token)

    async def up_front(self, asked: Asked) -> str | None:
        """The token, always."""
        token = self._token
        if not isinstance(token, str):
            token = await token()
            _check_token(token)
        return f"Bearer {token}"

    async def answer(self, asked: Asked, challenges: Sequence[Challenge], sent: str | None) -> str | None:
        """The token that is good now, if it is another one."""
        if isinstance(self._token, str):
            return None
        fresh = await self.up_front(asked)
        return None if fresh == sent else fresh


def _check_token(token: object) -> None:
    if not isinstance(token, str) or not _B64TOKEN.fullmatch(token):
        raise ValueError("a bearer token consists of letters, digits and -._~+/ with = at its end")
