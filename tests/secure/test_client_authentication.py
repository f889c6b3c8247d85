"""A client that is asked who it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
import trio
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from support.alterations import have, lack
from support.authority import KeyKind
from support.identities import authority, client, identity, oid_filters
from support.scripted_script import Alteration, Script, leaf
from support.scripted_server import PLAIN, accepted, expect_refusal
from trio_secure import AlertDescription, ClientIdentity, TLSConfig
from trio_secure import _extensions as ext
from trio_secure._client_authentication import Proof, answer13, prepare12, verify12
from trio_secure._codec import vector16
from trio_secure._messages12 import CertificateRequest11
from trio_secure._messages13 import CertificateRequest
from trio_secure._transcript import Transcript
from trio_secure._versions import Version
from trio_secure._wire import OutgoingMessage

_ALERT = AlertDescription
_ALL = (0x0403, 0x0503, 0x0603, 0x0804, 0x0805, 0x0806, 0x0807, 0x0808)
_RSA = "TLS_RSA_WITH_AES_128_CBC_SHA"


# The fields of a script differ in type; it checks them itself.
def _asking(version: Version, **choices: Any) -> Script:
    suite = _RSA if version < Version.TLS13 else None
    script = Script(version=version, suite=suite, leaf=leaf("rsa"), request=True, schemes=_ALL)
    return replace(script, **choices)


def _config(version: Version, *identities: ClientIdentity) -> TLSConfig:
    suites = [_RSA] if version < Version.TLS13 else None
    return PLAIN.replace(
        min_version=version, max_version=version, cipher_suites=suites, client_identities=identities
    )


_VERSIONS = [Version.TLS10, Version.TLS11, Version.TLS12, Version.TLS13]
_CASES = [
    (version, kind)
    for version in _VERSIONS
    for kind in ("rsa", "p256", "p384", "ed25519", "ed448")
    if version >= Version.TLS12 or not kind.startswith("ed")
]


@pytest.mark.parametrize(("version", "kind"), _CASES)
async def test_it_shows_its_certificate_and_proves_its_key(version: Version, kind: KeyKind) -> None:
    """The scripted server checks the signature."""
    meeting = await accepted(_asking(version), _config(version, identity(kind)))
    assert meeting.info is not None
    assert meeting.info.client_certificates == tuple(client(kind).chain_ders)
    assert tuple(meeting.server.client_chain) == tuple(client(kind).chain_ders)


@pytest.mark.parametrize("version", [Version.TLS10, Version.TLS11])
async def test_below_tls12_nothing_signs_but_rsa_and_ecdsa(version: Version) -> None:
    for kind in ("ed25519", "ed448"):
        meeting = await accepted(_asking(version), _config(version, identity(kind)))
        assert meeting.server.client_chain == []


@pytest.mark.parametrize("version", _VERSIONS)
async def test_without_one_that_fits_it_shows_none(version: Version) -> None:
    stranger = identity("p256", ca="Somebody Else")
    for identities in ((), (stranger,)):
        script = _asking(version, authorities=[authority().certificate.subject.public_bytes()])
        meeting = await accepted(script, _config(version, *identities))
        assert meeting.info is not None
        assert meeting.info.client_certificates == ()
        assert meeting.server.client_chain == []


@pytest.mark.parametrize("version", _VERSIONS)
async def test_of_several_it_shows_the_first_that_fits(version: Version) -> None:
    ours = [identity("p256", ca="Somebody Else"), identity("p384"), identity("rsa")]
    script = _asking(version, authorities=[authority().certificate.subject.public_bytes()])
    meeting = await accepted(script, _config(version, *ours))
    assert meeting.server.client_chain == list(client("p384").chain_ders)


async def test_below_tls13_the_kind_of_key_counts() -> None:
    ours = [identity("p256"), identity("rsa")]
    for version in _VERSIONS[:-1]:
        meeting = await accepted(_asking(version, types=b"\x01"), _config(version, *ours))
        assert meeting.server.client_chain == list(client("rsa").chain_ders)


@pytest.mark.parametrize("version", [Version.TLS12, Version.TLS13])
async def test_it_signs_with_what_the_server_lists(version: Version) -> None:
    script = _asking(version, schemes=(0x0805,))
    meeting = await accepted(script, _config(version, identity("p256"), identity("rsa")))
    assert meeting.server.client_chain == list(client("rsa").chain_ders)
    assert next(body for kind, body in meeting.server.messages if kind == 15)[:2] == b"\x08\x05"


@pytest.mark.parametrize("version", _VERSIONS)
async def test_a_signer_may_take_its_time(version: Version, autojump_clock: trio.testing.MockClock) -> None:
    asked: list[str] = []

    async def sign(scheme: str, data: bytes) -> bytes:
        asked.append(scheme)
        await trio.sleep(5)
        loaded = identity("p256")
        row = next(row for row in loaded.schemes if row.name == scheme) if version >= Version.TLS12 else None
        return await loaded.sign(row, data) if row is not None else legacy(data)

    def legacy(data: bytes) -> bytes:
        key = client("p256").key
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        return key.sign(data, ec.ECDSA(hashes.SHA1()))  # noqa: S303  # what the RFC has there

    signing = ClientIdentity.signing(list(client("p256").chain_ders), sign)
    meeting = await accepted(_asking(version), _config(version, signing))
    assert meeting.server.client_chain == list(client("p256").chain_ders)
    assert asked == ["ecdsa_secp256r1_sha256" if version >= Version.TLS12 else "ecdsa_sha1"]


# Requests that may not be so


@pytest.mark.parametrize(
    ("alteration", "description"),
    [
        (lack(ext.SIGNATURE_ALGORITHMS), _ALERT.MISSING_EXTENSION),
        (have(ext.SIGNATURE_ALGORITHMS, b""), _ALERT.DECODE_ERROR),
        (have(ext.SIGNATURE_ALGORITHMS, b"\0\0"), _ALERT.DECODE_ERROR),
        (have(ext.SIGNATURE_ALGORITHMS, b"\0\3\4\3\4"), _ALERT.DECODE_ERROR),
        (have(ext.SIGNATURE_ALGORITHMS, b"\0\2\4\3x"), _ALERT.DECODE_ERROR),
        (have(ext.SIGNATURE_ALGORITHMS_CERT, b"\0\0"), _ALERT.DECODE_ERROR),
        (have(ext.CERTIFICATE_AUTHORITIES, b"\0\0"), _ALERT.DECODE_ERROR),
        (have(ext.CERTIFICATE_AUTHORITIES, b"\0\2\0\0"), _ALERT.DECODE_ERROR),
        (have(ext.CERTIFICATE_AUTHORITIES, b"\0\3\0\2x"), _ALERT.DECODE_ERROR),
        (have(ext.CERTIFICATE_AUTHORITIES, b"\0\3\0\1xy"), _ALERT.DECODE_ERROR),
        (have(ext.OID_FILTERS, b"\0"), _ALERT.DECODE_ERROR),
        (have(ext.KEY_SHARE, b""), _ALERT.ILLEGAL_PARAMETER),
        (have(ext.ALPN, b""), _ALERT.ILLEGAL_PARAMETER),
    ],
)
async def test_a_request_of_tls13_that_may_not_be_so(
    alteration: Callable[[dict[int, bytes]], dict[int, bytes]], description: AlertDescription
) -> None:
    script = _asking(Version.TLS13, extend={"CertificateRequest": alteration})
    await expect_refusal(script, description, _config(Version.TLS13))


async def test_an_unknown_extension_of_a_request_is_passed_over() -> None:
    more = have(0x1234, b"whatever")
    await accepted(_asking(Version.TLS13, extend={"CertificateRequest": more}), _config(Version.TLS13))


async def test_a_request_in_the_handshake_has_no_context() -> None:
    alteration: Alteration = lambda body: b"\1c" + body[1:]  # noqa: E731
    script = _asking(Version.TLS13, alter={"CertificateRequest": alteration})
    await expect_refusal(script, _ALERT.ILLEGAL_PARAMETER, _config(Version.TLS13))


async def test_a_request_below_tls13_names_some_type() -> None:
    script = _asking(Version.TLS12, types=b"")
    await expect_refusal(script, _ALERT.DECODE_ERROR, _config(Version.TLS12))


# The pieces


class _Conversation:
    """Keeps what it is sent."""

    def __init__(self) -> None:
        self.transcript = Transcript()
        self.sent: list[OutgoingMessage] = []

    async def send(self, message: OutgoingMessage, /) -> None:
        self.sent.append(message)


async def test_filters_and_schemes_of_certificates_are_read() -> None:
    conversation = _Conversation()
    request = CertificateRequest(
        b"context",
        {
            ext.SIGNATURE_ALGORITHMS: b"\0\2\4\3",
            ext.SIGNATURE_ALGORITHMS_CERT: b"\0\2\4\3",
            ext.CERTIFICATE_AUTHORITIES: vector16(vector16(b"nobody we know")),
            ext.OID_FILTERS: oid_filters(),
        },
    )
    proof = await answer13(conversation, [identity("p256")], request)
    assert proof == Proof()
    assert proof.chain == ()
    assert [message.encode()[:1] for message in conversation.sent] == [b"\x0b"]


async def test_nothing_is_proven_where_nothing_is_shown() -> None:
    identities: Sequence[ClientIdentity] = ()
    proof = await prepare12(identities, CertificateRequest11(b"\1", None, ()), Version.TLS11)
    conversation = _Conversation()
    await verify12(conversation, proof, Version.TLS11)
    assert conversation.sent == []
