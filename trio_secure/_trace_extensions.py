"""What an extension says, as plain values: for a trace, never for a decision.

Theory of operation
-------------------
One row for each form an extension has in a message. A decoder reads with the strict `Reader`; whatever it refuses
is shown as the bytes that came, for a trace tells what happened and judges nothing. Empty data reads as None.
Codes are given by their registered names, GREASE values (RFC 8701 §2) as such, unknown ones by number. Nothing
secret is kept: of tickets, shares and identities only the lengths.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from . import _extensions as ext
from ._codec import Reader
from ._compression import COMPRESSION_ALGORITHMS
from ._errors import PeerMisbehaved
from ._extensions import Where, extension_name
from ._grease import VALUES as GREASE
from ._groups import GROUPS_BY_CODE
from ._signatures import SCHEMES_BY_CODE
from ._suites import CIPHER_SUITES
from ._versions import Version

T = TypeVar("T")


class Size(int):
    """A number of bytes: an int that reads as "1216 bytes"."""

    __slots__ = ()

    def __str__(self) -> str:
        return f"{int(self)} byte{'' if self == 1 else 's'}"


@dataclass(frozen=True, slots=True)
class TraceExtension:
    """One extension of a message.

    Attributes:
        name: its registered name; "GREASE 0x1a1a" or "extension 4660" for those without one.
        code: its number.
        value: what it says, in plain Python values: names as str, lists as tuples, lengths as int. None when it
            is empty, the bytes as they came when they are not understood.
    """

    name: str
    code: int
    value: object


# Names


_SUITE_NAMES = {suite.code: suite.name for suite in CIPHER_SUITES}
_POINT_FORMATS = {0: "uncompressed", 1: "ansiX962_compressed_prime", 2: "ansiX962_compressed_char2"}
_COMPRESSIONS = {row.code: row.name for row in COMPRESSION_ALGORITHMS}
# RFC 8701 §2: of the values of one byte, for this extension, "0x0B", "0x2A" and so on are GREASE.
_PSK_MODES = {0: "psk_ke", 1: "psk_dhe_ke"} | {
    0x0B + 0x1F * i: f"GREASE 0x{0x0B + 0x1F * i:02x}" for i in range(8)
}
_STATUS_TYPES = {1: "ocsp"}


def _number(code: int) -> str:
    return f"GREASE 0x{code:04x}" if code in GREASE else f"0x{code:04x}"


def suite_name(code: int) -> str:
    """A suite's registered name, or its number."""
    return _SUITE_NAMES.get(code) or _number(code)


def group_name(code: int) -> str:
    """A group's registered name, or its number."""
    return GROUPS_BY_CODE[code].name if code in GROUPS_BY_CODE else _number(code)


def scheme_name(code: int) -> str:
    """A signature scheme's registered name, or its number."""
    return SCHEMES_BY_CODE[code].name if code in SCHEMES_BY_CODE else _number(code)


def version_name(code: int) -> str:
    """A version as people call it, or its number."""
    return Version(code).label if code in tuple(Version) else _number(code)


def compression_name(code: int) -> str:
    """The name of a way to compress certificates, or its number."""
    return _COMPRESSIONS.get(code) or _number(code)


# Decoders


Decoder = Callable[[Reader], object]


def _each(reader: Reader, take: Callable[[Reader], T]) -> tuple[T, ...]:
    items: list[T] = []
    while len(reader):
        items.append(take(reader))
    return tuple(items)


def _within8(reader: Reader) -> Reader:
    return reader.inner(reader.vector8(), "list")


def _within16(reader: Reader) -> Reader:
    return reader.inner(reader.vector16(), "list")


def _codes(name: Callable[[int], str]) -> Decoder:
    return lambda reader: _each(_within16(reader), lambda inner: name(inner.uint16()))


def _codes_behind8(name: Callable[[int], str]) -> Decoder:
    return lambda reader: _each(_within8(reader), lambda inner: name(inner.uint16()))


def _small_codes(names: dict[int, str]) -> Decoder:
    def name(inner: Reader) -> str:
        code = inner.uint8()
        return names.get(code, str(code))

    return lambda reader: _each(_within8(reader), name)


def _code(name: Callable[[int], str]) -> Decoder:
    return lambda reader: name(reader.uint16())


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _host_name(reader: Reader) -> str:
    def name(inner: Reader) -> str:
        inner.uint8()
        return _text(inner.vector16())

    return ", ".join(_each(_within16(reader), name))


def _protocols(reader: Reader) -> tuple[str, ...]:
    return _each(_within16(reader), lambda inner: _text(inner.vector8()))


def _fragment_length(reader: Reader) -> int:
    code = reader.uint8()
    # RFC 6066 §4: 2^9 is 1, 2^10 is 2, 2^11 is 3, 2^12 is 4.
    return Size(2 ** (8 + code)) if 1 <= code <= 4 else code


def _status_type(reader: Reader) -> str:
    code = reader.uint8()
    return _STATUS_TYPES.get(code, f"status type {code}")


def _status_request(reader: Reader) -> str:
    kind = _status_type(reader)
    reader.rest()
    return kind


def _status(reader: Reader) -> dict[str, Size]:
    return {_status_type(reader): Size(len(reader.vector24()))}


def _sizes(reader: Reader) -> tuple[Size, ...]:
    return _each(_within16(reader), lambda inner: Size(len(inner.vector16())))


def _identities(reader: Reader) -> dict[str, tuple[int, ...]]:
    def identity(inner: Reader) -> tuple[Size, int]:
        return Size(len(inner.vector16())), inner.uint32()

    identities = _each(_within16(reader), identity)
    binders = _each(_within16(reader), lambda inner: Size(len(inner.vector8())))
    return {
        "identities": tuple(size for size, _ in identities),
        "obfuscated_ticket_ages": tuple(age for _, age in identities),
        "binders": binders,
    }


def _share(reader: Reader) -> tuple[str, Size]:
    return group_name(reader.uint16()), Size(len(reader.vector16()))


def _oid_filter(reader: Reader) -> str:
    oid = reader.vector8()
    reader.vector16()
    return oid.hex()


_CH, _CR, _CT, _NST, _HRR = (
    Where.CLIENT_HELLO,
    Where.CERTIFICATE_REQUEST,
    Where.CERTIFICATE,
    Where.NEW_SESSION_TICKET,
    Where.HELLO_RETRY_REQUEST,
)
_SH = Where.SERVER_HELLO
_ANYWHERE = ~Where(0)

_ROWS: tuple[tuple[int, Where, Decoder], ...] = (
    (ext.SERVER_NAME, _CH, _host_name),
    (ext.MAX_FRAGMENT_LENGTH, _ANYWHERE, _fragment_length),
    (ext.STATUS_REQUEST, _CH | _CR, _status_request),
    (ext.STATUS_REQUEST, _CT, _status),
    (ext.SUPPORTED_GROUPS, _ANYWHERE, _codes(group_name)),
    (ext.EC_POINT_FORMATS, _ANYWHERE, _small_codes(_POINT_FORMATS)),
    (ext.SIGNATURE_ALGORITHMS, _ANYWHERE, _codes(scheme_name)),
    (ext.SIGNATURE_ALGORITHMS_CERT, _ANYWHERE, _codes(scheme_name)),
    (ext.ALPN, _ANYWHERE, _protocols),
    (ext.SIGNED_CERTIFICATE_TIMESTAMP, _ANYWHERE, _sizes),
    (ext.PADDING, _ANYWHERE, lambda reader: Size(len(reader.rest()))),
    (ext.COMPRESS_CERTIFICATE, _ANYWHERE, _codes_behind8(compression_name)),
    (ext.RECORD_SIZE_LIMIT, _ANYWHERE, lambda reader: Size(reader.uint16())),
    (ext.SESSION_TICKET, _ANYWHERE, lambda reader: Size(len(reader.rest()))),
    (ext.PRE_SHARED_KEY, _CH, _identities),
    (ext.PRE_SHARED_KEY, _SH, lambda reader: {"selected_identity": reader.uint16()}),
    (ext.EARLY_DATA, _NST, lambda reader: Size(reader.uint32())),
    (ext.SUPPORTED_VERSIONS, _CH, _codes_behind8(version_name)),
    (ext.SUPPORTED_VERSIONS, _SH | _HRR, _code(version_name)),
    (ext.COOKIE, _ANYWHERE, lambda reader: Size(len(reader.vector16()))),
    (ext.PSK_KEY_EXCHANGE_MODES, _ANYWHERE, _small_codes(_PSK_MODES)),
    (ext.CERTIFICATE_AUTHORITIES, _ANYWHERE, _sizes),
    (ext.OID_FILTERS, _ANYWHERE, lambda reader: _each(_within16(reader), _oid_filter)),
    (ext.KEY_SHARE, _CH, lambda reader: dict(_each(_within16(reader), _share))),
    (ext.KEY_SHARE, _SH, lambda reader: dict([_share(reader)])),
    (ext.KEY_SHARE, _HRR, _code(group_name)),
    (ext.RENEGOTIATION_INFO, _ANYWHERE, lambda reader: Size(len(reader.vector8()))),
)

_DECODERS = {(code, where): decode for code, places, decode in _ROWS for where in Where if where in places}


def decode_extensions(extensions: Iterable[tuple[int, bytes]], where: Where) -> tuple[TraceExtension, ...]:
    """What each of a message's extensions says; nothing that a peer sent makes this fail."""
    return tuple(TraceExtension(_name(code), code, _value(code, data, where)) for code, data in extensions)


def _name(code: int) -> str:
    return _number(code) if code in GREASE else extension_name(code)


def _value(code: int, data: bytes, where: Where) -> object:
    decode = _DECODERS.get((code, where))
    if not data:
        return None
    if decode is None:
        return data
    reader = Reader(data, "extension")
    try:
        value = decode(reader)
        reader.finish()
    except PeerMisbehaved:
        return data
    return value
