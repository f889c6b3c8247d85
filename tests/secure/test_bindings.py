"""What is exported, and what binds to a connection: as OpenSSL says on the other side."""

from __future__ import annotations

import hashlib
import ssl
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from support.authority import Authority, KeyKind, Leaf, common_name, make_key, to_der
from support.openssl_peer import secure_pair, server_context, trusting
from support.pyopenssl_peer import context_for, pyopenssl_pair
from support.scripted_script import Script
from support.scripted_server import met
from trio_secure import MemoryCache
from trio_secure._bindings import channel_binding
from trio_secure._identity import VerifiedPeer
from trio_secure._suites import SUITES_BY_NAME
from trio_secure._versions import Version
from trio_secure._wire import Established

_EVERY = pytest.mark.parametrize("version", Version, ids=lambda version: version.label)
_OLD = [version for version in Version if version < Version.TLS13]
_LABEL = "EXPORTER-tests"
legacy = pytest.mark.filterwarnings("ignore::trio_secure.LegacyTLSWarning")


# Exporters


@legacy
@_EVERY
async def test_both_sides_export_the_same(version: Version) -> None:
    stream, peer = await pyopenssl_pair(context_for(version), trusting(min_version=version))
    assert stream.info.version == version
    for context in (None, b"", b"context", bytes(255)):
        for length in (1, 32, 100, 1000):
            theirs = peer.connection.export_keying_material(_LABEL.encode(), length, context)
            assert stream.export_keying_material(_LABEL, context, length) == theirs
            assert stream.export_keying_material(_LABEL.encode(), context, length) == theirs


@legacy
@_EVERY
async def test_both_sides_export_the_same_after_a_resumption(version: Version) -> None:
    context, config = context_for(version), trusting(min_version=version, cache=MemoryCache())
    first, _ = await pyopenssl_pair(context, config)
    second, peer = await pyopenssl_pair(context, config)
    assert [first.info.resumed, second.info.resumed] == [False, True]
    ours = second.export_keying_material(_LABEL, b"", 32)
    assert ours == peer.connection.export_keying_material(_LABEL.encode(), 32, b"")
    assert ours != first.export_keying_material(_LABEL, b"", 32)


@legacy
@_EVERY
async def test_the_binding_of_an_exporter_is_what_rfc_9266_says(version: Version) -> None:
    stream, peer = await pyopenssl_pair(context_for(version), trusting(min_version=version))
    theirs = peer.connection.export_keying_material(b"EXPORTER-Channel-Binding", 32, b"")
    assert stream.channel_binding("tls-exporter") == theirs


async def test_nothing_is_exported_that_is_not_the_connections_own() -> None:
    """RFC 7627 §5.4."""
    async with met(Script(version=Version.TLS12, extended=False)) as (stream, _):
        assert not stream.info.extended_master_secret
        with pytest.raises(ValueError, match="nothing can be exported: the server does not bind its secrets"):
            stream.export_keying_material(_LABEL, None, 32)
        with pytest.raises(ValueError, match="nothing can be exported"):
            stream.channel_binding("tls-exporter")
        with pytest.raises(ValueError, match="tls-unique does not identify a connection without"):
            stream.channel_binding("tls-unique")


@pytest.mark.parametrize("version", [Version.TLS12, Version.TLS13])
@pytest.mark.parametrize(("context", "length"), [(bytes(2**16), 32), (b"", 0), (b"", -1)])
async def test_what_cannot_be_exported(version: Version, context: bytes, length: int) -> None:
    async with met(Script(version=version)) as (stream, _):
        with pytest.raises(ValueError, match="an exporter"):
            stream.export_keying_material(_LABEL, context, length)


# tls-unique


@pytest.mark.parametrize("tickets", [True, False])
async def test_the_first_finished_is_unique(tickets: bool) -> None:
    """RFC 5929 §3: the client's in a full handshake, the server's in a resumed one."""
    context, config = server_context(version=ssl.TLSVersion.TLSv1_2), trusting(cache=MemoryCache())
    if not tickets:
        context.options |= ssl.OP_NO_TICKET
    seen: list[bytes] = []
    for resumed in (False, True, True):
        stream, peer = await secure_pair(context, config=config)
        assert stream.info.resumed is resumed
        assert stream.channel_binding("tls-unique") == peer.tls.get_channel_binding("tls-unique")
        seen.append(stream.channel_binding("tls-unique"))
        # OpenSSL forgets what does not end well.
        await peer.send_eof()
        assert await stream.receive_some() == b""
        await stream.aclose()
        await peer.aclose()
    assert len({*seen}) == 3


@legacy
@pytest.mark.parametrize("version", _OLD, ids=lambda version: version.label)
async def test_the_first_finished_in_older_versions(version: Version) -> None:
    context, config = context_for(version), trusting(min_version=version, cache=MemoryCache())
    for resumed in (False, True):
        stream, peer = await pyopenssl_pair(context, config)
        theirs = peer.connection.get_finished() if resumed else peer.connection.get_peer_finished()
        assert stream.info.resumed is resumed
        assert stream.channel_binding("tls-unique") == theirs


async def test_in_tls13_nothing_is_unique() -> None:
    stream, _ = await secure_pair()
    with pytest.raises(ValueError, match=r"does not exist in TLS 1\.3; tls-exporter does"):
        stream.channel_binding("tls-unique")


# tls-server-end-point


def _settled(certificate: bytes) -> Established:
    return Established(
        version=Version.TLS13,
        suite=SUITES_BY_NAME["TLS_AES_128_GCM_SHA256"],
        group="x25519",
        peer=VerifiedPeer((certificate, b"an issuer"), None, (), None),
    )


def _signed(kind: KeyKind) -> Leaf:
    return Authority.make(key=kind).issue("server.test")


@pytest.mark.parametrize(
    ("kind", "digest"), [("p256", "sha256"), ("rsa", "sha256"), ("p384", "sha384"), ("p521", "sha512")]
)
def test_the_end_point_is_hashed_as_its_certificate_is_signed(kind: KeyKind, digest: str) -> None:
    der = _signed(kind).certificate_der
    assert channel_binding(_settled(der), "tls-server-end-point") == hashlib.new(digest, der).digest()


def test_a_certificate_signed_with_sha1_is_hashed_with_sha256() -> None:
    """RFC 5929 §4.1."""
    certificate = bytearray(_signed("rsa").certificate_der)
    # sha256WithRSAEncryption becomes sha1WithRSAEncryption, and MD5; nobody verifies it here.
    algorithm = bytes.fromhex("06092a864886f70d01010b")
    for number in (5, 4):
        der = bytes(certificate).replace(algorithm, algorithm[:-1] + bytes([number]))
        hash_of = x509.load_der_x509_certificate(der).signature_hash_algorithm
        assert isinstance(hash_of, hashes.SHA1 | hashes.MD5)
        assert channel_binding(_settled(der), "tls-server-end-point") == hashlib.sha256(der).digest()


def test_a_certificate_signed_with_pss_says_its_hash() -> None:
    key, name, now = make_key("rsa"), common_name("server.test"), datetime.now(UTC)
    assert isinstance(key, rsa.RSAPrivateKey)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now)
    scheme = padding.PSS(padding.MGF1(hashes.SHA384()), 48)
    der = to_der(builder.sign(key, hashes.SHA384(), rsa_padding=scheme))
    assert channel_binding(_settled(der), "tls-server-end-point") == hashlib.sha384(der).digest()


@pytest.mark.parametrize("kind", ["ed25519", "ed448", "mldsa44"])
def test_a_certificate_signed_without_a_hash_has_no_end_point(kind: KeyKind) -> None:
    """RFC 5929 §4.1: where it "uses no hash functions" of its own, the binding is "undefined at this time"."""
    settled = _settled(_signed(kind).certificate_der)
    with pytest.raises(ValueError, match="not defined for a certificate signed without a hash"):
        channel_binding(settled, "tls-server-end-point")


def test_a_certificate_signed_in_an_unknown_way_has_no_end_point() -> None:
    der = _signed("rsa").certificate_der
    algorithm = bytes.fromhex("06092a864886f70d01010b")
    unknown = der.replace(algorithm, algorithm[:-1] + b"\x7f")
    with pytest.raises(ValueError, match="not defined"):
        channel_binding(_settled(unknown), "tls-server-end-point")


async def test_a_resumed_connection_has_the_same_end_point() -> None:
    context, config = context_for(Version.TLS13), trusting(cache=MemoryCache())
    first, _ = await pyopenssl_pair(context, config)
    second, _ = await pyopenssl_pair(context, config)
    assert second.info.resumed
    for stream in (first, second):
        expected = hashlib.sha256(stream.info.peer_certificates[0]).digest()
        assert stream.channel_binding("tls-server-end-point") == expected


def test_there_is_no_other_binding() -> None:
    with pytest.raises(ValueError, match="no channel binding 'tls-unqiue'; there are tls-exporter"):
        channel_binding(_settled(b""), "tls-unqiue")
