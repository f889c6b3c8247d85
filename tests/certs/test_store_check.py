from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from support.authority import Authority
from support.store import make_store
from trio_certs import StoreError
from trio_certs._store import BUNDLED, format_entries, read_entries
from trio_certs._store_check import check_store

ROOTS = [Authority.make(name=f"Root {letter}") for letter in "AB"]
OTHER = Authority.make(name="Other")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_store(tmp_path, *ROOTS)
    return tmp_path


def change_entry(folder: Path, changes: dict[str, Any]) -> None:
    first, *others = read_entries(folder / "index")
    (folder / "index").write_text(format_entries([replace(first, **changes), *others]), "utf-8")


def without_list(folder: Path) -> list[str]:
    """The findings but for that about LIST.md, which every other change to the index brings along."""
    return [finding for finding in check_store(folder) if "LIST.md" not in finding]


def test_the_bundled_store_agrees_with_itself() -> None:
    assert check_store(BUNDLED.folder) == []


def test_a_store_that_was_just_made_agrees_with_itself(folder: Path) -> None:
    assert check_store(folder) == []


def test_other_bytes_are_found(folder: Path) -> None:
    (folder / "ca0.der").write_bytes(OTHER.certificate_der)
    findings = check_store(folder)
    assert findings[0].startswith("ca0.der has other bytes than the index says: SHA-256 ")
    assert findings[1:] == [
        "ca0.der has another subject than the index says, so that it would not be found",
        'ca0.der is the certificate of "Other", not of "Root A"',
    ]


def test_one_changed_bit_is_found(folder: Path) -> None:
    der = bytearray(ROOTS[0].certificate_der)
    der[-1] ^= 1
    (folder / "ca0.der").write_bytes(der)
    assert [finding.partition(":")[0] for finding in check_store(folder)] == [
        "ca0.der has other bytes than the index says"
    ]


@pytest.mark.parametrize(
    ("changes", "finding"),
    [
        ({"fingerprint": bytes(32)}, "ca0.der has other bytes than the index says"),
        ({"subject_hash": bytes(32)}, "ca0.der has another subject than the index"),
        ({"expires": "2099-01-01"}, "ca0.der expires on 20"),
        (
            {"name": "Root Z"},
            'ca0.der is the certificate of "Root A", not of "Root Z"',
        ),
        ({"number": 7}, "ca7.der cannot be read: No such file or directory"),
        ({"number": 7}, "ca0.der is not in the index, but the file is there"),
        ({"number": 1}, "ca1 stands 2 times in the index and the list"),
    ],
)
def test_a_line_that_does_not_fit_its_file_is_found(
    folder: Path, changes: dict[str, Any], finding: str
) -> None:
    change_entry(folder, changes)
    assert any(found.startswith(finding) for found in without_list(folder))


def test_a_list_for_people_that_says_something_else_is_found(folder: Path) -> None:
    with (folder / "LIST.md").open("a") as file:
        file.write("| 2 | Root C |\n")
    assert check_store(folder) == ["LIST.md does not say what the index says"]


def test_a_file_that_is_missing_or_no_certificate_is_found(folder: Path) -> None:
    (folder / "ca0.der").unlink()
    (folder / "ca1.der").write_bytes(b"x")
    missing, malformed = check_store(folder)
    assert missing == "ca0.der cannot be read: No such file or directory"
    assert malformed.startswith("ca1.der is not a certificate: ")


def test_what_is_retired_must_be_gone(folder: Path) -> None:
    first, second = read_entries(folder / "index")
    (folder / "index").write_text(format_entries([second]), "utf-8")
    (folder / "retired").write_text(format_entries([first]), "utf-8")
    assert without_list(folder) == ["ca0.der is retired, but the file is there"]


def test_a_certificate_with_two_numbers_is_found(folder: Path) -> None:
    (folder / "retired").write_text(
        format_entries([replace(read_entries(folder / "index")[0], number=5)]), "utf-8"
    )
    fingerprint = read_entries(folder / "index")[0].fingerprint.hex()
    assert without_list(folder) == [f"the certificate {fingerprint} has several numbers: ca0, ca5"]


def test_strange_files_and_lists_and_dates_are_found(folder: Path) -> None:
    (folder / "ca01.der").touch()
    (folder / "LIST.md").unlink()
    (folder / "retired").unlink()
    (folder / "date").write_text("soon")
    strange, unlisted, undated = check_store(folder)
    assert strange == "ca01.der is no part of a store"
    assert unlisted == "LIST.md cannot be read: No such file or directory"
    assert "holds no date" in undated
    (folder / "LIST.md").write_bytes(b"\xff")
    assert any(finding.startswith("LIST.md cannot be read: 'utf-8'") for finding in check_store(folder))


def test_without_a_folder_or_an_index_nothing_can_be_checked(folder: Path) -> None:
    with pytest.raises(FileNotFoundError):
        check_store(folder / "none")
    (folder / "index").unlink()
    with pytest.raises(StoreError, match="index cannot be read"):
        check_store(folder)
