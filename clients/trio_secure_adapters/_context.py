"""`SecureContext`: what stands where httpcore wants an `ssl.SSLContext`.

Theory of operation: httpcore does two things with a context: it tells it which protocols to offer, and hands it to
`start_tls` of its network stream. So the `secure` dictionary travels in one, and ALPN stays httpcore's business.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from trio_secure import SecureSocket, TLSConfig

_ALPN = "tls_application_layer_protocol_negotiation"
_ALPN_ALIAS = "applicationLayerProtocolNegotiation"


class SecureContext:
    """A `secure` dictionary or a `TLSConfig` in the place of an `ssl.SSLContext`.

    Args:
        secure: what to connect with. Its ALPN is replaced by what the HTTP library offers.

    Raises:
        ValueError, TypeError: as from `SecureSocket`.
    """

    def __init__(self, secure: Mapping[str, object] | TLSConfig | None = None) -> None:
        # For its errors: a bad setting is told of here, not at the first request.
        SecureSocket("localhost", 443, secure=secure)
        self._secure: Mapping[str, object] | TLSConfig = {} if secure is None else secure
        self._protocols: tuple[str, ...] = ()

    def set_alpn_protocols(self, protocols: Sequence[str]) -> None:
        """What to offer from now on, best first."""
        self._protocols = tuple(protocols)

    def settings(self) -> Mapping[str, object] | TLSConfig:
        """What to run a handshake with now."""
        if not self._protocols:
            return self._secure
        if isinstance(self._secure, TLSConfig):
            return replace(self._secure, alpn=self._protocols)
        others = {key: value for key, value in self._secure.items() if key not in (_ALPN, _ALPN_ALIAS)}
        return {**others, _ALPN: list(self._protocols)}

    def as_ssl_context(self) -> Any:
        """Itself, for a parameter that is annotated with `ssl.SSLContext`."""
        return cast("Any", self)
