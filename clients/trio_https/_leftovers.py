"""What is left of a response whose body nobody wants: a redirect's page, a challenge's, an error's before a retry.

Theory of operation: a body that is short and here soon is read, since its connection can then serve the next
request, most often to the same server. Anything else is not worth the wait, and nothing that goes wrong with such
a body is of interest.
"""

from __future__ import annotations

from contextlib import suppress

import trio

from ._errors import HTTPError
from ._response import StreamingResponse

_SECONDS = 1.0


async def discard(response: StreamingResponse) -> None:
    """Read the rest of a response if that takes less than a second."""
    with suppress(HTTPError), trio.move_on_after(_SECONDS):
        await response.discard()
