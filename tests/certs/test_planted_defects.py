"""Chains made at random, with a planted defect: nothing unverified is accepted, and the reason is the defect.

Theory of operation: a plan says how a chain is made: keys, length, what else is sent and in which order, which
tier. A defect is a function that spoils what was made, and its row says for which reason it must be refused. Keys
are made once, since the chain is what is tested.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import pytest
import trio
from cryptography import x509
from hypothesis import given, settings
from hypothesis import strategies as st

from support.authority import (
    CLIENT_AUTH,
    DAY,
    Authority,
    KeyKind,
    Leaf,
    PrivateKey,
    key_usage,
    make_key,
    self_signed,
)
from support.crl import HOUR, revocation_list
from support.properties import bounded
from trio_certs import CertificateError, File, Lookup, Pin, Reason, Trust, VerifiedChain
from trio_certs._source import Source

few = settings(bounded, max_examples=15)

HOST = "h.test"
NOW = datetime.now(UTC)
CRITICAL = True
UNKNOWN_EXTENSION = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")
KEYS: tuple[KeyKind, ...] = ("p256", "p384", "p521", "rsa2048")


@cache
def key(kind: KeyKind, role: str) -> PrivateKey:
    return make_key(kind, role)


@dataclass(frozen=True)
class Plan:
    """A chain to be."""

    leaf: KeyKind
    cas: tuple[KeyKind, ...]
    """The keys of the CAs, the root's first."""
    extra: tuple[int, ...]
    """What else is sent, by its place in a row of things that do no harm."""
    reverse: bool
    tier: str


PLANS = st.builds(
    Plan,
    leaf=st.sampled_from(KEYS),
    cas=st.lists(st.sampled_from(KEYS), min_size=2, max_size=4).map(tuple),
    extra=st.lists(st.integers(0, 2), max_size=3).map(tuple),
    reverse=st.booleans(),
    tier=st.sampled_from(["web", "private"]),
)


@dataclass
class Made:
    """A chain, and what is to be trusted for it."""

    cas: list[Authority]
    leaf: Leaf
    trust: dict[str, Any] = dataclasses.field(default_factory=dict[str, Any])
    host: str = HOST


def make(plan: Plan) -> Made:
    root, *below = plan.cas
    cas = [Authority.make(key(root, "root"), name="Root")]
    for depth, kind in enumerate(below):
        cas.append(cas[-1].intermediate(key(kind, f"ca{depth}"), name=f"CA {depth}"))
    return Made(cas, cas[-1].issue(HOST, key=key(plan.leaf, "leaf")))


def leaf_again(made: Made, **fields: Any) -> None:
    """Issue the leaf anew, with something changed."""
    changed: dict[str, Any] = {"key": made.leaf.key, **fields}
    made.leaf = made.cas[-1].issue(HOST, **changed)


def ca_again(made: Made, **fields: Any) -> None:
    """Issue the lowest CA anew, with something changed, and the leaf below it."""
    *above, lowest = made.cas
    changed: dict[str, Any] = {"key": lowest.key, "name": "Lowest", **fields}
    made.cas = [*above, above[-1].intermediate(**changed)]
    leaf_again(made)


def _expired_leaf(made: Made) -> None:
    leaf_again(made, not_after=NOW - DAY)


def _early_leaf(made: Made) -> None:
    leaf_again(made, not_before=NOW + DAY)


def _expired_ca(made: Made) -> None:
    ca_again(made, not_after=NOW - DAY)


def _early_ca(made: Made) -> None:
    ca_again(made, not_before=NOW + DAY)


def _other_name(made: Made) -> None:
    made.host = "other.test"


def _client(made: Made) -> None:
    leaf_again(made, eku=CLIENT_AUTH)


def _cannot_sign(made: Made) -> None:
    leaf_again(made, ku=["key_encipherment"])


def _ca_for_clients(made: Made) -> None:
    ca_again(made, extensions=[(x509.ExtendedKeyUsage(CLIENT_AUTH), False)])


def _no_ca(made: Made) -> None:
    ca_again(made, extensions=[(x509.BasicConstraints(False, None), CRITICAL)])


def _ca_that_may_not_sign(made: Made) -> None:
    ca_again(made, extensions=[(key_usage("crl_sign"), CRITICAL)])


def _weak_leaf(made: Made) -> None:
    leaf_again(made, key=key("rsa1024", "leaf"))


def _weak_ca(made: Made) -> None:
    ca_again(made, key=key("rsa1024", "ca"))


def _ca_of_another_kind(made: Made) -> None:
    ca_again(made, key=key("ed25519", "ca"))


def _too_deep(made: Made) -> None:
    ca_again(made, extensions=[(x509.BasicConstraints(True, 0), CRITICAL)])
    made.cas.append(made.cas[-1].intermediate(name="Below"))
    leaf_again(made)


def _outside_constraints(made: Made) -> None:
    names = x509.NameConstraints([x509.DNSName("other.test")], None)
    ca_again(made, extensions=[(names, CRITICAL)])


def _unknown_extension(made: Made) -> None:
    leaf_again(made, extensions=[(UNKNOWN_EXTENSION, CRITICAL)])


def _forged_leaf(made: Made) -> None:
    impostor = Authority.make(name=made.cas[-1].certificate.subject)
    made.leaf = dataclasses.replace(impostor.issue(HOST, key=made.leaf.key), issuers=made.leaf.issuers)


def _forged_ca(made: Made) -> None:
    impostor = Authority.make(name=made.cas[-2].certificate.subject)
    issuers = made.cas[-2].issuers
    forged = impostor.intermediate(made.cas[-1].key, name="Forged")
    made.leaf = dataclasses.replace(
        forged.issue(HOST, key=made.leaf.key), issuers=(forged.certificate, *issuers)
    )


def _stranger(made: Made) -> None:
    made.leaf = Authority.make(name="Stranger").issue(HOST, key=made.leaf.key)


def _self_signed(made: Made) -> None:
    made.leaf = self_signed(HOST, key=made.leaf.key)


def _no_intermediate(made: Made) -> None:
    made.leaf = dataclasses.replace(made.leaf, issuers=())


def _not_pinned(made: Made) -> None:
    made.trust["pins"] = [Pin.key(bytes(32))]


def _revoked(made: Made) -> None:
    made.trust["crls"] = [revocation_list(made.cas[-1], made.leaf)]


def _revoked_ca(made: Made) -> None:
    made.trust["crls"] = [revocation_list(made.cas[-2], made.cas[-1])]


def _stale_list(made: Made) -> None:
    past = NOW - 2 * HOUR
    made.trust["crls"] = [revocation_list(made.cas[-1], this_update=past, next_update=past + HOUR)]


def _no_staple(made: Made) -> None:
    made.trust["ocsp"] = "require"


DEFECTS: dict[Callable[[Made], None], Reason] = {
    _expired_leaf: Reason.EXPIRED,
    _early_leaf: Reason.NOT_YET_VALID,
    _expired_ca: Reason.EXPIRED,
    _early_ca: Reason.NOT_YET_VALID,
    _other_name: Reason.WRONG_NAME,
    _client: Reason.WRONG_PURPOSE,
    _cannot_sign: Reason.WRONG_PURPOSE,
    _ca_for_clients: Reason.WRONG_PURPOSE,
    _no_ca: Reason.WRONG_PURPOSE,
    _ca_that_may_not_sign: Reason.WRONG_PURPOSE,
    _weak_leaf: Reason.WEAK_KEY,
    _weak_ca: Reason.WEAK_KEY,
    _ca_of_another_kind: Reason.WEAK_KEY,
    _too_deep: Reason.CONSTRAINT,
    _outside_constraints: Reason.CONSTRAINT,
    _unknown_extension: Reason.POLICY,
    _forged_leaf: Reason.BAD_SIGNATURE,
    _forged_ca: Reason.BAD_SIGNATURE,
    _stranger: Reason.UNKNOWN_ISSUER,
    _self_signed: Reason.SELF_SIGNED,
    _no_intermediate: Reason.UNKNOWN_ISSUER,
    _not_pinned: Reason.PIN,
    _revoked: Reason.REVOKED,
    _revoked_ca: Reason.REVOKED,
    _stale_list: Reason.BAD_CRL,
    _no_staple: Reason.NO_STAPLE,
}


def sent(made: Made, plan: Plan) -> list[bytes]:
    leaf, *above = made.leaf.chain_ders
    harmless = [
        made.cas[0].certificate_der,
        Authority.make(name="Harmless").certificate_der,
        *above[:1],
        leaf,
    ]
    rest = [*above, *[harmless[place] for place in plan.extra]]
    return [leaf, *(reversed(rest) if plan.reverse else rest)]


def verify(made: Made, plan: Plan) -> VerifiedChain:
    root = made.cas[0].certificate_der

    async def lookup(_: object) -> list[bytes]:
        return [root]

    source: Source = Lookup(lookup, tier="web" if plan.tier == "web" else "private")
    trust = Trust(sources=[source], **made.trust)
    return trio.run(trust.verify, sent(made, plan), made.host)


@given(plan=PLANS)
@bounded
def test_a_chain_without_a_defect_is_accepted(plan: Plan) -> None:
    made = make(plan)
    found = verify(made, plan)
    assert found.chain[0] == made.leaf.certificate_der
    assert found.chain[-1] == made.cas[0].certificate_der
    certificates = [x509.load_der_x509_certificate(der) for der in found.chain]
    for certificate, issuer in itertools.pairwise(certificates):
        certificate.verify_directly_issued_by(issuer)


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.__name__.strip("_"))
@given(plan=PLANS)
@few
def test_a_chain_with_a_defect_is_refused_for_it(defect: Callable[[Made], None], plan: Plan) -> None:
    made = make(plan)
    defect(made)
    with pytest.raises(CertificateError) as info:
        verify(made, plan)
    assert info.value.reason is DEFECTS[defect]
    assert info.value.certificate is not None


@given(plan=PLANS, defects=st.lists(st.sampled_from(list(DEFECTS)), min_size=2, max_size=4, unique=True))
@bounded
def test_several_defects_never_make_up_for_each_other(
    plan: Plan, defects: list[Callable[[Made], None]]
) -> None:
    made = make(plan)
    for defect in defects:
        defect(made)
    # A later one may replace what an earlier one spoiled; the last is always there.
    with pytest.raises(CertificateError) as info:
        verify(made, plan)
    assert info.value.reason in {DEFECTS[defect] for defect in defects}


def test_the_source_of_an_anchor_makes_no_difference(tmp_path_factory: pytest.TempPathFactory) -> None:
    made = make(Plan("p256", ("p256", "p256"), (), reverse=False, tier="private"))
    path = made.cas[0].write(tmp_path_factory.mktemp("ca"))
    for trust in (
        Trust([path], sources=[]),
        Trust(sources=[File(path)]),
        Trust([made.cas[0].certificate_der]),
    ):
        assert len(trio.run(trust.verify, made.leaf.chain_ders, HOST).chain) == 3
