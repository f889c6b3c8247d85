"""The one exception the command raises itself.

Theory of operation: whatever this package finds wrong is a `CommandError` that already knows its exit code
and, where there is one, what to do about it. Errors of the libraries below are translated in one place,
`_report`.
"""

from __future__ import annotations

from ._exit_codes import ExitCode


class CommandError(Exception):
    """Why the command cannot go on, in words for the person who typed it.

    Attributes:
        message: what happened, and where.
        hint: what can be done about it, or None.
        code: the exit code.
    """

    def __init__(self, message: str, hint: str | None = None, *, code: ExitCode = ExitCode.USAGE) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code
