"""Who the peer is: the proof before the verdict, and a verdict that may take its time."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trio
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from trio.testing import memory_stream_pair

import trio_secure
from support.alterations import flip
from support.authority import KeyKind, Leaf, common_name, to_der
from support.scripted_script import SERVER_NAME, Script, authority, leaf, sign
from support.scripted_server import PLAIN, accepted, expect_refusal, serve, wrap
from support.scripted_wire import ServerWire
from trio_secure import AlertDescription, CertificateRefused, PeerMisbehaved, TLSConfig
from trio_secure._identity import (
    Claim,
    HandshakeSignature,
    ProvenKey,
    Verdict,
    VerifiedPeer,
    first_expiry,
    prove_key,
    transport_key,
    verify_peer,
)
from trio_secure._settings import KeyUsage
from trio_secure._signatures import SCHEMES_BY_NAME, SIGNATURE_SCHEMES, SignatureScheme, legacy_scheme
from trio_secure._suites import Authentication
from trio_secure._versions import Version

_ALERT = AlertDescription
_BOTH = pytest.mark.parametrize("version", [Version.TLS13, Version.TLS12])


@dataclass(frozen=True)
class _Verdict:
    chain: tuple[bytes, ...] = (b"leaf", b"anchor")
    resource: str | None = "ca1.der"


@dataclass
class _Lookup:
    """A trust that says yes, once it has done something, and writes down what it was asked."""

    act: Callable[[], object] = int
    delay: float = 0
    asked: list[tuple[tuple[bytes, ...], str]] = field(default_factory=list[tuple[tuple[bytes, ...], str]])
    usages: list[str] = field(default_factory=list[str])

    async def verify(
        self,
        chain: Sequence[bytes],
        server_name: str,
        /,
        *,
        key_usage: KeyUsage = "digital_signature",
        ocsp_response: bytes | None = None,
    ) -> Verdict:
        self.usages.append(key_usage)
        self.asked.append((tuple(chain), server_name))
        await trio.sleep(self.delay)
        self.act()
        return _Verdict()


def _trusting(lookup: _Lookup) -> TLSConfig:
    return TLSConfig(trust=lookup, groups=["x25519"])


# The order


@_BOTH
async def test_a_proven_key_is_looked_up_once(version: Version) -> None:
    lookup = _Lookup()
    meeting = await accepted(Script(version=version), _trusting(lookup))
    assert lookup.asked == [((leaf().certificate_der,), SERVER_NAME)]
    assert meeting.info is not None
    assert meeting.info.verified_chain == (b"leaf", b"anchor")
    assert meeting.info.anchor_resource == "ca1.der"


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(Script(alter={"CertificateVerify": flip(-1)}), id="1.3-forged"),
        pytest.param(Script(scheme=0x0403), id="1.3-scheme"),
        pytest.param(Script(version=Version.TLS12, alter={"ServerKeyExchange": flip(-1)}), id="1.2-forged"),
        pytest.param(Script(version=Version.TLS12, scheme=0x0403), id="1.2-scheme"),
    ],
)
async def test_nothing_is_looked_up_before_the_key_is_proven(script: Script) -> None:
    lookup = _Lookup()
    alert = _ALERT.DECRYPT_ERROR if script.scheme is None else _ALERT.ILLEGAL_PARAMETER
    await expect_refusal(script, alert, _trusting(lookup))
    assert lookup.asked == []


@_BOTH
async def test_nothing_is_sent_before_the_verdict(version: Version) -> None:
    lookup = _Lookup(act=_refuse)
    meeting = await expect_refusal(
        Script(version=version), _ALERT.UNKNOWN_CA, _trusting(lookup), error=CertificateRefused
    )
    assert [seen.type for seen in meeting.server.messages] == [1]


def _refuse() -> None:
    raise CertificateRefused(_ALERT.UNKNOWN_CA, "nobody knows it")


@_BOTH
async def test_a_lookup_that_fails_otherwise_is_our_own_fault(version: Version) -> None:
    def fail() -> None:
        raise LookupError("the store is on fire")

    ours, theirs = memory_stream_pair()
    server = ServerWire(theirs, Script(version=version))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve, server)
        with pytest.raises(LookupError, match="on fire"):
            await wrap(ours, SERVER_NAME, _trusting(_Lookup(act=fail)))
    assert [alert.description for alert in server.alerts] == [_ALERT.INTERNAL_ERROR]


@_BOTH
async def test_a_handshake_in_a_slow_lookup_is_cancelled_at_once(
    version: Version, autojump_clock: trio.testing.MockClock
) -> None:
    ours, theirs = memory_stream_pair()
    server, lookup = ServerWire(theirs, Script(version=version)), _Lookup(delay=1000)
    began = trio.current_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve, server)
        with trio.move_on_after(3) as scope:
            await wrap(ours, SERVER_NAME, _trusting(lookup))
    # The server has seen the transport close, and nothing else.
    assert scope.cancelled_caught
    assert trio.current_time() - began == 3
    assert len(lookup.asked) == 1
    assert server.alerts == []


@_BOTH
async def test_a_slow_lookup_is_waited_for(version: Version, autojump_clock: trio.testing.MockClock) -> None:
    began = trio.current_time()
    await accepted(Script(version=version), _trusting(_Lookup(delay=9)))
    assert trio.current_time() - began == 9


@_BOTH
async def test_a_real_authority_is_trusted_and_a_stranger_is_not(version: Version) -> None:
    config = TLSConfig(certificate=authority().certificate_der)
    meeting = await accepted(Script(version=version, leaf=leaf("p256")), config)
    assert meeting.info is not None
    assert meeting.info.verified_chain == (leaf("p256").certificate_der, authority().certificate_der)
    stranger = TLSConfig(certificate=type(authority()).make(name="Somebody Else").certificate_der)
    await expect_refusal(
        Script(version=version, leaf=leaf("p256")), _ALERT.UNKNOWN_CA, stranger, error=CertificateRefused
    )


# The certificate that has to give the key


def _patched(old: str, new: str) -> bytes:
    certificate = leaf("p256").certificate_der
    assert bytes.fromhex(old) in certificate
    return certificate.replace(bytes.fromhex(old), bytes.fromhex(new))


def _with_serial_number(number: int) -> bytes:
    """The certificate with the first byte of its serial number replaced: it is 20 bytes long and positive."""
    certificate = leaf("p256").certificate_der
    serial = certificate.index(bytes.fromhex("a003020102")) + 7
    return certificate[:serial] + number.to_bytes(1, "big", signed=True) + certificate[serial + 1 :]


def _rsa_certificate(bits: int, exponent: int) -> bytes:
    """A certificate for a public key that nobody has the private half of."""
    numbers = rsa.RSAPublicNumbers(exponent, 1 << (bits - 1) | 1)
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(
        common_name("us"), common_name("them"), numbers.public_key(), 1, now, now
    )
    return to_der(builder.sign(authority().key, hashes.SHA256()))


@pytest.mark.parametrize(
    ("certificate", "description"),
    [
        pytest.param(b"not a certificate", _ALERT.BAD_CERTIFICATE, id="garbage"),
        pytest.param(leaf("p256").certificate_der[:-1], _ALERT.BAD_CERTIFICATE, id="cut"),
        pytest.param(_patched("03420004", "03420005"), _ALERT.BAD_CERTIFICATE, id="no-point"),
        pytest.param(
            _patched("06072a8648ce3d0201", "06072a8648ce3d0209"), _ALERT.UNSUPPORTED_CERTIFICATE, id="kind"
        ),
        pytest.param(
            _patched("06082a8648ce3d030107", "06082a8648ce3d030102"),
            _ALERT.UNSUPPORTED_CERTIFICATE,
            id="curve",
        ),
        pytest.param(
            _patched("a003020102", "a003020103"), _ALERT.BAD_CERTIFICATE, id="version-of-the-certificate"
        ),
        pytest.param(_rsa_certificate(8200, 65537), _ALERT.BAD_CERTIFICATE, id="rsa-of-8200-bits"),
        pytest.param(_rsa_certificate(2048, 2**32 + 1), _ALERT.BAD_CERTIFICATE, id="rsa-exponent"),
    ],
)
@_BOTH
async def test_a_certificate_without_a_usable_key(
    certificate: bytes, description: AlertDescription, version: Version
) -> None:
    # The server signs with a key of the kind that the client is about to look for.
    signer = leaf("rsa" if b"*\x86H\x86\xf7\r\x01\x01\x01" in certificate else "p256")
    script = Script(version=version, leaf=signer, chain=(certificate,))
    await expect_refusal(script, description, error=CertificateRefused)


@_BOTH
async def test_an_odd_serial_number_is_no_matter_for_a_warning(version: Version) -> None:
    """What to make of it is the lookup's business, and the caller of a client can do nothing about it."""
    await accepted(Script(version=version, leaf=leaf("p256"), chain=(_with_serial_number(-5),)))


# The proof itself


def _proof(algorithm: int, version: Version, suite: Authentication | None = None) -> HandshakeSignature:
    key = leaf("rsa").key
    return HandshakeSignature(algorithm, sign(key, algorithm, b"data"), b"data", version, suite)


def test_a_proof_names_chain_and_scheme() -> None:
    chain = [leaf("rsa").certificate_der, b"whatever"]
    proven = prove_key(chain, _proof(0x0804, Version.TLS13), SIGNATURE_SCHEMES)
    assert proven == ProvenKey(tuple(chain), SCHEMES_BY_NAME["rsa_pss_rsae_sha256"])
    proven = prove_key(chain, _proof(0x0401, Version.TLS12, Authentication.RSA), SIGNATURE_SCHEMES)
    assert proven.scheme is not None
    assert proven.scheme.name == "rsa_pkcs1_sha256"


def test_below_tls12_the_suite_names_the_scheme() -> None:
    key = leaf("rsa").key
    for authentication, certificate in (
        (Authentication.RSA, leaf("rsa")),
        (Authentication.ECDSA, leaf("p256")),
    ):
        scheme = legacy_scheme(authentication)
        signature = scheme.sign(certificate.key, b"data")
        proof = HandshakeSignature(None, signature, b"data", Version.TLS11, authentication)
        assert prove_key([certificate.certificate_der], proof, ()).scheme is scheme
    forged = HandshakeSignature(
        None,
        legacy_scheme(Authentication.RSA).sign(key, b"other"),
        b"data",
        Version.TLS10,
        Authentication.RSA,
    )
    with pytest.raises(PeerMisbehaved) as caught:
        prove_key([leaf("rsa").certificate_der], forged, ())
    assert caught.value.alert is _ALERT.DECRYPT_ERROR


def _used_for(usage: str, key: KeyKind = "rsa") -> Leaf:
    """A certificate whose key may do one thing."""
    return authority().issue(SERVER_NAME, key=key, ku=[usage])


def test_a_key_that_may_not_sign_proves_nothing() -> None:
    certificate = _used_for("key_encipherment")
    signature = sign(certificate.key, 0x0804, b"data")
    proof = HandshakeSignature(0x0804, signature, b"data", Version.TLS13)
    with pytest.raises(PeerMisbehaved, match="does not let its key sign") as caught:
        prove_key([certificate.certificate_der], proof, SIGNATURE_SCHEMES)
    assert caught.value.alert is _ALERT.ILLEGAL_PARAMETER


def test_a_key_to_encrypt_to() -> None:
    for certificate in (leaf("rsa"), _used_for("key_encipherment")):
        proven = transport_key([certificate.certificate_der])
        assert proven == ProvenKey((certificate.certificate_der,), None)
    for certificate in (leaf("p256"), _used_for("digital_signature")):
        with pytest.raises(PeerMisbehaved, match="no key to encrypt to") as caught:
            transport_key([certificate.certificate_der])
        assert caught.value.alert is _ALERT.ILLEGAL_PARAMETER


def test_the_first_certificate_to_expire_counts() -> None:
    chain = [leaf("p256").certificate_der, authority().certificate_der]
    dates = [x509.load_der_x509_certificate(der).not_valid_after_utc.timestamp() for der in chain]
    assert first_expiry(chain) == min(dates)
    assert first_expiry([]) == math.inf
    assert first_expiry([b"what a trust of somebody's own gave"]) == 0


async def test_a_key_that_is_encrypted_to_is_looked_up_as_such() -> None:
    lookup = _Lookup()
    name = "TLS_RSA_WITH_AES_128_GCM_SHA256"
    config = _trusting(lookup).replace(cipher_suites=[name], max_version=Version.TLS12)
    await accepted(Script(version=Version.TLS12, suite=name, leaf=leaf("rsa")), config)
    assert lookup.usages == ["key_encipherment"]


@pytest.mark.parametrize(
    ("proof", "offered", "message"),
    [
        pytest.param(_proof(0x1234, Version.TLS13), SIGNATURE_SCHEMES, "0x1234, which was not", id="unknown"),
        pytest.param(
            _proof(0x0804, Version.TLS13), (), "rsa_pss_rsae_sha256, which was not", id="not-offered"
        ),
        pytest.param(_proof(0x0401, Version.TLS13), SIGNATURE_SCHEMES, "rsa_pkcs1_sha256", id="pkcs1"),
        pytest.param(
            _proof(0x0804, Version.TLS12, Authentication.ECDSA), SIGNATURE_SCHEMES, "suite for", id="suite"
        ),
    ],
)
def test_a_proof_by_a_scheme_that_may_not_be(
    proof: HandshakeSignature, offered: Sequence[SignatureScheme], message: str
) -> None:
    with pytest.raises(PeerMisbehaved, match=message) as caught:
        prove_key([leaf("rsa").certificate_der], proof, offered)
    assert caught.value.alert is _ALERT.ILLEGAL_PARAMETER


async def test_a_verdict_makes_the_peer() -> None:
    async def lookup(proven: ProvenKey, claim: Claim, /) -> Verdict:
        assert claim == Claim(None, b"staple", (b"sct",))
        return _Verdict((*proven.chain, b"anchor"), None)

    scheme, claim = SCHEMES_BY_NAME["ed25519"], Claim(None, b"staple", (b"sct",))
    peer = await verify_peer(ProvenKey((b"leaf",), scheme), claim, lookup)
    assert peer == VerifiedPeer((b"leaf",), scheme, (b"leaf", b"anchor"), None, claim)


def test_a_verified_peer_is_made_in_one_place() -> None:
    folder = Path(str(trio_secure.__file__)).parent
    places = [
        path.name for path in folder.glob("*.py") for _ in range(path.read_text().count("VerifiedPeer("))
    ]
    # The other is a session read back: its peer was verified when it was made.
    assert sorted(places) == ["_identity.py", "_sessions.py"]


async def test_verification_off_still_wants_the_key_proven() -> None:
    script = Script(alter={"CertificateVerify": flip(-1)})
    await expect_refusal(script, _ALERT.DECRYPT_ERROR, PLAIN.replace(verify=False))
