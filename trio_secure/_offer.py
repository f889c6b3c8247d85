"""What the client proposes, and the checks that a server's hello stays inside it.

Theory of operation
-------------------
An `Offer` is a ClientHello together with the private halves of the shares in it and the session it would
resume. It is immutable: a HelloRetryRequest makes a second one from the first. Every question of the form
"did we offer this?" about a hello is asked here and nowhere else.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from dataclasses import dataclass

from . import _extensions as ext
from ._client_hello import bound, bound_length, client_hello, key_share, without
from ._codec import Reader
from ._config import TLSConfig
from ._errors import AlertDescription, PeerIncompatible, PeerMisbehaved
from ._extensions import Where, check_answers
from ._frozen import frozen
from ._grease import VALUES, Grease
from ._groups import GROUPS_BY_CODE, Exchange, NamedGroup, fresh_shares
from ._keys13 import EarlySecrets
from ._messages import ClientHello, HelloRetryRequest, ServerHello
from ._names import ServerName
from ._sessions import Session, Session13
from ._suites import CipherSuite
from ._transcript import Transcript
from ._versions import DOWNGRADE_OF_JAVA11, DOWNGRADE_TO_TLS11, DOWNGRADE_TO_TLS12, Version


def _illegal(message: str) -> PeerMisbehaved:
    return PeerMisbehaved(AlertDescription.ILLEGAL_PARAMETER, message)


@frozen(repr=False)
class OfferedKey:
    """A pre-shared key in a ClientHello: the session it comes from, and the secrets that begin with it."""

    session: Session13
    secrets: EarlySecrets


@dataclass(frozen=True, slots=True, repr=False)
class Offer:
    """One ClientHello and what it commits us to.

    Attributes:
        shares: the private halves of the key shares sent.
        session: the session that the hello would resume, if any.
        key: the pre-shared key, when that session is one of TLS 1.3.
        early_data: whether data follows the hello at once.
        sent_early_data: whether it followed this hello or the one before it.
        retry: the HelloRetryRequest this offer answers, if it does.
        offered: the extensions in the ClientHello that a server may answer.
    """

    config: TLSConfig
    hello: ClientHello
    shares: Mapping[NamedGroup, Exchange]
    grease: Grease | None = None
    session: Session | None = None
    key: OfferedKey | None = None
    early_data: bool = False
    sent_early_data: bool = False
    retry: HelloRetryRequest | None = None
    offered: frozenset[int] = dataclasses.field(init=False)

    def __post_init__(self) -> None:
        codes = frozenset(dict(self.hello.extensions))
        object.__setattr__(self, "offered", codes.difference(VALUES) if self.grease else codes)

    @classmethod
    def fresh(
        cls,
        config: TLSConfig,
        name: ServerName | None,
        session: Session | None = None,
        *,
        early_data: bool = False,
    ) -> Offer:
        """The first ClientHello of a connection."""
        shares = fresh_shares(config.share_rows) if config.highest >= Version.TLS13 else {}
        grease = Grease.fresh() if config.grease else None
        early_data = early_data and isinstance(session, Session13)
        hello = client_hello(config, name, shares, session, grease, early_data=early_data)
        # A server may give tickets that it cannot be given back.
        if session is not None and not _has_room(hello, session):
            return cls.fresh(config, name)
        key = None
        if isinstance(session, Session13):
            key = OfferedKey(session, EarlySecrets.derive(session.suite.hash, session.psk))
            hello = _bind(hello, key, Transcript())
        return cls(config, hello, shares, grease, session, key, early_data, early_data)

    def retried(self, request: HelloRetryRequest, transcript: Transcript) -> Offer:
        """The second ClientHello, as a HelloRetryRequest asks for it (RFC 9846 §4.2.4 [8446 §4.1.4]).

        Args:
            request: what the server asks for.
            transcript: everything up to and including the request.
        """
        suite = self._check_hello(request)
        allowed = {*self.offered, ext.COOKIE}
        check_answers(request.extensions, Where.HELLO_RETRY_REQUEST, allowed, "HelloRetryRequest")
        shares, changed = self.shares, dict[int, bytes]()
        if (selected := request.extensions.get(ext.KEY_SHARE)) is not None:
            shares = self._selected_share(selected)
            changed[ext.KEY_SHARE] = key_share(shares)
        # RFC 9846 §4.3.2 [8446 §4.2.2]: "the client MUST copy the contents of the extension received in the
        # HelloRetryRequest into a 'cookie' extension in the new ClientHello."
        if (cookie := request.extensions.get(ext.COOKIE)) is not None:
            reader = Reader(cookie, "cookie")
            reader.vector16(1)
            reader.finish()
            changed[ext.COOKIE] = cookie
        # "Clients MUST abort the handshake with an 'illegal_parameter' alert if the HelloRetryRequest would
        # not result in any change in the ClientHello."
        if not changed:
            raise _illegal("the HelloRetryRequest asks for nothing")
        # "Removing the 'early_data' extension (Section 4.3.10) if one was present", and binding the key anew.
        hello = without(self.hello, (ext.EARLY_DATA, ext.PRE_SHARED_KEY))
        hello = hello.with_extensions({**dict(hello.extensions), **changed}.items())
        if hello.room < 0:
            raise _illegal("the cookie is too long to be copied into a ClientHello")
        key = self.key
        # "The client MUST NOT offer any pre-shared keys associated with a hash other than that of the
        # selected cipher suite" (RFC 9846 §4.2.4 [8446 §4.1.4]).
        if key is not None and (
            key.session.suite.hash is not suite.hash or not _has_room(hello, key.session)
        ):
            key = None
        if key is not None:
            hello = _bind(hello, key, transcript)
        return dataclasses.replace(self, hello=hello, shares=shares, key=key, early_data=False, retry=request)

    def _selected_share(self, selected: bytes) -> Mapping[NamedGroup, Exchange]:
        reader = Reader(selected, "key_share of HelloRetryRequest")
        code = reader.uint16()
        reader.finish()
        group = GROUPS_BY_CODE.get(code)
        # RFC 9846 §4.3.8 [8446 §4.2.8]: "clients MUST verify that (1) the selected_group field corresponds
        # to a group which was provided in the 'supported_groups' extension in the original ClientHello and
        # (2) the selected_group field does not correspond to a group which was provided in the 'key_share'
        # extension in the original ClientHello."
        if group is None or group not in self.config.group_rows or group in self.shares:
            raise _illegal(f"the HelloRetryRequest asks for group 0x{code:04x}, not offered or already sent")
        return {group: group.fresh()}

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
        if isinstance(answer, HelloRetryRequest) and ext.SUPPORTED_VERSIONS in self.offered:
            raise PeerMisbehaved(
                AlertDescription.MISSING_EXTENSION, "the HelloRetryRequest does not settle on TLS 1.3"
            )
        return self._legacy_version(answer)

    def _legacy_version(self, answer: ServerHello) -> Version:
        # RFC 9846 §E.1 [8446 §D.1], as RFC 5246 §E.1: "If the version chosen by the server is not supported by the
        # client (or is not acceptable), the client MUST abort the handshake with a 'protocol_version' alert."
        legacy, highest = answer.legacy_version, self.config.highest
        if legacy not in self.config.versions or legacy >= Version.TLS13:
            raise PeerIncompatible(
                AlertDescription.PROTOCOL_VERSION,
                f"the server chose version 0x{legacy:04x}; this connection allows "
                f"{self.config.lowest.label} to {highest.label}",
            )
        # RFC 9846 §4.2.3 [8446 §4.1.3]: "TLS 1.3 clients receiving a ServerHello indicating TLS 1.2 or
        # below MUST check that the last 8 bytes are not equal to either of these values. TLS 1.2 clients
        # SHOULD also check that the last 8 bytes are not equal to the second value if the ServerHello
        # indicates TLS 1.1 or below. If a match is found, the client MUST abort the handshake with an
        # 'illegal_parameter' alert."
        sentinels: tuple[bytes, ...] = ()
        if highest >= Version.TLS13:
            sentinels = (DOWNGRADE_TO_TLS12, DOWNGRADE_TO_TLS11, DOWNGRADE_OF_JAVA11)
        elif legacy < highest == Version.TLS12:
            sentinels = (DOWNGRADE_TO_TLS11,)
        if answer.random.endswith(sentinels):
            raise _illegal("somebody downgraded the connection: the server says it could have done better")
        return Version(legacy)

    def suite(self, answer: ServerHello, version: Version) -> CipherSuite:
        """The suite the server chose, if it may."""
        # RFC 9846 §4.2.3 [8446 §4.1.3]: "A client which receives a cipher suite that was not offered MUST
        # abort the handshake with an 'illegal_parameter' alert." RFC 5288 §4 has the same for an AEAD in TLS 1.1:
        # "Clients MUST check the TLS version and generate a fatal 'illegal_parameter' alert".
        for row in self.config.suite_rows:
            if row.code == answer.cipher_suite and row.fits(version):
                return row
        raise _illegal(f"the server chose suite 0x{answer.cipher_suite:04x}, not offered for {version.label}")

    def agree(self, answer: ServerHello) -> tuple[CipherSuite, NamedGroup, bytes]:
        """Suite, group and shared secret of a TLS 1.3 ServerHello."""
        suite = self._check_hello(answer)
        check_answers(answer.extensions, Where.SERVER_HELLO, self.offered, "ServerHello")
        # RFC 9846 §4.2.4 [8446 §4.1.4]: "clients MUST check that the cipher suite supplied in the
        # ServerHello is the same as that in the HelloRetryRequest and otherwise abort the handshake with an
        # 'illegal_parameter'".
        if self.retry is not None and answer.cipher_suite != self.retry.cipher_suite:
            raise _illegal("the server changed its suite after the HelloRetryRequest")
        data = answer.extensions.get(ext.KEY_SHARE)
        if data is None:
            # RFC 9846 §4.3.11 [8446 §4.2.11]: with a pre-shared key, that "a server 'key_share' extension
            # is present if required by the ClientHello 'psk_key_exchange_modes' extension" is one of what
            # makes it consistent.
            resumes = ext.PRE_SHARED_KEY in answer.extensions
            alert = AlertDescription.ILLEGAL_PARAMETER if resumes else AlertDescription.MISSING_EXTENSION
            raise PeerMisbehaved(alert, "the ServerHello has no key_share")
        reader = Reader(data, "key_share of ServerHello")
        code, share = reader.uint16(), reader.vector16(1)
        reader.finish()
        # RFC 9846 §4.3.8 [8446 §4.2.8]: the group "MUST be one of the groups" of which a share was sent;
        # after a retry only one is left.
        for group, ours in self.shares.items():
            if group.code == code:
                return suite, group, group.agree(ours, share)
        raise _illegal(f"the server answers with a share of group 0x{code:04x}, of which none was sent")

    def accepted_key(self, answer: ServerHello, suite: CipherSuite) -> OfferedKey | None:
        """The pre-shared key, if the server took it (RFC 9846 §4.3.11 [8446 §4.2.11])."""
        data = answer.extensions.get(ext.PRE_SHARED_KEY)
        if data is None or self.key is None:
            return None
        reader = Reader(data, "pre_shared_key of ServerHello")
        index = reader.uint16()
        reader.finish()
        # "Clients MUST verify that the server's selected_identity is within the range supplied by the
        # client, that the server selected a cipher suite indicating a Hash associated with the PSK, and
        # that a server 'key_share' extension is present if required by the ClientHello
        # 'psk_key_exchange_modes' extension. If these values are not consistent, the client MUST abort the
        # handshake with an 'illegal_parameter' alert."
        if index != 0:
            raise _illegal(f"the server chose pre-shared key {index}; one was offered")
        if self.key.session.suite.hash is not suite.hash:
            raise _illegal(f"the server resumes with {suite.name}, whose hash is not the session's")
        return self.key

    def _check_hello(self, answer: ServerHello) -> CipherSuite:
        """The fields that a HelloRetryRequest and a TLS 1.3 ServerHello share."""
        # RFC 9846 §4.2.3: "A client which receives a TLS 1.3 Server Hello with a legacy_version value not
        # equal to 0x0303 MUST abort the handshake with a 'protocol_version' alert."
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


def _has_room(hello: ClientHello, session: Session) -> bool:
    """Whether a hello that resumes `session`, not bound to it yet, can be encoded."""
    return hello.room >= (bound_length(session) if isinstance(session, Session13) else 0)


def _bind(hello: ClientHello, key: OfferedKey, transcript: Transcript) -> ClientHello:
    """The hello with its pre-shared key and the binder that proves we have it.

    RFC 9846 §4.3.11.2 [8446 §4.2.11.2]: the binder covers everything before the hello, and the hello "up to
    and including the PreSharedKeyExtension.identities field", its lengths as if the binders were there.
    """
    session, algorithm = key.session, key.session.suite.hash
    age = session.obfuscated_age(time.time())
    unbound = bound(hello, session, age, bytes(algorithm.length)).encode()
    truncated = unbound[: -(2 + 1 + algorithm.length)]
    return bound(hello, session, age, key.secrets.binder(transcript.preview(algorithm, truncated)))
