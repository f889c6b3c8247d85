"""Which Socket factory an `https:` URL gets when the caller names none.

Theory of operation: this is the one place of the package that knows the TLS client. It is imported when it is
first needed, so that a program which brings its own factory never loads it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import trio

SocketFactory = Callable[..., Awaitable[trio.abc.Stream]]
"""Called with host and port, and `secure=` if the caller gave it; awaited, it gives a connected stream."""


def default_socket() -> SocketFactory:
    """TLS, for `https:` URLs."""
    from trio_secure import SecureSocket

    return SecureSocket


def is_secure(factory: SocketFactory) -> bool:
    """Whether the factory is `trio_secure.SecureSocket`, or a class made from it."""
    # By name: if it is, it is imported already, and if it is not, it need not be.
    return isinstance(factory, type) and any(
        base.__name__ == "SecureSocket" and base.__module__.split(".")[0] == "trio_secure"
        for base in factory.__mro__
    )
