"""The layers of a client, in their order.

Theory of operation: each layer is a `Sender` over the one below (see `_sender`), and the order follows from what
each has to see. From the top:

1. redirects: every request on the way is a request of its own to all the others,
2. retries: of that one request, not of the way that led to it,
3. authentication: a challenge is no failure, and to answer it is no retry,
4. cookies: a challenge may set one that its answer needs,
5. proxies: what the proxy asks is between it and this client,

and below them the transport, which sends one request over one connection.
"""

from __future__ import annotations

from ._authentication import Authenticating
from ._cookies import CookieJar
from ._proxies import Proxy, Proxying
from ._redirects import Following, Redirects
from ._remembering import Remembering
from ._retries import Retries, Retrying
from ._sender import Sender


def stacked(
    transport: Sender,
    *,
    proxy: Proxy | None = None,
    cookies: CookieJar | None = None,
    retries: Retries | None = None,
    redirects: Redirects | None = None,
) -> Sender:
    """The layers that are asked for, and the one that authenticates, on top of a transport."""
    send = transport
    if proxy is not None:
        send = Proxying(send, proxy)
    if cookies is not None:
        send = Remembering(send, cookies)
    send = Authenticating(send)
    if retries is not None:
        send = Retrying(send, retries)
    if redirects is not None:
        send = Following(send, redirects)
    return send
