"""Every way a handshake may go, as something to generate tests from.

Theory of operation: a `Flow` is an honest server's script together with the client that it suits. `FLOWS` has
one for each kind of key exchange, of authentication and of resumption, in each version. What the server says in
it, and what it might have said in the same place, follows from the RFCs' figures, which are written down here as
two sequences.
"""

from __future__ import annotations

import dataclasses
import os
import time
import zlib
from dataclasses import dataclass
from typing import Literal, NamedTuple

from support.scripted_script import SERVER_NAME, Script, leaf
from support.scripted_server import Meeting, accepted
from support.scripted_sessions import Memory
from support.sessions import session12, session13
from trio_secure import TLSConfig
from trio_secure._identity import Claim, VerifiedPeer
from trio_secure._keys12 import MasterSecret
from trio_secure._names import ServerName
from trio_secure._sessions import KnownPeer, Session
from trio_secure._signatures import SCHEMES_BY_NAME
from trio_secure._suites import KeyExchange
from trio_secure._versions import Version

#: A client that speaks every version with every suite.
EVERYTHING = TLSConfig(
    verify=False,
    min_version=Version.TLS10,
    groups=["x25519", "secp256r1"],
    key_shares=["x25519"],
)
#: What stands in a ChangeCipherSpec's place in the table of types: it is no handshake message.
CCS = "ChangeCipherSpec"

# RFC 5246 §7.3, RFC 6066 §8, RFC 5077 §3.1; RFC 9846 §2 [8446 §2].
_ORDER_12 = {
    "ServerHello": 2,
    "Certificate": 11,
    "CertificateStatus": 22,
    "ServerKeyExchange": 12,
    "CertificateRequest": 13,
    "ServerHelloDone": 14,
    "NewSessionTicket": 4,
    CCS: None,
    "Finished": 20,
}
_ORDER_13 = {
    "HelloRetryRequest": 2,
    "ServerHello": 2,
    "EncryptedExtensions": 8,
    "CertificateRequest": 13,
    "Certificate": 11,
    "CompressedCertificate": 25,
    "CertificateVerify": 15,
    "Finished": 20,
}
_HELLO_REQUEST = 0


class Shelf:
    """A cache that holds one session, whoever asks."""

    def __init__(self, session: Session | None = None) -> None:
        self.session = session

    async def get(self, key: str, /) -> Session | None:
        """The session."""
        return self.session

    async def put(self, key: str, session: Session | None, /) -> None:
        """Another session, or none."""
        self.session = session


class Part(NamedTuple):
    """One side each of a meeting; a session is good for one."""

    script: Script
    config: TLSConfig
    early_data: bytes


@dataclass(frozen=True)
class Flow:
    """A way through a handshake.

    Attributes:
        name: what tests call it.
        script: the server's part, but for what it remembers.
        resumes: by what the client resumes a session, if it does.
        early_data: what the client sends along with its first message.
    """

    name: str
    script: Script
    resumes: Literal["id", "ticket", "psk"] | None = None
    early_data: bytes = b""

    @property
    def version(self) -> Version:
        """The version that it ends in."""
        return self.script.version

    @property
    def steps(self) -> tuple[str, ...]:
        """What the server says, in order."""
        script, full = self.script, self.resumes is None
        old = self.version < Version.TLS13
        said = {
            "HelloRetryRequest": script.retries,
            "ServerHello": True,
            "EncryptedExtensions": True,
            "Certificate": full and script.compress is None,
            "CompressedCertificate": full and script.compress is not None,
            "CertificateStatus": full and script.status is not None,
            "ServerKeyExchange": full and script.suite_row.key_exchange is not KeyExchange.RSA,
            "CertificateRequest": full and script.request,
            "CertificateVerify": full,
            "ServerHelloDone": full,
            "NewSessionTicket": script.ticket is not None,
            CCS: True,
            "Finished": True,
        }
        return tuple(step for step in (_ORDER_12 if old else _ORDER_13) if said[step])

    def allowed(self, step: str) -> set[int]:
        """The types of the messages that may come where the server says `step`."""
        old = self.version < Version.TLS13
        order, place = (_ORDER_12 if old else _ORDER_13), self.steps.index(step)
        names = list(order)
        begin = 0 if place == 0 else names.index(self.steps[place - 1]) + 1
        # What may be left out may also come, and then what comes after it.
        follows = list(self.steps[place:])
        skipped = [name for name in names[begin : names.index(step)] if name in self._optional]
        while follows[0] in self._optional:
            skipped.append(follows.pop(0))
        found = {order[name] for name in (*skipped, follows[0])}
        if found & {order.get("CompressedCertificate"), 11} and not old:
            found |= {11, 25}
        # RFC 5246 §7.4.1.1: a HelloRequest is passed over as long as the handshake lasts.
        return {kind for kind in found if kind is not None} | ({_HELLO_REQUEST} if old else set())

    @property
    def _optional(self) -> set[str]:
        if self.resumes is not None:
            return set()
        return {"CertificateRequest"} | ({"CertificateStatus"} if self.script.status is not None else set())

    @property
    def key_changes(self) -> tuple[str, ...]:
        """The steps behind which nothing more may stand in a record: keys change, or it is the client's turn."""
        if self.version >= Version.TLS13:
            ends = {"HelloRetryRequest", "ServerHello", "Finished"}
            return tuple(step for step in self.steps if step in ends)
        before_ccs = self.steps[self.steps.index(CCS) - 1]
        return tuple(s for s in self.steps if s in {"ServerHelloDone", before_ccs, "Finished"})

    def part(self, config: TLSConfig = EVERYTHING, **changes: object) -> Part:
        """Both sides of a meeting, the server's with some fields changed."""
        script = dataclasses.replace(self.script, **changes)  # type: ignore[arg-type]  # any field of a Script
        memory, session = Memory(), None
        if self.resumes is not None:
            session = (self._psk if self.resumes == "psk" else self._session)(memory)
            script = dataclasses.replace(script, memory=memory)
        return Part(script, config.replace(cache=Shelf(session)), self.early_data)

    def _session(self, memory: Memory) -> Session:
        suite, secret, name = self.script.suite_row, os.urandom(48), os.urandom(32)
        memory.masters[name] = MasterSecret(suite, self.version, secret)
        by_id = self.resumes == "id"
        now = time.time()
        return session12(
            suite=suite,
            version=self.version,
            master_secret=secret,
            session_id=name if by_id else b"",
            ticket=b"" if by_id else name,
            known=known(now),
            created=now,
        )

    def _psk(self, memory: Memory) -> Session:
        suite, ticket, now = self.script.suite_row, os.urandom(16), time.time()
        memory.keys[ticket] = psk = os.urandom(suite.hash.length)
        most = 2**14 if self.script.early_data else 0
        return session13(
            suite=suite, ticket=ticket, psk=psk, known=known(now), created=now, max_early_data=most
        )

    async def run(
        self, config: TLSConfig = EVERYTHING, *, trickle: bool = False, **changes: object
    ) -> Meeting:
        """A meeting that goes well."""
        script, config, early_data = self.part(config, **changes)
        return await accepted(script, config, early_data=early_data, trickle=trickle)


def known(now: float) -> KnownPeer:
    """The scripted server, as a client knows it from an earlier connection."""
    claim = Claim(ServerName.parse(SERVER_NAME))
    scheme = SCHEMES_BY_NAME["ecdsa_secp256r1_sha256"]
    return KnownPeer.met(VerifiedPeer((leaf("p256").certificate_der,), scheme, (), None, claim), now)


def _flows12(version: Version) -> list[Flow]:
    protection = "AES_128_GCM_SHA256" if version == Version.TLS12 else "AES_128_CBC_SHA"
    ecdhe = Script(version=version, suite=f"TLS_ECDHE_ECDSA_WITH_{protection}", leaf=leaf("p256"))
    dhe = Script(version=version, suite=f"TLS_DHE_RSA_WITH_{protection}", leaf=leaf("rsa"))
    transport = Script(version=version, suite=f"TLS_RSA_WITH_{protection}", leaf=leaf("rsa"))
    replace, label = dataclasses.replace, version.label
    return [
        Flow(f"{label} ECDHE", replace(ecdhe, session_id=bytes(32))),
        Flow(f"{label} ECDHE with all", replace(ecdhe, request=True, status=b"staple", ticket=b"new")),
        Flow(f"{label} ECDHE without EMS", replace(ecdhe, extended=False)),
        Flow(f"{label} DHE", replace(dhe, encrypt_then_mac=version < Version.TLS12)),
        Flow(f"{label} RSA", transport),
        Flow(f"{label} RSA asked", replace(transport, request=True)),
        Flow(f"{label} by id", ecdhe, "id"),
        Flow(f"{label} by ticket", ecdhe, "ticket"),
        Flow(f"{label} by ticket with another", replace(ecdhe, ticket=b"another"), "ticket"),
    ]


_13 = Script(leaf=leaf("p256"))
FLOWS: tuple[Flow, ...] = (
    Flow("TLS 1.3", _13),
    Flow("TLS 1.3 asked", dataclasses.replace(_13, request=True, status=b"staple")),
    Flow("TLS 1.3 retried", dataclasses.replace(_13, retry_group=0x17, retry_cookie=b"cookie")),
    Flow("TLS 1.3 compressed", dataclasses.replace(_13, compress=(1, zlib.compress))),
    Flow("TLS 1.3 by PSK", _13, "psk"),
    Flow("TLS 1.3 by PSK retried", dataclasses.replace(_13, retry_group=0x17), "psk"),
    Flow("TLS 1.3 with early data", dataclasses.replace(_13, early_data=True), "psk", b"early"),
    *(flow for version in (Version.TLS12, Version.TLS11, Version.TLS10) for flow in _flows12(version)),
)
