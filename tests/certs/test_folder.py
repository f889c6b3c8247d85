from __future__ import annotations

import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import trio

from support.authority import Authority
from trio_certs import File, Folder, SourceError
from trio_certs import _folder as folder_module
from trio_certs._certificate import CertificateFacts
from trio_certs._source import Sought, Source

ROOT, OTHER = Authority.make(name="Root"), Authority.make(name="Other")
LEAF = CertificateFacts.parse(ROOT.issue("h.test").certificate_der)
SOUGHT = Sought(LEAF, (LEAF.issuer,))


async def found(source: Source) -> list[bytes]:
    return [certificate.der for certificate in (await source.find(SOUGHT)).certificates]


def as_folder(place: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        path = place / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
    return place


def as_archive(place: Path, files: dict[str, bytes]) -> Path:
    path = place / "certificates.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


Make = Callable[[Path, dict[str, bytes]], Path]
both = pytest.mark.parametrize("make", [as_folder, as_archive], ids=["folder", "zip"])


@pytest.mark.parametrize("data", [ROOT.certificate_der, OTHER.certificate_pem + ROOT.certificate_pem])
async def test_a_file_holds_der_or_pem(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "ca"
    path.write_bytes(data)
    assert await found(File(path)) == await found(File(str(path))) == [ROOT.certificate_der]


async def test_a_file_is_read_once(tmp_path: Path) -> None:
    path = ROOT.write(tmp_path)
    file = File(path)
    assert await found(file)
    path.unlink()
    assert await found(file)


@both
async def test_a_folder_holds_a_file_for_each_certificate(tmp_path: Path, make: Make) -> None:
    files = {
        "a.der": OTHER.certificate_der,
        "b.PEM": ROOT.certificate_pem,
        "README.md": b"not looked at",
        "key.pem.bak": b"nor this",
    }
    folder = Folder(make(tmp_path, files))
    assert await found(folder) == [ROOT.certificate_der]
    assert folder.tier == "private"


async def test_a_folder_in_a_folder_is_passed_over(tmp_path: Path) -> None:
    as_folder(tmp_path, {"deep.crt/ca.der": ROOT.certificate_der})
    assert await found(Folder(tmp_path)) == []


@both
async def test_a_file_that_is_no_certificate_is_named(tmp_path: Path, make: Make) -> None:
    place = make(tmp_path, {"good.der": ROOT.certificate_der, "bad\x1b.cer": b"nonsense"})
    with pytest.raises(
        SourceError, match=r"bad\\x1b\.cer in the folder of certificates .* does not hold"
    ) as info:
        await found(Folder(place))
    assert isinstance(info.value.__cause__, ValueError)


@both
async def test_too_many_files_or_bytes_are_refused(
    tmp_path: Path, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = make(tmp_path, {f"{number}.der": ROOT.certificate_der for number in range(4)})
    assert await found(Folder(place)) == [ROOT.certificate_der]
    for name, limit in (("MAX_FILES", 3), ("MAX_FOLDER_BYTES", 4 * len(ROOT.certificate_der) - 1)):
        with monkeypatch.context() as context:
            context.setattr(folder_module, name, limit)
            with pytest.raises(SourceError, match="has more than"):
                await found(Folder(place))


async def test_no_more_of_an_archives_member_is_unpacked_than_a_certificate_may_have(tmp_path: Path) -> None:
    place = as_archive(tmp_path, {"bomb.der": bytes(64 << 20)})
    assert place.stat().st_size < 100_000
    with pytest.raises(SourceError, match="are more than a list of certificates has"):
        await found(Folder(place))


async def test_what_is_not_there_or_not_readable_is_an_error_not_an_empty_source(tmp_path: Path) -> None:
    (tmp_path / "no.zip").write_bytes(b"no archive")
    for source in (Folder(tmp_path / "missing"), Folder(tmp_path / "no.zip"), File(tmp_path / "missing.pem")):
        with pytest.raises(SourceError, match="cannot be read"):
            await found(source)
    with pytest.raises(SourceError, match="cannot be read: Is a directory"):
        await found(File(tmp_path))


async def test_a_file_that_hangs_can_be_given_up(tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    os.mkfifo(path)
    with trio.move_on_after(0.05) as scope:
        await found(File(path))
    assert scope.cancelled_caught
    os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))


def test_sources_say_what_they_are() -> None:
    assert repr(File("ca.pem")) == "File('ca.pem', tier='private')"
    assert repr(Folder("cas", tier="web")) == "Folder('cas', tier='web')"
    with pytest.raises(ValueError, match="tier must be one of"):
        File("ca.pem", tier="public")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
