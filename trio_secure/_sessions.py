"""Sessions: what is kept of a connection, so that a later one to the same server can be shorter.

Theory of operation
-------------------
A full handshake ends in a `KnownPeer`: who the server proved to be, and how long that may be relied on. A session
is that and a secret which the server will recognize: by an id or a ticket up to TLS 1.2 (`Session12`), by a ticket
in TLS 1.3 (`Session13`). What comes of a resumed connection carries the same `KnownPeer` on, so no chain of
resumptions outlives the certificate that was verified, nor seven days:

    RFC 9846 §4.7.1 [8446 §4.6.1]: "in principle it is possible to continue issuing new tickets which indefinitely
    extend the lifetime of the keying material originally derived from an initial non-PSK handshake [...]. It is
    RECOMMENDED that implementations place limits on the total lifetime of such keying material".

Values check themselves when they are made, so `Session.decode` has only to make one.
"""

from __future__ import annotations

import abc
import math
import struct
from typing import Protocol, runtime_checkable

from ._codec import Reader, vector8, vector16, vector24
from ._errors import PeerMisbehaved
from ._frozen import frozen
from ._identity import Claim, VerifiedPeer
from ._messages13 import Certificate
from ._names import ServerName
from ._signatures import SIGNATURE_SCHEMES, legacy_scheme
from ._status import MAX_STATUS_LENGTH
from ._suites import CIPHER_SUITES, Authentication, CipherSuite
from ._versions import Version

#: RFC 9846 §4.7.1 [8446 §4.6.1]: "Clients MUST NOT use tickets for longer than 7 days after issuance, regardless
#: of the ticket_lifetime", in seconds.
MAX_LIFETIME = 604800

_MASTER_SECRET_LENGTH = 48
# The first byte of every encoded session. What is laid out in another way gets another.
_FORMAT = 1
# Two chains, each no longer than the message it came in, a staple, timestamps, a ticket, and the rest.
_MAX_ENCODED = 2 * Certificate.max_length + MAX_STATUS_LENGTH + 2**16 + 2**16 + 2**12
# What a session takes besides the bytes it holds, roughly.
_OVERHEAD = 1024
_SUITES = {suite.code: suite for suite in CIPHER_SUITES}
_SCHEMES = {row.name: row for row in (*SIGNATURE_SCHEMES, *map(legacy_scheme, Authentication))}


def _require(condition: bool, complaint: str, *values: object) -> None:
    # The values are put into the complaint when there is one to make.
    if not condition:
        raise ValueError(f"not a session: {complaint.format(*values)}")


@frozen
class KnownPeer:
    """A peer whose certificate was accepted in a full handshake.

    Attributes:
        until: the last moment at which that may be relied on, in seconds since the epoch.
    """

    peer: VerifiedPeer
    until: float

    @classmethod
    def met(cls, peer: VerifiedPeer, now: float, expires_by: float = math.inf) -> KnownPeer:
        """The peer of a full handshake that ends now.

        Args:
            peer: who it is.
            now: the wall clock, in seconds since the epoch.
            expires_by: the first notAfter of the verified chain, in the same seconds.
        """
        return cls(peer, min(now + MAX_LIFETIME, expires_by))


@frozen(kw_only=True, repr=False)
class Session(abc.ABC):
    """Something that can be resumed. It holds secrets, and is as good as a password until it expires.

    Attributes:
        suite: what the connection was protected with. In TLS 1.3 only its hash counts from here on.
        known: the peer, from the last full handshake.
        created: when the session was made or its ticket received, by the wall clock in seconds since the epoch.
        lifetime: for how many seconds from then on it may be resumed.

    Raises:
        ValueError: a value is out of range.
    """

    suite: CipherSuite
    known: KnownPeer
    created: float
    lifetime: int

    @property
    def expires(self) -> float:
        """The last moment at which the session may be resumed, in seconds since the epoch."""
        return min(self.created + self.lifetime, self.known.until)

    def is_fresh(self, now: float) -> bool:
        """Whether the session may still be resumed.

        RFC 9846 §4.3.11.1 [8446 §4.2.11.1]: "Clients MUST NOT attempt to use tickets which have ages greater than
        the 'ticket_lifetime' value which was provided with the ticket."

        A session from the future has no age that could be told: somebody has set the clock back.
        """
        return self.created <= now <= self.expires

    @property
    @abc.abstractmethod
    def size(self) -> int:
        """About how many bytes of memory the session takes."""
        ...

    @abc.abstractmethod
    def encode(self) -> bytes:
        """The session in a form that `decode` takes, for a cache that outlives the process.

        Whoever reads it can read and take over what is resumed from it; whoever can write it can be any server.
        """
        ...

    @staticmethod
    def decode(data: bytes) -> Session12 | Session13:
        """The session that `encode` made `data` of.

        Raises:
            ValueError: it is nothing of the sort, or of another release that knew more; there is no session, then.
        """
        if len(data) > _MAX_ENCODED:
            raise ValueError(f"not a session: {len(data)} bytes")
        reader = Reader(data, "session")
        try:
            return _read(reader)
        except PeerMisbehaved as error:
            raise ValueError(f"not a session: {error}") from error

    def _check_common(self) -> None:
        _require(1 <= self.lifetime <= MAX_LIFETIME, "a lifetime of {} seconds", self.lifetime)
        _require(math.isfinite(self.created) and math.isfinite(self.known.until), "its time is not finite")

    def _size(self) -> int:
        peer = self.known.peer
        parts = (*peer.chain, *peer.verified_chain, *peer.claim.scts, peer.claim.ocsp_response or b"")
        return _OVERHEAD + sum(map(len, parts))

    def _encode_common(self, version: Version) -> bytes:
        peer, claim = self.known.peer, self.known.peer.claim
        name = claim.name.text if claim.name else ""
        scheme = peer.scheme.name if peer.scheme else ""
        return (
            struct.pack(">BHH", _FORMAT, version, self.suite.code)
            + struct.pack(">dId", self.created, self.lifetime, self.known.until)
            + b"".join(vector16(text.encode()) for text in (name, scheme, peer.anchor_resource or ""))
            + vector24(b"".join(map(vector24, peer.chain)))
            + vector24(b"".join(map(vector24, peer.verified_chain)))
            + vector24(claim.ocsp_response or b"")
            + vector16(b"".join(map(vector16, claim.scts)))
        )


@frozen(kw_only=True, repr=False)
class Session12(Session):
    """A session of TLS 1.2 or below (RFC 5246 §7, RFC 5077 §3).

    Attributes:
        version: what it was made in, and is resumed in.
        session_id: the id under which the server keeps it, up to 32 bytes; empty with a ticket.
        ticket: what the server gave instead; empty without.
        master_secret: 48 bytes.
        extended_master_secret: whether that is bound to the whole handshake (RFC 7627).
        max_fragment_length: what was agreed on, in bytes. RFC 6066 §4: "The negotiated length applies for the
            duration of the session including session resumptions." None without.
    """

    version: Version
    session_id: bytes
    ticket: bytes
    master_secret: bytes
    extended_master_secret: bool
    max_fragment_length: int | None = None

    def __post_init__(self) -> None:
        self._check_common()
        _require(self.version < Version.TLS13, "an old one of {}", self.version.label)
        _require(self.suite.fits(self.version), "{} in {}", self.suite.name, self.version.label)
        _require(len(self.session_id) <= 32, "an id of {} bytes", len(self.session_id))
        _require(len(self.ticket) < 2**16, "a ticket of {} bytes", len(self.ticket))
        _require(bool(self.session_id or self.ticket), "neither id nor ticket")
        _require(len(self.master_secret) == _MASTER_SECRET_LENGTH, "a master secret of another length")
        _require(0 < (self.max_fragment_length or 512) < 2**16, "a fragment length out of range")

    @property
    def size(self) -> int:
        """About how many bytes of memory the session takes."""
        return self._size() + len(self.ticket)

    def encode(self) -> bytes:
        """The session in a form that `decode` takes."""
        return (
            self._encode_common(self.version)
            + vector8(self.session_id)
            + vector16(self.ticket)
            + self.master_secret
            + struct.pack(">BH", self.extended_master_secret, self.max_fragment_length or 0)
        )


@frozen(kw_only=True, repr=False)
class Session13(Session):
    """A session of TLS 1.3: one ticket (RFC 9846 §4.7.1 [8446 §4.6.1]), which is used once.

    Attributes:
        ticket: 1 to 65535 bytes, the identity of the PSK.
        psk: as long as the output of the suite's hash.
        age_add: what hides the ticket's age.
        max_early_data: how many bytes of 0-RTT data the server would take; 0 for none.
        alpn: the protocol of the connection the ticket came from, which is that of any 0-RTT data.
    """

    ticket: bytes
    psk: bytes
    age_add: int
    max_early_data: int = 0
    alpn: bytes | None = None

    def __post_init__(self) -> None:
        self._check_common()
        _require(self.suite.fits(Version.TLS13), "{} in TLS 1.3", self.suite.name)
        _require(1 <= len(self.ticket) < 2**16, "a ticket of {} bytes", len(self.ticket))
        _require(len(self.psk) == self.suite.hash.length, "a PSK of {} bytes", len(self.psk))
        _require(0 <= self.age_add < 2**32, "age_add is no uint32")
        _require(0 <= self.max_early_data < 2**32, "max_early_data is no uint32")
        _require(self.alpn is None or 1 <= len(self.alpn) <= 255, "a protocol name of another length")

    def obfuscated_age(self, now: float) -> int:
        """The obfuscated_ticket_age of RFC 9846 §4.3.11.1 [8446 §4.2.11.1].

        "taking the age in milliseconds and adding the 'ticket_age_add' value that was included with the ticket,
        modulo 2^32".
        """
        # The server compares the age with its own clock; less than none would look like weeks to it.
        age = max(0, int((now - self.created) * 1000))
        return (age + self.age_add) % 2**32

    @property
    def size(self) -> int:
        """About how many bytes of memory the session takes."""
        return self._size() + len(self.ticket)

    def encode(self) -> bytes:
        """The session in a form that `decode` takes."""
        return (
            self._encode_common(Version.TLS13)
            + vector16(self.ticket)
            + vector8(self.psk)
            + struct.pack(">II", self.age_add, self.max_early_data)
            + vector8(self.alpn or b"")
        )


@runtime_checkable
class SessionCache(Protocol):
    """Where sessions are kept. `MemoryCache` is one; an application may bring its own, which may take its time.

    A key is text that stays the same from process to process. It stands for a server and for everything in a
    configuration that decides which servers are trusted, so what is found under it may be resumed by whoever asks.
    """

    async def get(self, key: str, /) -> Session | None:
        """A session for `key`, the newest that is known; None without one."""
        ...

    async def put(self, key: str, session: Session | None, /) -> None:
        """Keep a session under `key`; None forgets the one that `get` last gave for it."""
        ...


def _read_chain(reader: Reader) -> tuple[bytes, ...]:
    block = reader.inner(reader.vector24(0, Certificate.max_length), "chain")
    certificates: list[bytes] = []
    while len(block):
        certificates.append(block.vector24(1))
    return tuple(certificates)


def _read_text(reader: Reader) -> str:
    return reader.vector16().decode()


def _read_version(code: int) -> Version:
    _require(code in tuple(Version), "version 0x{:04x}", code)
    return Version(code)


def _read_peer(reader: Reader) -> VerifiedPeer:
    host, scheme, anchor = _read_text(reader), _read_text(reader), _read_text(reader)
    name = ServerName.parse(host) if host else None
    _require(name is None or name.text == host, "a name in another form")
    _require(scheme in _SCHEMES or not scheme, "signed with {!r}", scheme)
    chain, verified = _read_chain(reader), _read_chain(reader)
    ocsp_response = reader.vector24(0, MAX_STATUS_LENGTH) or None
    block = reader.inner(reader.vector16(), "timestamps")
    scts: list[bytes] = []
    while len(block):
        scts.append(block.vector16(1))
    claim = Claim(name, ocsp_response, tuple(scts))
    return VerifiedPeer(chain, _SCHEMES.get(scheme), verified, anchor or None, claim)


def _read(reader: Reader) -> Session12 | Session13:
    if (layout := reader.uint8()) != _FORMAT:
        raise ValueError(f"not a session: layout {layout}")
    version, code = _read_version(reader.uint16()), reader.uint16()
    _require(code in _SUITES, "suite 0x{:04x}", code)
    suite = _SUITES[code]
    created, lifetime, until = struct.unpack(">dId", reader.opaque(20))
    known = KnownPeer(_read_peer(reader), until)
    session: Session12 | Session13
    if version == Version.TLS13:
        ticket, psk = reader.vector16(), reader.vector8()
        age_add, max_early_data, alpn = reader.uint32(), reader.uint32(), reader.vector8()
        session = Session13(
            suite=suite,
            known=known,
            created=created,
            lifetime=lifetime,
            ticket=ticket,
            psk=psk,
            age_add=age_add,
            max_early_data=max_early_data,
            alpn=alpn or None,
        )
    else:
        session_id, ticket = reader.vector8(), reader.vector16()
        master_secret = reader.opaque(_MASTER_SECRET_LENGTH)
        extended, fragments = reader.uint8(), reader.uint16()
        _require(extended in (0, 1), "extended_master_secret is {}", extended)
        session = Session12(
            suite=suite,
            known=known,
            created=created,
            lifetime=lifetime,
            version=version,
            session_id=session_id,
            ticket=ticket,
            master_secret=master_secret,
            extended_master_secret=bool(extended),
            max_fragment_length=fragments or None,
        )
    reader.finish()
    return session
