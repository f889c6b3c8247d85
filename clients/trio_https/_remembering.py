"""The layer that keeps cookies: a request gets those that belong to it, and the jar what its response sets.

Theory of operation: it stands below redirects and authentication, since every single request on the way has
cookies of its own. A Cookie header that the caller wrote is the caller's, and nothing is added to it.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from ._cookies import CookieJar
from ._outgoing import Outgoing
from ._response import StreamingResponse
from ._sender import Sender


class Remembering:
    """A `Sender` with a cookie jar."""

    def __init__(self, send: Sender, jar: CookieJar) -> None:
        self._send = send
        self._jar = jar

    @asynccontextmanager
    async def __call__(self, request: Outgoing) -> AsyncGenerator[StreamingResponse]:
        """Send the request with its cookies, and take those of the response."""
        if not any(name.lower() == b"cookie" for name, _ in request.headers):
            value = self._jar.header(request.url)
            if value is not None:
                cookie = (b"Cookie", value.encode("latin-1"))
                request = request.replace(headers=(*request.headers, cookie))
        async with self._send(request) as response:
            self._jar.store(request.url, response.headers.get_all("set-cookie"))
            yield response
