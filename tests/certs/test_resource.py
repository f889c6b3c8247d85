from __future__ import annotations

from pathlib import Path

import pytest

from support.authority import Authority
from support.store import make_store, update_tool
from trio_certs import Manifest, Resource, ResourceNotFoundError, Store

ROOTS = [Authority.make(name="Root A"), Authority.make(name="Root B"), Authority.make(name="Root C")]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return make_store(tmp_path, *ROOTS)


async def missing(resource: Resource) -> ResourceNotFoundError:
    with pytest.raises(ResourceNotFoundError) as info:
        await resource.read()
    return info.value


async def test_a_resource_is_the_der_of_its_ca(store: Store) -> None:
    assert await Resource("ca1.der", store=store).read() == ROOTS[1].certificate_der


async def test_the_bundled_store_is_the_default() -> None:
    assert (await Resource("ca0.der").read())[:1] == b"\x30"


async def test_a_manifest_that_includes_it_lets_it_through(store: Store) -> None:
    manifest = Manifest(["$(CERTS)/ca1"], store=store)
    assert await Resource("ca1.der", manifest=manifest, store=store).read() == ROOTS[1].certificate_der


async def test_what_the_manifest_leaves_out_is_named_with_the_line_that_includes_it(store: Store) -> None:
    manifest = Manifest(["$(CERTS)/ca1"], path="app/manifest.json", store=store)
    error = await missing(Resource("ca2.der", manifest=manifest, store=store))
    assert str(error) == (
        "Resource not found: ca2.der. It is the certificate of Root C, which the manifest app/manifest.json "
        'does not include. Add "$(CERTS)/ca2" to its "resources": {"*": […]}.'
    )
    assert (error.name, error.authority, error.manifest_line) == ("ca2.der", "Root C", '"$(CERTS)/ca2"')


@pytest.mark.parametrize(
    "name", ["ca3.der", "ca1", "ca01.der", "CA1.der", "../ca1.der", "", "ca1.der\n", "ca\u0661.der"]
)
async def test_a_name_the_store_does_not_have_says_which_there_are(store: Store, name: str) -> None:
    error = await missing(Resource(name, store=store))
    assert str(error).startswith(f"Resource not found: {name}. The store has no certificate of this name")
    assert "it has ca0.der to ca2.der" in str(error)
    assert (error.authority, error.manifest_line) == (None, None)


async def test_a_retired_ca_is_not_found_and_named(store: Store) -> None:
    bundle = ROOTS[0].certificate_pem + ROOTS[2].certificate_pem
    update_tool().update(bundle, store.folder)
    error = await missing(Resource("ca1.der", store=Store(store.folder)))
    assert "Root B was retired from the store and is not trusted any more" in str(error)
    assert (error.authority, error.manifest_line) == ("Root B", None)


@pytest.mark.parametrize("arguments", [{"name": 9}, {"name": "ca9.der", "manifest": {"resources": {}}}])
def test_arguments_of_other_types_are_refused(arguments: dict[str, object]) -> None:
    with pytest.raises(
        TypeError, match=r"a resource's name is a string|manifest must be a Manifest, not dict"
    ):
        Resource(**arguments)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
