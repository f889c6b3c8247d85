from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
import trio

from trio_certs import StoreError
from trio_certs._constraints import HEADER, Constraint, load_constraints, read_constraints
from trio_certs._server_name import ServerName, SubjectNames
from trio_certs._store import BUNDLED

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
TURKISH = Constraint("Somebody says so", suffix="tr")
SUNSET = Constraint("Somebody says so", last=datetime(2025, 7, 31, 23, 59, 59, tzinfo=UTC))


def violation(host: str, *dns: str) -> str | None:
    return TURKISH.violation(SubjectNames(dns), ServerName.parse(host), LONG_AGO)


async def test_the_constrained_roots_are_those_in_the_store() -> None:
    table = await load_constraints()
    index = BUNDLED.index()
    names = {index.entries[index.by_fingerprint[root]].name: rules for root, rules in table.items()}
    tubitak, hipki, netlock = (names[name] for name in sorted(names, reverse=True))
    assert sorted(names)[2].startswith("TUBITAK Kamu SM SSL Kok Sertifikasi - Surum 1")
    assert [rule.suffix for rule in tubitak] == ["tr"]
    assert {rule.last for rule in (*hipki, *netlock)} == {SUNSET.last}


async def test_the_table_is_read_once_off_the_event_loop() -> None:
    table = await load_constraints()
    with trio.CancelScope() as scope:
        scope.cancel()
        assert await load_constraints() is table


def test_names_below_the_suffix_are_permitted() -> None:
    assert violation("kamu.gov.tr", "kamu.gov.tr", "*.kamu.gov.tr") is None


@pytest.mark.parametrize(
    ("host", "dns"),
    [
        ("h.test", ("h.test",)),
        ("a.gov.tr", ("a.gov.tr", "h.test")),  # every name counts, not only the one connected to
        ("atr", ("atr",)),
        ("tr", ("tr",)),
        ("10.0.0.1", ()),
    ],
)
def test_anything_else_is_not(host: str, dns: tuple[str, ...]) -> None:
    assert "it may vouch for names below .tr only" in str(violation(host, *dns))


@pytest.mark.parametrize(
    ("not_before", "is_trusted"),
    [
        (datetime(2025, 7, 31, 23, 59, 59, tzinfo=UTC), True),
        (datetime(2025, 8, 1, tzinfo=UTC), False),
    ],
)
def test_the_day_of_issue_decides_not_the_present_day(not_before: datetime, is_trusted: bool) -> None:
    found = SUNSET.violation(SubjectNames(("h.test",)), ServerName.parse("h.test"), not_before)
    assert (found is None) is is_trusted
    assert found is None or "what it issued after 2025-07-31 is not trusted" in found


@pytest.mark.parametrize(
    "text",
    [
        "",
        "another header\n",
        f"{HEADER}\nab\tpermit tr\tName\n",
        f"{HEADER}\nxy\tpermit tr\tName\twhy\n",
        f"{HEADER}\nab\tpermit\tName\twhy\n",
        f"{HEADER}\nab\tforbid tr\tName\twhy\n",
        f"{HEADER}\nab\tdistrust-after soon\tName\twhy\n",
    ],
)
def test_a_damaged_table_is_an_error_not_an_empty_one(tmp_path: Path, text: str) -> None:
    path = tmp_path / "constraints"
    path.write_text(text)
    with pytest.raises(StoreError, match="constraints is damaged"):
        read_constraints(path)


def test_a_missing_table_is_an_error_not_an_empty_one(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="constraints cannot be read: No such file"):
        read_constraints(tmp_path / "constraints")


def test_a_root_may_have_several(tmp_path: Path) -> None:
    path = tmp_path / "constraints"
    path.write_text(f"{HEADER}\nab\tpermit tr\tName\tA\nab\tpermit test\tName\tB\n")
    assert read_constraints(path) == {b"\xab": (Constraint("A", suffix="tr"), Constraint("B", suffix="test"))}
