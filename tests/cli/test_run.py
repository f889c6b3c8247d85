from __future__ import annotations

from datetime import date

import pytest

from support.terminal import FakeTerminal
from trio_secure_cli import ExitCode, _certs, _demo, _get, _probe, _run, _ws
from trio_secure_cli._certs_options import ListOptions, NeededOptions
from trio_secure_cli._failure import CommandError
from trio_secure_cli._get_options import GetOptions
from trio_secure_cli._options import (
    ConnectionOptions,
    DemoOptions,
    Options,
    WsOptions,
)
from trio_secure_cli._probe_options import ProbeOptions

PLAIN = ConnectionOptions()
COMMANDS = [
    (_get, "get", GetOptions(PLAIN, "https://h/"), "https://h/"),
    (_ws, "ws", WsOptions(PLAIN, "wss://h/"), "wss://h/"),
    (_probe, "probe", ProbeOptions(PLAIN, "h", 1), "h port 1"),
    (_certs, "certs", ListOptions(PLAIN), "certs"),
    (_certs, "certs", NeededOptions(PLAIN, host="h", port=1), "h port 1"),
    (_demo, "demo", DemoOptions(PLAIN), "demo"),
]


@pytest.mark.parametrize(("module", "name", "options", "subject"), COMMANDS, ids=lambda value: str(value)[:9])
def test_each_command_runs_and_its_failures_name_what_it_was_about(
    monkeypatch: pytest.MonkeyPatch, module: object, name: str, options: Options, subject: str
) -> None:
    fails = False

    async def command(given: Options, terminal: FakeTerminal) -> ExitCode:
        assert given is options
        if fails:
            raise CommandError("no", code=ExitCode.TLS)
        terminal.print("done")
        return ExitCode.OK

    monkeypatch.setattr(module, name, command)
    terminal = FakeTerminal()
    assert _run.run(options, terminal) is ExitCode.OK
    assert terminal.printed == b"done\n"
    fails = True
    assert _run.run(options, terminal) is ExitCode.TLS
    assert terminal.said == f"trio-secure: {subject}: no\n"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (KeyboardInterrupt(), ExitCode.INTERRUPTED),
        (BaseExceptionGroup("", [KeyboardInterrupt()]), ExitCode.INTERRUPTED),
        (ExceptionGroup("", [CommandError("x", code=ExitCode.OUTPUT)]), ExitCode.OUTPUT),
        (ZeroDivisionError(), ExitCode.INTERNAL),
    ],
)
def test_nothing_gets_past_it(monkeypatch: pytest.MonkeyPatch, error: BaseException, code: ExitCode) -> None:
    async def command(options: Options, terminal: FakeTerminal) -> ExitCode:
        raise error

    monkeypatch.setattr(_get, "get", command)
    assert _run.run(GetOptions(PLAIN, "https://h/"), FakeTerminal()) is code


@pytest.mark.parametrize(
    ("person", "options", "warned"),
    [
        ("e", GetOptions(PLAIN, "https://h/"), True),
        ("", GetOptions(PLAIN, "https://h/"), False),
        ("e", ListOptions(PLAIN), False),  # which warns itself
    ],
)
def test_a_person_is_told_that_the_store_is_old(
    monkeypatch: pytest.MonkeyPatch, person: str, options: Options, warned: bool
) -> None:
    async def command(options: Options, terminal: FakeTerminal) -> ExitCode:
        return ExitCode.OK

    monkeypatch.setattr(_get, "get", command)
    monkeypatch.setattr(_certs, "certs", command)
    monkeypatch.setattr(_run, "today", lambda: date(2099, 1, 1))
    terminal = FakeTerminal(person=person)
    assert _run.run(options, terminal) is ExitCode.OK
    assert ("the certificate store is of" in terminal.said) is warned


def test_a_password_is_not_repeated() -> None:
    terminal = FakeTerminal()
    assert _run.run(GetOptions(PLAIN, "https://me:secret@h:0/"), terminal) is ExitCode.USAGE
    assert "secret" not in terminal.said
