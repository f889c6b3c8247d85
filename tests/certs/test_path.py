from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

import pytest
from cryptography import x509

from support.authority import Authority, KeyKind, self_signed
from trio_certs import CertificateError, Reason
from trio_certs import _constraints as constraints
from trio_certs._certificate import CertificateFacts
from trio_certs._chain import Chain
from trio_certs._path import PathFinder
from trio_certs._server_name import ServerName, SubjectNames
from trio_certs._store import Entry
from trio_certs._store_build import entry_of

ROOT = Authority.make(name="Root")
UNLOADABLE = ROOT.certificate_der.replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x05", 1)
NOW = datetime.now(UTC)


def finder(chain: Iterable[bytes], host: str = "h.test") -> PathFinder:
    names = SubjectNames((host,))
    return PathFinder(Chain.parse(list(chain)), ServerName.parse(host), names, NOW)


def facts(*ders: bytes) -> list[CertificateFacts]:
    return [CertificateFacts.parse(der) for der in ders]


def roots(*authorities: Authority) -> dict[Entry, bytes]:
    ders = [authority.certificate_der for authority in authorities]
    return {entry_of(number, der): der for number, der in enumerate(ders)}


def reason_of(error: pytest.ExceptionInfo[CertificateError]) -> Reason:
    return error.value.reason


def test_a_path_to_a_ca_of_the_users() -> None:
    leaf = ROOT.issue("h.test")
    found = finder(leaf.chain_ders).through_own(facts(ROOT.certificate_der))
    assert found.chain == (leaf.certificate_der, ROOT.certificate_der)
    assert (found.resource, found.authority) == (None, "CN=Root")


def test_a_path_to_a_ca_of_the_store() -> None:
    leaf = ROOT.issue("h.test")
    found = finder(leaf.chain_ders).through_store(roots(Authority.make(name="Root"), ROOT))
    assert found.chain == (leaf.certificate_der, ROOT.certificate_der)
    assert (found.resource, found.authority) == ("ca1.der", "Root")


def test_a_pinned_leaf_is_a_path_of_one() -> None:
    device = self_signed("h.test", ca=True)
    found = finder(device.chain_ders).through_own(facts(device.certificate_der))
    assert found.chain == (device.certificate_der,)


def test_a_pinned_leaf_needs_a_good_key_as_any_other() -> None:
    device = self_signed("h.test", key="rsa1024")
    with pytest.raises(CertificateError, match="1024 bits") as info:
        finder(device.chain_ders).through_own(facts(device.certificate_der))
    assert reason_of(info) is Reason.WEAK_KEY


def test_a_pinned_leaf_is_preferred_to_a_ca_above_it() -> None:
    leaf = ROOT.issue("h.test")
    both = facts(ROOT.certificate_der, leaf.certificate_der)
    assert finder(leaf.chain_ders).through_own(both).chain == (leaf.certificate_der,)


@pytest.mark.parametrize("key", ["ed25519", "ed448"])
def test_edwards_keys_are_for_private_cas_only(key: KeyKind) -> None:
    chain = ROOT.issue("h.test", key=key).chain_ders
    finder(chain).through_own(facts(ROOT.certificate_der))
    with pytest.raises(CertificateError, match="accepted are P-256, P-384, P-521, RSA") as info:
        finder(chain).through_store(roots(ROOT))
    assert reason_of(info) is Reason.WEAK_KEY


def test_a_public_ca_is_held_to_the_strict_policy() -> None:
    lax = Authority.make(name="Lax", omit=[x509.KeyUsage])
    chain = lax.issue("h.test").chain_ders
    finder(chain).through_own(facts(lax.certificate_der))
    with pytest.raises(CertificateError) as info:
        finder(chain).through_store(roots(lax))
    assert reason_of(info) is Reason.POLICY


def test_a_certificate_of_the_chain_that_cannot_be_loaded_is_malformed() -> None:
    with pytest.raises(CertificateError, match="Certificate 2 of the server's chain is malformed") as info:
        finder([*ROOT.issue("h.test").chain_ders, UNLOADABLE])
    assert reason_of(info) is Reason.MALFORMED


def test_a_trusted_certificate_that_cannot_be_loaded_is_named() -> None:
    with pytest.raises(CertificateError, match="A trusted certificate cannot be used") as info:
        finder(ROOT.issue("h.test").chain_ders).through_own(facts(UNLOADABLE))
    assert reason_of(info) is Reason.MALFORMED
    assert info.value.certificate is not None


class TestConstrainedRoots:
    @pytest.fixture(autouse=True)
    def constrained(self, monkeypatch: pytest.MonkeyPatch) -> None:
        fingerprint = CertificateFacts.parse(ROOT.certificate_der).fingerprint
        monkeypatch.setitem(constraints.PERMITTED_SUFFIXES, fingerprint, "tr")

    def test_it_vouches_for_what_it_may(self) -> None:
        chain = ROOT.issue("kamu.gov.tr").chain_ders
        assert finder(chain, "kamu.gov.tr").through_store(roots(ROOT)).resource == "ca0.der"

    def test_it_vouches_for_nothing_else(self) -> None:
        with pytest.raises(
            CertificateError, match=r"Root may not vouch for all of its names \(h\.test\)"
        ) as info:
            finder(ROOT.issue("h.test").chain_ders).through_store(roots(ROOT))
        assert reason_of(info) is Reason.CONSTRAINT

    def test_another_path_still_counts(self) -> None:
        middle = ROOT.intermediate(name="Middle")
        other = Authority.make(name="Other")
        crossed = other.intermediate(middle.key, name="Middle")
        leaf = middle.issue("h.test")
        chain = [*leaf.chain_ders, crossed.certificate_der]
        assert finder(chain).through_store(roots(ROOT, other)).resource == "ca1.der"

    def test_another_root_that_does_not_fit_changes_nothing(self) -> None:
        with pytest.raises(CertificateError) as info:
            finder(ROOT.issue("h.test").chain_ders).through_store(roots(ROOT, Authority.make(name="Other")))
        assert reason_of(info) is Reason.CONSTRAINT
