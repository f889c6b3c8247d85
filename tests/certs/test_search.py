from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509

from support.authority import Authority, Leaf, self_signed
from support.store import make_store
from trio_certs import CertificateError, Manifest, Reason, ResourceNotFoundError, SourceError, Store
from trio_certs._certificate import CertificateFacts
from trio_certs._chain import Chain
from trio_certs._public import PublicCAs
from trio_certs._rules import Rules
from trio_certs._search import FoundPath, Search
from trio_certs._server_name import ServerName, SubjectNames
from trio_certs._source import Anchors, Found, Sought, Source, TierName

ROOT, OTHER = Authority.make(name="Root"), Authority.make(name="Other")
LAX = Authority.make(name="Lax", omit=[x509.KeyUsage])
NOW = datetime.now(UTC)


class Given(Source):
    """A source that is asked, and may fail."""

    def __init__(self, *given: Authority | Leaf, tier: TierName = "private", fails: bool = False) -> None:
        self.tier = tier
        self.fails = fails
        self.asked = 0
        self.anchors = Anchors(CertificateFacts.parse(one.certificate_der) for one in given)

    async def find(self, sought: Sought, /) -> Found:
        self.asked += 1
        if self.fails:
            raise SourceError("it failed")
        return Found(self.anchors.find(sought))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return make_store(tmp_path, ROOT, LAX)


async def search(leaf: Leaf, store: Store, sources: Iterable[Source]) -> FoundPath:
    sent = Chain.parse(leaf.chain_ders)
    rules = Rules(ServerName.parse("h.test"), SubjectNames(("h.test",)), NOW, {})
    return await Search(sent, rules, store.index()).run(sources)


async def test_the_first_source_that_leads_somewhere_is_the_last_asked(store: Store) -> None:
    sources = [Given(), Given(OTHER), Given(fails=True)]
    found = await search(OTHER.issue("h.test"), store, sources)
    assert found.path[-1].der == OTHER.certificate_der
    assert [source.asked for source in sources] == [1, 1, 0]
    assert found.verdict(None).authority == "CN=Other"
    assert found.verdict("good").ocsp_status == "good"


async def test_a_source_that_fails_ends_the_search(store: Store) -> None:
    with pytest.raises(SourceError, match="it failed"):
        await search(OTHER.issue("h.test"), store, [Given(fails=True), Given(OTHER)])


async def test_the_first_refusal_is_the_one_that_is_told(store: Store) -> None:
    forged = Authority.make(name="Other").issue("h.test")
    impostor = Authority.make(name="Other", omit=[x509.KeyUsage])
    with pytest.raises(CertificateError) as info:
        await search(forged, store, [Given(), Given(OTHER), Given(impostor, tier="web")])
    assert info.value.reason is Reason.BAD_SIGNATURE
    with pytest.raises(CertificateError) as info:
        await search(forged, store, [Given()])
    assert info.value.reason is Reason.UNKNOWN_ISSUER


@pytest.mark.parametrize("tier", ["web", "private"])
async def test_the_tier_of_a_source_decides_how_strict_to_be(store: Store, tier: TierName) -> None:
    lenient = Authority.make(name="Lenient", omit=[x509.KeyUsage])
    leaf = lenient.issue("h.test")
    if tier == "private":
        assert await search(leaf, store, [Given(lenient, tier=tier)])
        return
    with pytest.raises(CertificateError) as info:
        await search(leaf, store, [Given(lenient, tier=tier)])
    assert info.value.reason is Reason.POLICY


async def test_in_a_pinned_source_a_ca_vouches_for_nobody(store: Store) -> None:
    leaf = OTHER.issue("h.test")
    assert await search(leaf, store, [Given(leaf, tier="pinned")])
    for own in (OTHER, ROOT):
        with pytest.raises(CertificateError) as info:
            await search(own.issue("h.test"), store, [Given(own, tier="pinned")])
        assert info.value.reason is Reason.UNKNOWN_ISSUER


async def test_a_leaf_by_itself_is_let_through_unless_the_source_is_strict(store: Store) -> None:
    device = self_signed("h.test", ca=True)
    for tier in ("private", "pinned"):
        found = await search(device, store, [Given(device, tier=tier)])
        assert found.verdict(None).chain == (device.certificate_der,)
    with pytest.raises(CertificateError):
        await search(device, store, [Given(device, tier="web")])


async def test_a_ca_of_the_store_is_a_public_one_wherever_it_comes_from(store: Store) -> None:
    found = await search(ROOT.issue("h.test"), store, [Given(ROOT)])
    assert found.verdict(None).resource == "ca0.der"
    with pytest.raises(CertificateError) as info:
        await search(LAX.issue("h.test"), store, [Given(LAX)])
    assert info.value.reason is Reason.POLICY


async def test_a_ca_that_is_left_out_is_named_once_no_other_source_leads_anywhere(store: Store) -> None:
    leaf, manifest = ROOT.issue("h.test"), Manifest(store=store)
    assert await search(leaf, store, [PublicCAs(store, manifest), Given(ROOT)])
    with pytest.raises(ResourceNotFoundError, match=r"ca0\.der"):
        await search(leaf, store, [PublicCAs(store, manifest), Given()])
    forged = Authority.make(name="Root").issue("h.test")
    with pytest.raises(CertificateError) as info:
        await search(forged, store, [PublicCAs(store, manifest)])
    assert info.value.reason is Reason.BAD_SIGNATURE
