"""Which Socket factory an `https:` URL gets when the caller names none.

Theory of operation: this is the one place of the package that knows the TLS client. It is imported when it is
first needed, so that a program which brings its own factory never loads it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import cast

import trio

SocketFactory = Callable[..., Awaitable[trio.abc.Stream]]
"""Called with host and port, and `secure=` if the caller gave it; awaited, it gives a connected stream."""


def default_socket() -> SocketFactory:
    """TLS, for `https:` URLs."""
    from trio_secure import SecureSocket

    return SecureSocket


_ALPN = "applicationLayerProtocolNegotiation"
_PROTOCOLS = ("http/1.1",)


def offering_http(secure: object) -> object:
    """The `secure` argument of `SecureSocket`, offering `http/1.1` (RFC 7301) unless it says what to offer."""
    if secure is None:
        return {_ALPN: _PROTOCOLS}
    if isinstance(secure, Mapping):
        given = cast("Mapping[str, object]", secure)
        return given if _ALPN in given else {**given, _ALPN: _PROTOCOLS}
    # A TLSConfig, without importing it.
    replace: object = getattr(secure, "replace", None)
    return replace(alpn=_PROTOCOLS) if callable(replace) and not getattr(secure, "alpn", True) else secure


_IDENTITY = ("clientCertificates", "clientKey")


def anonymous(secure: object) -> object:
    """The `secure` argument of `SecureSocket` without the client's certificates; itself if it has none."""
    if isinstance(secure, Mapping):
        given = cast("Mapping[str, object]", secure)
        left = {key: value for key, value in given.items() if key not in _IDENTITY}
        return left if len(left) < len(given) else given
    # A TLSConfig, as above.
    replace: object = getattr(secure, "replace", None)
    return (
        replace(client_identities=()) if callable(replace) and getattr(secure, "identities", None) else secure
    )


def is_secure(factory: SocketFactory) -> bool:
    """Whether the factory is `trio_secure.SecureSocket`, or a class made from it."""
    # By name: if it is, it is imported already, and if it is not, it need not be.
    return isinstance(factory, type) and any(
        base.__name__ == "SecureSocket" and base.__module__.split(".")[0] == "trio_secure"
        for base in factory.__mro__
    )
