from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from support.authority import Authority
from trio_certs._store import BUNDLED, read_entries
from trio_certs._store_build import StoreChange, ca_files, entry_of, index_store, list_text

A, B, C = (Authority.make(name=f"Root {letter}") for letter in "ABC")


# Of the certificates that had the numbers from 0 on when this was written. It is never changed: what comes later
# has higher numbers.
FIRST_NUMBERS = 117
FIRST_CERTIFICATES = "5ecc25dc7da9dd0fc35d494afd3cbd59acbb0b354ab0ac5194718df082474f9e"


def test_the_numbers_given_out_keep_their_meaning() -> None:
    entries = sorted(
        (entry for name in ("index", "retired") for entry in read_entries(BUNDLED.folder / name)),
        key=lambda entry: entry.number,
    )
    given = b"".join(entry.fingerprint for entry in entries[:FIRST_NUMBERS])
    assert [entry.number for entry in entries] == list(range(len(entries)))
    assert hashlib.sha256(given).hexdigest() == FIRST_CERTIFICATES


def put(folder: Path, **files: Authority) -> None:
    for name, authority in files.items():
        (folder / f"{name}.der").write_bytes(authority.certificate_der)


def names(change: StoreChange) -> tuple[list[str], list[str], list[str]]:
    added, retired, unchanged = (
        [entry.resource for entry in entries] for entries in (change.added, change.retired, change.unchanged)
    )
    return added, retired, unchanged


def test_an_index_is_made_of_the_files(tmp_path: Path) -> None:
    put(tmp_path, ca0=A, ca2=B)
    (tmp_path / "notes.txt").touch()
    assert names(index_store(tmp_path)) == (["ca0.der", "ca2.der"], [], [])
    assert [*map(str, ca_files(tmp_path))] == ["0", "2"]
    assert read_entries(tmp_path / "index") == [
        entry_of(0, A.certificate_der),
        entry_of(2, B.certificate_der),
    ]
    assert read_entries(tmp_path / "retired") == []
    assert (tmp_path / "LIST.md").read_text("utf-8") == list_text(read_entries(tmp_path / "index"), [])
    assert not list(tmp_path.glob(".*"))


def test_what_is_gone_is_retired_and_what_is_new_is_added(tmp_path: Path) -> None:
    put(tmp_path, ca0=A, ca1=B)
    index_store(tmp_path)
    (tmp_path / "ca0.der").unlink()
    put(tmp_path, ca2=C)
    assert names(index_store(tmp_path)) == (["ca2.der"], ["ca0.der"], ["ca1.der"])
    assert names(index_store(tmp_path)) == ([], [], ["ca1.der", "ca2.der"])
    assert [entry.number for entry in read_entries(tmp_path / "retired")] == [0]
    put(tmp_path, ca0=A)
    assert names(index_store(tmp_path)) == (["ca0.der"], [], ["ca1.der", "ca2.der"])
    assert read_entries(tmp_path / "retired") == []


def test_a_number_never_means_another_ca(tmp_path: Path) -> None:
    put(tmp_path, ca0=A, ca1=B)
    index_store(tmp_path)
    before = (tmp_path / "index").read_bytes()
    put(tmp_path, ca0=C)
    with pytest.raises(
        ValueError, match=r"ca0\.der is .* of Root C, but its number was given to Root A; .* ca2\.der"
    ):
        index_store(tmp_path)
    assert (tmp_path / "index").read_bytes() == before
    (tmp_path / "ca0.der").unlink()
    index_store(tmp_path)
    put(tmp_path, ca0=C)
    with pytest.raises(ValueError, match="its number was given to Root A"):
        index_store(tmp_path)


def test_a_ca_has_one_number(tmp_path: Path) -> None:
    put(tmp_path, ca0=A, ca1=A)
    with pytest.raises(ValueError, match=r"ca0\.der and ca1\.der are the same certificate: remove one"):
        index_store(tmp_path)


@pytest.mark.parametrize(
    ("data", "message"),
    [(b"0", r"ca0\.der is not a certificate in DER: "), (A.certificate_pem, "in DER: it is PEM text")],
)
def test_a_file_that_is_no_certificate_is_named(tmp_path: Path, data: bytes, message: str) -> None:
    (tmp_path / "ca0.der").write_bytes(data)
    with pytest.raises(ValueError, match=message):
        index_store(tmp_path)


def test_a_folder_without_certificates_is_left_alone(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"has no file ca0\.der, ca1\.der, …: there is nothing to index"):
        index_store(tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_list_for_people_is_a_table(tmp_path: Path) -> None:
    bar = entry_of(1, Authority.make(name="A | B").certificate_der)
    rows = list_text([bar], [entry_of(0, A.certificate_der)]).splitlines()[-2:]
    assert rows[0].startswith("| 0 | Root A | `")
    assert rows[0].endswith(" | retired |")
    assert rows[1].startswith(r"| 1 | A \| B | `")
    assert rows[1].endswith(" | current |")
