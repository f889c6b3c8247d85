from __future__ import annotations

from pathlib import Path

import pytest

from support.authority import Authority, to_pem
from support.store import make_store, update_tool
from trio_certs import Entry, compare_store

A, B, C, D = (Authority.make(name=f"Root {letter}") for letter in "ABCD")


def pem(*authorities: Authority) -> bytes:
    return to_pem(*(authority.certificate for authority in authorities))


def numbers(entries: tuple[Entry, ...]) -> dict[int, str]:
    return {entry.number: entry.name for entry in entries}


def test_a_list_is_compared_without_touching_the_store(tmp_path: Path) -> None:
    make_store(tmp_path, A, B)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    change = compare_store(tmp_path, pem(D, B, C, C))
    assert numbers(change.added) == {2: "Root D", 3: "Root C"}
    assert numbers(change.retired) == {0: "Root A"}
    assert numbers(change.unchanged) == {1: "Root B"}
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_ca_that_was_retired_has_its_number_again(tmp_path: Path) -> None:
    make_store(tmp_path, A, B)
    update_tool().update(pem(B), tmp_path)
    assert numbers(compare_store(tmp_path, pem(C, A, B)).added) == {2: "Root C", 0: "Root A"}


def test_a_folder_without_an_index_has_nothing(tmp_path: Path) -> None:
    change = compare_store(tmp_path / "none", pem(A))
    assert numbers(change.added) == {0: "Root A"}
    assert change.retired == change.unchanged == ()


def test_what_is_no_list_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no certificate in the PEM text"):
        compare_store(tmp_path, b"nothing")
