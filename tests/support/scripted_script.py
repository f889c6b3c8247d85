"""What a scripted TLS server is told to do: the choices a server has, and every way to get them wrong.

Theory of operation: a `Script` without arguments is an honest TLS 1.3 server. The first fields choose among
what is allowed; the rest break rules. Steps have the names of the handshake messages, plus "ChangeCipherSpec";
a hook is keyed by the step it is about. Whatever a hook does to a message of the script happens before the
message goes into the server's transcript, so that only the fault itself can give it away.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Literal

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, padding, rsa

from support.authority import Authority, KeyKind, Leaf, PrivateKey
from support.pss import pss_leaf
from support.scripted_sessions import Memory
from trio_secure._finite_field import FiniteField
from trio_secure._suites import CIPHER_SUITES, CipherSuite
from trio_secure._versions import Version

if TYPE_CHECKING:  # the wire holds a script
    from support.scripted_wire import ServerWire

Alteration = Callable[[bytes], bytes]
Extensions = dict[int, bytes]
ExtensionsAlteration = Callable[[Extensions], Extensions]
Act = Callable[["ServerWire"], Awaitable[None]]

SERVER_NAME = "scripted.test"
_SHA256, _SHA384, _SHA512 = hashes.SHA256(), hashes.SHA384(), hashes.SHA512()
_ECDSA = {0x0403: _SHA256, 0x0503: _SHA384, 0x0603: _SHA512}
_PSS = {0x0804: _SHA256, 0x0805: _SHA384, 0x0806: _SHA512, 0x0809: _SHA256, 0x080A: _SHA384, 0x080B: _SHA512}
_PKCS1 = {0x0401: _SHA256, 0x0501: _SHA384, 0x0601: _SHA512}


@cache
def authority() -> Authority:
    """The one authority behind every scripted server."""
    return Authority.make()


@cache
def leaf(kind: KeyKind | Literal["rsa_pss"] = "ed25519") -> Leaf:
    """A certificate for `SERVER_NAME` with a key of `kind`, made once; "rsa_pss" is one named RSASSA-PSS."""
    return (
        pss_leaf(authority(), SERVER_NAME) if kind == "rsa_pss" else authority().issue(SERVER_NAME, key=kind)
    )


def scheme_for(key: PrivateKey) -> int:
    """The scheme with which an honest server signs under `key`."""
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return {256: 0x0403, 384: 0x0503}.get(key.key_size, 0x0603)
    return 0x0804 if isinstance(key, rsa.RSAPrivateKey) else 0x0807


def sign(key: PrivateKey, scheme: int, data: bytes) -> bytes:
    """A signature over `data`; with a scheme that does not fit the key, one of the kind that does."""
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return key.sign(data, ec.ECDSA(_ECDSA.get(scheme, _SHA256)))
    if isinstance(key, rsa.RSAPrivateKey):
        if scheme in _PKCS1:
            return key.sign(data, padding.PKCS1v15(), _PKCS1[scheme])
        algorithm = _PSS.get(scheme, _SHA256)
        return key.sign(data, padding.PSS(padding.MGF1(algorithm), algorithm.digest_size), algorithm)
    assert not isinstance(key, dsa.DSAPrivateKey)
    return key.sign(data)


async def echo(server: ServerWire) -> None:
    """What a server does after the handshake by default: send back what it gets."""
    while True:
        await server.send_data(await server.receive_data())


@dataclass(frozen=True, kw_only=True)
class Script:
    """A server's part.

    Attributes:
        suite: a suite's registered name; by default one that fits the version and the key.
        group: the group of the key exchange.
        scheme: the code of the signature scheme; by default the one that fits the key.
        leaf: certificate and key.
        chain: the certificates to send instead of the leaf's chain.
        retry_group: the code of the group a HelloRetryRequest asks for.
        retry_cookie: the cookie in it; with neither, there is no HelloRetryRequest.
        request: whether to ask for a client certificate.
        authorities: the names in DER that such a request lists.
        schemes: the codes of the signature schemes that it lists.
        types: the kinds of certificates that it lists (up to TLS 1.2).
        memory: the sessions that can be resumed, and where new ones go; None neither takes nor gives any.
        session_id: the id to give to a new session (up to TLS 1.2).
        ticket: the ticket to give for one (up to TLS 1.2).
        encrypt_then_mac: whether to answer that extension.
        status: the OCSP response to staple.
        scts: the list of timestamps to send, as it stands in the extension.
        compress: the code of the algorithm to compress the Certificate with, and what does it (TLS 1.3).
        early_data: whether to take early data where a session is resumed (TLS 1.3).
        dhe: the group of DHE.
        alpn: the protocol to choose.
        extended: whether to answer extended_master_secret (TLS 1.2).
        alter: changes to the bodies of messages.
        extend: changes to the extensions of the messages that have any.
        omit: steps to leave out.
        before: what to do before a step.
        after: what to do after one.
        trail: bytes to put behind a message into the record that ends with it.
        corrupt: changes to sealed records, by the message in them.
        fragment: the most content to put into one record.
        coalesce: whether messages share records as far as keys allow.
        cut: the number of bytes after which the server's side of the transport ends.
        share: what to send, and sign, as the server's share.
        heard: what to do once the ClientHello has been heard.
        early: what to do under the last keys before the client's Finished is there (TLS 1.3).
        then: what to do after the handshake.
    """

    version: Version = Version.TLS13
    suite: str | None = None
    group: str = "x25519"
    scheme: int | None = None
    leaf: Leaf = field(default_factory=leaf)
    chain: tuple[bytes, ...] | None = None
    retry_group: int | None = None
    retry_cookie: bytes | None = None
    request: bool = False
    authorities: Sequence[bytes] = ()
    schemes: Sequence[int] = (0x0403, 0x0807, 0x0804)
    types: bytes = b"\x01\x40"
    memory: Memory | None = None
    session_id: bytes = b""
    ticket: bytes | None = None
    encrypt_then_mac: bool = False
    status: bytes | None = None
    scts: bytes | None = None
    compress: tuple[int, Callable[[bytes], bytes]] | None = None
    early_data: bool = False
    dhe: FiniteField = field(default_factory=lambda: FiniteField.named("ffdhe2048"))
    alpn: bytes | None = None
    extended: bool = True
    alter: Mapping[str, Alteration] = field(default_factory=dict[str, Alteration])
    extend: Mapping[str, ExtensionsAlteration] = field(default_factory=dict[str, ExtensionsAlteration])
    omit: Collection[str] = ()
    before: Mapping[str, Act] = field(default_factory=dict[str, Act])
    after: Mapping[str, Act] = field(default_factory=dict[str, Act])
    trail: Mapping[str, bytes] = field(default_factory=dict[str, bytes])
    corrupt: Mapping[str, Alteration] = field(default_factory=dict[str, Alteration])
    fragment: int = 2**14
    coalesce: bool = False
    cut: int | None = None
    share: bytes | None = None
    heard: Act | None = None
    early: Act | None = None
    then: Act = echo

    @property
    def retries(self) -> bool:
        """Whether there is a HelloRetryRequest."""
        return self.retry_group is not None or self.retry_cookie is not None

    @property
    def signature_scheme(self) -> int:
        """The code of the scheme to sign with."""
        return scheme_for(self.leaf.key) if self.scheme is None else self.scheme

    @property
    def certificates(self) -> tuple[bytes, ...]:
        """The chain to send."""
        return tuple(self.leaf.chain_ders) if self.chain is None else self.chain

    @property
    def suite_row(self) -> CipherSuite:
        """The suite's row."""
        rsa_key = isinstance(self.leaf.key, rsa.RSAPrivateKey)
        for row in CIPHER_SUITES:
            fits = row.authentication is None or (row.authentication.value == "RSA") == rsa_key
            if row.name == self.suite or (self.suite is None and row.fits(self.version) and fits):
                return row
        raise ValueError(f"no suite {self.suite}")
