"""The extensions: one row each, holding the messages an extension may appear in.

Theory of operation
-------------------
A message's extensions are read into a plain mapping from code to data. `read_extensions` refuses malformed blocks
and duplicates; `check_answers` and `check_requests` are the only places that decide whether an extension may
stand where it stands:

    RFC 9846 §4.3 [8446 §4.2]: "Upon receiving such an extension [an answer nobody asked for], an endpoint MUST
    abort the handshake with an 'unsupported_extension' alert."

    RFC 9846 §4.3 [8446 §4.2]: "If an implementation receives an extension which it recognizes and which is not
    specified for the message in which it appears, it MUST abort the handshake with an 'illegal_parameter' alert."
"""

from __future__ import annotations

import enum
import struct
from collections.abc import Collection, Iterable, Mapping

from ._codec import Reader, vector16
from ._errors import AlertDescription, PeerMisbehaved
from ._frozen import frozen

Extensions = Mapping[int, bytes]

#: The longest block of extensions there can be, its length included.
MAX_BLOCK = 2 + 2**16 - 1


class Where(enum.Flag):
    """The messages that carry extensions, as in the table of RFC 9846 §4.3 [8446 §4.2]."""

    CLIENT_HELLO = enum.auto()
    SERVER_HELLO_12 = enum.auto()
    SERVER_HELLO = enum.auto()
    HELLO_RETRY_REQUEST = enum.auto()
    ENCRYPTED_EXTENSIONS = enum.auto()
    CERTIFICATE = enum.auto()
    CERTIFICATE_REQUEST = enum.auto()
    NEW_SESSION_TICKET = enum.auto()


@frozen
class ExtensionType:
    """One row of the table."""

    code: int
    name: str
    allowed: Where


_CH, _SH12, _SH, _HRR = (
    Where.CLIENT_HELLO,
    Where.SERVER_HELLO_12,
    Where.SERVER_HELLO,
    Where.HELLO_RETRY_REQUEST,
)
_EE, _CT, _CR, _NST = (
    Where.ENCRYPTED_EXTENSIONS,
    Where.CERTIFICATE,
    Where.CERTIFICATE_REQUEST,
    Where.NEW_SESSION_TICKET,
)

SERVER_NAME = 0
MAX_FRAGMENT_LENGTH = 1
STATUS_REQUEST = 5
SUPPORTED_GROUPS = 10
EC_POINT_FORMATS = 11
SIGNATURE_ALGORITHMS = 13
ALPN = 16
SIGNED_CERTIFICATE_TIMESTAMP = 18
PADDING = 21
ENCRYPT_THEN_MAC = 22
EXTENDED_MASTER_SECRET = 23
COMPRESS_CERTIFICATE = 27
RECORD_SIZE_LIMIT = 28
SESSION_TICKET = 35
PRE_SHARED_KEY = 41
EARLY_DATA = 42
SUPPORTED_VERSIONS = 43
COOKIE = 44
PSK_KEY_EXCHANGE_MODES = 45
CERTIFICATE_AUTHORITIES = 47
OID_FILTERS = 48
POST_HANDSHAKE_AUTH = 49
SIGNATURE_ALGORITHMS_CERT = 50
KEY_SHARE = 51
RENEGOTIATION_INFO = 0xFF01

_ROWS = (
    ExtensionType(SERVER_NAME, "server_name", _CH | _SH12 | _EE | _CR),
    ExtensionType(MAX_FRAGMENT_LENGTH, "max_fragment_length", _CH | _SH12 | _EE),
    ExtensionType(STATUS_REQUEST, "status_request", _CH | _SH12 | _CT | _CR),
    # RFC 8422 gives it no place in a ServerHello, yet F5's load balancers send it there: it is read over.
    ExtensionType(SUPPORTED_GROUPS, "supported_groups", _CH | _SH12 | _EE),
    ExtensionType(EC_POINT_FORMATS, "ec_point_formats", _CH | _SH12),
    ExtensionType(SIGNATURE_ALGORITHMS, "signature_algorithms", _CH | _CR),
    ExtensionType(ALPN, "application_layer_protocol_negotiation", _CH | _SH12 | _EE),
    ExtensionType(SIGNED_CERTIFICATE_TIMESTAMP, "signed_certificate_timestamp", _CH | _SH12 | _CT | _CR),
    ExtensionType(PADDING, "padding", _CH),
    ExtensionType(ENCRYPT_THEN_MAC, "encrypt_then_mac", _CH | _SH12),
    ExtensionType(EXTENDED_MASTER_SECRET, "extended_master_secret", _CH | _SH12),
    ExtensionType(COMPRESS_CERTIFICATE, "compress_certificate", _CH | _CR),
    ExtensionType(RECORD_SIZE_LIMIT, "record_size_limit", _CH | _SH12 | _EE),
    ExtensionType(SESSION_TICKET, "session_ticket", _CH | _SH12),
    ExtensionType(PRE_SHARED_KEY, "pre_shared_key", _CH | _SH),
    ExtensionType(EARLY_DATA, "early_data", _CH | _EE | _NST),
    ExtensionType(SUPPORTED_VERSIONS, "supported_versions", _CH | _SH | _HRR),
    ExtensionType(COOKIE, "cookie", _CH | _HRR),
    ExtensionType(PSK_KEY_EXCHANGE_MODES, "psk_key_exchange_modes", _CH),
    ExtensionType(CERTIFICATE_AUTHORITIES, "certificate_authorities", _CH | _CR),
    ExtensionType(OID_FILTERS, "oid_filters", _CR),
    ExtensionType(POST_HANDSHAKE_AUTH, "post_handshake_auth", _CH),
    ExtensionType(SIGNATURE_ALGORITHMS_CERT, "signature_algorithms_cert", _CH | _CR),
    ExtensionType(KEY_SHARE, "key_share", _CH | _SH | _HRR),
    ExtensionType(RENEGOTIATION_INFO, "renegotiation_info", _CH | _SH12),
)

EXTENSION_TYPES: Mapping[int, ExtensionType] = {row.code: row for row in _ROWS}
# The extensions that have no place in a message.
_MISPLACED = {where: {row.code for row in _ROWS if where not in row.allowed} for where in Where}


def extension_name(code: int) -> str:
    """The registered name of an extension, or its number."""
    row = EXTENSION_TYPES.get(code)
    return row.name if row else f"extension {code}"


def read_extensions(block: bytes, message: str) -> dict[int, bytes]:
    """The extensions of a block already taken from its length."""
    extensions: dict[int, bytes] = {}
    if not block:
        return extensions
    reader = Reader(block, f"extensions of {message}")
    while len(reader):
        code = reader.uint16()
        # RFC 9846 §4.3 [8446 §4.2]: "There MUST NOT be more than one extension of the same type in a given
        # extension block."
        if code in extensions:
            raise PeerMisbehaved(
                AlertDescription.ILLEGAL_PARAMETER, f"{message} has two extensions {extension_name(code)}"
            )
        extensions[code] = reader.vector16()
    return extensions


def write_extensions(extensions: Iterable[tuple[int, bytes]]) -> bytes:
    """A block of extensions behind its length."""
    return vector16(b"".join([struct.pack(">HH", code, len(data)) + data for code, data in extensions]))


def check_answers(extensions: Extensions, where: Where, offered: Collection[int], message: str) -> None:
    """Refuse an extension that was not asked for, or that answers in the wrong message."""
    misplaced = _MISPLACED[where]
    for code in extensions:
        # RFC 5246 §7.4.1.4: "If a client receives an extension type in ServerHello that it did not request in the
        # associated ClientHello, it MUST abort the handshake with an unsupported_extension fatal alert." There it
        # does not count that the extension would have had no place either.
        if code in misplaced and (code in offered or where is not Where.SERVER_HELLO_12):
            raise _misplaced(code, message)
        if code not in offered:
            raise PeerMisbehaved(
                AlertDescription.UNSUPPORTED_EXTENSION,
                f"{message} answers {extension_name(code)}, which was not offered",
            )


def check_requests(extensions: Extensions, where: Where, message: str) -> None:
    """Refuse a known extension in the wrong message; others are passed over.

    RFC 9846 §9.3 [8446 §9.3]: "a client receiving a CertificateRequest or NewSessionTicket MUST also ignore all
    unrecognized extensions."
    """
    for code in extensions:
        if code in _MISPLACED[where]:
            raise _misplaced(code, message)


def _misplaced(code: int, message: str) -> PeerMisbehaved:
    return PeerMisbehaved(
        AlertDescription.ILLEGAL_PARAMETER, f"{extension_name(code)} has no place in {message}"
    )
