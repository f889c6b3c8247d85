from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID

from support.authority import Authority
from support.store import make_store, update_tool
from support.terminal import FakeTerminal
from trio_certs import StoreError
from trio_secure_cli import ExitCode, _certs_list
from trio_secure_cli._certs_list import list_certs, search_certs
from trio_secure_cli._certs_options import ListOptions, SearchOptions
from trio_secure_cli._options import ConnectionOptions

PLAIN = ConnectionOptions()
DAY = date(2026, 11, 29)


def authority(name: str, days: int, organization: str = "") -> Authority:
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, name)]
    if organization:
        attributes.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization))
    end = datetime(DAY.year, DAY.month, DAY.day, tzinfo=UTC) + timedelta(days=days)
    return Authority.make(name=x509.Name(attributes), not_after=end, not_before=end - timedelta(days=3650))


ROOTS = [
    authority("Root A", 1000),
    authority("Főtanúsítvány", 80, "NetLock Kft."),
    authority("Root C", -1),
    authority("Root \x1b[2JD", 2000),
]
FINGERPRINTS = [root.certificate.fingerprint(SHA256()).hex() for root in ROOTS]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four CAs, of which the first is retired; the last has a limit."""
    folder = Path(tmp_path_factory.mktemp("certs")) / "store"
    make_store(folder, *ROOTS)
    bundle = b"".join(root.certificate_pem for root in ROOTS[1:])
    update_tool().update(bundle, folder, date(2026, 10, 18))
    return folder


@pytest.fixture(autouse=True)
def limits(monkeypatch: pytest.MonkeyPatch) -> None:
    table = {bytes.fromhex(FINGERPRINTS[3]): ("only for names below .tr",)}
    monkeypatch.setattr(_certs_list, "constraints", lambda: table)


async def listed(folder: Path, **options: object) -> tuple[list[str], str]:
    terminal = FakeTerminal()
    given = ListOptions(PLAIN, folder, **options)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    assert await list_certs(given, terminal, DAY) is ExitCode.OK
    return terminal.printed.decode().splitlines(), terminal.said


async def search(folder: Path, text: str) -> list[str]:
    terminal = FakeTerminal()
    code = await search_certs(SearchOptions(PLAIN, folder, text=text), terminal, DAY)
    rows = terminal.printed.decode().splitlines()[1:]
    assert code is (ExitCode.OK if rows else ExitCode.NO)
    assert ("no CA of the store" in terminal.said) is not bool(rows)
    return [row.split()[0] for row in rows]


async def test_the_list_shows_dates_and_limits(folder: Path) -> None:
    rows, said = await listed(folder)
    assert [row.split("  ")[0] for row in rows] == ["CA", "ca1", "ca2", "ca3"]
    assert rows[1].split("  ", 1)[1].strip() == "Főtanúsítvány (NetLock Kft.)  2027-02-17  80 days left"
    assert rows[2].endswith("2026-11-28  expired")
    assert r"Root \x1b[2JD" in rows[3]
    assert rows[3].endswith("only for names below .tr")
    assert said == "3 CAs; the store is of 2026-10-18\n"


async def test_those_that_expire_come_in_the_order_in_which_they_do(folder: Path) -> None:
    rows, said = await listed(folder, expiring=80)
    assert [row.split()[0] for row in rows] == ["CA", "ca2", "ca1"]
    assert said == "2 CAs that expire within 80 days; the store is of 2026-10-18\n"
    rows, said = await listed(folder, expiring=79)
    assert [row.split()[0] for row in rows] == ["CA", "ca2"]


async def test_those_retired_are_shown_when_asked_for(folder: Path) -> None:
    rows, _said = await listed(folder, retired=True)
    assert rows[1].startswith("ca0")
    assert rows[1].endswith("retired")


async def test_programs_get_everything(folder: Path) -> None:
    rows, said = await listed(folder, as_json=True, retired=True)
    document = json.loads("\n".join(rows))
    assert (document["store"], document["date"]) == (str(folder), "2026-10-18")
    assert document["authorities"][1] == {
        "number": 1,
        "resource": "ca1.der",
        "manifest_entry": "$(CERTS)/ca1",
        "name": "Főtanúsítvány (NetLock Kft.)",
        "sha256": FINGERPRINTS[1],
        "expires": "2027-02-17",
        "days_left": 80,
        "retired": False,
        "constraints": [],
    }
    assert document["authorities"][0]["retired"] is True
    assert document["authorities"][3]["constraints"] == ["only for names below .tr"]
    assert said == ""


async def test_an_empty_list_is_no_table(tmp_path: Path) -> None:
    make_store(tmp_path, ROOTS[3])
    rows, said = await listed(tmp_path, expiring=1)
    assert rows == []
    assert said == "0 CAs that expire within 1 days\n"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("netlock", ["ca1"]),
        ("FOTANUSITVANY", ["ca1"]),
        ("root", ["ca0", "ca2", "ca3"]),
        ("ca2", ["ca2"]),
        ("ca2.der", ["ca2"]),
        ("$(CERTS)/ca2", ["ca2"]),
        (FINGERPRINTS[3], ["ca3"]),
        (FINGERPRINTS[3][:6].upper(), ["ca3"]),
        (":".join(FINGERPRINTS[0][place : place + 2] for place in range(0, 64, 2)), ["ca0"]),
        (FINGERPRINTS[3][:5] + "g", []),
        (FINGERPRINTS[3][1:], []),
        ("nobody", []),
    ],
    ids=[
        *("a word", "no accents", "a word of several", "a number", "a file", "an entry"),
        *(
            "a fingerprint",
            "the beginning of one",
            "one with colons",
            "one misspelt",
            "the end of one",
            "nobody",
        ),
    ],
)
async def test_a_ca_is_found_by_what_one_knows_of_it(folder: Path, text: str, found: list[str]) -> None:
    assert await search(folder, text) == found


async def test_a_search_shows_fingerprints(folder: Path) -> None:
    terminal = FakeTerminal()
    await search_certs(SearchOptions(PLAIN, folder, text="ca1"), terminal, DAY)
    assert terminal.printed.decode().splitlines()[1].endswith(FINGERPRINTS[1])
    terminal = FakeTerminal()
    options = SearchOptions(PLAIN, folder, as_json=True, text="nobody")
    assert await search_certs(options, terminal, DAY) is ExitCode.NO
    assert json.loads(terminal.printed)["authorities"] == []
    assert terminal.said == ""


async def test_a_store_without_a_date_says_none(tmp_path: Path) -> None:
    make_store(tmp_path, ROOTS[3])
    rows, _said = await listed(tmp_path, as_json=True)
    assert json.loads("\n".join(rows))["date"] is None


async def test_an_index_without_dates_is_reported(tmp_path: Path) -> None:
    make_store(tmp_path, ROOTS[3])
    index = tmp_path / "index"
    index.write_text(index.read_text().replace("\t2032-", "\tsoon-"))
    with pytest.raises(StoreError, match=r"has no date for ca0: .*`trio-secure certs check` says"):
        await listed(tmp_path)
