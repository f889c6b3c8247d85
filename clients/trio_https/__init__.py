"""An HTTP client for Trio on h11: streaming, bounded, and safe to cancel, over any stream."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._auth import Asked, Auth, BasicAuth, BearerAuth
from ._body import BodyLike
from ._challenges import Challenge, parse_challenges
from ._client import Client
from ._cookies import Cookie, CookieJar
from ._defaults import SocketFactory
from ._errors import (
    ConnectionLost,
    DecodingError,
    DigestMismatch,
    DownloadBusy,
    DownloadError,
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
from ._forms import FormLike
from ._headers import Headers, HeadersLike
from ._informational import Informational
from ._limits import Deadlines, Limits
from ._multipart import FilesLike
from ._options import DownloadOptions, RequestOptions
from ._proxies import Proxy
from ._redirects import Redirects
from ._request import Request
from ._response import Response, ResponseHead, StreamingResponse
from ._retries import Retries
from ._route import Route
from ._trace import Event, Timings
from ._url import URL

if TYPE_CHECKING:
    from ._auth_digest import DigestAuth
    from ._auth_netrc import NetrcAuth
    from ._cookie_file import load_cookies, save_cookies
    from ._download import Downloaded
    from ._environment import EnvironmentProxies
    from ._http_proxy import HTTPProxy
    from ._socks import SOCKSProxy
    from ._transfer import Progress

__all__ = [
    "URL",
    "Asked",
    "Auth",
    "BasicAuth",
    "BearerAuth",
    "BodyLike",
    "Challenge",
    "Client",
    "ConnectionLost",
    "Cookie",
    "CookieJar",
    "Deadlines",
    "DecodingError",
    "DigestAuth",
    "DigestMismatch",
    "DownloadBusy",
    "DownloadError",
    "DownloadOptions",
    "Downloaded",
    "EnvironmentProxies",
    "Event",
    "FilesLike",
    "FormLike",
    "HTTPError",
    "HTTPProxy",
    "Headers",
    "HeadersLike",
    "Informational",
    "InsecureConnection",
    "InvalidRequest",
    "InvalidURL",
    "Limits",
    "NetrcAuth",
    "Progress",
    "ProtocolError",
    "Proxy",
    "ProxyRefused",
    "RedirectRefused",
    "Redirects",
    "Request",
    "RequestOptions",
    "Response",
    "ResponseHead",
    "ResponseTooLarge",
    "Retries",
    "Route",
    "SOCKSProxy",
    "SocketFactory",
    "StreamingResponse",
    "Timings",
    "TooSlow",
    "TruncatedBody",
    "load_cookies",
    "parse_challenges",
    "save_cookies",
]

# Where the names are that a plain request does without; they are imported when first used (PEP 562).
_LATER = {
    "DigestAuth": "._auth_digest",
    "NetrcAuth": "._auth_netrc",
    "load_cookies": "._cookie_file",
    "save_cookies": "._cookie_file",
    "Downloaded": "._download",
    "EnvironmentProxies": "._environment",
    "HTTPProxy": "._http_proxy",
    "SOCKSProxy": "._socks",
    "Progress": "._transfer",
}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name not in _LATER:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        import importlib

        value = globals()[name] = getattr(importlib.import_module(_LATER[name], __name__), name)
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
