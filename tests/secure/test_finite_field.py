"""Finite fields: the named primes, our half of an exchange, and a server's parameters."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Collection

import pytest

from support.refusals import refused
from trio_secure._errors import AlertDescription, PeerIncompatible
from trio_secure._finite_field import DheParams, FiniteField

_ALERT = AlertDescription

# SHA-256 of the primes as they are written out in RFC 7919 Appendix A and RFC 3526.
_PRIMES = {
    "ffdhe2048": "9cd3b7f336872f46c09428d1bbc19877a4d440512cda8d1c1cf0cd6e33698966",
    "ffdhe3072": "0eaf67db3a839156d5013494a5318a772b5697d270d721f37f092efc69ea5a17",
    "ffdhe4096": "4648414224ac881b3d0dc59b466f96d06a558278776807797ecf1f66ff397b3e",
    "ffdhe6144": "227ac9066b3ddd9e193670cda2388fa884f65ba0cf98b742d1fe77a6687c79c7",
    "ffdhe8192": "770b14efaf6f049929c523113b3fa99a8d11dab1b18af3609590122075d19833",
    "modp2048": "d66436f79bbd6b2e38c0ffbd079be904d2641415e2e67140e09448be9a60890e",
    "modp3072": "48cf8b092fbce4359d9871abf74f98e25b6163379eaa15cd9087e800c6d1c55c",
    "modp4096": "4ee95187682bcb230ad26a95205f6920e84708f6251b3894329b09ec23919e33",
    "modp6144": "d1bfe6d0925ce7e4da262b62861514a7755e35831e429f343e7b864848657efd",
    "modp8192": "39ab4feab950a3128fb71accb9fc3965d857012e081998a85996e3ea8b3c3bcf",
}
_named = pytest.mark.parametrize("name", _PRIMES)

P = FiniteField.named("ffdhe2048").p
# A safe prime of nobody's: `openssl dhparam 2048`.
OWN = int(
    "980241baa7f66e7c49ad240434984d75dc45073c8292cf5f8243eccb1901729e"
    "a5b482ece1f8b93388f873ce4dc8b06396f53acfe9153dbee1aed617993a7d94"
    "af193c68184c1c552e96eb019fbdd189a3bb8fe8b816c2d480f69589e955e301"
    "767d1cc905d1eaea3c7cca02bfcd198feefd6d290283c26325213ef9dd803cdd"
    "7c7ace0ee778b6d0d3429a6ac0e4ab827f6d009618ada560aee9360704e701b6"
    "23998ed70377b1f51dac43084c5aa2355387bb9d7e1f0b94c0e99357a7e45f6e"
    "19cf0d0c2c6340e3b56c2e1a166224bad14ad57a824885e415f48a5e08174084"
    "431b12933cea9a24ccdf228e8a7b6a9c7e4c5666f50d1b45b310492db3d9527f",
    16,
)
_EXPONENT = 2**260 + 3**100


@_named
def test_the_named_primes(name: str) -> None:
    field = FiniteField.named(name)
    assert (field.name, field.g) == (name, 2)
    assert hashlib.sha256(field.p.to_bytes(int(name[-4:]) // 8, "big")).hexdigest() == _PRIMES[name]


def test_a_group_without_a_name_has_its_size() -> None:
    assert FiniteField(OWN, 2).name == "dhe2048"
    assert FiniteField(2**4096 - 1, 2).name == "dhe4096"
    assert FiniteField(P, 3).name == "dhe2048"


_FIELDS = [
    pytest.param(FiniteField.named("ffdhe2048"), id="ffdhe2048"),
    pytest.param(FiniteField.named("modp2048"), id="modp2048"),
    pytest.param(FiniteField(OWN, 2), id="own"),
    pytest.param(FiniteField(P, 4), id="own-generator"),
]


@pytest.mark.parametrize("field", _FIELDS)
def test_both_sides_agree(field: FiniteField) -> None:
    """The other side is the definition."""
    ours = field.fresh()
    assert len(ours.public) == 256
    secret = pow(int.from_bytes(ours.public), _EXPONENT, field.p)
    assert int.from_bytes(ours.agree(field.to_bytes(pow(field.g, _EXPONENT, field.p)))) == secret


@pytest.mark.parametrize("field", _FIELDS)
def test_no_half_is_used_twice(field: FiniteField) -> None:
    assert field.fresh().public != field.fresh().public


@pytest.mark.parametrize("field", _FIELDS)
def test_a_share_out_of_range_is_refused(field: FiniteField) -> None:
    for share in (0, 1, field.p - 1, field.p, field.p + 1):
        with pytest.raises(ValueError, match="out of range"):
            field.fresh().agree(field.to_bytes(share))
    with pytest.raises(ValueError, match="out of range"):
        field.fresh().agree(b"")


def _share_for_leading_zero(field: FiniteField, public: bytes) -> int:
    """A small power of the generator with which `public` agrees on a secret that begins with a zero byte."""
    ours = int.from_bytes(public)
    exponent, secret = 1, ours
    while secret >> field.p.bit_length() - 8 or exponent < 2:
        exponent, secret = exponent + 1, secret * ours % field.p
    return pow(field.g, exponent, field.p)


@pytest.mark.parametrize("field", _FIELDS)
def test_a_secret_keeps_its_leading_zeros(field: FiniteField) -> None:
    """RFC 9846 §7.4.1 [8446 §7.4.1]."""
    ours = field.fresh()
    share = _share_for_leading_zero(field, ours.public)
    secret = ours.agree(field.to_bytes(share))
    assert (len(secret), secret[0]) == (256, 0)


# A server's parameters

_YS = pow(2, _EXPONENT, P)
_EDGE = 2 ** (2048 - 1) + 1


@pytest.mark.parametrize(
    ("params", "offered"),
    [
        pytest.param(DheParams(P, 2, _YS), (), id="named"),
        pytest.param(DheParams(P, 2, _YS), ("ffdhe2048",), id="offered"),
        pytest.param(DheParams(P, 2, _YS), ("ffdhe3072", "ffdhe2048"), id="one-of-two"),
        pytest.param(DheParams(OWN, 2, 12345), (), id="own"),
        pytest.param(DheParams(_EDGE, 2, 2), (), id="smallest"),
        pytest.param(DheParams(2**8192 - 1, 2, 2), (), id="largest"),
        pytest.param(DheParams(P, P - 2, P - 2), (), id="top-of-the-range"),
    ],
)
def test_parameters_that_are_good(params: DheParams, offered: Collection[str]) -> None:
    params.check(offered)


@pytest.mark.parametrize(
    ("params", "offered", "message"),
    [
        pytest.param(DheParams(_EDGE // 2, 2, 2), (), "a prime of 2047 bits, not 2048 to 8192", id="2047"),
        pytest.param(DheParams(2**1024 - 105, 2, 2), (), "a prime of 1024 bits", id="1024"),
        pytest.param(DheParams(0, 2, 2), (), "a prime of 0 bits", id="nothing"),
        pytest.param(DheParams(2**8192 + 1, 2, 2), (), "a prime of 8193 bits", id="8193"),
        pytest.param(
            DheParams(OWN, 2, 2), ("ffdhe2048",), "uses the group dhe2048 and not one of ffdhe2048", id="own"
        ),
        pytest.param(DheParams(P, 2, 2), ("ffdhe3072",), "uses the group ffdhe2048", id="not-offered"),
        pytest.param(DheParams(P, 5, 2), ("ffdhe2048",), "uses the group dhe2048", id="other-generator"),
        pytest.param(
            DheParams(FiniteField.named("modp2048").p, 2, 2),
            ("ffdhe2048", "ffdhe3072"),
            "modp2048",
            id="modp2048",
        ),
    ],
)
def test_a_group_that_is_not_wanted(params: DheParams, offered: Collection[str], message: str) -> None:
    """RFC 7919 §3, §3.1."""
    with pytest.raises(PeerIncompatible, match=message) as caught:
        params.check(offered)
    assert caught.value.alert is _ALERT.INSUFFICIENT_SECURITY


@pytest.mark.parametrize(
    ("params", "message"),
    [
        pytest.param(DheParams(P - 1, 2, 2), "dh_p is even", id="even"),
        *[
            pytest.param(DheParams(P, g, 2), "dh_g", id=f"g{i}")
            for i, g in enumerate([0, 1, P - 1, P, P + 2])
        ],
    ],
)
def test_parameters_out_of_range(params: DheParams, message: str) -> None:
    with refused(_ALERT.ILLEGAL_PARAMETER, message):
        params.check()


@pytest.mark.parametrize("offered", [(), ("ffdhe2048",)])
@pytest.mark.parametrize("ys", [0, 1, P - 1, P, P + 2, 2**4096])
def test_a_public_value_out_of_range(ys: int, offered: Collection[str]) -> None:
    """RFC 7919 §3."""
    with refused(_ALERT.HANDSHAKE_FAILURE, "dh_Ys is out of range"):
        DheParams(P, 2, ys).check(offered)


@pytest.mark.parametrize(("p", "g", "name"), [(P, 2, "ffdhe2048"), (OWN, 2, "dhe2048"), (OWN, 3, "dhe2048")])
def test_a_server_and_the_client_make_the_same_premaster_secret(p: int, g: int, name: str) -> None:
    params = DheParams(p, g, pow(g, _EXPONENT, p))
    assert params.name == name
    agreement = params.agree()
    assert len(agreement.public) == 256
    secret = pow(int.from_bytes(agreement.public), _EXPONENT, p)
    assert agreement.premaster == secret.to_bytes((secret.bit_length() + 7) // 8, "big")


def test_the_premaster_secret_loses_its_leading_zeros(monkeypatch: pytest.MonkeyPatch) -> None:
    """RFC 5246 §8.1.2. The half is drawn first, and a server's value found that goes with it."""
    field = FiniteField(OWN, 2)
    ours = field.fresh()
    ys = _share_for_leading_zero(field, ours.public)

    def fresh(_field: FiniteField) -> object:
        return ours

    monkeypatch.setattr(FiniteField, "fresh", fresh)
    public, premaster = DheParams(OWN, 2, ys).agree()
    assert public == ours.public
    assert len(premaster) < 256
    assert premaster == ours.agree(field.to_bytes(ys)).lstrip(b"\0")


def test_a_modulus_that_is_not_prime_may_agree_on_what_everybody_knows() -> None:
    """A power of three, almost: the powers of a multiple of three and five come to nothing."""
    params = DheParams(3**1292 * 5, 2, 3 * 5)
    params.check()
    with refused(_ALERT.HANDSHAKE_FAILURE, "that everybody knows"):
        params.agree()


def test_each_agreement_has_a_fresh_half() -> None:
    params = DheParams(P, 2, _YS)
    assert params.agree() != params.agree()


def test_a_group_of_a_server_s_own_is_not_examined_for_long() -> None:
    """No proof that the prime is one, which takes seconds, and no warning of old algorithms."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        public, premaster = DheParams(2**4096 - 1, 3, 5).agree()
    assert len(public) == 512
    assert premaster
