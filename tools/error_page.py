"""Write docs/errors.md: what error messages mean, by provoking each of them.

    PYTHONPATH=tests python tools/error_page.py

Theory of operation: `support.failures` has the failures and how to provoke them against servers on this machine.
The page is made of what they raise, and of nothing else that could grow old. tests/test_errors_page.py makes the
page too, and fails when the one in the repository is another.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import pytest
import trio

from support.failures import FAILURES, message_of, stage
from support.little_internet import Certificates

PAGE = Path(__file__).resolve().parents[1] / "docs" / "errors.md"
_WIDTH, _MESSAGE_WIDTH = 120, 88  # a message is shown as code, which no page wraps well
_INTRODUCTION = """\
# What error messages mean

Each of these was provoked, and the message copied by a program; `…` stands for what differs from case to case. An
error says what happened, to which certificate, and where in the protocol; its class and its `alert` say so to
programs. All errors of TLS are `TLSError`, which is a `trio.BrokenResourceError`.

"""


def wrapped(text: str, width: int = _WIDTH) -> str:
    """Lines of a width that can be read in a terminal."""
    lines: list[str] = [""]
    for word in text.split(" "):
        if lines[-1] and len(lines[-1]) + 1 + len(word) > width:
            lines.append("")
        lines[-1] += f" {word}" if lines[-1] else word
    return "\n".join(lines)


async def make_page(folder: Path) -> str:
    """The page; `folder` is for what is needed on the way."""
    certificates = Certificates.make()
    sections: list[str] = []
    for number, failure in enumerate(FAILURES):
        place = folder / str(number)
        place.mkdir()
        with pytest.MonkeyPatch.context() as monkeypatch:
            async with stage(certificates, place, monkeypatch) as on:
                message = await message_of(failure, on)
        text = f"```text\n{wrapped(message, _MESSAGE_WIDTH)}\n```"
        why, remedy = wrapped(f"**Why.** {failure.why}"), wrapped(f"**What to do.** {failure.remedy}")
        sections.append(f"## {failure.title}\n\n{text}\n\n{why}\n\n{remedy}\n")
    return _INTRODUCTION + "\n".join(sections)


def main() -> None:
    """Write the page."""
    with tempfile.TemporaryDirectory() as folder:
        PAGE.write_text(trio.run(make_page, Path(folder)), "utf-8")
    sys.stdout.write(f"{PAGE}: {len(FAILURES)} failures\n")


if __name__ == "__main__":
    main()
