"""Which identity a server gets to see, if any, and with which scheme it signs."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from support.authority import KeyKind, common_name
from support.identities import (
    EXTENDED_KEY_USAGE,
    KEY_USAGE,
    RSA_PSS_PEM,
    authority,
    client,
    identity,
    key_usages,
    load,
    oid_filters,
    purposes,
)
from trio_secure._client_choice import IdentityRequest, choose, obstacle, scheme_for
from trio_secure._client_identity import ClientIdentity, LoadedIdentity
from trio_secure._oid_filters import OIDFilters
from trio_secure._signatures import SCHEMES_BY_CODE, SCHEMES_BY_NAME
from trio_secure._versions import Version

_10, _11, _12, _13 = Version
_EVERYTHING = IdentityRequest(schemes=tuple(SCHEMES_BY_CODE))
_RSA_SIGN, _DSS_SIGN, _ECDSA_SIGN = b"\x01", b"\x02", b"\x40"


def _codes(*names: str) -> tuple[int, ...]:
    return tuple(SCHEMES_BY_NAME[name].code for name in names)


def _scheme(loaded: LoadedIdentity, version: Version, *names: str) -> str | None:
    """What is signed with when the server lists these schemes, or all."""
    row = scheme_for(loaded, IdentityRequest(schemes=_codes(*names)) if names else _EVERYTHING, version)
    return row.name if row else None


# Schemes


@pytest.mark.parametrize(
    ("kind", "in_12", "in_13"),
    [
        ("p256", "ecdsa_secp256r1_sha256", "ecdsa_secp256r1_sha256"),
        ("p384", "ecdsa_secp384r1_sha384", "ecdsa_secp384r1_sha384"),
        ("p521", "ecdsa_secp521r1_sha512", "ecdsa_secp521r1_sha512"),
        ("ed25519", "ed25519", "ed25519"),
        ("ed448", "ed448", "ed448"),
        ("rsa", "rsa_pss_rsae_sha256", "rsa_pss_rsae_sha256"),
    ],
)
def test_the_best_scheme_of_a_key_is_taken(kind: KeyKind, in_12: str, in_13: str) -> None:
    assert _scheme(identity(kind), _12) == in_12
    assert _scheme(identity(kind), _13) == in_13


def test_the_order_of_preference_is_ours() -> None:
    for names in ("rsa_pss_rsae_sha384", "rsa_pkcs1_sha256"), ("rsa_pkcs1_sha256", "rsa_pss_rsae_sha384"):
        assert _scheme(identity("rsa"), _12, *names) == "rsa_pss_rsae_sha384"


@pytest.mark.parametrize("version", [_12, _13])
@pytest.mark.parametrize("kind", ["p256", "rsa", "ed25519", "ed448"])
def test_only_what_the_server_lists_is_signed_with(kind: KeyKind, version: Version) -> None:
    for name in SCHEMES_BY_NAME:
        row = SCHEMES_BY_NAME[name]
        expected = name if row.fits(identity(kind).certificates.key, version) else None
        assert _scheme(identity(kind), version, name) == expected


def test_a_curve_is_bound_to_its_hash_from_tls_1_3_on() -> None:
    assert _scheme(identity("p256"), _12, "ecdsa_secp384r1_sha384") == "ecdsa_secp384r1_sha384"
    assert _scheme(identity("p256"), _13, "ecdsa_secp384r1_sha384") is None


def test_pkcs1_ends_with_tls_1_2() -> None:
    assert _scheme(identity("rsa"), _12, "rsa_pkcs1_sha256") == "rsa_pkcs1_sha256"
    assert _scheme(identity("rsa"), _13, "rsa_pkcs1_sha256", "rsa_pkcs1_sha512") is None


def test_a_small_rsa_key_has_no_room_for_a_long_digest() -> None:
    names = ("rsa_pss_rsae_sha512", "rsa_pkcs1_sha512")
    assert _scheme(identity("rsa1024"), _12, *names) == "rsa_pkcs1_sha512"
    assert _scheme(identity("rsa1024"), _13, *names) is None


@pytest.mark.parametrize("version", [_10, _11])
@pytest.mark.parametrize(
    ("kind", "name"),
    [("p256", "ecdsa_sha1"), ("p521", "ecdsa_sha1"), ("rsa", "rsa_pkcs1_md5_sha1"), ("ed25519", None)],
)
def test_below_tls_1_2_the_key_decides(kind: KeyKind, name: str | None, version: Version) -> None:
    row = scheme_for(identity(kind), IdentityRequest(), version)
    assert (row.name if row else None) == name


def test_no_sha_1_from_tls_1_2_on() -> None:
    for version in _12, _13:
        for kind in "p256", "rsa":
            assert scheme_for(identity(kind), IdentityRequest(schemes=(0x0201, 0x0203)), version) is None


def test_newer_keys_have_their_own_schemes() -> None:
    pss = ClientIdentity.load(RSA_PSS_PEM, RSA_PSS_PEM)
    assert _scheme(pss, _12) == _scheme(pss, _13) == "rsa_pss_pss_sha256"
    assert _scheme(pss, _13, "rsa_pss_rsae_sha256") is None
    assert _scheme(identity("mldsa44"), _13) == "mldsa44"
    assert _scheme(identity("mldsa44"), _12) is None


async def _never(scheme: str, data: bytes) -> bytes:
    raise AssertionError("nothing is to be signed")


def test_a_signer_signs_with_what_it_prefers_and_nothing_else() -> None:
    names = ["rsa_pkcs1_sha384", "rsa_pss_rsae_sha256"]
    hsm = ClientIdentity.signing(client("rsa").chain_pem, _never, schemes=names)
    assert _scheme(hsm, _12) == "rsa_pkcs1_sha384"
    assert _scheme(hsm, _13) == "rsa_pss_rsae_sha256"
    assert _scheme(hsm, _12, "rsa_pss_rsae_sha384") is None
    assert scheme_for(hsm, IdentityRequest(), _11) is None


# What a request asks for besides


@pytest.mark.parametrize("version", [_10, _12])
@pytest.mark.parametrize(
    ("kind", "types", "shown"),
    [
        ("rsa", _RSA_SIGN, True),
        ("rsa", _ECDSA_SIGN, False),
        ("rsa", _DSS_SIGN + _ECDSA_SIGN + _RSA_SIGN, True),
        ("p256", _ECDSA_SIGN, True),
        ("p256", _RSA_SIGN + _DSS_SIGN, False),
        ("rsa", b"\xff", False),
    ],
)
def test_a_key_is_of_a_type_that_the_server_lists(
    kind: KeyKind, types: bytes, shown: bool, version: Version
) -> None:
    schemes = _EVERYTHING.schemes if version >= _12 else None
    reason = obstacle(identity(kind), IdentityRequest(schemes, certificate_types=types), version)
    assert reason == (None if shown else "has a key of a type that the server does not list")


@pytest.mark.parametrize("kind", ["ed25519", "ed448"])
def test_ecdsa_sign_stands_for_edwards_curves_too(kind: KeyKind) -> None:
    assert obstacle(identity(kind), replace(_EVERYTHING, certificate_types=_ECDSA_SIGN), _12) is None
    assert obstacle(identity(kind), replace(_EVERYTHING, certificate_types=_RSA_SIGN), _12) is not None


_ROOT = common_name("Client CA").public_bytes()
_INTERMEDIATE = common_name("Throw-away Intermediate CA").public_bytes()
_STRANGER = common_name("Stranger").public_bytes()


@pytest.mark.parametrize(
    ("intermediate", "authorities", "shown"),
    [
        (False, (), True),
        (False, (_ROOT,), True),
        (False, (_STRANGER, _ROOT), True),
        (False, (_STRANGER,), False),
        (False, (_INTERMEDIATE,), False),
        (True, (_INTERMEDIATE,), True),
        (True, (_ROOT,), True),
        (True, (_STRANGER,), False),
        (True, (client().certificate.subject.public_bytes(),), False),
        (False, (_ROOT[:-1],), False),
    ],
)
def test_some_certificate_comes_from_an_authority_that_the_server_lists(
    intermediate: bool, authorities: tuple[bytes, ...], shown: bool
) -> None:
    loaded = load(client(intermediate=intermediate))
    for version in _12, _13:
        reason = obstacle(loaded, replace(_EVERYTHING, authorities=authorities), version)
        assert reason == (None if shown else "comes from none of the authorities that the server lists")


@pytest.mark.parametrize(
    ("filters", "shown"),
    [
        (oid_filters((KEY_USAGE, key_usages(0))), True),
        (oid_filters((EXTENDED_KEY_USAGE, purposes("clientAuth"))), True),
        (oid_filters((KEY_USAGE, key_usages(0, 4))), False),
        (oid_filters((EXTENDED_KEY_USAGE, purposes("clientAuth", "serverAuth"))), False),
        (oid_filters((b"\x06\x03\x2a\x03\x04", b"whatever")), True),
    ],
)
def test_the_filters_match(filters: bytes, shown: bool) -> None:
    reason = obstacle(identity(), replace(_EVERYTHING, oid_filters=OIDFilters.parse(filters)), _13)
    assert reason == (None if shown else "lacks a key usage or a purpose that the server asks for")


def test_a_key_that_cannot_sign_here_says_so() -> None:
    request = IdentityRequest(schemes=_codes("ed25519"))
    assert obstacle(identity(), request, _12) == (
        "has a key for which the server lists no signature scheme in TLS 1.2"
    )


# Choosing


async def test_nobody_is_shown_when_there_is_nobody() -> None:
    assert await choose([], _EVERYTHING, _13) is None
    assert await choose([identity()], IdentityRequest(schemes=_codes("ed25519")), _13) is None


@pytest.mark.parametrize("version", list(Version))
async def test_the_first_that_fits_is_shown(version: Version) -> None:
    request = _EVERYTHING if version >= _12 else IdentityRequest()
    for identities in [identity("rsa"), identity("p256")], [identity("p256"), identity("rsa")]:
        choice = await choose(identities, request, version)
        assert choice is not None
        assert choice.identity is identities[0]


async def test_those_that_do_not_fit_are_passed_over() -> None:
    request = IdentityRequest(schemes=_codes("rsa_pss_rsae_sha384", "ecdsa_secp384r1_sha384"))
    identities = [identity("ed25519"), identity("p256"), identity("rsa", ca="Stranger"), identity("rsa")]
    choice = await choose(identities, replace(request, authorities=(_ROOT,)), _13)
    assert choice is not None
    assert choice.identity is identities[-1]
    assert choice.scheme.name == "rsa_pss_rsae_sha384"


async def test_a_choice_signs() -> None:
    choice = await choose([identity("p384")], _EVERYTHING, _13)
    assert choice is not None
    signature = await choice.sign(b"data")
    choice.scheme.algorithm.verify(client("p384").key.public_key(), signature, b"data")


@dataclass
class _Deferred(ClientIdentity):
    """An identity that counts how often it was made ready."""

    loaded: LoadedIdentity
    count: int = 0

    async def ready(self) -> LoadedIdentity:
        self.count += 1
        return self.loaded


async def test_an_identity_is_made_ready_when_its_turn_comes() -> None:
    identities = [_Deferred(identity(kind)) for kind in ("ed25519", "p256", "rsa")]
    choice = await choose(identities, IdentityRequest(schemes=_codes("ecdsa_secp256r1_sha256")), _13)
    assert choice is not None
    assert choice.identity is identity("p256")
    assert [one.count for one in identities] == [1, 1, 0]


async def test_what_keeps_an_identity_from_being_ready_is_passed_on() -> None:
    class Broken(ClientIdentity):
        async def ready(self) -> LoadedIdentity:
            raise LookupError("the vault is sealed")

    with pytest.raises(LookupError, match="the vault is sealed"):
        await choose([Broken(), identity()], _EVERYTHING, _13)


# The signatures in the certificates


def _signed_by(kind: KeyKind) -> LoadedIdentity:
    """An identity for P-256 whose certificate is signed with a key of this kind."""
    return load(type(authority()).make(kind, name=f"CA with {kind}").issue(common="client"))


@pytest.mark.parametrize("version", [_12, _13])
async def test_a_certificate_signed_as_listed_is_preferred(version: Version) -> None:
    rsa, ecdsa = _signed_by("rsa"), _signed_by("p256")
    schemes = _codes("ecdsa_secp256r1_sha256")
    for identities, request, preferred in [
        ([rsa, ecdsa], IdentityRequest(schemes), ecdsa),
        ([ecdsa, rsa], IdentityRequest(schemes), ecdsa),
        ([ecdsa, rsa], IdentityRequest(schemes, certificate_schemes=_codes("rsa_pkcs1_sha256")), rsa),
        ([rsa, ecdsa], IdentityRequest(schemes, certificate_schemes=schemes), ecdsa),
        ([rsa, ecdsa], IdentityRequest(None), rsa),
    ]:
        choice = await choose(identities, request, version)
        assert choice is not None
        assert choice.identity is preferred


@pytest.mark.parametrize("version", [_12, _13])
async def test_a_certificate_signed_otherwise_is_better_than_none(version: Version) -> None:
    identities = [_signed_by("rsa"), _signed_by("p384")]
    choice = await choose(identities, IdentityRequest(_codes("ecdsa_secp256r1_sha256")), version)
    assert choice is not None
    assert choice.identity is identities[0]
