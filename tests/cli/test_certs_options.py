from __future__ import annotations

from pathlib import Path

import pytest

from trio_secure_cli._certs_options import (
    AddOptions,
    CertsOptions,
    CheckOptions,
    CompareOptions,
    ConvertOptions,
    IndexOptions,
    ListOptions,
    NeededOptions,
    SearchOptions,
)
from trio_secure_cli._exit_codes import exit_code_table
from trio_secure_cli._options import ConnectionOptions, parse

PLAIN = ConnectionOptions()
STORE = Path("s")


@pytest.mark.parametrize(
    ("line", "options"),
    [
        ("list", ListOptions(PLAIN)),
        ("list --expiring 90 --retired --json --store s", ListOptions(PLAIN, STORE, True, 90, True)),
        ("search DigiCert --json", SearchOptions(PLAIN, None, True, "DigiCert")),
        ("needed h", NeededOptions(PLAIN, None, False, "h", 443)),
        (
            "needed [::1]:8443 --manifest m.json --json",
            NeededOptions(ConnectionOptions(manifest=Path("m.json")), None, True, "::1", 8443),
        ),
        (
            "add h ca9 --manifest m.json --store s --timeout 2",
            AddOptions(ConnectionOptions(manifest=Path("m.json"), timeout=2.0), STORE, targets=("h", "ca9")),
        ),
        ("convert a.pem b.pem", ConvertOptions(PLAIN, files=(Path("a.pem"), Path("b.pem")))),
        ("convert a.pem -o out/ --force", ConvertOptions(PLAIN, None, False, (Path("a.pem"),), "out/", True)),
        ("check", CheckOptions(PLAIN)),
        ("check s --json", CheckOptions(PLAIN, STORE, True)),
        ("index s", IndexOptions(PLAIN, STORE)),
        ("compare", CompareOptions(PLAIN)),
        ("compare --bundle b.pem --store s", CompareOptions(PLAIN, STORE, False, Path("b.pem"))),
    ],
)
def test_each_command_has_its_options(line: str, options: CertsOptions) -> None:
    assert parse(["certs", *line.split()]) == options


def test_what_connects_is_about_a_server() -> None:
    assert NeededOptions(PLAIN, host="h", port=1).subject == "h port 1"
    assert ListOptions(PLAIN).subject == "certs"


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("", "COMMAND"),
        ("fetch", "invalid choice"),
        ("list --expiring soon", "'soon' is not a number of days, such as 90"),
        ("list --expiring -1", "--expiring"),
        ("list --expiring 9999999", "is not a number of days"),
        ("list --timeout 3", "unrecognized arguments"),
        ("search", "TEXT"),
        ("needed https://h/", "looks like a URL"),
        ("needed h --ca a --insecure", "not allowed with"),
        ("add", "HOST[:PORT]|caN"),
        ("convert", "FILE"),
        ("index", "FOLDER"),
    ],
)
def test_a_wrong_line_is_refused_with_the_usage(
    line: str, complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        parse(["certs", *line.split()])
    said = capsys.readouterr().err
    assert caught.value.code == 2
    assert complaint in said
    assert "usage: trio-secure" in said


@pytest.mark.parametrize("line", ["certs --help", "certs list --help", "certs needed --help"])
def test_help_lists_the_exit_codes(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        parse(line.split())
    assert caught.value.code == 0
    assert exit_code_table() in capsys.readouterr().out
