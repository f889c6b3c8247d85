from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x448 import X448PrivateKey, X448PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from support.refusals import refused
from trio_secure import _groups
from trio_secure._errors import AlertDescription
from trio_secure._finite_field import FiniteField
from trio_secure._groups import GROUPS_BY_CODE, GROUPS_BY_NAME, NAMED_GROUPS, NamedGroup, fresh_shares
from trio_secure._suites import KeyExchange
from trio_secure._versions import Version

ILLEGAL_PARAMETER = AlertDescription.ILLEGAL_PARAMETER


class Answer(NamedTuple):
    """What a server sends, and the secret it has then."""

    share: bytes
    secret: bytes


def _x25519_server(share: bytes) -> Answer:
    private = X25519PrivateKey.generate()
    secret = private.exchange(X25519PublicKey.from_public_bytes(share))
    return Answer(private.public_key().public_bytes_raw(), secret)


def _x448_server(share: bytes) -> Answer:
    private = X448PrivateKey.generate()
    secret = private.exchange(X448PublicKey.from_public_bytes(share))
    return Answer(private.public_key().public_bytes_raw(), secret)


def _x25519_mlkem768_server(share: bytes) -> Answer:
    """ML-KEM first in the shares and in the secret (draft-ietf-tls-ecdhe-mlkem §4)."""
    encapsulation_key, x25519 = share[:1184], share[1184:]
    secret, ciphertext = MLKEM768PublicKey.from_public_bytes(encapsulation_key).encapsulate()
    answer = _x25519_server(x25519)
    return Answer(ciphertext + answer.share, secret + answer.secret)


def _secp256r1_mlkem768_server(share: bytes) -> Answer:
    """The curve first (the same draft)."""
    point, encapsulation_key = share[:65], share[65:]
    secret, ciphertext = MLKEM768PublicKey.from_public_bytes(encapsulation_key).encapsulate()
    answer = _curve_server(ec.SECP256R1())(point)
    return Answer(answer.share + ciphertext, answer.secret + secret)


def _curve_server(curve: ec.EllipticCurve) -> Callable[[bytes], Answer]:
    def answer(share: bytes) -> Answer:
        private = ec.generate_private_key(curve)
        public = private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        peer = ec.EllipticCurvePublicKey.from_encoded_point(curve, share)
        return Answer(public, private.exchange(ec.ECDH(), peer))

    return answer


def _ffdhe_server(bits: int) -> Callable[[bytes], Answer]:
    """With the integers of Python, where the client has `cryptography`."""

    def answer(share: bytes) -> Answer:
        p, exponent = FiniteField.named(f"ffdhe{bits}").p, 2**300 + 12345
        secret = pow(int.from_bytes(share, "big"), exponent, p)
        return Answer(pow(2, exponent, p).to_bytes(bits // 8, "big"), secret.to_bytes(bits // 8, "big"))

    return answer


# The codes and names are IANA's; each row of the table must stand here with a server of its own.
_SERVERS: dict[tuple[int, str], tuple[int, Callable[[bytes], Answer]]] = {
    (0x11EC, "X25519MLKEM768"): (1184 + 32, _x25519_mlkem768_server),
    (0x001D, "x25519"): (32, _x25519_server),
    (0x0017, "secp256r1"): (65, _curve_server(ec.SECP256R1())),
    (0x0018, "secp384r1"): (97, _curve_server(ec.SECP384R1())),
    (0x0019, "secp521r1"): (133, _curve_server(ec.SECP521R1())),
    (0x11EB, "SecP256r1MLKEM768"): (65 + 1184, _secp256r1_mlkem768_server),
    (0x001E, "x448"): (56, _x448_server),
    (0x0100, "ffdhe2048"): (256, _ffdhe_server(2048)),
    (0x0101, "ffdhe3072"): (384, _ffdhe_server(3072)),
}
_every_group = pytest.mark.parametrize("group", NAMED_GROUPS, ids=lambda group: group.name)
_CURVES = [group for group in NAMED_GROUPS if group.name.startswith("secp")]
_curves = pytest.mark.parametrize("group", _CURVES, ids=lambda group: group.name)


@_every_group
def test_a_server_built_on_cryptography_alone_agrees(group: NamedGroup) -> None:
    length, serve = _SERVERS[group.code, group.name]
    ours = group.fresh()
    assert len(ours.public) == length
    answer = serve(ours.public)
    assert len(answer.share) == group.peer_share
    assert group.agree(ours, answer.share) == answer.secret


@_every_group
def test_every_share_is_fresh(group: NamedGroup) -> None:
    assert group.fresh().public != group.fresh().public


@_every_group
@pytest.mark.parametrize("change", [-1, 1])
def test_a_share_of_another_length_is_refused(group: NamedGroup, change: int) -> None:
    with refused(ILLEGAL_PARAMETER, f"{group.name} share has {group.peer_share + change} bytes"):
        group.agree(group.fresh(), b"\4" * (group.peer_share + change))


@_every_group
def test_an_empty_share_is_refused(group: NamedGroup) -> None:
    with refused(ILLEGAL_PARAMETER):
        group.agree(group.fresh(), b"")


@_every_group
def test_a_share_of_zeros_is_refused(group: NamedGroup) -> None:
    """Off every NIST curve, of small order on the curves of RFC 7748, and below every finite field's range."""
    with refused(ILLEGAL_PARAMETER, "is not valid"):
        group.agree(group.fresh(), bytes(group.peer_share))


# RFC 7748 §7 and the literature on it: the values whose order divides eight.
_SMALL_ORDER = [
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
]


@pytest.mark.parametrize("share", _SMALL_ORDER)
@pytest.mark.parametrize("name", ["x25519", "x25519mlkem768"])
def test_a_share_of_small_order_is_refused(name: str, share: str) -> None:
    group = GROUPS_BY_NAME[name]
    with refused(ILLEGAL_PARAMETER, "is not valid"):
        group.agree(group.fresh(), bytes(group.peer_share - 32) + bytes.fromhex(share))


# Modulo the prime, 0, 1 and -1; the first and last also one prime higher.
_P448 = 2**448 - 2**224 - 1


@pytest.mark.parametrize("value", [1, _P448 - 1, _P448, _P448 + 1])
def test_a_share_of_small_order_on_curve448_is_refused(value: int) -> None:
    group = GROUPS_BY_NAME["x448"]
    with refused(ILLEGAL_PARAMETER, "is not valid"):
        group.agree(group.fresh(), value.to_bytes(56, "little"))


@_curves
def test_a_point_off_the_curve_is_refused(group: NamedGroup) -> None:
    ours = group.fresh()
    share = bytearray(_SERVERS[group.code, group.name][1](ours.public).share)
    share[-1] ^= 1
    with refused(ILLEGAL_PARAMETER, "is not valid"):
        group.agree(ours, bytes(share))


@_curves
@pytest.mark.parametrize("form", [0x00, 0x02, 0x03, 0x05, 0x06, 0x07])
def test_any_form_but_the_uncompressed_one_is_refused(group: NamedGroup, form: int) -> None:
    ours = group.fresh()
    share = _SERVERS[group.code, group.name][1](ours.public).share
    with refused(ILLEGAL_PARAMETER, "is not valid"):
        group.agree(ours, bytes([form]) + share[1:])


def test_a_compressed_point_is_refused_for_its_length() -> None:
    group = GROUPS_BY_NAME["secp256r1"]
    point = ec.generate_private_key(ec.SECP256R1()).public_key()
    compressed = point.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    with refused(ILLEGAL_PARAMETER, "33 bytes instead of 65"):
        group.agree(group.fresh(), compressed)


@pytest.mark.parametrize("altered", [0, 64])
def test_a_bad_point_in_a_hybrid_share_is_refused(altered: int) -> None:
    group = GROUPS_BY_NAME["secp256r1mlkem768"]
    ours = group.fresh()
    share = bytearray(_secp256r1_mlkem768_server(ours.public).share)
    share[altered] ^= 1
    with refused(ILLEGAL_PARAMETER, "is not valid"):
        group.agree(ours, bytes(share))


@pytest.mark.parametrize(
    ("name", "ciphertext", "kem"), [("x25519mlkem768", 0, 0), ("secp256r1mlkem768", 65, 32)]
)
def test_an_altered_ciphertext_gives_another_secret(name: str, ciphertext: int, kem: int) -> None:
    """ML-KEM rejects implicitly: the handshake fails later, at the Finished."""
    group = GROUPS_BY_NAME[name]
    ours = group.fresh()
    answer = _SERVERS[group.code, group.name][1](ours.public)
    altered = bytearray(answer.share)
    altered[ciphertext] ^= 1
    secret, classical = group.agree(ours, bytes(altered)), 32 - kem
    assert secret[kem : kem + 32] != answer.secret[kem : kem + 32]
    assert secret[classical : classical + 32] == answer.secret[classical : classical + 32]


@pytest.mark.parametrize("name", ["ffdhe2048", "ffdhe3072"])
def test_a_finite_field_share_is_above_one_and_below_minus_one(name: str) -> None:
    group, p = GROUPS_BY_NAME[name], FiniteField.named(name).p
    for share in (0, 1, p - 1, p, p + 1, 256**group.peer_share - 1):
        with refused(ILLEGAL_PARAMETER, f"{name} share is not valid"):
            group.agree(group.fresh(), share.to_bytes(group.peer_share, "big"))
    for share in (2, p - 2):
        assert len(group.agree(group.fresh(), share.to_bytes(group.peer_share, "big"))) == group.peer_share


class _Drawn(NamedTuple):
    """A stand-in for a class of private keys: what it generates has been decided."""

    key: X25519PrivateKey | X448PrivateKey

    def generate(self) -> X25519PrivateKey | X448PrivateKey:
        return self.key


def test_the_exchanges_of_rfc_7748(monkeypatch: pytest.MonkeyPatch) -> None:
    alice = "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a"
    key = X25519PrivateKey.from_private_bytes(bytes.fromhex(alice))
    monkeypatch.setattr(_groups, "X25519PrivateKey", _Drawn(key))
    ours = GROUPS_BY_NAME["x25519"].fresh()
    assert ours.public.hex() == "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"
    bob = "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"
    secret = GROUPS_BY_NAME["x25519"].agree(ours, bytes.fromhex(bob))
    assert secret.hex() == "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"


def test_the_exchange_of_rfc_7748_on_curve448(monkeypatch: pytest.MonkeyPatch) -> None:
    alice = (
        "9a8f4925d1519f5775cf46b04b5800d4ee9ee8bae8bc5565d498c28d"
        "d9c9baf574a9419744897391006382a6f127ab1d9ac2d8c0a598726b"
    )
    key = X448PrivateKey.from_private_bytes(bytes.fromhex(alice))
    monkeypatch.setattr(_groups, "X448PrivateKey", _Drawn(key))
    ours = GROUPS_BY_NAME["x448"].fresh()
    assert ours.public.hex() == (
        "9b08f7cc31b7e3e67d22d5aea121074a273bd2b83de09c63faa73d2c"
        "22c5d9bbc836647241d953d40c5b12da88120d53177f80e532c41fa0"
    )
    bob = (
        "3eb7a829b0cd20f5bcfc0b599b6feccf6da4627107bdb0d4f345b430"
        "27d8b972fc3e34fb4232a13ca706dcb57aec3dae07bdc1c67bf33609"
    )
    secret = GROUPS_BY_NAME["x448"].agree(ours, bytes.fromhex(bob))
    assert secret.hex() == (
        "07fff4181ac6cc95ec1c16a94a0f74d12da232ce40a77552281d282b"
        "b60c0b56fd2464c335543936521c24403085d59a449a5037514a879d"
    )


def test_shares_come_in_the_order_asked_for() -> None:
    order = [GROUPS_BY_NAME[name] for name in ("x25519", "x25519mlkem768", "secp256r1")]
    shares = fresh_shares(order)
    assert list(shares) == order
    assert [len(share.public) for share in shares.values()] == [32, 1184 + 32, 65]


def test_shares_of_one_hello_are_independent() -> None:
    """RFC 9846 §4.3.8 [8446 §4.2.8]: a hybrid's half is not that of the share beside it."""
    order = [GROUPS_BY_NAME[name] for name in ("secp256r1mlkem768", "x25519mlkem768", "x25519", "secp256r1")]
    p256_hybrid, x25519_hybrid, x25519, p256 = (share.public for share in fresh_shares(order).values())
    assert p256_hybrid[:65] != p256
    assert x25519_hybrid[-32:] != x25519
    assert p256_hybrid[65:] != x25519_hybrid[:1184]


def test_no_share_is_used_twice() -> None:
    first, second = fresh_shares(NAMED_GROUPS), fresh_shares(NAMED_GROUPS)
    assert all(first[group].public != second[group].public for group in NAMED_GROUPS)


def test_the_hybrids_are_for_tls_1_3_alone() -> None:
    since = {group.name: group.since for group in NAMED_GROUPS}
    assert since.pop("X25519MLKEM768") == since.pop("SecP256r1MLKEM768") == Version.TLS13
    assert set(since.values()) == {Version.TLS10}


def test_what_is_offered_to_those_who_do_not_choose() -> None:
    assert [group.name for group in NAMED_GROUPS if group.by_default] == [
        "X25519MLKEM768",
        "x25519",
        "secp256r1",
        "secp384r1",
        "secp521r1",
    ]


def test_which_groups_are_for_suites_with_dhe() -> None:
    names = {group.name for group in NAMED_GROUPS if group.key_exchange is KeyExchange.DHE}
    assert names == {"ffdhe2048", "ffdhe3072"}


def test_the_indexes_hold_every_row() -> None:
    assert tuple(GROUPS_BY_CODE.values()) == tuple(GROUPS_BY_NAME.values()) == NAMED_GROUPS
    assert all(name == name.lower() for name in GROUPS_BY_NAME)
