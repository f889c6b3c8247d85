"""An HTTP client for Trio on h11: streaming, bounded, and safe to cancel, over any stream."""

from __future__ import annotations

from ._body import BodyLike
from ._client import Client
from ._defaults import SocketFactory
from ._errors import (
    ConnectionLost,
    DecodingError,
    HTTPError,
    InsecureConnection,
    InvalidRequest,
    InvalidURL,
    ProtocolError,
    ResponseTooLarge,
    TooSlow,
    TruncatedBody,
)
from ._forms import FormLike
from ._headers import Headers, HeadersLike
from ._informational import Informational
from ._limits import Deadlines, Limits
from ._multipart import FilesLike
from ._options import RequestOptions
from ._request import Request
from ._response import Response, ResponseHead, StreamingResponse
from ._trace import Event, Timings
from ._url import URL

__all__ = [
    "URL",
    "BodyLike",
    "Client",
    "ConnectionLost",
    "Deadlines",
    "DecodingError",
    "Event",
    "FilesLike",
    "FormLike",
    "HTTPError",
    "Headers",
    "HeadersLike",
    "Informational",
    "InsecureConnection",
    "InvalidRequest",
    "InvalidURL",
    "Limits",
    "ProtocolError",
    "Request",
    "RequestOptions",
    "Response",
    "ResponseHead",
    "ResponseTooLarge",
    "SocketFactory",
    "StreamingResponse",
    "Timings",
    "TooSlow",
    "TruncatedBody",
]
