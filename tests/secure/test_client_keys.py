"""Certificates and keys out of the files that other programs write."""

from __future__ import annotations

import base64
import subprocess
from functools import cache
from pathlib import Path
from typing import cast

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, mldsa, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)

from support.authority import KeyKind, Leaf, to_pem
from support.identities import RSA_PSS_PEM, authority, client
from trio_secure._client_keys import (
    MAX_BYTES,
    Password,
    load_certificates,
    load_key,
    load_pkcs12,
    material,
    one_or_more,
    password_bytes,
)

_PASSWORD = "pässword"
_PEM_FORMS = {
    "pkcs8": ["pkcs8", "-topk8", "-nocrypt"],
    "pkcs8-encrypted": ["pkcs8", "-topk8", "-passout", f"pass:{_PASSWORD}", "-iter", "1000"],
    "traditional": ["pkey", "-traditional"],
    "traditional-encrypted": ["pkey", "-traditional", "-aes128", "-passout", f"pass:{_PASSWORD}"],
}
_DER_FORMS = {name: [*_PEM_FORMS[name], "-outform", "DER"] for name in ("pkcs8", "pkcs8-encrypted")} | {
    "traditional": ["pkey", "-traditional", "-outform", "DER"]
}
_FORMS = {f"pem-{name}": command for name, command in _PEM_FORMS.items()} | {
    f"der-{name}": command for name, command in _DER_FORMS.items()
}


def _openssl(arguments: list[str], data: bytes) -> bytes:
    return subprocess.run(["openssl", *arguments], input=data, capture_output=True, check=True).stdout


@cache
def _key_file(kind: KeyKind, form: str) -> bytes:
    """A client's key as OpenSSL writes it: PKCS#8, PKCS#1 or SEC1."""
    return _openssl(_FORMS[form], client(kind).key_pem)


def _password(form: str) -> Password:
    return _PASSWORD if form.endswith("encrypted") else None


# Private keys


@pytest.mark.parametrize("form", _FORMS)
@pytest.mark.parametrize("kind", ["p256", "rsa"])
def test_a_key_is_loaded_from_every_form(kind: KeyKind, form: str) -> None:
    key = load_key(_key_file(kind, form), _password(form))
    assert key.public_key() == client(kind).key.public_key()


def test_forms_are_what_they_are_called() -> None:
    assert _key_file("rsa", "pem-traditional").startswith(b"-----BEGIN RSA PRIVATE KEY")
    assert _key_file("p256", "pem-traditional").startswith(b"-----BEGIN EC PRIVATE KEY")
    assert b"DEK-Info: AES-128-CBC" in _key_file("p256", "pem-traditional-encrypted")
    assert _key_file("p256", "pem-pkcs8-encrypted").startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY")


def test_a_key_for_edwards_curves_or_lattices_is_loaded() -> None:
    assert load_key(client("ed25519").key_pem).public_key() == client("ed25519").key.public_key()
    assert load_key(client("ed448").key_pem).public_key() == client("ed448").key.public_key()
    key = mldsa.MLDSA65PrivateKey.generate()
    der = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    assert load_key(der).public_key() == key.public_key()


def test_a_key_is_found_among_certificates() -> None:
    leaf = client()
    assert load_key(leaf.chain_pem + leaf.key_pem).public_key() == leaf.key.public_key()
    assert isinstance(load_key(RSA_PSS_PEM), rsa.RSAPrivateKey)


@pytest.mark.parametrize("form", [form for form in _FORMS if form.endswith("encrypted")])
def test_an_encrypted_key_needs_its_password(form: str) -> None:
    file = _key_file("p256", form)
    for no_password in (None, "", b""):
        with pytest.raises(ValueError, match="the private key is encrypted: give its password"):
            load_key(file, no_password)
    with pytest.raises(ValueError, match="the private key cannot be read: Incorrect password"):
        load_key(file, "wrong")
    assert load_key(file, _PASSWORD.encode())


def test_a_key_that_is_not_encrypted_has_no_password() -> None:
    with pytest.raises(ValueError, match="is not encrypted: leave the password out"):
        load_key(client().key_pem, "password")
    assert load_key(client().key_pem, "")


# ECParameters of a named curve that `cryptography` does not know: 1.3.132.0.6 is secp112r1.
_UNKNOWN_CURVE = _openssl(["ecparam", "-name", "secp112r1", "-genkey", "-noout"], b"")


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        pytest.param(b"junk", "the private key cannot be read", id="junk"),
        pytest.param(client().certificate_pem, "the private key cannot be read", id="certificate"),
        pytest.param(_UNKNOWN_CURVE, "the private key is of a kind that is not supported", id="curve"),
        pytest.param(b"", "the private key is empty", id="empty"),
        pytest.param(bytes(MAX_BYTES + 1), f"at most {MAX_BYTES} are read", id="large"),
    ],
)
def test_what_is_no_usable_key_is_refused(file: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        load_key(file)


# Certificates


def test_certificates_come_out_as_der_in_order() -> None:
    leaf = client(intermediate=True)
    ders = tuple(leaf.chain_ders)
    assert load_certificates(leaf.chain_pem) == ders
    assert load_certificates(b"a comment\n" + leaf.key_pem + leaf.chain_pem) == ders
    assert load_certificates(list(ders)) == ders
    assert load_certificates([leaf.certificate_der, to_pem(*leaf.issuers)]) == ders
    assert load_certificates((bytearray(ders[0]), memoryview(ders[1]))) == ders
    assert load_certificates([]) == ()


def _pem(der: bytes) -> bytes:
    return b"-----BEGIN CERTIFICATE-----\n" + base64.encodebytes(der) + b"-----END CERTIFICATE-----\n"


_VERSION_3 = bytes.fromhex("a003020102")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(client().key_pem, id="key"),
        pytest.param(b"-----BEGIN CERTIFICATE-----\n%%\n-----END CERTIFICATE-----\n", id="no-base64"),
        pytest.param(b"-----BEGIN ", id="torn"),
        pytest.param(
            _pem(client().certificate_der.replace(_VERSION_3, bytes.fromhex("a003020107"))), id="version-8"
        ),
    ],
)
def test_pem_without_a_certificate_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match="the PEM text has no readable certificate"):
        load_certificates(text)


def test_one_thing_or_a_list_of_things() -> None:
    assert one_or_more(b"one") == (b"one",)
    assert one_or_more([1, 2]) == one_or_more((1, 2)) == (1, 2)


@pytest.mark.parametrize("value", ["text", None, 1, Path("client.pem"), {b"set"}])
def test_only_bytes_are_material(value: object) -> None:
    with pytest.raises(TypeError, match=f"the thing must be bytes in DER or PEM, not {type(value).__name__}"):
        material("the thing", value)
    with pytest.raises(TypeError, match="a client certificate must be bytes"):
        load_certificates(value)
    with pytest.raises(TypeError, match="the private key must be bytes"):
        load_key(value)
    with pytest.raises(TypeError, match="the PKCS#12 file must be bytes"):
        load_pkcs12(value)


def test_a_password_is_text_or_bytes() -> None:
    assert password_bytes("ä") == "ä".encode()
    assert password_bytes(b"bytes") == b"bytes"
    assert password_bytes(None) is None
    with pytest.raises(TypeError, match="password must be str or bytes, not int"):
        password_bytes(1234)


# PKCS#12


def _export(folder: Path, leaf: Leaf, *options: str) -> bytes:
    """A PKCS#12 file as OpenSSL writes it, with the whole chain and, before it, a stranger."""
    certificate, key = leaf.write(folder)
    more = folder / "more.pem"
    more.write_bytes(to_pem(authority("Stranger").certificate, *leaf.issuers, authority().certificate))
    arguments = ["pkcs12", "-export", "-in", str(certificate), "-inkey", str(key), "-certfile", str(more)]
    return _openssl([*arguments, *options], b"")


@pytest.mark.parametrize(
    ("password", "options"),
    [
        pytest.param(_PASSWORD, [], id="modern"),
        pytest.param(
            "old", ["-certpbe", "PBE-SHA1-3DES", "-keypbe", "PBE-SHA1-3DES", "-macalg", "sha1"], id="3des"
        ),
        pytest.param("", [], id="empty-password"),
        pytest.param("plain", ["-certpbe", "NONE", "-keypbe", "NONE"], id="not-encrypted"),
    ],
)
@pytest.mark.parametrize("kind", ["p256", "rsa"])
def test_a_pkcs12_file_gives_the_key_and_its_certificate_first(
    tmp_path: Path, kind: KeyKind, password: str, options: list[str]
) -> None:
    leaf = client(kind, intermediate=True)
    file = _export(tmp_path, leaf, "-passout", f"pass:{password}", *options)
    key, certificates = load_pkcs12(file, password)
    assert key.public_key() == leaf.key.public_key()
    assert certificates[0] == leaf.certificate_der
    assert set(leaf.chain_ders) < set(certificates)


def test_a_pkcs12_file_needs_its_password(tmp_path: Path) -> None:
    file = _export(tmp_path, client(), "-passout", "pass:right")
    for wrong in (None, "", "wrong"):
        with pytest.raises(ValueError, match="either the password is wrong or it is no PKCS#12 file"):
            load_pkcs12(file, wrong)


def _pkcs12(leaf: Leaf, *, key: bool = True, certificate: bool = True, stranger: bool = False) -> bytes:
    """A file in which nothing ties the certificates to the key."""
    others = [authority("Stranger").certificate] if stranger else []
    return pkcs12.serialize_key_and_certificates(
        None,
        cast("ec.EllipticCurvePrivateKey", leaf.key) if key else None,
        None,
        [*others, *([leaf.certificate] if certificate else []), *leaf.issuers],
        BestAvailableEncryption(b"p"),
    )


def test_a_certificate_that_nothing_ties_to_the_key_is_found_by_the_key() -> None:
    leaf = client(intermediate=True)
    key, certificates = load_pkcs12(_pkcs12(leaf, stranger=True), "p")
    assert key.public_key() == leaf.key.public_key()
    assert certificates[0] == leaf.certificate_der
    assert set(certificates[1:]) == {leaf.chain_ders[1], authority("Stranger").certificate_der}


def test_a_pkcs12_file_without_a_key_or_its_certificate_is_refused() -> None:
    leaf = client(intermediate=True)
    with pytest.raises(ValueError, match="holds no private key: export it with the key"):
        load_pkcs12(_pkcs12(leaf, key=False), "p")
    with pytest.raises(ValueError, match="holds no certificate for its private key"):
        load_pkcs12(_pkcs12(leaf, certificate=False), "p")


def test_a_pkcs12_file_with_a_key_of_an_unknown_kind_is_refused(tmp_path: Path) -> None:
    key = tmp_path / "unknown.key"
    key.write_bytes(_UNKNOWN_CURVE)
    file = _openssl(["pkcs12", "-export", "-nocerts", "-inkey", str(key), "-passout", "pass:p"], b"")
    with pytest.raises(ValueError, match="the PKCS#12 file uses an algorithm that is not supported"):
        load_pkcs12(file, "p")


@pytest.mark.parametrize("file", [b"junk", client().key_pem])
def test_what_is_no_pkcs12_file_is_refused(file: bytes) -> None:
    with pytest.raises(ValueError, match="the PKCS#12 file cannot be read"):
        load_pkcs12(file, "p")


# Secrets and warnings


def test_no_error_has_a_password_in_it() -> None:
    for attempt in (
        lambda: load_key(_key_file("p256", "pem-pkcs8-encrypted"), "the wrong secret"),
        lambda: load_key(client().key_pem, "the wrong secret"),
        lambda: load_pkcs12(_pkcs12(client()), "the wrong secret"),
    ):
        with pytest.raises(ValueError, match=r"^(?!.*secret)") as caught:
            attempt()
        assert "secret" not in repr(caught.value.__cause__)


def test_an_unusual_serial_number_does_not_warn() -> None:
    der = client().certificate_der
    serial = der.index(_VERSION_3) + 7  # after the version, in 20 bytes, and positive
    negative = der[:serial] + b"\x85" + der[serial + 1 :]
    assert load_certificates(_pem(negative)) == (negative,)
