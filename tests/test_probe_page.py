"""docs/probe.md keeps its promises: its options, codes, kinds of warnings and keys are what there is."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from pathlib import Path
from typing import cast

import pytest

from trio_secure import ConnectionInfo
from trio_secure_cli import ExitCode
from trio_secure_cli._options import ConnectionOptions, parse
from trio_secure_cli._probe_options import STARTTLS_PORTS, ProbeOptions
from trio_secure_cli._probe_result import ProbeResult, for_programs
from trio_secure_report import _warnings

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "probe.md").read_text()
_INFO = ConnectionInfo(
    version=0x0304,
    cipher_suite="TLS_AES_128_GCM_SHA256",
    group=None,
    signature_scheme=None,
    alpn=None,
    server_name=None,
    peer_certificates=(b"junk",),
    verified_chain=(),
    anchor_resource=None,
    extended_master_secret=True,
)


def _cells(heading: str) -> list[list[str]]:
    """The rows of the tables in a section."""
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return [
        [cell.strip() for cell in line.strip("|").split(" | ")]
        for line in section.splitlines()
        if line.startswith("| ") and "---" not in line
    ]


def _ticked(text: str) -> set[str]:
    return set(re.findall(r"`([a-z_0-9]+)`", text))


def test_the_keys_of_the_document_are_those_of_the_page() -> None:
    document = for_programs(ProbeResult(ProbeOptions(ConnectionOptions(), "h"), info=_INFO))
    listed = {key for cells in _cells("JSON") for key in _ticked(cells[0])}
    assert listed == set(document)
    prose = PAGE.partition("`connection` has ")[2]
    assert _ticked(prose.partition("\n\n")[0]) == set(cast("dict[str, object]", document["connection"]))
    prose = PAGE.partition("A certificate has ")[2]
    (certificate,) = cast("list[dict[str, object]]", document["certificates"])
    assert _ticked(prose.partition("\n\n")[0]) == set(certificate)


def test_the_kinds_of_warnings_are_those_of_the_page() -> None:
    listed = _ticked(PAGE.partition("one of: ")[2].partition(".\n")[0])
    source = inspect.getsource(_warnings)
    assert listed == set(re.findall(r'ConnectionWarning\(\s*"(\w+)"', source))


def test_the_exit_codes_are_those_there_are() -> None:
    listed = {cells[0] for cells in _cells("For monitoring") if cells[0].isdigit()}
    never = {
        ExitCode.STATUS,
        ExitCode.NO,
        ExitCode.DIGEST,
        ExitCode.CLOSED,
        ExitCode.INTERNAL,
        ExitCode.INTERRUPTED,
    }
    assert listed == {str(int(code)) for code in ExitCode if code not in never}


def test_the_protocols_have_their_ports() -> None:
    rows = {cells[0].strip("`"): cells[1] for cells in _cells("Before TLS begins")}
    rows.pop("protocol")
    assert rows == {name: str(port) for name, port in STARTTLS_PORTS.items()}


def test_its_commands_are_command_lines() -> None:
    lines = [line for line in PAGE.splitlines() if line.startswith("trio-secure ")]
    assert len(lines) == 5
    for line in lines:
        assert isinstance(parse(line.split()[1:]), ProbeOptions)


def test_every_option_is_on_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["probe", "--help"])
    # The list of exit codes names options of other commands.
    said = capsys.readouterr().out.partition("exit codes:")[0]
    options = set(re.findall(r"--[a-z][a-z-]+", said)) - {"--help"}
    assert {option for option in options if option not in PAGE} == set()


def test_its_code_imports_public_names() -> None:
    for code in re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL):
        for node in ast.walk(ast.parse(code)):
            if isinstance(node, ast.ImportFrom):
                module = importlib.import_module(str(node.module))
                assert {alias.name for alias in node.names} <= set(module.__all__)
