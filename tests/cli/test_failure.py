from __future__ import annotations

from trio_secure_cli import ExitCode
from trio_secure_cli._failure import CommandError


def test_a_failure_is_a_matter_of_usage_unless_it_says_otherwise() -> None:
    error = CommandError("no such thing")
    assert (error.message, error.hint, error.code, str(error)) == (
        "no such thing",
        None,
        ExitCode.USAGE,
        "no such thing",
    )


def test_a_failure_knows_its_hint_and_code() -> None:
    error = CommandError("full", "make room", code=ExitCode.OUTPUT)
    assert (error.hint, error.code) == ("make room", ExitCode.OUTPUT)
