from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

import pytest
from cryptography import x509

from support.authority import Authority, KeyKind, Leaf, self_signed
from support.crl import revocation_list
from trio_certs import CertificateError, Pin, Reason
from trio_certs import _path as path_module
from trio_certs._certificate import CertificateFacts
from trio_certs._chain import Chain
from trio_certs._constraints import Constraint
from trio_certs._crl import CRL
from trio_certs._path import PathFinder
from trio_certs._rules import Rules
from trio_certs._server_name import ServerName, SubjectNames
from trio_certs._source import TierName

ROOT = Authority.make(name="Root")
UNLOADABLE = ROOT.certificate_der.replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x05", 1)
NOW = datetime.now(UTC)
TURKISH = Constraint("why", suffix="tr")


def facts(*ders: bytes) -> list[CertificateFacts]:
    return [CertificateFacts.parse(der) for der in ders]


def anchors(*some: Authority | Leaf) -> list[CertificateFacts]:
    return facts(*[one.certificate_der for one in some])


def finder(
    chain: Iterable[bytes],
    host: str = "h.test",
    *,
    constrained: Iterable[Authority] = (),
    pins: Iterable[Pin] = (),
    crls: Iterable[bytes] = (),
) -> PathFinder:
    rules = Rules(
        ServerName.parse(host),
        SubjectNames((host,)),
        NOW,
        {root.fingerprint: (TURKISH,) for root in anchors(*constrained)},
        tuple(pins),
        [CRL.parse(crl) for crl in crls],
    )
    return PathFinder(Chain.parse(list(chain)), rules)


def reason_of(error: pytest.ExceptionInfo[CertificateError]) -> Reason:
    return error.value.reason


@pytest.mark.parametrize("tier", ["web", "private", "pinned"])
def test_a_path_leads_to_the_anchor_that_signed(tier: TierName) -> None:
    leaf = ROOT.issue("h.test")
    path = finder(leaf.chain_ders).find(tier, anchors(Authority.make(name="Root"), ROOT))
    assert path == tuple(facts(leaf.certificate_der, ROOT.certificate_der))


def test_a_pinned_leaf_is_a_path_of_one() -> None:
    device = self_signed("h.test", ca=True)
    assert finder(device.chain_ders).find("pinned", anchors(device)) == tuple(anchors(device))


def test_a_pinned_leaf_needs_a_good_key_as_any_other() -> None:
    device = self_signed("h.test", key="rsa1024")
    with pytest.raises(CertificateError, match="1024 bits") as info:
        finder(device.chain_ders).find("pinned", anchors(device))
    assert reason_of(info) is Reason.WEAK_KEY


@pytest.mark.parametrize("key", ["ed25519", "ed448"])
def test_edwards_keys_are_for_private_cas_only(key: KeyKind) -> None:
    chain = ROOT.issue("h.test", key=key).chain_ders
    assert finder(chain).find("private", anchors(ROOT))
    with pytest.raises(CertificateError, match="accepted are P-256, P-384, P-521, RSA") as info:
        finder(chain).find("web", anchors(ROOT))
    assert reason_of(info) is Reason.WEAK_KEY


def test_a_public_ca_is_held_to_the_strict_policy() -> None:
    lax = Authority.make(name="Lax", omit=[x509.KeyUsage])
    chain = lax.issue("h.test").chain_ders
    assert finder(chain).find("private", anchors(lax))
    with pytest.raises(CertificateError) as info:
        finder(chain).find("web", anchors(lax))
    assert reason_of(info) is Reason.POLICY
    assert info.value.certificate == anchors(lax)[0]


def test_a_certificate_of_the_chain_that_cannot_be_loaded_is_malformed() -> None:
    with pytest.raises(CertificateError, match="Certificate 2 of the server's chain is malformed") as info:
        finder([*ROOT.issue("h.test").chain_ders, UNLOADABLE])
    assert reason_of(info) is Reason.MALFORMED


def test_a_trusted_certificate_that_cannot_be_loaded_is_named() -> None:
    with pytest.raises(CertificateError, match="A trusted certificate cannot be used") as info:
        finder(ROOT.issue("h.test").chain_ders).find("private", facts(UNLOADABLE))
    assert reason_of(info) is Reason.MALFORMED
    assert info.value.certificate is not None


def test_nothing_to_lead_to_is_an_unknown_issuer() -> None:
    with pytest.raises(CertificateError) as info:
        finder(ROOT.issue("h.test").chain_ders).find("web", [])
    assert reason_of(info) is Reason.UNKNOWN_ISSUER


class TestRules:
    """A path that breaks one is not the last word."""

    MIDDLE = ROOT.intermediate(name="Middle")
    OTHER = Authority.make(name="Other")
    CROSSED = OTHER.intermediate(MIDDLE.key, name="Middle")
    LEAF = MIDDLE.issue("h.test")
    SENT = (*LEAF.chain_ders, CROSSED.certificate_der)

    def test_a_constrained_root_vouches_for_what_it_may(self) -> None:
        chain = ROOT.issue("kamu.gov.tr").chain_ders
        assert finder(chain, "kamu.gov.tr", constrained=[ROOT]).find("web", anchors(ROOT))

    def test_it_vouches_for_nothing_else(self) -> None:
        with pytest.raises(CertificateError, match=r"names below \.tr only, .*: h\.test") as info:
            finder(ROOT.issue("h.test").chain_ders, constrained=[ROOT]).find("web", anchors(ROOT))
        assert reason_of(info) is Reason.CONSTRAINT

    def test_another_root_still_counts(self) -> None:
        path = finder(self.SENT, constrained=[ROOT]).find("web", anchors(ROOT, self.OTHER))
        assert path[-1] == anchors(self.OTHER)[0]

    def test_another_root_that_does_not_fit_changes_nothing(self) -> None:
        namesake = Authority.make(name="Root")
        with pytest.raises(CertificateError) as info:
            finder(self.LEAF.chain_ders, constrained=[ROOT]).find("web", anchors(ROOT, namesake))
        assert reason_of(info) is Reason.CONSTRAINT

    def test_all_of_them_constrained_is_no_path(self) -> None:
        with pytest.raises(CertificateError) as info:
            finder(self.SENT, constrained=[ROOT, self.OTHER]).find("web", anchors(ROOT, self.OTHER))
        assert reason_of(info) is Reason.CONSTRAINT

    @pytest.mark.parametrize("pinned", [ROOT, OTHER, MIDDLE, CROSSED])
    def test_a_pin_chooses_among_paths(self, pinned: Authority) -> None:
        (wanted,) = anchors(pinned)
        pin = Pin.certificate(wanted.fingerprint)
        path = finder(self.SENT, pins=[pin]).find("web", anchors(ROOT, self.OTHER))
        assert wanted in path

    def test_a_revoked_intermediate_is_gone_round(self) -> None:
        again = ROOT.intermediate(self.MIDDLE.key, name="Middle")
        chain = (*self.LEAF.chain_ders, again.certificate_der)
        for revoked, left in ((self.MIDDLE, again), (again, self.MIDDLE)):
            path = finder(chain, crls=[revocation_list(ROOT, revoked)]).find("web", anchors(ROOT))
            assert path[1] == anchors(left)[0]
        with pytest.raises(CertificateError) as info:
            finder(chain, crls=[revocation_list(ROOT, self.MIDDLE, again)]).find("web", anchors(ROOT))
        assert reason_of(info) is Reason.REVOKED

    def test_a_revoked_leaf_is_revoked_on_every_path(self) -> None:
        crls = [revocation_list(self.MIDDLE, self.LEAF)]
        with pytest.raises(CertificateError) as info:
            finder(self.SENT, crls=crls).find("web", anchors(ROOT, self.OTHER))
        assert reason_of(info) is Reason.REVOKED

    def test_the_search_has_an_end(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(path_module, "MAX_PATHS", 1)
        with pytest.raises(CertificateError) as info:
            finder(self.SENT, constrained=[ROOT]).find("web", anchors(ROOT, self.OTHER))
        assert reason_of(info) is Reason.CONSTRAINT
