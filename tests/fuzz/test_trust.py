"""Whatever a server shows and whatever a user hands over, trust is given for what was signed, or not at all.

Theory of operation: a good chain, a good list of revoked certificates and a good name are taken apart, spoiled and
put together again. A chain may be trusted only for a path whose certificates are those that were signed, byte for
byte; everything else ends in the one error that it may end in.
"""

from __future__ import annotations

from functools import cache

import trio
from hypothesis import strategies as st

from fuzz import corpus
from fuzz.budget import fuzzed
from fuzz.mutations import Mutation, mutate, mutated_bytes, mutations
from fuzz.trees import read_der
from support.authority import Authority, Leaf
from support.crl import issuing_point, revocation_list
from trio_certs import CertificateError, Trust
from trio_certs._certificate import CertificateFacts
from trio_certs._crl import CRL
from trio_certs._der import DERError
from trio_certs._name_hash import name_hash
from trio_certs._revocation import is_signed_by
from trio_certs._source import TIER_NAMES, TierName

_few = st.lists(mutations, min_size=1, max_size=4)


def _spoiled(der: bytes, changes: list[Mutation], crude: list[Mutation]) -> bytes:
    tree = read_der(der)
    for change in changes:
        mutate(change, tree, corpus.pool())
    data = tree.encode()
    for change in crude:
        data = mutated_bytes(change, data, corpus.pool())
    return data


@cache
def _chain() -> tuple[bytes, ...]:
    return (*corpus.leaf("p256").chain_ders, corpus.root().certificate_der)


@fuzzed(
    st.integers(0, 2),
    st.permutations(range(1, 3)),
    st.sampled_from(TIER_NAMES),
    _few,
    st.lists(mutations, max_size=1),
    weight=2,
)
def test_only_what_was_signed_is_ever_trusted(
    victim: int, order: list[int], tier: TierName, changes: list[Mutation], crude: list[Mutation]
) -> None:
    chain = [*_chain()]
    chain[victim] = _spoiled(chain[victim], changes, crude)
    anchors = [chain[0]] if tier == "pinned" and victim else [corpus.root().certificate_der]
    trust = Trust(anchors, sources=[])
    sent = [chain[0], *[chain[place] for place in order]]
    try:
        found = trio.run(trust.verify, sent, corpus.NAME)
    except CertificateError as error:
        if not str(error).isprintable():
            raise
        return
    assert set(found.chain) <= set(_chain())
    assert found.chain[0] == _chain()[0]


@cache
def _lists() -> tuple[tuple[bytes, Authority | Leaf], ...]:
    root = corpus.root()
    leaf = corpus.leaf("p256")
    point = issuing_point(["http://a.test/crl"], users=True)
    return tuple((revocation_list(root, leaf, extensions=extensions), root) for extensions in ([], [point]))


@fuzzed(st.integers(0, 1), _few, st.lists(mutations, max_size=1))
def test_a_list_is_the_issuers_own_or_does_not_count(
    which: int, changes: list[Mutation], crude: list[Mutation]
) -> None:
    good, issuer = _lists()[which]
    try:
        crl = CRL.parse(_spoiled(good, changes, crude))
        crl.scope.covers(CertificateFacts.parse(_chain()[0]))
    except ValueError:
        return
    if crl.signed != CRL.parse(good).signed:
        assert not is_signed_by(crl, CertificateFacts.parse(issuer.certificate_der))


@fuzzed(_few, st.lists(mutations, max_size=1))
def test_a_name_has_a_hash_or_is_none(changes: list[Mutation], crude: list[Mutation]) -> None:
    name = CertificateFacts.parse(_chain()[0]).issuer
    try:
        found = name_hash(_spoiled(name, changes, crude))
    except DERError:
        return
    assert len(bytes.fromhex(found)) == 4
