"""The ClientHello: which extensions say what (RFC 9846 §4.2.2 [8446 §4.1.2]; RFC 5246 §7.4.1.2).

Theory of operation
-------------------
One function for each extension that takes more than a line, and one list in the order of sending. What a
configuration says is written once for all of its connections; what depends on a session (its ticket, its id) or a
share stands around it. The pre-shared key is bound afterwards, because its binder covers everything that stands
before it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from . import _extensions as ext
from ._codec import vector8, vector16
from ._config import TLSConfig, once
from ._grease import Grease
from ._groups import Exchange, NamedGroup
from ._messages import ClientHello
from ._names import ServerName
from ._sessions import Session, Session12, Session13
from ._settings import FRAGMENT_LENGTHS, largest_record
from ._signatures import SCHEMES_BY_NAME
from ._status import STATUS_REQUEST
from ._suites import Cbc, KeyExchange
from ._versions import Version

_HOST_NAME = 0
_UNCOMPRESSED = 0
#: RFC 9846 §4.3.9 [8446 §4.2.9]: psk_dhe_ke, a pre-shared key with a fresh key exchange.
_PSK_DHE_KE = 1
_EXTENSION_HEADER = 4


def client_hello(
    config: TLSConfig,
    name: ServerName | None,
    shares: Mapping[NamedGroup, Exchange],
    session: Session | None,
    grease: Grease | None,
    *,
    early_data: bool,
) -> ClientHello:
    """The first ClientHello of a connection, but for its pre-shared key."""
    suites = _suites(config)
    hello = ClientHello(
        min(config.highest, Version.TLS12),
        os.urandom(32),
        _session_id(config, session),
        (grease.suite, *suites) if grease else suites,
        tuple(_extensions(config, name, shares, session, grease, early_data=early_data)),
    )
    return _padded(hello, config.hello_padding) if config.hello_padding else hello


@once
def _suites(config: TLSConfig) -> tuple[int, ...]:
    return tuple(suite.code for suite in config.suite_rows)


def key_share(shares: Mapping[NamedGroup, Exchange], grease: Grease | None = None) -> bytes:
    """The extension key_share of a ClientHello (RFC 9846 §4.3.8 [8446 §4.2.8])."""
    entries = [group.code.to_bytes(2, "big") + vector16(ours.public) for group, ours in shares.items()]
    if grease:
        entries.insert(0, grease.group.to_bytes(2, "big") + vector16(b"\0"))
    return vector16(b"".join(entries))


def _session_id(config: TLSConfig, session: Session | None) -> bytes:
    if isinstance(session, Session12) and session.session_id:
        return session.session_id
    # RFC 5077 §3.4: with a ticket alone, an id that the server echoes tells that it resumes. RFC 9846 §E.4
    # [8446 §D.4]: a TLS 1.3 client in middlebox compatibility mode sends a non-empty one.
    if isinstance(session, Session12) or config.highest >= Version.TLS13:
        return os.urandom(32)
    return b""


def _codes(codes: Iterable[int]) -> bytes:
    return vector16(b"".join(code.to_bytes(2, "big") for code in codes))


def _greased(
    codes: Iterable[int], grease: Grease | None, kind: Literal["group", "scheme", "version"]
) -> list[int]:
    return [*codes] if grease is None else [getattr(grease, kind), *codes]


def _server_name(name: ServerName) -> bytes:
    return vector16(bytes([_HOST_NAME]) + vector16(name.text.encode("ascii")))


def _versions(config: TLSConfig, grease: Grease | None) -> bytes:
    # RFC 9846 §4.3.1 [8446 §4.2.1]: "containing all versions of TLS which they are prepared to negotiate",
    # the most preferred first.
    return _codes(_greased(config.versions, grease, "version"))[1:]


def _groups(config: TLSConfig) -> Sequence[NamedGroup]:
    """The groups that a suite on offer has a use for; in TLS 1.3 every suite has."""
    if config.highest >= Version.TLS13:
        return config.group_rows
    # RFC 8422 §4: "The client MUST NOT include these extensions in the ClientHello message if it does not propose
    # any ECC cipher suites"; RFC 7919 §3 says the same of its groups, as a SHOULD.
    wanted = {suite.key_exchange for suite in config.suite_rows}
    return [group for group in config.group_rows if group.key_exchange in wanted]


def _extensions(
    config: TLSConfig,
    name: ServerName | None,
    shares: Mapping[NamedGroup, Exchange],
    session: Session | None,
    grease: Grease | None,
    *,
    early_data: bool,
) -> list[tuple[int, bytes]]:
    """The extensions of a first ClientHello, in the order in which they are sent."""
    extensions: list[tuple[int, bytes]] = []
    if grease:
        extensions.append((grease.first_extension, b""))
    # RFC 6066 §3: "Literal IPv4 and IPv6 addresses are not permitted in 'HostName'."
    if name is not None and not name.is_address:
        extensions.append((ext.SERVER_NAME, _server_name(name)))
    # Before the others, for it may be empty: WebSphere 7 cannot do with an empty extension as the last.
    if config.lowest < Version.TLS13 and config.session_cache is not None:
        ticket = session.ticket if isinstance(session, Session12) else b""
        extensions.append((ext.SESSION_TICKET, ticket))
    extensions += _lasting(config) if grease is None else _of_configuration(config, grease)
    if config.highest >= Version.TLS13:
        # RFC 9846 §9.2 [8446 §9.2]: "If containing a 'supported_groups' extension, it MUST also contain a
        # 'key_share' extension, and vice versa. An empty KeyShare.client_shares list is permitted."
        extensions.append((ext.KEY_SHARE, key_share(shares, grease)))
        if config.session_cache is not None or isinstance(session, Session13):
            extensions.append((ext.PSK_KEY_EXCHANGE_MODES, vector8(bytes([_PSK_DHE_KE]))))
        if early_data:
            extensions.append((ext.EARLY_DATA, b""))
    if grease:
        extensions.append((grease.last_extension, b"\0"))
    return extensions


@once
def _lasting(config: TLSConfig) -> list[tuple[int, bytes]]:
    """The extensions that are the same in every hello of a configuration."""
    return _of_configuration(config, None)


def _of_configuration(config: TLSConfig, grease: Grease | None) -> list[tuple[int, bytes]]:
    """The extensions that say what is configured, and nothing of a session or a share."""
    extensions: list[tuple[int, bytes]] = []
    if config.lowest < Version.TLS13:
        extensions += _below_13(config)
    if groups := _groups(config):
        codes = _greased((group.code for group in groups), grease, "group")
        extensions.append((ext.SUPPORTED_GROUPS, _codes(codes)))
    # RFC 5246 §7.4.1.4.1: "Clients MUST NOT offer it if they are offering TLS versions prior to 1.2." By RFC 9846
    # §9.2 [8446 §9.2] a hello of TLS 1.3 has it.
    if config.highest >= Version.TLS12:
        schemes = _greased((scheme.code for scheme in config.scheme_rows), grease, "scheme")
        extensions.append((ext.SIGNATURE_ALGORITHMS, _codes(schemes)))
        if config.certificate_signature_algorithms:
            named = (SCHEMES_BY_NAME[name].code for name in config.certificate_signature_algorithms)
            extensions.append((ext.SIGNATURE_ALGORITHMS_CERT, _codes(named)))
    if config.protocols:
        extensions.append((ext.ALPN, vector16(b"".join(map(vector8, config.protocols)))))
    if config.ocsp != "ignore":
        extensions.append((ext.STATUS_REQUEST, STATUS_REQUEST))
    if config.signed_certificate_timestamps:
        extensions.append((ext.SIGNED_CERTIFICATE_TIMESTAMP, b""))
    if config.max_fragment_length is not None:
        extensions.append((ext.MAX_FRAGMENT_LENGTH, bytes([FRAGMENT_LENGTHS[config.max_fragment_length]])))
    if config.record_size_limit is not None:
        # RFC 8449 §4: "an endpoint MUST NOT send a value higher than the protocol-defined maximum record size".
        limit = min(config.record_size_limit, largest_record(config.highest))
        extensions.append((ext.RECORD_SIZE_LIMIT, limit.to_bytes(2, "big")))
    if config.highest >= Version.TLS13:
        extensions += _from_13(config, grease)
    return extensions


def _below_13(config: TLSConfig) -> list[tuple[int, bytes]]:
    # RFC 7627 §5.1, RFC 5746 §3.4, RFC 8422 §5.1.2.
    extensions = [
        (ext.EXTENDED_MASTER_SECRET, b""),
        (ext.RENEGOTIATION_INFO, b"\x00"),
    ]
    if any(suite.key_exchange is KeyExchange.ECDHE for suite in config.suite_rows):
        extensions.append((ext.EC_POINT_FORMATS, vector8(bytes([_UNCOMPRESSED]))))
    if any(isinstance(suite.cipher, Cbc) for suite in config.suite_rows):
        extensions.append((ext.ENCRYPT_THEN_MAC, b""))
    return extensions


def _from_13(config: TLSConfig, grease: Grease | None) -> list[tuple[int, bytes]]:
    extensions = [(ext.SUPPORTED_VERSIONS, _versions(config, grease))]
    if algorithms := config.compression_rows:
        codes = b"".join(row.code.to_bytes(2, "big") for row in algorithms)
        extensions.append((ext.COMPRESS_CERTIFICATE, vector8(codes)))
    if config.certificate_authorities:
        names = b"".join(map(vector16, config.certificate_authorities))
        extensions.append((ext.CERTIFICATE_AUTHORITIES, vector16(names)))
    # RFC 9846 §4.3.6 [8446 §4.2.6]: "Servers MUST NOT send a post-handshake CertificateRequest to clients which do
    # not offer this extension."
    if config.post_handshake_auth:
        extensions.append((ext.POST_HANDSHAKE_AUTH, b""))
    return extensions


def _padded(hello: ClientHello, multiple: int) -> ClientHello:
    """RFC 7685 §3: zeros in an extension of their own."""
    if hello.room < multiple + _EXTENSION_HEADER:
        return hello
    missing = -len(hello.encode()) % multiple
    if not missing:
        return hello
    # The extension itself takes four bytes.
    zeros = bytes((missing - _EXTENSION_HEADER) % multiple)
    return hello.with_extensions([*hello.extensions, (ext.PADDING, zeros)])


def bound_length(session: Session13) -> int:
    """How many bytes of extensions `bound` adds."""
    return _EXTENSION_HEADER + 2 + 2 + len(session.ticket) + 4 + 2 + 1 + session.suite.hash.length


def bound(hello: ClientHello, session: Session13, age: int, binder: bytes) -> ClientHello:
    """The same hello with a pre-shared key behind everything else (RFC 9846 §4.3.11 [8446 §4.2.11])."""
    identities = vector16(vector16(session.ticket) + age.to_bytes(4, "big"))
    # "The 'pre_shared_key' extension MUST be the last extension in the ClientHello."
    return hello.with_extensions(
        [*hello.extensions, (ext.PRE_SHARED_KEY, identities + vector16(vector8(binder)))]
    )


def without(hello: ClientHello, codes: Sequence[int]) -> ClientHello:
    """The same hello without some extensions."""
    return hello.with_extensions([(code, data) for code, data in hello.extensions if code not in codes])
