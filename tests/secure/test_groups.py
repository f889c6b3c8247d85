from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from support.refusals import refused
from trio_secure._errors import AlertDescription
from trio_secure._groups import GROUPS_BY_CODE, GROUPS_BY_NAME, NAMED_GROUPS, NamedGroup, fresh_shares
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


def _hybrid_server(share: bytes) -> Answer:
    """ML-KEM first in the shares and in the secret (draft-ietf-tls-ecdhe-mlkem §4)."""
    encapsulation_key, x25519 = share[:1184], share[1184:]
    secret, ciphertext = MLKEM768PublicKey.from_public_bytes(encapsulation_key).encapsulate()
    answer = _x25519_server(x25519)
    return Answer(ciphertext + answer.share, secret + answer.secret)


def _curve_server(curve: ec.EllipticCurve) -> Callable[[bytes], Answer]:
    def answer(share: bytes) -> Answer:
        private = ec.generate_private_key(curve)
        public = private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        peer = ec.EllipticCurvePublicKey.from_encoded_point(curve, share)
        return Answer(public, private.exchange(ec.ECDH(), peer))

    return answer


# The codes and names are IANA's; each row of the table must stand here with a server of its own.
_SERVERS: dict[tuple[int, str], tuple[int, Callable[[bytes], Answer]]] = {
    (0x11EC, "X25519MLKEM768"): (1184 + 32, _hybrid_server),
    (0x001D, "x25519"): (32, _x25519_server),
    (0x0017, "secp256r1"): (65, _curve_server(ec.SECP256R1())),
    (0x0018, "secp384r1"): (97, _curve_server(ec.SECP384R1())),
    (0x0019, "secp521r1"): (133, _curve_server(ec.SECP521R1())),
}
_groups = pytest.mark.parametrize("group", NAMED_GROUPS, ids=lambda group: group.name)
_CURVES = [group for group in NAMED_GROUPS if group.name.startswith("secp")]
_curves = pytest.mark.parametrize("group", _CURVES, ids=lambda group: group.name)


@_groups
def test_a_server_built_on_cryptography_alone_agrees(group: NamedGroup) -> None:
    length, serve = _SERVERS[group.code, group.name]
    ours = group.fresh()
    assert len(ours.public) == length
    answer = serve(ours.public)
    assert len(answer.share) == group.peer_share
    assert group.agree(ours, answer.share) == answer.secret


@_groups
def test_every_share_is_fresh(group: NamedGroup) -> None:
    assert group.fresh().public != group.fresh().public


@_groups
@pytest.mark.parametrize("change", [-1, 1])
def test_a_share_of_another_length_is_refused(group: NamedGroup, change: int) -> None:
    with refused(ILLEGAL_PARAMETER, f"{group.name} share has {group.peer_share + change} bytes"):
        group.agree(group.fresh(), b"\4" * (group.peer_share + change))


@_groups
def test_an_empty_share_is_refused(group: NamedGroup) -> None:
    with refused(ILLEGAL_PARAMETER):
        group.agree(group.fresh(), b"")


@_groups
def test_a_share_of_zeros_is_refused(group: NamedGroup) -> None:
    """Off every NIST curve, and of small order on Curve25519: the agreed secret would be zeros."""
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


def test_an_altered_ciphertext_gives_another_secret() -> None:
    """ML-KEM rejects implicitly: the handshake fails later, at the Finished."""
    group = GROUPS_BY_NAME["x25519mlkem768"]
    ours = group.fresh()
    answer = _hybrid_server(ours.public)
    altered = bytes([answer.share[0] ^ 1]) + answer.share[1:]
    secret = group.agree(ours, altered)
    assert secret[:32] != answer.secret[:32]
    assert secret[32:] == answer.secret[32:]


def test_the_hybrid_lends_its_x25519_half_to_an_x25519_share_after_it() -> None:
    hybrid, x25519 = GROUPS_BY_NAME["x25519mlkem768"], GROUPS_BY_NAME["x25519"]
    shares = fresh_shares([hybrid, x25519])
    assert list(shares) == [hybrid, x25519]
    assert shares[hybrid].public[-32:] == shares[x25519].public
    for group, ours in shares.items():
        answer = _SERVERS[group.code, group.name][1](ours.public)
        assert group.agree(ours, answer.share) == answer.secret


def test_shares_without_a_hybrid_before_them_are_their_own() -> None:
    order = [GROUPS_BY_NAME[name] for name in ("x25519", "secp256r1", "x25519mlkem768")]
    shares = fresh_shares(order)
    assert list(shares) == order
    assert [len(share.public) for share in shares.values()] == [32, 65, 1184 + 32]
    assert shares[order[2]].public[-32:] != shares[order[0]].public


def test_no_share_is_used_twice() -> None:
    first, second = fresh_shares(NAMED_GROUPS), fresh_shares(NAMED_GROUPS)
    assert all(first[group].public != second[group].public for group in NAMED_GROUPS)


def test_the_hybrid_is_for_tls_1_3_alone() -> None:
    since = {group.name: group.since for group in NAMED_GROUPS}
    assert since.pop("X25519MLKEM768") == Version.TLS13
    assert set(since.values()) == {Version.TLS12}


def test_the_indexes_hold_every_row() -> None:
    assert tuple(GROUPS_BY_CODE.values()) == tuple(GROUPS_BY_NAME.values()) == NAMED_GROUPS
    assert all(name == name.lower() for name in GROUPS_BY_NAME)
