from __future__ import annotations

import re
from pathlib import Path

import pytest

from trio_secure._errors import AlertDescription
from trio_secure._extensions import EXTENSION_TYPES
from trio_secure_report import _meanings
from trio_secure_report._meanings import TABLES, Clause, Meaning

SOURCE = Path(_meanings.__file__).read_text()


def test_every_extension_this_client_knows_is_explained_with_a_clause() -> None:
    assert {row.name for row in EXTENSION_TYPES.values()} == set(TABLES["extensions"])
    assert all(meaning.clause for meaning in TABLES["extensions"].values())


def test_every_alert_that_is_explained_exists() -> None:
    assert set(TABLES["alerts"]) <= {alert.name.lower() for alert in AlertDescription}


@pytest.mark.parametrize("table", TABLES)
def test_an_explanation_is_a_sentence_and_has_a_clause(table: str) -> None:
    for name, meaning in TABLES[table].items():
        assert meaning.text.endswith("."), name
        assert meaning.clause or name == "established", name


def test_a_clause_is_a_link() -> None:
    assert str(Clause(9846, "4.2.2")) == "RFC 9846 §4.2.2"
    assert Clause(9846, "4.2.2").url == "https://www.rfc-editor.org/rfc/rfc9846#section-4.2.2"
    assert Clause(9846, "E.4").url == "https://www.rfc-editor.org/rfc/rfc9846#appendix-E.4"


def test_sections_are_numbered_as_they_are_elsewhere_in_the_project() -> None:
    """A section of RFC 9846 that the code cites is one, and so is what it is part of."""
    map_ = (Path(__file__).resolve().parents[2] / "docs" / "rfc-map.md").read_text()
    body = map_.partition("## RFC 9846")[2].partition("\n## ")[0]
    cited = set(re.findall(r"^\| §([\w.]+)", body, re.MULTILINE))
    # These are explained here and enforced nowhere.
    only_here = {"2.2", "4.3.2", "4.3.6", "4.3.7", "5", "B.4", "E.4"}
    used = set(re.findall(r'9846, "([\w.]+)"', SOURCE))
    assert used - only_here - cited == set()


def test_a_message_is_explained_for_its_version() -> None:
    assert _meanings.of_message("Finished", "TLS 1.2").clause == Clause(5246, "7.4.9")
    assert _meanings.of_message("Finished", None).clause == Clause(9846, "4.5.3")
    assert _meanings.of_message("ServerHelloDone", "TLS 1.3").clause == Clause(5246, "7.4.5")


def test_what_nobody_knows_has_no_explanation() -> None:
    nothing = Meaning("")
    assert _meanings.of_message("Odd", "TLS 1.3") == nothing
    assert _meanings.of_part("odd") == _meanings.of_part("extension odd") == nothing
    assert _meanings.of_alert("odd") == _meanings.of_note("odd") == nothing


def test_fields_and_extensions_are_told_apart() -> None:
    assert _meanings.of_part("cookie") == Meaning("")
    assert _meanings.of_part("extension cookie").clause == Clause(9846, "4.3.2")
    assert _meanings.of_part("random").clause == Clause(9846, "4.2.2")
