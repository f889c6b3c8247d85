"""The tool that makes the store: `tools/update_store.py`."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import certifi
import pytest
from cryptography.hazmat.primitives.hashes import SHA256

from support.authority import Authority, to_pem
from support.store import TOOL, update_tool
from trio_certs._store import BUNDLED, read_entries
from trio_certs._store_date import read_date

tool = update_tool()
A, B, C, D = (Authority.make(name=f"Root {letter}") for letter in "ABCD")


def snapshot(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def update(folder: Path, *authorities: Authority) -> tuple[list[str], list[str]]:
    change = tool.update(to_pem(*(authority.certificate for authority in authorities)), folder)
    return [entry.resource for entry in change.added], [entry.resource for entry in change.retired]


def numbers(path: Path) -> dict[int, str]:
    return {entry.number: entry.name for entry in read_entries(path)}


def test_the_bundled_store_is_what_certifi_gives(tmp_path: Path) -> None:
    for path in BUNDLED.folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    listed = tool.certifi_date(certifi.__version__)
    change = tool.update(Path(certifi.where()).read_bytes(), tmp_path, listed)
    # Whatever certifi is installed: what stays has its number and its bytes.
    bundled = BUNDLED.index().entries
    assert all(bundled[entry.number] == entry for entry in change.unchanged)
    assert len(change.unchanged) + len(change.retired) == len(bundled)
    if listed == read_date(BUNDLED.folder):
        assert (change.added, change.retired) == ((), ())
        assert snapshot(tmp_path) == snapshot(BUNDLED.folder)


def test_numbers_are_given_in_the_order_of_the_list(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    assert update(folder, A, B, C) == (["ca0.der", "ca1.der", "ca2.der"], [])
    assert (folder / "ca1.der").read_bytes() == B.certificate_der


def test_a_newer_list_keeps_numbers_and_never_reuses_one(tmp_path: Path) -> None:
    update(tmp_path, A, B, C)
    assert update(tmp_path, D, C, A) == (["ca3.der"], ["ca1.der"])
    assert numbers(tmp_path / "index") == {0: "Root A", 2: "Root C", 3: "Root D"}
    assert numbers(tmp_path / "retired") == {1: "Root B"}
    assert not (tmp_path / "ca1.der").exists()
    assert (tmp_path / "ca2.der").read_bytes() == C.certificate_der
    # The last number is not reused either, when its CA goes.
    assert update(tmp_path, A, C) == ([], ["ca3.der"])
    new = Authority.make(name="Root E")
    assert update(tmp_path, new, A, C) == (["ca4.der"], [])


def test_the_list_tells_current_from_retired(tmp_path: Path) -> None:
    update(tmp_path, A, B)
    update(tmp_path, B)
    rows = [
        row
        for row in (tmp_path / "LIST.md").read_text("utf-8").splitlines()
        if row.startswith(("| 0", "| 1"))
    ]
    assert [row.split(" | ")[1] for row in rows] == ["Root A", "Root B"]
    assert [row.split(" | ")[-1] for row in rows] == ["retired |", "current |"]


def test_a_ca_that_comes_back_has_its_number_again(tmp_path: Path) -> None:
    update(tmp_path, A, B)
    first = snapshot(tmp_path)
    update(tmp_path, B)
    assert update(tmp_path, A, B) == (["ca0.der"], [])
    assert snapshot(tmp_path) == first


def test_the_result_is_the_same_every_time(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    for folder in (one, two):
        update(folder, A, B, C)
        update(folder, C, D, A)
    update(two, C, D, A)
    assert snapshot(one) == snapshot(two)


def test_a_ca_listed_twice_is_one_ca(tmp_path: Path) -> None:
    assert update(tmp_path, A, A, B) == (["ca0.der", "ca1.der"], [])


def test_a_list_without_certificates_changes_nothing(tmp_path: Path) -> None:
    update(tmp_path, A)
    before = snapshot(tmp_path)
    with pytest.raises(ValueError, match="no certificate"):
        tool.update(b"nothing", tmp_path)
    assert snapshot(tmp_path) == before


def test_an_older_list_is_refused_and_a_date_is_kept(tmp_path: Path) -> None:
    newer, older = date(2026, 10, 18), date(2026, 10, 17)
    tool.update(A.certificate_pem, tmp_path, newer)
    before = snapshot(tmp_path)
    assert before["date"] == b"2026-10-18\n"
    with pytest.raises(ValueError, match="the list is of 2026-10-17, the store of 2026-10-18: an older list"):
        tool.update(B.certificate_pem, tmp_path, older)
    tool.update(A.certificate_pem, tmp_path)
    assert snapshot(tmp_path) == before


def test_a_list_with_something_that_is_no_certificate_changes_nothing(tmp_path: Path) -> None:
    update(tmp_path, A)
    before = snapshot(tmp_path)
    damaged = b"-----BEGIN CERTIFICATE-----\nMAAA\n-----END CERTIFICATE-----\n"
    with pytest.raises(ValueError, match="certificate"):
        tool.update(B.certificate_pem + damaged, tmp_path)
    assert snapshot(tmp_path) == before


def test_the_command_says_what_it_did(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bundle, folder = tmp_path / "bundle.pem", tmp_path / "store"
    arguments = ["--bundle", str(bundle), "--store", str(folder)]
    bundle.write_bytes(to_pem(A.certificate, B.certificate))
    tool.main([*arguments, "--date", "2026-10-18"])
    tool.main(arguments)
    bundle.write_bytes(B.certificate_pem)
    tool.main(arguments)
    said = capsys.readouterr().out
    assert [line.split(",")[0] for line in said.splitlines()] == [
        "added    ca0  Root A",
        "added    ca1  Root B",
        "2 added",
        "The store is up to date.",
        "0 added",
        "retired  ca0  Root A",
        "0 added",
    ]
    day = f"{A.certificate.not_valid_after_utc:%Y-%m-%d}"
    assert (
        f"retired  ca0  Root A, expires {day}, SHA-256 {A.certificate.fingerprint(SHA256()).hex()}\n" in said
    )
    assert said.endswith("0 added, 1 retired, 1 unchanged\n")
    assert read_date(folder) == date(2026, 10, 18)
    assert TOOL.exists()


def test_certifi_is_the_default_list(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tool.main(["--store", str(tmp_path)])
    count = Path(certifi.where()).read_text().count("BEGIN CERTIFICATE")
    assert capsys.readouterr().out.endswith(f"\n{count} added, 0 retired, 0 unchanged\n")
    assert read_date(tmp_path) == tool.certifi_date(certifi.__version__)


def test_a_release_of_certifi_is_its_day() -> None:
    assert tool.certifi_date("2026.10.18") == date(2026, 10, 18)
    assert tool.certifi_date("2026.10.18.post1") == date(2026, 10, 18)
