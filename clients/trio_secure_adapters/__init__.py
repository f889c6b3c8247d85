"""`trio_secure` below other people's libraries, and in place of `trio.open_ssl_over_tcp_stream`.

One module for each library, named as the library is: `trio_secure_adapters.httpx`, `.httpx2`, `.httpcore`,
`.httpcore2`, `.anyio`, `.websockets`, `.trio_websocket`. Importing one imports its library; importing this package
imports none of them.
"""

from __future__ import annotations

from ._facts import SSLFacts
from ._ssl_stream import SSLStream, open_ssl_over_tcp_stream

__all__ = ["SSLFacts", "SSLStream", "open_ssl_over_tcp_stream"]
