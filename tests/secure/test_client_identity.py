"""Identities: made of what there is, checked at once, and signing for whoever asks."""

from __future__ import annotations

import dataclasses
import subprocess
import weakref
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest
import trio
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, x25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from support.authority import KeyKind, Leaf
from support.identities import RSA_PSS_PEM, authority, client, identity, load
from trio_secure import AlertDescription, TLSError
from trio_secure._certificate_key import read_key
from trio_secure._client_identity import ClientIdentity, LoadedIdentity
from trio_secure._client_keys import Password
from trio_secure._signatures import SCHEMES_BY_NAME, legacy_scheme
from trio_secure._suites import Authentication

_DATA = b"what a handshake signs " * 20
_P256 = SCHEMES_BY_NAME["ecdsa_secp256r1_sha256"]


def _openssl(*arguments: str, data: bytes = b"") -> bytes:
    return subprocess.run(["openssl", *arguments], input=data, capture_output=True, check=True).stdout


# Keys at hand


async def test_an_identity_is_loaded_from_memory() -> None:
    leaf = client(intermediate=True)
    both = leaf.chain_pem + leaf.key_pem
    for certificates, key in (leaf.chain_pem, leaf.key_pem), (leaf.chain_ders, leaf.key_pem), (both, both):
        loaded = ClientIdentity.load(certificates, key)
        assert loaded.chain == tuple(leaf.chain_ders)
        assert await loaded.ready() is loaded


async def test_an_identity_is_loaded_with_a_password() -> None:
    leaf = client()
    encrypted = leaf.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, BestAvailableEncryption(b"pw"))
    assert ClientIdentity.load(leaf.chain_pem, encrypted, password="pw") == identity()
    with pytest.raises(ValueError, match="the private key is encrypted: give its password"):
        ClientIdentity.load(leaf.chain_pem, encrypted)


async def test_an_identity_is_loaded_from_pkcs12(tmp_path: Path) -> None:
    leaf = client(intermediate=True)
    certificate, key = leaf.write(tmp_path)
    (tmp_path / "root.pem").write_bytes(authority().certificate_pem)
    more = ["-certfile", str(tmp_path / "root.pem"), "-passout", "pass:pw"]
    file = _openssl("pkcs12", "-export", "-in", str(certificate), "-inkey", str(key), *more)
    loaded = ClientIdentity.from_pkcs12(file, "pw")
    assert loaded == load(leaf)
    assert await loaded.sign(_P256, _DATA)
    with pytest.raises(ValueError, match="password is wrong"):
        ClientIdentity.from_pkcs12(file)


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("p256", ["ecdsa_secp256r1_sha256", "ecdsa_secp384r1_sha384", "ecdsa_sha1"]),
        ("p384", ["ecdsa_secp384r1_sha384"]),
        ("p521", ["ecdsa_secp521r1_sha512"]),
        ("ed25519", ["ed25519"]),
        ("ed448", ["ed448"]),
        ("rsa", ["rsa_pss_rsae_sha256", "rsa_pss_rsae_sha512", "rsa_pkcs1_sha384", "rsa_pkcs1_md5_sha1"]),
    ],
)
async def test_a_local_key_signs_with_each_of_its_schemes(kind: KeyKind, names: list[str]) -> None:
    loaded = identity(kind)
    for name in names:
        scheme = next(row for row in loaded.schemes if row.name == name)
        signature = await loaded.sign(scheme, _DATA)
        scheme.algorithm.verify(client(kind).key.public_key(), signature, _DATA)


async def test_keys_for_rsa_pss_alone_and_for_ml_dsa_sign() -> None:
    for loaded in ClientIdentity.load(RSA_PSS_PEM, RSA_PSS_PEM), identity("mldsa44"):
        for scheme in loaded.schemes:
            assert await loaded.sign(scheme, _DATA)


@pytest.mark.parametrize(
    ("kind", "name", "options"),
    [
        ("p384", "ecdsa_secp384r1_sha384", ["-sha384"]),
        (
            "rsa",
            "rsa_pss_rsae_sha256",
            ["-sha256", "-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:32"],
        ),
    ],
)
async def test_openssl_agrees_with_a_signature(
    tmp_path: Path, kind: KeyKind, name: str, options: list[str]
) -> None:
    public = client(kind).key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "key").write_bytes(public)
    (tmp_path / "signature").write_bytes(await identity(kind).sign(SCHEMES_BY_NAME[name], _DATA))
    signed = ["-verify", str(tmp_path / "key"), "-signature", str(tmp_path / "signature")]
    assert _openssl("dgst", *options, *signed, data=_DATA) == b"Verified OK\n"


_X25519 = x25519.X25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.mark.parametrize(
    "key",
    [
        pytest.param(client("p384").key_pem, id="another-curve"),
        pytest.param(authority().issue(common="x").key_pem, id="another-key"),
        pytest.param(client("rsa").key_pem, id="another-kind"),
        pytest.param(_X25519, id="no-signatures"),
    ],
)
def test_the_key_is_that_of_the_certificate(key: bytes) -> None:
    with pytest.raises(ValueError, match=r"not that of the client certificate \(CN=client with p256\)"):
        ClientIdentity.load(client().chain_pem, key)


# Keys elsewhere


@dataclass
class _Hsm:
    """A signer that keeps its key to itself, and writes down what it was asked."""

    leaf: Leaf
    asked: list[tuple[str, bytes]] = field(default_factory=list[tuple[str, bytes]])

    async def sign(self, scheme: str, data: bytes) -> bytes:
        self.asked.append((scheme, data))
        await trio.lowlevel.checkpoint()
        key = self.leaf.key
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        return key.sign(data, ec.ECDSA(hashes.SHA256()))


async def test_a_signer_gets_the_name_of_the_scheme_and_the_message_itself() -> None:
    hsm = _Hsm(client())
    loaded = ClientIdentity.signing(client().chain_pem, hsm.sign)
    signature = await loaded.sign(_P256, _DATA)
    _P256.algorithm.verify(client().key.public_key(), signature, _DATA)
    assert hsm.asked == [("ecdsa_secp256r1_sha256", _DATA)]
    assert loaded.chain == identity().chain


def test_a_signer_signs_with_all_that_fits_unless_it_says_otherwise() -> None:
    hsm, chain = _Hsm(client("rsa")), client("rsa").chain_pem
    assert ClientIdentity.signing(chain, hsm.sign).schemes == identity("rsa").schemes
    names = ["rsa_pkcs1_sha256", "rsa_pss_rsae_sha512", "rsa_pkcs1_md5_sha1"]
    some = ClientIdentity.signing(chain, hsm.sign, schemes=iter([*names, names[0]]))
    assert [scheme.name for scheme in some.schemes] == names
    assert some.schemes[-1] is legacy_scheme(Authentication.RSA)


@pytest.mark.parametrize(
    ("schemes", "error", "reason"),
    [
        (["rsa_pkcs1_sha256"], ValueError, "'rsa_pkcs1_sha256', which does not fit .* ecdsa_sha1 do$"),
        (["nonsense"], ValueError, "'nonsense', which does not fit the certificate's key"),
        ([0x0403], ValueError, "1027, which does not fit"),
        ([], ValueError, "schemes is empty; ecdsa_secp256r1_sha256, "),
        ("ecdsa_secp256r1_sha256", TypeError, "schemes must be a list of names, not str"),
        (0x0403, TypeError, "schemes must be a list of names, not int"),
    ],
)
def test_schemes_that_do_not_fit_the_key_are_refused(
    schemes: Any, error: type[Exception], reason: str
) -> None:
    with pytest.raises(error, match=reason):
        ClientIdentity.signing(client().chain_pem, _Hsm(client()).sign, schemes=schemes)


def test_a_signer_is_a_function() -> None:
    with pytest.raises(TypeError, match="sign must be an async function, not bytes"):
        ClientIdentity.signing(client().chain_pem, cast("Any", client().key_pem))


def _signer(sign: Callable[[str, bytes], Any]) -> LoadedIdentity:
    return ClientIdentity.signing(client().chain_pem, sign)


def _returning(value: object) -> Callable[[str, bytes], Awaitable[Any]]:
    async def sign(scheme: str, data: bytes) -> object:
        return value

    return sign


async def test_what_a_signer_raises_is_passed_on() -> None:
    class HsmError(Exception):
        pass

    error = HsmError("no such token")

    async def fail(scheme: str, data: bytes) -> bytes:
        raise error

    with pytest.raises(HsmError) as caught:
        await _signer(fail).sign(_P256, _DATA)
    assert caught.value is error


async def test_a_signer_that_is_not_async_is_told_so() -> None:
    def sign(scheme: str, data: bytes) -> bytes:
        return b"signature"

    with pytest.raises(TypeError, match="sign must be an async function; it returned bytes"):
        await _signer(sign).sign(_P256, _DATA)


@pytest.mark.parametrize("value", [None, "signature", bytearray(70), 7])
async def test_a_signature_is_bytes(value: object) -> None:
    with pytest.raises(TypeError, match=f"as bytes, not {type(value).__name__}"):
        await _signer(_returning(value)).sign(_P256, _DATA)


@pytest.mark.parametrize(
    "signature",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"nonsense", id="nonsense"),
        pytest.param(cast("Any", client().key).sign(b"else", ec.ECDSA(hashes.SHA256())), id="other-data"),
    ],
)
async def test_a_wrong_signature_is_not_sent(signature: bytes) -> None:
    with pytest.raises(TLSError, match="ecdsa_secp256r1_sha256 signature that is wrong") as caught:
        await _signer(_returning(signature)).sign(_P256, _DATA)
    assert caught.value.alert is AlertDescription.INTERNAL_ERROR
    assert caught.value.__cause__ is not None


@pytest.mark.parametrize("kind", ["rsa", "ed25519", "ed448"])
async def test_a_wrong_signature_of_any_kind_is_not_sent(kind: KeyKind) -> None:
    for length in 0, 64, 256:
        loaded = ClientIdentity.signing(client(kind).chain_pem, _returning(bytes(length)))
        with pytest.raises(TLSError, match="it was not sent"):
            await loaded.sign(loaded.schemes[0], _DATA)


# What identities are


def test_identities_are_equal_when_their_certificates_are() -> None:
    hsm = ClientIdentity.signing(client().chain_pem, _Hsm(client()).sign)
    assert hsm == identity() == load(client())
    assert len({hsm, identity(), identity("p384")}) == 2


def test_an_identity_shows_whose_it_is_and_no_secret() -> None:
    assert repr(identity()) == "<ClientIdentity 'CN=client with p256': 1 certificate>"
    assert repr(load(client(intermediate=True))) == "<ClientIdentity 'CN=client with p256': 2 certificates>"
    pending = ClientIdentity.of(client().chain_pem, _Vault(b"secret"), password="secret")
    assert repr(pending) == "<ClientIdentity to be read: 1 part and a key>"


def test_an_identity_does_not_change() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        identity().schemes = ()  # type: ignore[misc]  # that is the point


async def test_an_identity_may_be_made_when_it_is_asked_for() -> None:
    class OnDemand(ClientIdentity):
        async def ready(self) -> LoadedIdentity:
            return identity()

    assert (await OnDemand().ready()).chain == identity().chain


def test_a_key_is_what_the_certificate_says() -> None:
    assert identity("rsa").certificates.key == read_key(client("rsa").certificate)


# What has to be read first


class _Vault:
    """Something to read from, with what it holds and how often it was read."""

    def __init__(self, content: Any) -> None:
        self.content = content
        self.reads = 0

    async def read(self) -> bytes:
        self.reads += 1
        await trio.lowlevel.checkpoint()
        return cast("bytes", self.content)


def test_bytes_alone_are_loaded_at_once() -> None:
    leaf = client(intermediate=True)
    assert ClientIdentity.of(leaf.chain_ders, leaf.key_pem) == load(leaf)
    assert ClientIdentity.of(bytearray(leaf.chain_pem), leaf.key_pem) == load(leaf)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="the private key cannot be read"):
        ClientIdentity.of(leaf.chain_ders, b"junk")


@pytest.mark.parametrize("password", [None, "pw"])
async def test_nothing_is_read_before_it_is_needed(password: Password) -> None:
    leaf = client(intermediate=True)
    protection = BestAvailableEncryption(b"pw") if password else NoEncryption()
    key = _Vault(leaf.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, protection))
    own, above = _Vault(leaf.certificate_der), leaf.chain_ders[1]
    pending = ClientIdentity.of([own, above], key, password=password)
    assert own.reads == key.reads == 0
    loaded = await pending.ready()
    assert loaded == load(leaf)
    assert await loaded.sign(_P256, _DATA)
    assert own.reads == key.reads == 1


async def test_what_has_changed_is_used_and_what_has_not_is_not_parsed_again() -> None:
    old, new = client("p256"), client("p384")
    certificate, key = _Vault(old.chain_pem), _Vault(old.key_pem)
    pending = ClientIdentity.of(certificate, key)
    first = await pending.ready()
    assert await pending.ready() is first
    certificate.content, key.content = new.chain_pem, new.key_pem
    assert await pending.ready() == load(new)
    certificate.content, key.content = old.chain_pem, old.key_pem
    again = await pending.ready()
    assert again == first
    assert again is not first
    assert certificate.reads == 4


@pytest.mark.parametrize(
    ("content", "error", "reason"),
    [
        (b"junk", ValueError, "the private key cannot be read"),
        (client("p384").key_pem, ValueError, "not that of the client certificate"),
        ("text", TypeError, "what was read for a client identity must be bytes .* not str"),
    ],
)
async def test_what_was_read_is_checked_like_anything_else(
    content: object, error: type[Exception], reason: str
) -> None:
    pending = ClientIdentity.of(client().chain_pem, _Vault(content))
    with pytest.raises(error, match=reason):
        await pending.ready()


def test_identities_to_be_read_are_equal_when_they_read_the_same() -> None:
    vault = _Vault(b"")
    one, same = (ClientIdentity.of(client().chain_pem, vault) for _ in range(2))
    assert one == same
    assert hash(one) == hash(same)
    assert one != ClientIdentity.of(client().chain_pem, _Vault(b""))


def test_identities_can_be_remembered_without_being_kept() -> None:
    pending = ClientIdentity.of(client().chain_pem, _Vault(b""))
    for one in pending, identity():
        assert weakref.ref(one)() is one


@pytest.mark.parametrize(
    ("certificates", "key", "password", "reason"),
    [
        ("text", _Vault(b""), None, "a client certificate must be bytes in DER or PEM, not str"),
        ([_Vault(b""), None], b"key", None, "a client certificate must be bytes in DER or PEM, not NoneType"),
        (_Vault(b""), "text", None, "the private key must be bytes in DER or PEM, not str"),
        (_Vault(b""), _Vault(b""), 1, "password must be str or bytes, not int"),
    ],
)
def test_what_cannot_be_read_is_refused_at_once(
    certificates: Any, key: Any, password: Any, reason: str
) -> None:
    with pytest.raises(TypeError, match=reason):
        ClientIdentity.of(certificates, key, password=password)
