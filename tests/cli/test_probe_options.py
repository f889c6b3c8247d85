from __future__ import annotations

from pathlib import Path

import pytest

from trio_secure_cli._options import ConnectionOptions, parse
from trio_secure_cli._probe_options import STARTTLS_PORTS, DemandOptions, ProbeOptions, ScanOptions

PLAIN = ConnectionOptions()


@pytest.mark.parametrize(
    ("line", "options"),
    [
        ("h", ProbeOptions(PLAIN, "h", 443)),
        ("h --json", ProbeOptions(PLAIN, "h", as_json=True)),
        ("h --report a.html", ProbeOptions(PLAIN, "h", report=Path("a.html"))),
        ("h --report a --secrets", ProbeOptions(PLAIN, "h", report=Path("a"), secrets=True)),
        ("h --versions", ProbeOptions(PLAIN, "h", scan=ScanOptions(versions=True))),
        (
            "h --suites --groups --signatures",
            ProbeOptions(PLAIN, "h", scan=ScanOptions(suites=True, groups=True, signatures=True)),
        ),
        (
            "h --expires-within 14 --min-version 1.3 --anchor ca9.der",
            ProbeOptions(PLAIN, "h", demand=DemandOptions(14, 0x0304, "ca9.der")),
        ),
        ("h --anchor ca9", ProbeOptions(PLAIN, "h", demand=DemandOptions(anchor="ca9.der"))),
    ],
)
def test_what_may_be_asked(line: str, options: ProbeOptions) -> None:
    assert parse(["probe", *line.split()]) == options


@pytest.mark.parametrize("protocol", STARTTLS_PORTS)
def test_each_protocol_has_its_port_before_and_behind_the_address(protocol: str) -> None:
    expected = ProbeOptions(PLAIN, "h", STARTTLS_PORTS[protocol], protocol)
    assert parse(["probe", "h", "--starttls", protocol]) == expected
    assert parse(["probe", "--starttls", protocol, "h"]) == expected
    assert parse(["probe", "h:587", "--starttls", protocol]) == ProbeOptions(PLAIN, "h", 587, protocol)


def test_a_scan_is_one_that_finds_something_out() -> None:
    assert not ScanOptions().any
    assert ScanOptions(groups=True).any
    assert ProbeOptions(PLAIN, "h").subject == "h port 443"


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("h:x", "'x' is not a port"),
        ("h --starttls gopher", "invalid choice: 'gopher'"),
        ("h --secrets", "so it needs --report FILE"),
        ("h --expires-within soon", "'soon' is not a number of days"),
        ("h --expires-within 100000", "'100000' is not a number of days"),
        ("h --min-version 1.4", "invalid choice: '1.4'"),
        ("h --anchor isrg", "'isrg' is no CA of the store"),
        ("h --anchor ca9.der --insecure", "with --insecure nobody vouches"),
    ],
)
def test_what_makes_no_sense_is_refused_with_the_usage(
    line: str, complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        parse(["probe", *line.split()])
    said = capsys.readouterr().err
    assert caught.value.code == 2
    assert complaint in said
    assert "usage: trio-secure probe" in said
