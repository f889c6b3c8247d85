"""What the server's extensions settle: in the ServerHello of TLS 1.2 and below, in EncryptedExtensions after it.

Theory of operation
-------------------
That an extension was asked for and may stand where it stands is checked by the table. Here each is read: whether
its value answers what was asked, and what follows from it for the connection.
"""

from __future__ import annotations

from . import _extensions as ext
from ._codec import Reader
from ._config import TLSConfig
from ._errors import AlertDescription, PeerMisbehaved
from ._extensions import Extensions, Where, check_answers
from ._frozen import frozen
from ._messages import ServerHello
from ._messages13 import EncryptedExtensions
from ._offer import Offer
from ._settings import FRAGMENT_LENGTHS, largest_record
from ._status import check_status_answer, read_scts
from ._suites import Cbc, CipherSuite
from ._versions import Version
from ._wire import NO_LIMITS, RecordLimits

#: RFC 8449 §4: the smallest record_size_limit there is.
_SMALLEST_LIMIT = 64


def _illegal(message: str) -> PeerMisbehaved:
    return PeerMisbehaved(AlertDescription.ILLEGAL_PARAMETER, message)


@frozen
class Answers:
    """The values of the server's extensions."""

    alpn: bytes | None = None
    limits: RecordLimits = NO_LIMITS
    early_data: bool = False
    extended_master_secret: bool = False
    encrypt_then_mac: bool = False
    session_ticket: bool = False
    status_request: bool = False
    scts: tuple[bytes, ...] = ()


def answers13(message: EncryptedExtensions, offer: Offer) -> Answers:
    """The answers of EncryptedExtensions (RFC 9846 §4.4.1 [8446 §4.3.1])."""
    extensions = message.extensions
    _check_one_limit(extensions)
    check_answers(extensions, Where.ENCRYPTED_EXTENSIONS, offer.offered, "EncryptedExtensions")
    _check_empty(extensions, ext.SERVER_NAME)
    _check_empty(extensions, ext.EARLY_DATA)
    # RFC 9846 §4.3.7 [8446 §4.2.7]: "Clients MUST NOT act upon any information found in 'supported_groups' prior
    # to successful completion of the handshake"; here nobody does so at all.
    return Answers(
        alpn=_protocol(extensions, offer.config),
        limits=_limits(extensions, offer.config, Version.TLS13),
        early_data=ext.EARLY_DATA in extensions,
        extended_master_secret=True,
    )


def answers12(hello: ServerHello, offer: Offer, version: Version, suite: CipherSuite) -> Answers:
    """The answers of a ServerHello of TLS 1.2 or below (RFC 5246 §7.4.1.4)."""
    extensions = hello.extensions
    _check_one_limit(extensions)
    check_answers(extensions, Where.SERVER_HELLO_12, offer.offered, "ServerHello")
    for code in (ext.SERVER_NAME, ext.EXTENDED_MASTER_SECRET, ext.ENCRYPT_THEN_MAC, ext.SESSION_TICKET):
        _check_empty(extensions, code)
    _check_renegotiation_info(extensions)
    _check_point_formats(extensions)
    encrypt_then_mac = ext.ENCRYPT_THEN_MAC in extensions
    # RFC 7366 §3: "If a server receives an encrypt-then-MAC request extension from a client and then selects a
    # stream or Authenticated Encryption with Associated Data (AEAD) ciphersuite, it MUST NOT send an
    # encrypt-then-MAC response extension back to the client."
    if encrypt_then_mac and not isinstance(suite.cipher, Cbc):
        raise _illegal(f"the server wants to encrypt then MAC with {suite.name}, which has no MAC")
    if (status := extensions.get(ext.STATUS_REQUEST)) is not None:
        check_status_answer(status)
    scts = extensions.get(ext.SIGNED_CERTIFICATE_TIMESTAMP)
    return Answers(
        alpn=_protocol(extensions, offer.config),
        limits=_limits(extensions, offer.config, version),
        extended_master_secret=ext.EXTENDED_MASTER_SECRET in extensions,
        encrypt_then_mac=encrypt_then_mac,
        session_ticket=ext.SESSION_TICKET in extensions,
        status_request=status is not None,
        scts=() if scts is None else read_scts(scts),
    )


def _check_empty(extensions: Extensions, code: int) -> None:
    Reader(extensions.get(code, b""), f"{ext.extension_name(code)} answer").finish()


def _protocol(extensions: Extensions, config: TLSConfig) -> bytes | None:
    """The ALPN protocol the server chose, if it may (RFC 7301 §3.1)."""
    data = extensions.get(ext.ALPN)
    if data is None:
        return None
    reader = Reader(data, "ALPN answer")
    entry = reader.inner(reader.vector16(2), "ProtocolNameList")
    reader.finish()
    # "The 'extension_data' field [...] MUST contain exactly one 'ProtocolName'." RFC 7301 §3.2: "The server SHALL
    # NOT respond with a selected protocol and subsequently use a different protocol".
    protocol = entry.vector8(1)
    entry.finish()
    if protocol not in config.protocols:
        raise _illegal(f"the server chose ALPN protocol {protocol!r}, which was not offered")
    return protocol


def _check_one_limit(extensions: Extensions) -> None:
    # RFC 8449 §5: "A client MUST treat receipt of both 'max_fragment_length' and 'record_size_limit' as a fatal
    # error, and it SHOULD generate an 'illegal_parameter' alert", whichever of them it has offered.
    if ext.MAX_FRAGMENT_LENGTH in extensions and ext.RECORD_SIZE_LIMIT in extensions:
        raise _illegal("the server answers both max_fragment_length and record_size_limit")


def _limits(extensions: Extensions, config: TLSConfig, version: Version) -> RecordLimits:
    fragment, limit = extensions.get(ext.MAX_FRAGMENT_LENGTH), extensions.get(ext.RECORD_SIZE_LIMIT)
    if fragment is not None:
        return RecordLimits(fragment=_fragment_length(fragment, config))
    if limit is not None:
        # What was asked for may be as much as TLS 1.3 allows, which is a byte more than older versions do.
        largest = largest_record(version)
        receive = min(config.record_size_limit or largest, largest)
        return RecordLimits(receive=receive, send=_record_size_limit(limit, largest))
    return NO_LIMITS


def _fragment_length(data: bytes, config: TLSConfig) -> int | None:
    reader = Reader(data, "max_fragment_length answer")
    code = reader.uint8()
    reader.finish()
    # RFC 6066 §4: "if a client receives a maximum fragment length negotiation response that differs from the
    # length it requested, it MUST also abort the handshake with an 'illegal_parameter' alert."
    asked = config.max_fragment_length
    if asked is None or code != FRAGMENT_LENGTHS[asked]:
        raise _illegal(f"the server answers another max_fragment_length than was asked for: {code}")
    return asked


def _record_size_limit(data: bytes, largest: int) -> int:
    reader = Reader(data, "record_size_limit answer")
    limit = reader.uint16()
    reader.finish()
    # RFC 8449 §4: "An endpoint MUST treat receipt of a smaller value as a fatal error and generate an
    # 'illegal_parameter' alert." And: "A client MAY abort the handshake with an 'illegal_parameter' alert if the
    # record_size_limit extension includes a value greater than the maximum record size permitted".
    if not _SMALLEST_LIMIT <= limit <= largest:
        raise _illegal(f"the server's record_size_limit is {limit}, outside {_SMALLEST_LIMIT} to {largest}")
    return limit


def _check_renegotiation_info(extensions: Extensions) -> None:
    data = extensions.get(ext.RENEGOTIATION_INFO)
    # RFC 5746 §4.1 leaves it to the client whether to go on with a server that does not answer: it "might choose
    # to reject all renegotiations and simply not signal it", and most of those do.
    if data is None:
        return
    reader = Reader(data, "renegotiation_info")
    renegotiated_connection = reader.vector8()
    reader.finish()
    # RFC 5746 §3.4: "The client MUST then verify that the length of the 'renegotiated_connection' field is zero,
    # and if it is not, MUST abort the handshake (by sending a fatal handshake_failure alert)."
    if renegotiated_connection:
        raise PeerMisbehaved(
            AlertDescription.HANDSHAKE_FAILURE,
            "the server's renegotiation_info speaks of an earlier handshake",
        )


def _check_point_formats(extensions: Extensions) -> None:
    data = extensions.get(ext.EC_POINT_FORMATS)
    if data is None:
        return
    reader = Reader(data, "ec_point_formats")
    formats = reader.vector8(1)
    reader.finish()
    # RFC 8422 §5.2: "If the client [...] receives [...] a ServerHello that doesn't include uncompressed [...] it
    # MUST abort the handshake and return an illegal_parameter alert."
    if 0 not in formats:
        raise _illegal("the server does not take uncompressed points")
