from __future__ import annotations

import trio_secure_cli
from trio_secure_cli._exit_codes import ExitCode, exit_code_table


def test_the_codes_scripts_rely_on_do_not_change() -> None:
    assert {code.name: int(code) for code in ExitCode} == {
        "OK": 0,
        "STATUS": 1,
        "USAGE": 2,
        "NETWORK": 3,
        "TLS": 4,
        "TOO_SLOW": 5,
        "PROTOCOL": 6,
        "OUTPUT": 7,
        "NO": 8,
        "DIGEST": 9,
        "CLOSED": 10,
        "UNFIT": 11,
        "INTERNAL": 70,
        "INTERRUPTED": 130,
    }


def test_help_and_the_module_say_what_each_code_means() -> None:
    documentation = trio_secure_cli.__doc__ or ""
    for code in ExitCode:
        assert f"{code:>5}  {code.meaning}" in exit_code_table()
        assert f"{code:<5}{code.meaning}" in documentation
