from __future__ import annotations

from pathlib import Path

import pytest

from support.authority import Authority
from trio_certs import Manifest, ManifestError, Resource
from trio_secure_cli._demo_store import AUTHORITY_NAME, make_store


async def test_the_store_holds_the_one_ca(tmp_path: Path) -> None:
    der = Authority.make().certificate_der
    store = make_store(tmp_path, der)
    assert await Resource("ca0.der", store=store).read() == der
    (entry,) = store.index().entries.values()
    assert entry.name == AUTHORITY_NAME
    assert store.index().with_subject(Authority.make().certificate.subject.public_bytes()) == (0,)
    assert store.retired() == {}
    with pytest.raises(ManifestError, match="no such CA"):
        Manifest(["$(CERTS)/ca1"], store=store)
