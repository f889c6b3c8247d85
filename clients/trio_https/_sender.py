"""The seam of the client: whatever sends a request and gives the response to a block.

Theory of operation: `send(request)` is an asynchronous context manager, so that what a request holds (a slot of
the pool, an upload that still runs) belongs to a scope that the caller sees:

    async with send(request) as response:
        async for piece in response: ...

At the bottom, `Transport` sends one request over one connection. Everything above it takes a `Sender` and is one,
and the client stacks them. Following redirects, for instance, is this and no more:

    @asynccontextmanager
    async def following(request: Outgoing) -> AsyncGenerator[StreamingResponse]:
        while True:
            async with send(request) as response:
                if (next_request := redirected(request, response)) is None:
                    yield response
                    return
                await response.discard()  # what is short is read, so that its connection serves again
            request = next_request

`Outgoing.replace` makes the next request; `Outgoing.replayable` says whether its body can be sent once more.
A layer leaves a response's block before it sends again: one request holds one slot.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Protocol

from ._outgoing import Outgoing
from ._response import StreamingResponse


class Sender(Protocol):
    """Sends one request; safe to call from many tasks at once."""

    def __call__(self, request: Outgoing, /) -> AbstractAsyncContextManager[StreamingResponse]:
        """The response, for as long as the block runs."""
        ...
