from __future__ import annotations

from pathlib import Path

import pytest

from support.authority import Authority, self_signed
from support.store import make_store
from trio_certs import Resource, ResourceNotFoundError, SourceError
from trio_certs._anchor_source import Anchor, GivenAnchors
from trio_certs._certificate import CertificateFacts
from trio_certs._chain import Chain
from trio_certs._source import Sought

ROOT, OTHER = Authority.make(name="Root"), Authority.make(name="Other")
LEAF = ROOT.issue("h.test")


async def found(*anchors: Anchor, chain: list[bytes] | None = None) -> list[bytes]:
    parsed = Chain.parse(chain or LEAF.chain_ders)
    source = GivenAnchors(anchors)
    return [one.der for one in (await source.find(Sought(parsed.leaf, parsed.issuers))).certificates]


async def test_bytes_paths_and_resources_are_all_the_same(tmp_path: Path) -> None:
    resource = Resource("ca0.der", store=make_store(tmp_path, ROOT))
    path = ROOT.write(tmp_path)
    for anchor in (ROOT.certificate_der, ROOT.certificate_pem, path, str(path), resource):
        assert await found(anchor) == [ROOT.certificate_der]
        assert await found(OTHER.certificate_der, anchor, ROOT.certificate_der) == [ROOT.certificate_der]


async def test_what_does_not_fit_is_not_found(tmp_path: Path) -> None:
    resource = Resource("ca0.der", store=make_store(tmp_path, OTHER))
    assert await found(OTHER.certificate_der, OTHER.write(tmp_path), resource) == []
    device = self_signed("h.test")
    assert await found(device.certificate_der, chain=device.chain_ders) == [device.certificate_der]


async def test_what_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"missing\.pem cannot be read"):
        await found(ROOT.certificate_der, str(tmp_path / "missing.pem"))
    with pytest.raises(ResourceNotFoundError, match="ca7"):
        await found(Resource("ca7.der", store=make_store(tmp_path, ROOT)))


@pytest.mark.parametrize("wrap", [bytearray, memoryview])
async def test_any_bytes_will_do(wrap: type[bytearray | memoryview]) -> None:
    source = GivenAnchors([wrap(ROOT.certificate_der)])  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]
    assert source.anchors == (ROOT.certificate_der,)


def test_what_is_no_certificate_is_refused_with_its_place() -> None:
    with pytest.raises(ValueError, match="anchor 2 is not a certificate: neither"):
        GivenAnchors([ROOT.certificate_der, b"nonsense"])
    with pytest.raises(ValueError, match="anchor 1 is text of a certificate: a str is the path of a file"):
        GivenAnchors([ROOT.certificate_pem.decode()])
    with pytest.raises(TypeError, match="anchor 1 must be bytes, a path or a Resource, not CertificateFacts"):
        GivenAnchors([CertificateFacts.parse(ROOT.certificate_der)])  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]
