from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import pytest
import trio
from cryptography import x509
from cryptography.x509.name import _ASN1Type
from cryptography.x509.oid import NameOID
from OpenSSL.crypto import X509

from support.authority import Authority, self_signed
from trio_certs import SourceError, SystemStore
from trio_certs import _folder as folder_module
from trio_certs import _system as system
from trio_certs._chain import Chain
from trio_certs._source import Sought

ROOT, OTHER = Authority.make(name="Root"), Authority.make(name="Other")
LEAF = ROOT.intermediate(name="Middle").issue("h.test")


def sought(chain: list[bytes]) -> Sought:
    parsed = Chain.parse(chain)
    return Sought(parsed.leaf, parsed.issuers)


SOUGHT = sought(LEAF.chain_ders)


async def found(store: SystemStore, what: Sought = SOUGHT) -> list[bytes]:
    return [certificate.der for certificate in (await store.find(what)).certificates]


def hashed(folder: Path, *pems: bytes) -> Path:
    """What `openssl rehash` makes: a file for each, named after its subject's hash."""
    folder.mkdir(exist_ok=True)
    for pem in pems:
        certificate = X509.from_cryptography(x509.load_pem_x509_certificate(pem))
        stem = f"{certificate.subject_name_hash():08x}"
        (folder / f"{stem}.{len(list(folder.glob(stem + '.*')))}").write_bytes(pem)
    return folder


def environment(file: Path | None = None, *folders: Path) -> dict[str, str]:
    return {
        "SSL_CERT_FILE": str(file) if file else "",
        "SSL_CERT_DIR": os.pathsep.join(map(str, folders)),
    }


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are read."""
    names: list[str] = []
    original = folder_module._read

    def read(path: Path) -> bytes:
        names.append(path.name)
        return original(path)

    monkeypatch.setattr(folder_module, "_read", read)
    return names


@pytest.fixture
def places(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where this system keeps its certificates: nothing is there yet."""
    monkeypatch.setattr(system, "FILES", (str(tmp_path / "absent.pem"), str(tmp_path / "bundle.pem")))
    monkeypatch.setattr(system, "FOLDERS", (str(tmp_path / "hashed"),))
    return tmp_path


async def test_in_a_hashed_folder_only_the_files_that_fit_are_read(places: Path, opened: list[str]) -> None:
    folder = hashed(places / "hashed", ROOT.certificate_pem, OTHER.certificate_pem)
    store = SystemStore(environment={})
    assert await found(store) == [ROOT.certificate_der]
    assert len(opened) == 1
    assert await found(store) == [ROOT.certificate_der]
    assert len(opened) == 1
    assert folder.is_dir()


async def test_a_folder_that_openssl_made_is_read(places: Path, opened: list[str]) -> None:
    folder = places / "hashed"
    folder.mkdir()
    for number, authority in enumerate((OTHER, Authority.make(name="Root"), ROOT)):
        authority.write(folder, f"ca{number}")
    await trio.run_process(["openssl", "rehash", folder], capture_stdout=True, capture_stderr=True)
    assert ROOT.certificate_der in await found(SystemStore(environment={}))
    assert len(opened) == 2


async def test_certificates_of_one_hash_are_told_apart_by_name(places: Path) -> None:
    again = Authority.make(name="Root")
    shout = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ROOT", _ASN1Type.PrintableString)])
    same_hash = Authority.make(name=shout)
    pems = [one.certificate_pem for one in (same_hash, ROOT, again)]
    folder = hashed(places / "hashed", *pems)
    assert len({path.stem for path in folder.iterdir()}) == 1
    assert await found(SystemStore(environment={})) == [ROOT.certificate_der, again.certificate_der]


async def test_what_is_installed_later_is_found(places: Path) -> None:
    hashed(places / "hashed", OTHER.certificate_pem)
    store = SystemStore(environment={})
    assert await found(store) == []
    hashed(places / "hashed", ROOT.certificate_pem)
    assert await found(store) == [ROOT.certificate_der]


async def test_a_device_of_its_own_may_be_in_it(places: Path) -> None:
    device = self_signed("h.test")
    hashed(places / "hashed", device.certificate_pem, self_signed("h.test").certificate_pem)
    found_devices = await found(SystemStore(environment={}), sought(device.chain_ders))
    assert device.certificate_der in found_devices


async def test_a_bundle_is_read_once_by_whoever_needs_it(places: Path, opened: list[str]) -> None:
    (places / "bundle.pem").write_bytes(OTHER.certificate_pem + ROOT.certificate_pem)
    stores = [SystemStore(environment={}) for _ in range(2)]
    answers: list[list[bytes]] = []

    async def ask(store: SystemStore) -> None:
        answers.append(await found(store))

    async with trio.open_nursery() as nursery:
        for store in stores:
            nursery.start_soon(ask, store)
    assert answers == [[ROOT.certificate_der]] * 2
    assert opened == ["bundle.pem"]


async def test_the_folder_comes_before_the_bundle(places: Path, opened: list[str]) -> None:
    hashed(places / "hashed", ROOT.certificate_pem)
    (places / "bundle.pem").write_bytes(b"not looked at")
    assert await found(SystemStore(environment={})) == [ROOT.certificate_der]
    assert "bundle.pem" not in opened


async def test_a_system_without_any_is_an_error_that_says_what_to_do(places: Path) -> None:
    with pytest.raises(SourceError, match=r"is in none of .*bundle\.pem\. Install one .* or use Store\(\)"):
        await found(SystemStore(environment={}))


async def test_variables_name_other_places_and_only_those_count(places: Path) -> None:
    hashed(places / "hashed", ROOT.certificate_pem)
    (places / "bundle.pem").write_bytes(ROOT.certificate_pem)
    elsewhere = OTHER.write(places, "other")
    what = sought(OTHER.issue("h.test").chain_ders)
    only_file = SystemStore(environment=environment(elsewhere))
    assert (await found(only_file), await found(only_file, what)) == ([], [OTHER.certificate_der])
    first, second = (
        hashed(places / "one", ROOT.certificate_pem),
        hashed(places / "two", OTHER.certificate_pem),
    )
    only_folders = SystemStore(environment=environment(None, first, second))
    assert await found(only_folders) == [ROOT.certificate_der]
    assert await found(only_folders, what) == [OTHER.certificate_der]
    both = SystemStore(environment=environment(elsewhere, first))
    assert await found(both) == [ROOT.certificate_der]
    assert await found(both, what) == [OTHER.certificate_der]


async def test_a_place_that_a_variable_names_and_that_is_missing_is_an_error(tmp_path: Path) -> None:
    for variables, message in (
        (environment(tmp_path / "missing.pem"), r"missing\.pem cannot be read"),
        (environment(None, tmp_path / "missing"), "SSL_CERT_DIR names .*missing, which is no folder"),
    ):
        with pytest.raises(SourceError, match=message):
            await found(SystemStore(environment=variables))


async def test_a_file_in_the_folder_that_is_no_certificate_is_an_error(places: Path) -> None:
    for path in hashed(places / "hashed", ROOT.certificate_pem).iterdir():
        path.write_bytes(b"nonsense")
    with pytest.raises(SourceError, match=r"\.0 does not hold certificates"):
        await found(SystemStore(environment={}))


async def test_a_folder_that_may_not_be_looked_into_is_an_error(
    places: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed(places / "hashed", ROOT.certificate_pem)

    def refuse(_: Path) -> bool:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "is_file", refuse)
    for _ in range(2):
        with pytest.raises(SourceError, match="cannot be read: Permission denied"):
            await found(SystemStore(environment={}))
        monkeypatch.setattr(system, "FOLDERS", ())


async def test_a_name_that_has_no_hash_is_in_no_folder(places: Path) -> None:
    hashed(places / "hashed", ROOT.certificate_pem)
    names: Iterable[bytes] = [b"\x30\x02\x31\x00\x00", b"\x30\x03\x02\x01\x05"]
    what = Sought(SOUGHT.leaf, tuple(names))
    assert await found(SystemStore(environment={}), what) == []


def test_it_says_where_it_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    monkeypatch.setenv("SSL_CERT_FILE", "/cas.pem")
    assert repr(SystemStore()) == "<SystemStore /cas.pem>"
    assert "/etc/ssl/certs" in repr(SystemStore(environment={}))
    with pytest.raises(ValueError, match="tier must be one of"):
        SystemStore(tier="x")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
