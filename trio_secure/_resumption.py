"""Which session may be offered, what a server's answer may make of it, and how new ones come about.

Theory of operation
-------------------
Pure functions between what a connection is asked to be, what a handshake settled, and the sessions of `_sessions`.
A full handshake leads to one session up to TLS 1.2, and in TLS 1.3 to as many as the server sends tickets; a
resumed one hands the `KnownPeer` it started from on to those that come of it.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from . import _extensions as ext
from . import _messages13 as m13
from ._codec import Reader
from ._config import TLSConfig
from ._errors import AlertDescription, PeerMisbehaved
from ._keys13 import ResumptionSecret
from ._messages import ServerHello
from ._names import ServerName
from ._sessions import MAX_LIFETIME, KnownPeer, Session, Session12, Session13
from ._suites import CipherSuite
from ._versions import Version

if TYPE_CHECKING:
    from . import _messages12 as m12

#: RFC 5246 §F.1.4: "An upper limit of 24 hours is suggested for session ID lifetimes, since an attacker who
#: obtains a master_secret may be able to impersonate the compromised party until the corresponding session ID is
#: retired." In seconds; a ticket of TLS 1.2 that does not tell its lifetime gets the same.
ID_LIFETIME = 86400


def usable(
    session: Session,
    name: ServerName | None,
    suites: Collection[CipherSuite],
    lowest: Version,
    highest: Version,
) -> bool:
    """Whether a session may be offered in a ClientHello.

    Args:
        session: a fresh one, found under the key of this server and this configuration.
        name: what the connection will say in SNI and verify.
        suites: what it will offer.
        lowest: the lowest version it accepts.
        highest: the highest version it offers.
    """
    # RFC 9846 §4.7.1 [8446 §4.6.1]: "Clients MUST only resume if the new SNI value is valid for the server
    # certificate presented in the original session, and SHOULD only resume if the SNI value matches the one used
    # in the original session." RFC 6066 §3: "The client SHOULD include the same server_name extension in the
    # session resumption request as it did in the full handshake that established the session."
    if session.known.peer.claim.name != name:
        return False
    if isinstance(session, Session12):
        # RFC 7627 §5.3: "The client SHOULD NOT offer an abbreviated handshake to resume a session that does not
        # use an extended master secret. Instead, it SHOULD offer a full handshake."
        # RFC 5246 §7.4.1.2: with a session id, the list of suites "MUST include at least the cipher_suite from
        # that session".
        return (
            session.extended_master_secret
            and lowest <= session.version <= highest
            and any(suite.code == session.suite.code for suite in suites)
        )
    # RFC 9846 §4.7.1 [8446 §4.6.1]: "Any ticket MUST only be resumed with a cipher suite that has the same KDF
    # hash algorithm as that used to establish the original connection."
    return highest >= Version.TLS13 and any(
        suite.fits(Version.TLS13) and suite.hash.name == session.suite.hash.name for suite in suites
    )


def check_resumed(session: Session12, hello: ServerHello, version: Version) -> None:
    """Refuse a ServerHello that resumes `session` as something else than it was."""
    # RFC 5246 §7.4.1.3: "If a session is resumed, it must be resumed using the same cipher suite it was originally
    # negotiated with."
    if hello.cipher_suite != session.suite.code:
        raise PeerMisbehaved(
            AlertDescription.ILLEGAL_PARAMETER,
            f"the server resumes a session of {session.suite.name} with suite 0x{hello.cipher_suite:04x}",
        )
    # The master secret was made by that version's PRF.
    if version != session.version:
        raise PeerMisbehaved(
            AlertDescription.ILLEGAL_PARAMETER,
            f"the server resumes a session of {session.version.label} in {version.label}",
        )
    # RFC 7627 §5.3: "If the original session did not use the 'extended_master_secret' extension but the new
    # ServerHello contains the extension, the client MUST abort the handshake." And: "If the original session used
    # the extension but the new ServerHello does not contain the extension, the client MUST abort the handshake."
    # RFC 7627 §5.2: that is "terminating the handshake by sending a fatal 'handshake_failure' alert".
    if (ext.EXTENDED_MASTER_SECRET in hello.extensions) != session.extended_master_secret:
        raise PeerMisbehaved(
            AlertDescription.HANDSHAKE_FAILURE,
            "the server resumes a session with another word on extended_master_secret than when it was made",
        )


def session_from_handshake12(
    *,
    version: Version,
    suite: CipherSuite,
    master_secret: bytes,
    extended_master_secret: bool,
    max_fragment_length: int | None,
    session_id: bytes,
    ticket: m12.NewSessionTicket | None,
    resumed: Session | None,
    known: KnownPeer,
    now: float,
) -> Session12 | None:
    """The session that a handshake of TLS 1.2 or below leaves, if the server wants to see it again.

    A resumed one leaves a new session only with a new ticket; the old one goes on as it is.

    RFC 5077 §3.3: "The client MUST NOT treat the ticket as valid until it has verified the server's Finished
    message." So this is for after it.

    Args:
        version: of the connection, as all up to max_fragment_length.
        suite: what it is protected with.
        master_secret: its 48 bytes.
        extended_master_secret: whether they are bound to the whole handshake.
        max_fragment_length: what the connection obeys, in bytes.
        session_id: the one in the ServerHello.
        ticket: the ticket that was sent, if one was.
        resumed: the session that was resumed, if one was.
        known: the peer; after a resumption, the one of the session resumed.
        now: the wall clock, in seconds since the epoch.
    """
    # RFC 5077 §3.3: "If the server determines that it does not want to include a ticket after it has included the
    # SessionTicket extension in the ServerHello, then it sends a zero-length ticket".
    if ticket is not None and ticket.ticket:
        # RFC 5077 §3.4: "If the client receives a session ticket from the server, then it discards any Session ID
        # that was sent in the ServerHello."
        session_id, identity = b"", ticket.ticket
        # RFC 5077 §3.3: "A value of zero is reserved to indicate that the lifetime of the ticket is unspecified."
        lifetime = min(ticket.lifetime_hint, MAX_LIFETIME) or ID_LIFETIME
    elif session_id and resumed is None:
        identity, lifetime = b"", ID_LIFETIME
    else:
        return None
    return Session12(
        suite=suite,
        known=known,
        created=now,
        lifetime=lifetime,
        version=version,
        session_id=session_id,
        ticket=identity,
        master_secret=master_secret,
        extended_master_secret=extended_master_secret,
        max_fragment_length=max_fragment_length,
    )


def session_from_ticket13(
    message: m13.NewSessionTicket, secret: ResumptionSecret, known: KnownPeer, alpn: bytes | None, now: float
) -> Session13 | None:
    """The session that a ticket of TLS 1.3 brings; None for one that is to be discarded at once.

    Args:
        message: the ticket.
        secret: what the handshake left for it.
        known: the peer; after a resumption, the one of the session resumed.
        alpn: the protocol of the connection.
        now: the wall clock, in seconds since the epoch.
    """
    early_data = max_early_data(message)
    # RFC 9846 §4.7.1 [8446 §4.6.1]: "The value of zero indicates that the ticket should be discarded immediately."
    if not message.lifetime:
        return None
    return Session13(
        suite=secret.suite,
        known=known,
        created=now,
        # "Servers MUST NOT use any value greater than 604800 seconds (7 days). [...] Clients MUST NOT use tickets
        # for longer than 7 days after issuance, regardless of the ticket_lifetime".
        lifetime=min(message.lifetime, MAX_LIFETIME),
        ticket=message.ticket,
        psk=secret.psk(message.nonce),
        age_add=message.age_add,
        max_early_data=early_data,
        alpn=alpn,
    )


def max_early_data(message: m13.NewSessionTicket) -> int:
    """How many bytes of 0-RTT data a ticket allows (RFC 9846 §4.3.10 [8446 §4.2.10]); 0 without the extension."""
    data = message.extensions.get(ext.EARLY_DATA)
    if data is None:
        return 0
    reader = Reader(data, "early_data of NewSessionTicket")
    size = reader.uint32()
    reader.finish()
    return size


def allows_early_data(session: Session | None, config: TLSConfig, data: bytes) -> bool:
    """Whether `data` may be sent along with a ClientHello that offers `session`.

    RFC 9846 §4.3.10 [8446 §4.2.10]: it is protected with what the session's connection had, so that has to be
    offered again; and at most "max_early_data_size" bytes of it may be sent.
    """
    if not data or not isinstance(session, Session13) or len(data) > session.max_early_data:
        return False
    return session.suite in config.suite_rows and (session.alpn is None or session.alpn in config.protocols)
