from __future__ import annotations

from pathlib import Path

import pytest

from support.authority import Authority
from support.store import make_store
from trio_certs import Manifest, Store
from trio_certs._chain import Chain
from trio_certs._public import PublicCAs
from trio_certs._source import Sought
from trio_certs._store import BUNDLED

ROOT, OTHER = Authority.make(name="Root"), Authority.make(name="Other")
CHAIN = Chain.parse(ROOT.issue("h.test").chain_ders)
SOUGHT = Sought(CHAIN.leaf, CHAIN.issuers)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return make_store(tmp_path, ROOT, OTHER)


async def test_the_cas_that_fit_are_given_with_what_they_are_called(store: Store) -> None:
    found = await PublicCAs(store).find(SOUGHT)
    assert [certificate.der for certificate in found.certificates] == [ROOT.certificate_der]
    (certificate,) = found.certificates
    assert found.entries[certificate.fingerprint].resource == "ca0.der"
    assert found.left_out is None


async def test_what_a_manifest_leaves_out_is_not_given_but_named(store: Store) -> None:
    manifest = Manifest(["$(CERTS)/ca1"], store=store)
    (store.folder / "ca0.der").unlink()
    found = await PublicCAs(store, manifest).find(SOUGHT)
    assert not found.certificates
    assert found.left_out is not None
    assert [entry.resource for entry in found.left_out.entries] == ["ca0.der"]
    assert (found.left_out.manifest, found.left_out.store) == (manifest, store)


async def test_what_a_manifest_includes_is_given(store: Store) -> None:
    found = await PublicCAs(store, Manifest(["$(CERTS)/ca0"], store=store)).find(SOUGHT)
    assert len(found.certificates) == 1
    assert found.left_out is None


def test_the_bundled_store_is_one_in_memory(store: Store) -> None:
    assert PublicCAs(Store()).store is BUNDLED
    assert PublicCAs(store).store is store
