"""What each setting of a connection may be: the types users may give, and the checks that say what is wrong.

Theory of operation
-------------------
Every check takes the name under which the user gave the value, so that `TLSConfig` and the `secure` dictionary
complain in their own words, and returns the value in the one form that is used from there on.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Mapping, Sequence
from typing import Protocol, cast, runtime_checkable

from ._identity import Verdict
from ._names import ServerName
from ._trace import TraceSink, print_event
from ._versions import Version


@runtime_checkable
class ReadableCertificate(Protocol):
    """What may stand for a certificate's bytes: a `trio_certs.Resource`, or anything that reads like one."""

    def read(self) -> Awaitable[bytes]:
        """The certificate."""
        ...


@runtime_checkable
class ResourceSelection(Protocol):
    """What may stand for a manifest: a `trio_certs.Manifest`."""

    def includes(self, name: str, /) -> bool:
        """Whether the resource `name` is part of the application."""
        ...


@runtime_checkable
class CertificateVerifier(Protocol):
    """What may stand for everything this configuration says about trust: a `trio_certs.Trust`."""

    def verify(self, chain: Sequence[bytes], server_name: str, /) -> Awaitable[Verdict]:
        """The verdict on a chain."""
        ...


CertificateData = bytes | ReadableCertificate


def version(field: str, value: object) -> Version:
    """A TLS version number."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{field} must be a version number such as 0x303, not {type(value).__name__}")
    try:
        return Version(value)
    except ValueError:
        raise ValueError(
            f"{field}: version 0x{value:x} is not supported; 0x303 (TLS 1.2) and 0x304 (TLS 1.3) are"
        ) from None


def boolean(field: str, value: object) -> bool:
    """True or False, and nothing that is merely like them."""
    if not isinstance(value, bool):
        raise TypeError(f"{field} must be True or False, not {type(value).__name__}")
    return value


def trace(field: str, value: object) -> TraceSink | None:
    """Where trace events go: True is standard error, None and False are nowhere."""
    if callable(value):
        return cast("TraceSink", value)
    if value is None or isinstance(value, bool):
        return print_event if value else None
    raise TypeError(f"{field} must be True, False or a callable, not {type(value).__name__}")


def server_name(field: str, value: object) -> str | None:
    """A server name in its canonical form."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise TypeError(f"{field} must be a str, not {type(value).__name__}")
    return ServerName.parse(value).text


def protocols(field: str, value: object) -> tuple[bytes, ...]:
    """ALPN protocol names as bytes."""
    items: Iterable[object]
    if isinstance(value, (str, bytes)):
        items = (value,)
    elif isinstance(value, (list, tuple)):
        items = cast("Iterable[object]", value)
    else:
        raise TypeError(f"{field} must be a protocol name or a list of them, not {type(value).__name__}")
    protocols: list[bytes] = []
    for item in items:
        if not isinstance(item, (str, bytes)):
            raise TypeError(f"{field} must hold str or bytes, not {type(item).__name__}")
        name = item.encode() if isinstance(item, str) else item
        # RFC 7301 §3.1: "opaque ProtocolName<1..2^8-1>"
        if not 1 <= len(name) <= 255:
            raise ValueError(f"{field}: invalid protocol of {len(name)} bytes; 1 to 255 are allowed")
        protocols.append(name)
    return tuple(protocols)


def certificates(field: str, value: object) -> tuple[CertificateData, ...]:
    """Certificates to trust, one by one."""
    if isinstance(value, (list, tuple)):
        sequence = cast("Iterable[object]", value)
        return tuple(one for item in sequence for one in certificates(field, item))
    if isinstance(value, bytearray):
        value = bytes(value)
    elif isinstance(value, memoryview):
        value = cast("memoryview[int]", value).tobytes()
    if isinstance(value, bytes):
        if not value:
            raise ValueError(f"{field} is empty; it must hold a certificate in DER or PEM")
        return (value,)
    if isinstance(value, ReadableCertificate):
        return (value,)
    raise TypeError(f"{field} must be the bytes of a certificate or a Resource, not {type(value).__name__}")


def names(field: str, value: object, table: Mapping[str, object]) -> tuple[str, ...] | None:
    """Names of rows of a table, without repetitions."""
    if value is None:
        return None
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise TypeError(f"{field} must be a list of names, not {type(value).__name__}")
    names: list[str] = []
    for item in cast("Iterable[object]", value):
        if not isinstance(item, str):
            raise TypeError(f"{field} must hold names, not {type(item).__name__}")
        key = item if item in table else item.lower()
        if key not in table:
            raise ValueError(f"{field} has an unknown name {item!r}; known are {', '.join(table)}")
        names.append(key)
    return tuple(dict.fromkeys(names))
