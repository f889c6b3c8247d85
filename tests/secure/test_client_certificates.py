"""A client's chain: what it must be, and what is kept of it."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.name import _ASN1Type  # the one way to choose how a name is encoded
from cryptography.x509.oid import NameOID

from support.authority import (
    CLIENT_AUTH,
    Authority,
    KeyKind,
    Leaf,
    PrivateKey,
    common_name,
    make_key,
    self_signed,
    to_der,
)
from support.der import element, integer
from support.identities import (
    EXTENDED_KEY_USAGE,
    KEY_USAGE,
    PURPOSES,
    RSA_PSS_PEM,
    authority,
    client,
)
from trio_secure._client_certificates import MAX_CERTIFICATES, MAX_CHAIN_BYTES, ClientCertificates
from trio_secure._client_keys import load_certificates


def _parse(leaf: Leaf) -> ClientCertificates:
    return ClientCertificates.parse(leaf.chain_ders)


# What is kept


def test_a_chain_is_kept_as_it_was_given() -> None:
    leaf = client(intermediate=True)
    certificates = _parse(leaf)
    assert certificates.chain == tuple(leaf.chain_ders)
    assert certificates.subject == "CN=client with p256"
    assert certificates.key.key == leaf.key.public_key()


def test_chains_are_equal_when_their_certificates_are() -> None:
    one, other = _parse(client("p256")), _parse(client("p384"))
    assert one == _parse(client("p256"))
    assert hash(one) == hash(_parse(client("p256")))
    assert one != other


def test_the_names_of_all_issuers_are_kept_as_they_are_encoded() -> None:
    leaf = client(intermediate=True)
    assert _parse(leaf).issuers == {
        common_name("Throw-away Intermediate CA").public_bytes(),
        common_name("Client CA").public_bytes(),
    }


def test_the_extensions_that_a_server_may_ask_about_are_kept() -> None:
    assert _parse(client()).extensions == {
        KEY_USAGE: {0},
        EXTENDED_KEY_USAGE: {bytes.fromhex(PURPOSES["clientAuth"])},
    }
    bare = authority().issue(common="bare", eku=None, ku=None)
    assert _parse(bare).extensions == {}


def test_a_certificate_may_have_no_extension_at_all() -> None:
    der = _certificate(common_name("bare"), make_key("p256"))
    assert ClientCertificates.parse([der]).extensions == {}


_PKCS1 = "rsa_pkcs1_sha256 rsa_pkcs1_sha384 rsa_pkcs1_sha512 rsa_pkcs1_md5_sha1"


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("p256", "ecdsa_secp256r1_sha256 ecdsa_secp384r1_sha384 ecdsa_secp521r1_sha512 ecdsa_sha1"),
        ("p384", "ecdsa_secp384r1_sha384 ecdsa_secp256r1_sha256 ecdsa_secp521r1_sha512 ecdsa_sha1"),
        ("p521", "ecdsa_secp521r1_sha512 ecdsa_secp256r1_sha256 ecdsa_secp384r1_sha384 ecdsa_sha1"),
        ("ed25519", "ed25519"),
        ("ed448", "ed448"),
        (
            "rsa",
            f"rsa_pss_rsae_sha256 rsa_pss_rsae_sha384 rsa_pss_rsae_sha512 {_PKCS1}",
        ),
        (
            "rsa1024",
            f"rsa_pss_rsae_sha256 rsa_pss_rsae_sha384 {_PKCS1}",
        ),
    ],
)
def test_a_key_has_the_schemes_that_fit_it_and_the_strongest_match_first(kind: KeyKind, names: str) -> None:
    assert [row.name for row in _parse(client(kind)).schemes] == names.split()


def test_a_key_for_rsa_pss_alone_or_ml_dsa_has_schemes_of_its_own() -> None:
    pss = ClientCertificates.parse(load_certificates(RSA_PSS_PEM))
    assert [row.name for row in pss.schemes] == [f"rsa_pss_pss_sha{bits}" for bits in (256, 384, 512)]
    assert [row.name for row in _parse(client("mldsa44")).schemes] == ["mldsa44"]


# How certificates are signed


_SHA256 = hashes.SHA256()


def _certificate(
    subject: x509.Name,
    key: PrivateKey,
    *,
    signer: PrivateKey | None = None,
    issuer: x509.Name | None = None,
    digest: hashes.SHA224 | hashes.SHA256 | hashes.SHA384 | hashes.SHA512 | None = _SHA256,
    pss: bool = False,
) -> bytes:
    """A certificate without extensions."""
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer or subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
    )
    pad = padding.PSS(padding.MGF1(digest), padding.PSS.DIGEST_LENGTH) if pss and digest else None
    return to_der(builder.sign(signer or key, digest, rsa_padding=pad))


@pytest.mark.parametrize(
    ("kind", "digest", "pss", "codes"),
    [
        ("rsa", hashes.SHA256(), False, {0x0401}),
        ("rsa", hashes.SHA384(), False, {0x0501}),
        ("rsa", hashes.SHA512(), False, {0x0601}),
        ("rsa", hashes.SHA256(), True, {0x0804, 0x0809}),
        ("rsa", hashes.SHA384(), True, {0x0805, 0x080A}),
        ("rsa", hashes.SHA512(), True, {0x0806, 0x080B}),
        ("rsa", hashes.SHA224(), True, set[int]()),
        ("rsa", hashes.SHA224(), False, set[int]()),
        ("p256", hashes.SHA256(), False, {0x0403}),
        ("p256", hashes.SHA384(), False, {0x0503}),
        ("p256", hashes.SHA512(), False, {0x0603}),
    ],
)
def test_a_certificate_is_signed_with_one_of_the_schemes_of_its_algorithm(
    kind: KeyKind,
    digest: hashes.SHA224 | hashes.SHA256 | hashes.SHA384 | hashes.SHA512,
    pss: bool,
    codes: set[int],
) -> None:
    der = _certificate(
        common_name("client"),
        client().key,
        signer=make_key(kind),
        issuer=common_name("CA"),
        digest=digest,
        pss=pss,
    )
    assert ClientCertificates.parse([der]).signatures == (frozenset(codes),)


def _openssl(*arguments: str, data: bytes = b"") -> bytes:
    return subprocess.run(["openssl", *arguments], input=data, capture_output=True, check=True).stdout


@pytest.mark.parametrize(("kind", "code"), [("rsa", 0x0201), ("p256", 0x0203)])
def test_a_certificate_may_be_signed_with_sha_1(tmp_path: Path, kind: KeyKind, code: int) -> None:
    root, key = client(kind).write(tmp_path)
    subject = ["-subj", "/CN=below", "-key", str(key), "-config", "/dev/null"]
    issuer = ["-CA", str(root), "-CAkey", str(key), "-sha1"]
    extension = ["-addext", "keyUsage=digitalSignature"]
    der = _openssl("req", "-x509", *subject, *issuer, *extension, "-outform", "DER")
    assert ClientCertificates.parse([der]).signatures == (frozenset({code}),)


@pytest.mark.parametrize(("kind", "code"), [("ed25519", 0x0807), ("ed448", 0x0808)])
def test_a_certificate_may_be_signed_with_an_edwards_curve(kind: KeyKind, code: int) -> None:
    leaf = Authority.make(kind, name="CA").issue(common="client")
    assert _parse(leaf).signatures == (frozenset({code}),)


def test_a_certificate_may_be_signed_with_ml_dsa() -> None:
    der = _certificate(
        common_name("client"),
        client().key,
        signer=client("mldsa44").key,
        issuer=common_name("CA"),
        digest=None,
    )
    assert ClientCertificates.parse([der]).signatures == (frozenset({0x0904}),)


def test_a_pss_signature_over_an_unknown_hash_is_listed_by_nobody() -> None:
    der = _certificate(
        common_name("client"),
        client().key,
        signer=make_key("rsa"),
        issuer=common_name("CA"),
        pss=True,
    )
    sha256, unknown = bytes.fromhex("608648016503040201"), bytes.fromhex("60864801650304027f")
    assert ClientCertificates.parse([der.replace(sha256, unknown)]).signatures == (frozenset(),)


def test_a_signature_that_nobody_checks_does_not_count() -> None:
    assert _parse(self_signed("client")).signatures == ()
    leaf = client(intermediate=True)
    whole = ClientCertificates.parse([*leaf.chain_ders, authority().certificate_der])
    assert len(whole.chain) == 3
    assert whole.signatures == (frozenset({0x0403}),) * 2


# What is refused


def test_a_chain_has_a_first_certificate() -> None:
    with pytest.raises(ValueError, match="there is no client certificate"):
        ClientCertificates.parse([])


@cache
def _long_chain(length: int) -> list[bytes]:
    top = authority()
    for _ in range(length - 1):
        top = top.intermediate()
    return top.issue(common="deep").chain_ders


def test_a_chain_is_as_long_as_the_limit_and_no_longer() -> None:
    assert len(ClientCertificates.parse(_long_chain(MAX_CERTIFICATES)).chain) == MAX_CERTIFICATES
    with pytest.raises(ValueError, match=f"{MAX_CERTIFICATES + 1} client certificates .* at most"):
        ClientCertificates.parse(_long_chain(MAX_CERTIFICATES + 1))


def test_a_chain_is_no_larger_than_the_limit() -> None:
    comment = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), bytes(MAX_CHAIN_BYTES))
    leaf = authority().issue(common="large", extensions=[(comment, False)])
    with pytest.raises(
        ValueError, match=f"at most {MAX_CERTIFICATES} and {MAX_CHAIN_BYTES} bytes can be sent"
    ):
        _parse(leaf)


def test_each_certificate_certifies_the_one_before_it() -> None:
    leaf = client(intermediate=True)
    own, above = leaf.chain_ders
    root = authority().certificate_der
    for wrong, place in [([above, own], 2), ([own, root, above], 2), ([own, above, above], 3)]:
        with pytest.raises(ValueError, match=f"client certificate {place} is not that of the issuer"):
            ClientCertificates.parse(wrong)


def _encoded_as(text: str, encoding: _ASN1Type) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text, encoding)])


def test_an_issuers_name_may_be_encoded_in_another_way() -> None:
    key = make_key("p256")
    printable, utf8 = (_encoded_as("CA", kind) for kind in (_ASN1Type.PrintableString, _ASN1Type.UTF8String))
    below = _certificate(common_name("client"), key, issuer=printable)
    above = _certificate(utf8, key)
    certificates = ClientCertificates.parse([below, above])
    assert certificates.issuers == {printable.public_bytes(), utf8.public_bytes()}


# T61String (0x14) with a byte that is neither ASCII nor UTF-8, as old authorities wrote their names.
def _in_t61(der: bytes, text: bytes) -> bytes:
    return der.replace(b"\x0c" + bytes([len(text)]) + text, b"\x14" + bytes([len(text)]) + b"\xe9" + text[1:])


def test_a_name_that_cannot_be_decoded_is_still_a_name() -> None:
    der = _in_t61(_certificate(common_name("elan"), make_key("p256")), b"elan")
    certificates = ClientCertificates.parse([der])
    serial = x509.load_der_x509_certificate(der).serial_number
    assert certificates.subject == f"serial number {serial:#x}"
    assert [name[-5:] for name in certificates.issuers] == [b"\x04\xe9lan"]
    stranger = authority().certificate_der
    with pytest.raises(ValueError, match="client certificate 2 is not that of the issuer"):
        ClientCertificates.parse([der, stranger])


def test_certificates_are_of_version_3() -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    algorithm = element(0x30, element(0x06, bytes.fromhex("2b6570")))  # id-Ed25519
    days = element(0x30, element(0x17, b"250101000000Z"), element(0x17, b"490101000000Z"))
    name = common_name("client").public_bytes()
    # Without the version, which says what is not the first.
    body = element(0x30, integer(1), algorithm, name, days, name, public)
    der = element(0x30, body, algorithm, element(0x03, b"\0" + key.sign(body)))
    with pytest.raises(ValueError, match=r"client certificate 1 is X\.509 v1, and TLS takes v3 only"):
        ClientCertificates.parse([der])


def test_a_key_usage_must_allow_signatures() -> None:
    leaf = authority().issue(common="encrypts", key="rsa", ku=["key_encipherment"])
    with pytest.raises(ValueError, match=r"\(CN=encrypts\) does not allow its key to sign"):
        _parse(leaf)


@pytest.mark.parametrize(("kind", "name"), [("secp256k1", "secp256k1"), ("dsa", "DSA")])
def test_a_key_that_cannot_sign_in_tls_is_refused(kind: KeyKind, name: str) -> None:
    leaf = authority().issue(common="odd", key=kind)
    with pytest.raises(ValueError, match=rf"\(CN=odd\) cannot sign in TLS: it is for {name}; use RSA"):
        _parse(leaf)


def test_a_key_of_an_unknown_kind_is_refused() -> None:
    ed25519, unknown = bytes.fromhex("300506032b6570"), bytes.fromhex("300506032b657f")
    der = self_signed("client", key="ed25519").certificate_der.replace(ed25519, unknown)
    with pytest.raises(
        ValueError, match="the key in client certificate 1 is of a kind that is not supported"
    ):
        ClientCertificates.parse([der])


@pytest.mark.parametrize(
    "der",
    [
        pytest.param(b"junk", id="junk"),
        pytest.param(client().certificate_der[:-1], id="short"),
        pytest.param(client().certificate_der + b"\0", id="long"),
        pytest.param(
            client().certificate_der.replace(bytes.fromhex("a003020102"), bytes.fromhex("a003020107")),
            id="version-8",
        ),
        pytest.param(
            # KeyUsage with nine unused bits
            client().certificate_der.replace(bytes.fromhex("040403020780"), bytes.fromhex("040403020980")),
            id="key-usage",
        ),
    ],
)
def test_a_malformed_certificate_is_refused_by_its_place(der: bytes) -> None:
    with pytest.raises(ValueError, match="client certificate 2 cannot be read"):
        ClientCertificates.parse([client().certificate_der, der])


# Sorting


def test_a_chain_is_sorted_out_of_any_order() -> None:
    first = authority().intermediate(name="one")
    leaf = first.intermediate(name="two").issue(common="deep", eku=CLIENT_AUTH)
    own, two, one = leaf.chain_ders
    strangers = [authority("Stranger").certificate_der, client("p384").certificate_der]
    for rest in [one, two, *strangers], [*strangers, two, authority().certificate_der, one]:
        assert ClientCertificates.sort([own, *rest]).chain == (own, two, one)


def test_a_root_is_left_out_unless_it_is_all() -> None:
    own, root = self_signed("device").certificate_der, authority().certificate_der
    assert ClientCertificates.sort([own]).chain == (own,)
    assert ClientCertificates.sort([client().certificate_der, root]).chain == (client().certificate_der,)


def test_of_two_certificates_of_an_issuer_one_is_taken() -> None:
    middle = authority().intermediate(name="cross-signed")
    other = authority("Stranger").intermediate(middle.key, name="cross-signed")
    leaf = middle.issue(common="below")
    ders = [*leaf.chain_ders, other.certificate_der]
    assert ClientCertificates.sort(ders).chain == tuple(leaf.chain_ders)
    assert ClientCertificates.sort([ders[0], ders[2], ders[1]]).chain == (ders[0], ders[2])


def test_a_circle_of_issuers_ends() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    one = _certificate(common_name("one"), key, issuer=common_name("two"))
    two = _certificate(common_name("two"), key, issuer=common_name("one"))
    assert ClientCertificates.sort([one, two]).chain == (one, two)
