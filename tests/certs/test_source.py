from __future__ import annotations

import pytest

from support.authority import Authority, self_signed
from trio_certs._certificate import CertificateFacts
from trio_certs._source import TIER_NAMES, Anchors, Found, Sought, check_tier

ROOTS = [Authority.make(name="Root"), Authority.make(name="Root"), Authority.make(name="Other")]
LEAF = ROOTS[0].issue("h.test")


def facts(ders: list[bytes]) -> list[CertificateFacts]:
    return [CertificateFacts.parse(der) for der in ders]


def sought(der: bytes) -> Sought:
    leaf = CertificateFacts.parse(der)
    return Sought(leaf, (leaf.issuer,))


def test_anchors_are_found_by_the_name_of_an_issuer() -> None:
    roots = facts([root.certificate_der for root in ROOTS])
    anchors = Anchors([*roots, roots[0]])
    assert len(anchors) == 3
    assert anchors.find(sought(LEAF.certificate_der)) == roots[:2]


def test_a_leaf_is_found_as_itself_and_no_other_of_its_name() -> None:
    device, other = self_signed("h.test"), self_signed("h.test")
    issued, namesake = LEAF, ROOTS[1].issue("h.test")
    anchors = Anchors(facts([one.certificate_der for one in (device, other, issued, namesake)]))
    assert anchors.find(sought(issued.certificate_der)) == facts([issued.certificate_der])
    # A self-signed one names itself as its issuer, so one of its name may be the answer too.
    both = facts([device.certificate_der, other.certificate_der])
    assert anchors.find(sought(device.certificate_der))[:2] == both


def test_a_source_finds_nothing_unless_it_says_so() -> None:
    assert (Found().certificates, Found().entries, Found().left_out) == ((), {}, None)


def test_a_tier_is_one_of_three() -> None:
    for tier in TIER_NAMES:
        check_tier(tier)
    with pytest.raises(ValueError, match="tier must be one of web, private, pinned, not 'public'"):
        check_tier("public")
