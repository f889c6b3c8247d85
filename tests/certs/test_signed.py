from __future__ import annotations

from collections.abc import Callable

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from support.authority import KeyKind, PrivateKey, make_key
from trio_certs._signed import ALGORITHMS

DATA = b"what is signed"
RSA, P256 = make_key("rsa"), make_key("p256")
HASHES = {"0b": hashes.SHA256(), "0c": hashes.SHA384(), "0d": hashes.SHA512()}
EC_HASHES = {"02": hashes.SHA256(), "03": hashes.SHA384(), "04": hashes.SHA512()}


def _pkcs1(algorithm: hashes.HashAlgorithm) -> bytes:
    assert isinstance(RSA, rsa.RSAPrivateKey)
    return RSA.sign(DATA, padding.PKCS1v15(), algorithm)


def _pss(algorithm: hashes.HashAlgorithm, salt: int) -> bytes:
    assert isinstance(RSA, rsa.RSAPrivateKey)
    return RSA.sign(DATA, padding.PSS(padding.MGF1(algorithm), salt), algorithm)


def _ecdsa(algorithm: hashes.HashAlgorithm) -> bytes:
    assert isinstance(P256, ec.EllipticCurvePrivateKey)
    return P256.sign(DATA, ec.ECDSA(algorithm))


def _alone(key: PrivateKey) -> bytes:
    sign: Callable[[bytes], bytes] = key.sign  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
    return sign(DATA)


def _cases() -> list[tuple[bytes, PrivateKey, bytes]]:
    """An AlgorithmIdentifier, a key, and a signature by both."""
    cases: list[tuple[bytes, PrivateKey, bytes]] = []
    for arc, algorithm in HASHES.items():
        forms = (f"300d06092a864886f70d0101{arc}0500", f"300b06092a864886f70d0101{arc}")
        cases += [(bytes.fromhex(form), RSA, _pkcs1(algorithm)) for form in forms]
    cases += [
        (bytes.fromhex(f"300a06082a8648ce3d0403{arc}"), P256, _ecdsa(algorithm))
        for arc, algorithm in EC_HASHES.items()
    ]
    kinds: dict[KeyKind, str] = {
        "ed25519": "300506032b6570",
        "ed448": "300506032b6571",
        "mldsa44": "300b0609608648016503040311",
        "mldsa65": "300b0609608648016503040312",
        "mldsa87": "300b0609608648016503040313",
    }
    for kind, identifier in kinds.items():
        key = make_key(kind)
        cases.append((bytes.fromhex(identifier), key, _alone(key)))
    pss = [row for row in ALGORITHMS if len(row) == 67]
    cases += [
        (row, RSA, _pss(algorithm, algorithm.digest_size))
        for row, algorithm in zip(sorted(pss, key=lambda row: row[-1]), HASHES.values(), strict=True)
    ]
    return cases


CASES = _cases()


def test_every_row_is_tried() -> None:
    assert {row for row, _, _ in CASES} == set(ALGORITHMS)


@pytest.mark.parametrize("place", range(len(CASES)))
def test_a_row_takes_its_own_signatures_and_no_others(place: int) -> None:
    row, key, signature = CASES[place]
    verify = ALGORITHMS[row]
    assert verify(key.public_key(), signature, DATA)
    for wrong, data in ((signature, DATA + b"."), (signature[:-1] + bytes([signature[-1] ^ 1]), DATA)):
        with pytest.raises(InvalidSignature):
            verify(key.public_key(), wrong, data)


@pytest.mark.parametrize("place", range(len(CASES)))
def test_a_key_of_another_kind_does_not_fit(place: int) -> None:
    row, key, signature = CASES[place]
    for other in (RSA, P256, make_key("ed25519")):
        if type(other) is not type(key):
            assert ALGORITHMS[row](other.public_key(), signature, DATA) is False


def test_what_is_broken_or_unusual_has_no_row() -> None:
    for text in (
        "300d06092a864886f70d0101050500",  # SHA-1 with RSA
        "300906072a8648ce3d0401",  # ECDSA with SHA-1
        "300d06092a864886f70d0101040500",  # MD5 with RSA
        "300d06092a864886f70d01010a0500",  # RSASSA-PSS without parameters
    ):
        assert bytes.fromhex(text) not in ALGORITHMS
