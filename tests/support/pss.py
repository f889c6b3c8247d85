"""Certificates with an RSASSA-PSS key, which no certificate builder makes.

Theory of operation: such a certificate differs from one with an RSA key in the algorithm identifier of the key,
and the key itself is the same. The identifier is replaced, and the authority signs anew.
"""

from __future__ import annotations

import dataclasses

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from support.authority import Authority, KeyKind, Leaf
from support.der import element, integer
from trio_secure._codec import Reader
from trio_secure._der import SEQUENCE, read_content, read_element

_OBJECT_IDENTIFIER, _BIT_STRING = 0x06, 0x03
_RSASSA_PSS = bytes.fromhex("2a864886f70d01010a")
_MGF1 = bytes.fromhex("2a864886f70d010108")
_HASHES = {
    "sha1": bytes.fromhex("2b0e03021a"),
    "sha256": bytes.fromhex("608648016503040201"),
    "sha384": bytes.fromhex("608648016503040202"),
    "sha512": bytes.fromhex("608648016503040203"),
}


def _algorithm(identifier: bytes, parameters: bytes) -> bytes:
    return element(SEQUENCE, element(_OBJECT_IDENTIFIER, identifier), parameters)


def pss_parameters(
    digest: str | None = None, mask: str | None = None, salt: int | None = None, trailer: int | None = None
) -> bytes:
    """RSASSA-PSS-params in DER: the names of the hashes and the bytes of salt; None leaves a field out."""
    null = element(0x05)
    fields = b""
    if digest is not None:
        fields += element(0xA0, _algorithm(_HASHES[digest], null))
    if mask is not None:
        fields += element(0xA1, _algorithm(_MGF1, _algorithm(_HASHES[mask], null)))
    if salt is not None:
        fields += element(0xA2, integer(salt))
    if trailer is not None:
        fields += element(0xA3, integer(trailer))
    return element(SEQUENCE, fields)


def pss_leaf(
    authority: Authority, *names: str, parameters: bytes = b"", key: KeyKind = "rsa", version: bool = True
) -> Leaf:
    """A leaf as `authority.issue` makes it, whose RSA key is named RSASSA-PSS.

    Args:
        authority: one with a P-256 key.
        *names: the names of the leaf.
        parameters: what the key is bound to, in DER; nothing by default.
        key: the kind of RSA key.
        version: whether the certificate says its version; without, it is one of version 1, and has no extensions.
    """
    leaf = authority.issue(*names, key=key)
    outer = Reader(read_content(Reader(leaf.certificate_der, "Certificate"), SEQUENCE), "Certificate")
    tbs, algorithm = Reader(read_content(outer, SEQUENCE), "TBSCertificate"), read_element(outer)
    fields: list[bytes] = []
    while len(tbs):
        fields.append(read_element(tbs).whole)
    key_info = Reader(read_content(Reader(fields[6], "key"), SEQUENCE), "SubjectPublicKeyInfo")
    read_element(key_info)
    fields[6] = element(SEQUENCE, _algorithm(_RSASSA_PSS, parameters), key_info.rest())
    signed = element(SEQUENCE, *(fields if version else fields[1:7]))
    assert isinstance(authority.key, ec.EllipticCurvePrivateKey)
    signature = authority.key.sign(signed, ec.ECDSA(hashes.SHA256()))
    der = element(SEQUENCE, signed, algorithm.whole, element(_BIT_STRING, b"\0", signature))
    return dataclasses.replace(leaf, certificate=x509.load_der_x509_certificate(der))
