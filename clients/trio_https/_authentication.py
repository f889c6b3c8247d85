"""The layer that authenticates: credentials are added to a request, and challenges answered.

Theory of operation: `answering` is the whole dialogue, for servers (401) and proxies (407) alike: send what
there is to send up front, and when the answer is a challenge, ask the `Auth` for what answers it, and send
again. A nonce that has become stale makes one more round; after that the response is the caller's.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

from ._auth import Asked, Auth
from ._challenges import parse_challenges
from ._leftovers import discard
from ._outgoing import Outgoing
from ._response import ResponseHead, StreamingResponse
from ._sender import Sender

_MOST_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Dialogue:
    """Who asks, and in which fields."""

    status: int
    challenge: str
    credentials: bytes


SERVER = Dialogue(401, "www-authenticate", b"Authorization")
PROXY = Dialogue(407, "proxy-authenticate", b"Proxy-Authorization")


class Authenticating:
    """A `Sender` that authenticates each request with its own `auth`, unless it has an Authorization header."""

    def __init__(self, send: Sender) -> None:
        self._send = send

    def __call__(self, request: Outgoing) -> AbstractAsyncContextManager[StreamingResponse]:
        """Send the request, and again with the answer to a challenge."""
        auth = request.auth
        if auth is None or any(name.lower() == b"authorization" for name, _ in request.headers):
            return self._send(request)
        return answering(self._send, request, auth, (request.url.origin, request.url.host), SERVER)


@asynccontextmanager
async def answering(
    send: Sender, request: Outgoing, auth: Auth, asker: tuple[str, str], dialogue: Dialogue
) -> AsyncGenerator[StreamingResponse]:
    """Send a request with credentials for whoever may ask; its last response goes to the block.

    Args:
        send: the layer below.
        request: it is repeated only if its body can be.
        auth: gives the credentials.
        asker: the origin of who gets them, and the host in it.
        dialogue: for a server or for a proxy.
    """
    data = request.body.data
    origin, host = asker
    asked = Asked(
        origin,
        host,
        origin.startswith("https:"),
        request.method,
        request.event.target.decode("ascii"),
        data,
    )
    before: tuple[ResponseHead, ...] = ()
    value = await auth.up_front(asked)
    rounds_left = _MOST_ROUNDS
    while True:
        rounds_left -= 1
        async with send(_with(request, dialogue.credentials, value)) as response:
            answer = None
            if response.status == dialogue.status and request.replayable and rounds_left:
                challenges = parse_challenges(response.headers.get_all(dialogue.challenge))
                answer = await auth.answer(asked, challenges, value)
            if answer is None:
                response.history = (*before, *response.history)
                yield response
                return
            await discard(response)
            before = (*before, *response.history, response)
        value = answer


def _with(request: Outgoing, name: bytes, value: str | None) -> Outgoing:
    if value is None:
        return request
    return request.replace(headers=(*request.headers, (name, value.encode("latin-1"))))
