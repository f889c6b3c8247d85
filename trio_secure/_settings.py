"""What each setting of a connection may be: the types users may give, and the checks that say what is wrong.

Theory of operation
-------------------
Every check takes the name under which the user gave the value, so that `TLSConfig` and the `secure` dictionary
complain in their own words, and returns the value in the one form that is used from there on.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, Protocol, cast, runtime_checkable

from ._client_keys import Data, Readable
from ._identity import Verdict
from ._key_log import KeyLog
from ._names import ServerName
from ._sessions import SessionCache
from ._versions import Version

if TYPE_CHECKING:
    from ._client_identity import ClientIdentity
    from ._trace import TraceSink

KeyUsage = Literal["digital_signature", "key_encipherment"]
OCSPPolicy = Literal["ignore", "if_present", "require"]


@runtime_checkable
class ResourceSelection(Protocol):
    """What may stand for a manifest: a `trio_certs.Manifest`."""

    def includes(self, name: str, /) -> bool:
        """Whether the resource `name` is part of the application."""
        ...

    @property
    def config(self) -> Mapping[str, Mapping[str, bool]]:
        """The switches, by section."""
        ...


@runtime_checkable
class CertificateVerifier(Protocol):
    """What may stand for everything this configuration says about trust: a `trio_certs.Trust`."""

    def verify(
        self,
        chain: Sequence[bytes],
        server_name: str,
        /,
        *,
        key_usage: KeyUsage = ...,
        ocsp_response: bytes | None = ...,
    ) -> Awaitable[Verdict]:
        """The verdict on a chain."""
        ...


CertificateData = Data
TrustedData = Data | str
"""A certificate to trust: bytes, what they are to be read from, or the path of a file with them."""

#: RFC 6066 §4: the lengths that can be asked for, each with the number that stands for it.
FRAGMENT_LENGTHS = {2**9: 1, 2**10: 2, 2**11: 3, 2**12: 4}
# All extensions of a ClientHello have 65535 bytes together; these leave some for the others.
_MAX_PROTOCOLS, _MAX_NAMES = 2**14, 2**15
#: The kinds of key exchange that can be switched off below TLS 1.3, as in the configuration of the Moddable SDK.
SWITCHES = ("DHE_RSA", "ECDHE_RSA")


def version(field: str, value: object) -> Version:
    """A TLS version number."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{field} must be a version number such as 0x303, not {type(value).__name__}")
    try:
        return Version(value)
    except ValueError:
        known = ", ".join(f"0x{known:x} ({known.label})" for known in Version)
        raise ValueError(f"{field}: version 0x{value:x} is not supported; {known} are") from None


def boolean(field: str, value: object) -> bool:
    """True or False, and nothing that is merely like them."""
    if not isinstance(value, bool):
        raise TypeError(f"{field} must be True or False, not {type(value).__name__}")
    return value


def trace(field: str, value: object) -> TraceSink | None:
    """Where trace events go: True is standard error, None and False are nowhere."""
    if callable(value):
        return cast("TraceSink", value)
    if value is None or value is False:
        return None
    if value is True:
        from ._trace import print_event  # with it comes all that puts messages into words

        return print_event
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
    _check_total(field, protocols, _MAX_PROTOCOLS)
    return tuple(protocols)


def certificates(field: str, value: object) -> tuple[CertificateData, ...]:
    """Certificates, one by one."""
    if isinstance(value, (list, tuple)):
        sequence = cast("Iterable[object]", value)
        return tuple(one for item in sequence for one in certificates(field, item))
    return (_data(field, value, "a certificate"),)


def trusted(field: str, value: object) -> tuple[TrustedData, ...]:
    """Certificates to trust, one by one; a path stands for its file, which is read when it is needed."""
    if isinstance(value, (list, tuple)):
        sequence = cast("Iterable[object]", value)
        return tuple(one for item in sequence for one in trusted(field, item))
    if isinstance(value, str) and "-----BEGIN" in value:
        raise ValueError(f"{field} is text of a certificate: a str is the path of a file; encode() the text")
    if isinstance(value, os.PathLike):
        value = os.fspath(cast("os.PathLike[str]", value))
    if isinstance(value, str) and value:
        return (value,)
    return (_data(field, value, "a certificate"),)


def private_key(field: str, value: object) -> CertificateData:
    """A private key."""
    return _data(field, value, "a private key")


def _data(field: str, value: object, what: str) -> CertificateData:
    """Bytes, or something to read them from."""
    if isinstance(value, bytearray):
        value = bytes(value)
    elif isinstance(value, memoryview):
        value = cast("memoryview[int]", value).tobytes()
    if isinstance(value, bytes):
        if not value:
            raise ValueError(f"{field} is empty; it must hold {what} in DER or PEM")
        return value
    if isinstance(value, Readable):
        return value
    raise TypeError(f"{field} must be the bytes of {what} or a Resource, not {type(value).__name__}")


def fragment_length(field: str, value: object) -> int | None:
    """A maximum fragment length in bytes, rounded down to one of those RFC 6066 §4 knows."""
    if value is None:
        return None
    length = integer(field, value, 2**9, 2**16)
    return max(size for size in FRAGMENT_LENGTHS if size <= length)


def integer(field: str, value: object, low: int, high: int) -> int:
    """A whole number between `low` and `high`."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{field} must be an int, not {type(value).__name__}")
    if not low <= value <= high:
        raise ValueError(f"{field} must be between {low} and {high}, not {value}")
    return value


def record_size_limit(field: str, value: object) -> int | None:
    """The longest plaintext of a record to receive, in bytes."""
    # RFC 8449 §4: "Endpoints MUST NOT send a 'record_size_limit' extension with a value smaller than 64."
    return None if value is None else integer(field, value, 64, largest_record(Version.TLS13))


def largest_record(version: Version) -> int:
    """The largest record_size_limit of a version (RFC 8449 §4); from TLS 1.3 on it counts the content type."""
    return 2**14 + 1 if version >= Version.TLS13 else 2**14


def choice(field: str, value: object, choices: Collection[str]) -> str:
    """One of a few words."""
    if value not in choices or not isinstance(value, str):
        raise ValueError(f"{field} must be one of {', '.join(map(repr, choices))}, not {value!r}")
    return value


def switches(field: str, value: object) -> tuple[tuple[str, bool], ...]:
    """The key exchanges switched on or off by name."""
    if isinstance(value, tuple):
        value = dict(cast("Iterable[tuple[object, object]]", value))
    if not isinstance(value, Mapping):
        raise TypeError(f"{field} must be a dictionary, not {type(value).__name__}")
    settings: list[tuple[str, bool]] = []
    for name, on in cast("Mapping[object, object]", value).items():
        if not isinstance(name, str) or name not in SWITCHES:
            raise ValueError(f"{field} has an unknown switch {name!r}; known are {', '.join(SWITCHES)}")
        settings.append((name, boolean(f"{field}.{name}", on)))
    return tuple(settings)


def distinguished_names(field: str, value: object) -> tuple[bytes, ...]:
    """Names of certificate authorities in DER."""
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        raise TypeError(f"{field} must be a list of names in DER, not {type(value).__name__}")
    found: list[bytes] = []
    for item in cast("Iterable[object]", value):
        if not isinstance(item, bytes):
            raise TypeError(f"{field} must hold bytes, not {type(item).__name__}")
        # RFC 9846 §4.3.4 [8446 §4.2.4]: "opaque DistinguishedName<1..2^16-1>"
        if not 1 <= len(item) < 2**16:
            raise ValueError(f"{field}: a name of {len(item)} bytes; 1 to 65535 are allowed")
        found.append(item)
    _check_total(field, found, _MAX_NAMES)
    return tuple(found)


def _check_total(field: str, items: Sequence[bytes], most: int) -> None:
    total = sum(map(len, items))
    if total > most:
        raise ValueError(f"{field} holds {total} bytes in all, of which a ClientHello takes {most}")


def identities(field: str, value: object) -> tuple[ClientIdentity, ...]:
    """Client certificates with their keys."""
    items = cast("Iterable[object]", value) if isinstance(value, (list, tuple)) else (value,)
    found: list[ClientIdentity] = []
    for item in items:
        from ._client_identity import ClientIdentity  # few have any

        if not isinstance(item, ClientIdentity):
            raise TypeError(f"{field} must hold ClientIdentity objects, not {type(item).__name__}")
        found.append(item)
    return tuple(found)


def cache(field: str, value: object) -> SessionCache | bool:
    """A place for sessions, or whether to use the one of this process."""
    if value is None or isinstance(value, bool):
        return bool(value)
    if not isinstance(value, SessionCache):
        raise TypeError(f"{field} must be True, False or a SessionCache, not {type(value).__name__}")
    return value


def key_log(field: str, value: object) -> KeyLog | None:
    """Where key log lines go."""
    if value is not None and not callable(value):
        raise TypeError(f"{field} must be a callable, not {type(value).__name__}")
    return cast("KeyLog | None", value)


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
    # RFC 9846 §4.3.7 [8446 §4.2.7]: "The 'named_group_list' MUST NOT contain any duplicate entries", for example.
    return tuple(dict.fromkeys(names))
