"""An HTTP client for Trio on h11: streaming, bounded, and safe to cancel, over any stream."""

from __future__ import annotations

from ._body import BodyLike
from ._client import Client
from ._defaults import SocketFactory
from ._errors import (
    ConnectionLost,
    HTTPError,
    InsecureConnection,
    InvalidRequest,
    InvalidURL,
    ProtocolError,
    ProxyRefused,
    RedirectRefused,
    ResponseTooLarge,
    TooSlow,
    TruncatedBody,
)
from ._headers import Headers, HeadersLike
from ._limits import Deadlines, Limits
from ._request import Request
from ._response import Response, StreamingResponse
from ._url import URL

__all__ = [
    "URL",
    "BodyLike",
    "Client",
    "ConnectionLost",
    "Deadlines",
    "HTTPError",
    "Headers",
    "HeadersLike",
    "InsecureConnection",
    "InvalidRequest",
    "InvalidURL",
    "Limits",
    "ProtocolError",
    "ProxyRefused",
    "RedirectRefused",
    "Request",
    "Response",
    "ResponseTooLarge",
    "SocketFactory",
    "StreamingResponse",
    "TooSlow",
    "TruncatedBody",
]
