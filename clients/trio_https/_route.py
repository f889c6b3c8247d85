"""A way to a server other than straight to it.

Theory of operation: a `Route` belongs to a request. It names the factory of the streams that the connection is
made of, beneath TLS if the URL is `https:`; a proxy is such a factory. The pool keeps connections of different
routes apart, and knows nothing else about them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ._defaults import SocketFactory


@dataclass(frozen=True, slots=True)
class Route:
    """How to reach the server of a request.

    Two routes are the same way if their names are equal; connections are then used for either.
    """

    name: str
    """For error messages and `repr`, without credentials, for example `proxy http://proxy:3128`."""
    key: object = None
    """What else tells this way from others of the same name, for example a digest of the credentials."""
    transport: SocketFactory | None = field(default=None, compare=False)
    """Called with the host and port of the URL, in place of connecting by TCP; the rest happens on top of it."""
    absolute_form: bool = False
    """Whether an `http:` request names its whole URL, as to a proxy that is no tunnel (RFC 9112 §3.2.2)."""
