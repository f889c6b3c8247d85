"""What the client proposes, and the checks that an answer stays inside it.

Theory of operation
-------------------
An `Offer` is a ClientHello together with the private halves of the shares in it. It is immutable: a
HelloRetryRequest makes a second one from the first. Every question of the form "did we offer this?" is asked here
and nowhere else.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from . import _extensions as ext
from ._codec import Reader, vector8, vector16
from ._config import TLSConfig
from ._errors import AlertDescription, PeerIncompatible, PeerMisbehaved
from ._extensions import Extensions, Where, check_answers
from ._groups import GROUPS_BY_CODE, Exchange, NamedGroup, fresh_shares
from ._messages import ClientHello, HelloRetryRequest, ServerHello
from ._names import ServerName
from ._suites import CipherSuite
from ._versions import DOWNGRADE_TO_TLS11, DOWNGRADE_TO_TLS12, Version

_HOST_NAME = 0
_UNCOMPRESSED = 0


def _illegal(message: str) -> PeerMisbehaved:
    return PeerMisbehaved(AlertDescription.ILLEGAL_PARAMETER, message)


def _codes(codes: list[int]) -> bytes:
    return vector16(b"".join(code.to_bytes(2, "big") for code in codes))


def _key_share(shares: Mapping[NamedGroup, Exchange]) -> bytes:
    entries = (group.code.to_bytes(2, "big") + vector16(ours.public) for group, ours in shares.items())
    return vector16(b"".join(entries))


@dataclass(frozen=True, slots=True)
class Offer:
    """One ClientHello and what it commits us to.

    Attributes:
        shares: the private halves of the key shares sent.
        retry: the HelloRetryRequest this offer answers, if it does.
    """

    config: TLSConfig
    hello: ClientHello
    shares: Mapping[NamedGroup, Exchange]
    retry: HelloRetryRequest | None = None

    @classmethod
    def fresh(cls, config: TLSConfig, name: ServerName | None) -> Offer:
        """The first ClientHello of a connection."""
        tls13 = config.max_version >= Version.TLS13
        shares = fresh_shares(config.share_rows) if tls13 else {}
        # RFC 9846 §E.4 [8446 §D.4]: a TLS 1.3 client in middlebox compatibility mode sends a non-empty session id.
        session_id = os.urandom(32) if tls13 else b""
        suites = tuple(suite.code for suite in config.suite_rows)
        hello = ClientHello(os.urandom(32), session_id, suites, tuple(_extensions(config, name, shares)))
        return cls(config, hello, shares)

    def retried(self, request: HelloRetryRequest) -> Offer:
        """The second ClientHello, as a HelloRetryRequest asks for it (RFC 9846 §4.2.4 [8446 §4.1.4])."""
        self._check_hello(request)
        check_answers(
            request.extensions, Where.HELLO_RETRY_REQUEST, {*self.offered, ext.COOKIE}, "HelloRetryRequest"
        )
        shares, added = self.shares, dict[int, bytes]()
        if (selected := request.extensions.get(ext.KEY_SHARE)) is not None:
            shares = self._selected_share(selected)
            added[ext.KEY_SHARE] = _key_share(shares)
        if (cookie := request.extensions.get(ext.COOKIE)) is not None:
            reader = Reader(cookie, "cookie")
            reader.vector16(1)
            reader.finish()
            added[ext.COOKIE] = cookie
        # "Clients MUST abort the handshake with an 'illegal_parameter' alert if the HelloRetryRequest would not
        # result in any change in the ClientHello."
        if not added:
            raise _illegal("the HelloRetryRequest asks for nothing")
        extensions = {**dict(self.hello.extensions), **added}
        hello = ClientHello(
            self.hello.random, self.hello.session_id, self.hello.cipher_suites, tuple(extensions.items())
        )
        return Offer(self.config, hello, shares, request)

    def _selected_share(self, selected: bytes) -> Mapping[NamedGroup, Exchange]:
        reader = Reader(selected, "key_share of HelloRetryRequest")
        code = reader.uint16()
        reader.finish()
        group = GROUPS_BY_CODE.get(code)
        # RFC 9846 §4.3.8 [8446 §4.2.8]: "clients MUST verify that (1) the selected_group field corresponds to a
        # group which was provided in the 'supported_groups' extension in the original ClientHello and (2) the
        # selected_group field does not correspond to a group which was provided in the 'key_share' extension in
        # the original ClientHello."
        if group is None or group not in self.config.group_rows or group in self.shares:
            raise _illegal(f"the HelloRetryRequest asks for group 0x{code:04x}, not offered or already sent")
        return {group: group.fresh()}

    @property
    def offered(self) -> frozenset[int]:
        """The extensions in the ClientHello."""
        return frozenset(code for code, _ in self.hello.extensions)

    def version(self, answer: ServerHello) -> Version:
        """The version the server chose, if it may (RFC 9846 §4.3.1, §4.2.3 [8446 §4.2.1, §4.1.3])."""
        selected = answer.extensions.get(ext.SUPPORTED_VERSIONS)
        if selected is not None and ext.SUPPORTED_VERSIONS in self.offered:
            reader = Reader(selected, "supported_versions")
            chosen = reader.uint16()
            reader.finish()
            # "If the 'supported_versions' extension in the ServerHello contains a version not offered by the
            # client or contains a version prior to TLS 1.3, the client MUST abort the handshake with an
            # 'illegal_parameter' alert."
            if chosen != Version.TLS13:
                raise _illegal(f"the server selected version 0x{chosen:04x} in supported_versions")
            return Version.TLS13
        if isinstance(answer, HelloRetryRequest):
            raise PeerMisbehaved(
                AlertDescription.MISSING_EXTENSION, "the HelloRetryRequest does not settle on TLS 1.3"
            )
        legacy = answer.legacy_version
        if legacy not in tuple(Version) or not self.config.min_version <= legacy < Version.TLS13:
            raise PeerIncompatible(
                AlertDescription.PROTOCOL_VERSION,
                f"the server chose version 0x{legacy:04x}; this connection allows "
                f"{Version(self.config.min_version).label} to {Version(self.config.max_version).label}",
            )
        # "TLS 1.3 clients receiving a ServerHello indicating TLS 1.2 or below MUST check that the last 8 bytes are
        # not equal to either of these values. [...] If a match is found, the client MUST abort the handshake with
        # an 'illegal_parameter' alert."
        sentinels = (DOWNGRADE_TO_TLS12, DOWNGRADE_TO_TLS11)
        if self.config.max_version >= Version.TLS13 and answer.random.endswith(sentinels):
            raise _illegal("somebody downgraded the connection: the server says it could have done TLS 1.3")
        return Version(legacy)

    def suite(self, answer: ServerHello, version: Version) -> CipherSuite:
        """The suite the server chose, if it may."""
        # RFC 9846 §4.2.3 [8446 §4.1.3]: "A client which receives a cipher suite that was not offered MUST abort
        # the handshake with an 'illegal_parameter' alert."
        for row in self.config.suite_rows:
            if row.code == answer.cipher_suite and row.version == version:
                return row
        raise _illegal(f"the server chose suite 0x{answer.cipher_suite:04x}, not offered for {version.label}")

    def agree(self, answer: ServerHello) -> tuple[CipherSuite, NamedGroup, bytes]:
        """Suite, group and shared secret of a TLS 1.3 ServerHello."""
        suite = self._check_hello(answer)
        check_answers(answer.extensions, Where.SERVER_HELLO, self.offered, "ServerHello")
        # RFC 9846 §4.2.4 [8446 §4.1.4]: "clients MUST check that the cipher suite supplied in the ServerHello is
        # the same as that in the HelloRetryRequest and otherwise abort the handshake with an 'illegal_parameter'".
        if self.retry is not None and answer.cipher_suite != self.retry.cipher_suite:
            raise _illegal("the server changed its suite after the HelloRetryRequest")
        data = answer.extensions.get(ext.KEY_SHARE)
        if data is None:
            raise PeerMisbehaved(AlertDescription.MISSING_EXTENSION, "the ServerHello has no key_share")
        reader = Reader(data, "key_share of ServerHello")
        code, share = reader.uint16(), reader.vector16(1)
        reader.finish()
        # RFC 9846 §4.3.8 [8446 §4.2.8]: the group "MUST be one of the groups" of which a share was sent; after a
        # retry only one is left.
        for group, ours in self.shares.items():
            if group.code == code:
                return suite, group, group.agree(ours, share)
        raise _illegal(f"the server answers with a share of group 0x{code:04x}, of which none was sent")

    def _check_hello(self, answer: ServerHello) -> CipherSuite:
        """The fields that a HelloRetryRequest and a TLS 1.3 ServerHello share."""
        # RFC 9846 §4.2.3: "A client which receives a TLS 1.3 Server Hello with a legacy_version value not equal to
        # 0x0303 MUST abort the handshake with a 'protocol_version' alert."
        if answer.legacy_version != Version.TLS12:
            raise PeerMisbehaved(
                AlertDescription.PROTOCOL_VERSION,
                f"legacy_version is 0x{answer.legacy_version:04x}, not 0x0303",
            )
        # "A client which receives a legacy_session_id_echo field that does not match what it sent in the
        # ClientHello MUST abort the handshake with an 'illegal_parameter' alert."
        if answer.session_id != self.hello.session_id:
            raise _illegal("the server does not echo the session id")
        # "If a TLS 1.3 ServerHello is received with any other value in this field, the client MUST abort the
        # handshake with an 'illegal_parameter' alert."
        if answer.compression_method != 0:
            raise _illegal(f"the server chose compression method {answer.compression_method}")
        return self.suite(answer, Version.TLS13)

    def protocol(self, extensions: Extensions) -> bytes | None:
        """The ALPN protocol the server chose, if it may (RFC 7301 §3.1)."""
        data = extensions.get(ext.ALPN)
        if data is None:
            return None
        reader = Reader(data, "ALPN answer")
        entry = reader.inner(reader.vector16(2), "ProtocolNameList")
        reader.finish()
        # "The 'extension_data' field [...] MUST contain exactly one 'ProtocolName'."
        protocol = entry.vector8(1)
        entry.finish()
        if protocol not in self.config.protocols:
            raise _illegal(f"the server chose ALPN protocol {protocol!r}, which was not offered")
        return protocol

    def check_server_name(self, extensions: Extensions) -> None:
        """RFC 6066 §3: a server that used the name answers with an empty extension."""
        Reader(extensions.get(ext.SERVER_NAME, b""), "server_name answer").finish()


def _extensions(
    config: TLSConfig, name: ServerName | None, shares: Mapping[NamedGroup, Exchange]
) -> list[tuple[int, bytes]]:
    """The extensions of a first ClientHello, in the order in which they are sent."""
    extensions: list[tuple[int, bytes]] = []
    # RFC 6066 §3: "Literal IPv4 and IPv6 addresses are not permitted in 'HostName'."
    if name is not None and not name.is_address:
        host = bytes([_HOST_NAME]) + vector16(name.text.encode("ascii"))
        extensions.append((ext.SERVER_NAME, vector16(host)))
    if config.min_version < Version.TLS13:
        # RFC 7627 §5.1, RFC 5746 §3.4, RFC 8422 §5.1.2.
        extensions.append((ext.EXTENDED_MASTER_SECRET, b""))
        extensions.append((ext.RENEGOTIATION_INFO, b"\x00"))
        extensions.append((ext.EC_POINT_FORMATS, vector8(bytes([_UNCOMPRESSED]))))
    extensions.append((ext.SUPPORTED_GROUPS, _codes([group.code for group in config.group_rows])))
    extensions.append((ext.SIGNATURE_ALGORITHMS, _codes([scheme.code for scheme in config.scheme_rows])))
    if config.protocols:
        extensions.append((ext.ALPN, vector16(b"".join(map(vector8, config.protocols)))))
    if config.max_version >= Version.TLS13:
        # RFC 9846 §4.3.1 [8446 §4.2.1]: "containing all versions of TLS which they are prepared to negotiate", the
        # most preferred first.
        versions = [v for v in sorted(Version, reverse=True) if config.min_version <= v <= config.max_version]
        extensions.append((ext.SUPPORTED_VERSIONS, vector8(b"".join(v.to_bytes(2, "big") for v in versions))))
        extensions.append((ext.KEY_SHARE, _key_share(shares)))
    return extensions
