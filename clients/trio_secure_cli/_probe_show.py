"""What a probe found out, for people.

Theory of operation: facts as aligned lines, answers as tables. What stands in the certificates was written by
strangers, and is escaped; a certificate that cannot be read (possible with `--insecure`) is said to be one.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from trio_secure import ConnectionInfo
from trio_secure_report import CertificateView

from ._certs_table import print_table
from ._probe_options import ProbeOptions
from ._probe_result import ProbeResult
from ._probe_scan import Answers
from ._terminal import Terminal
from ._text import printable, seconds, version_name

_NAMES_SHOWN = 8


def show(result: ProbeResult, terminal: Terminal) -> None:
    """Print it.

    Raises:
        CommandError: standard output cannot be written.
    """
    for line in _lines(result):
        terminal.print(line)
    _show_scans(result, terminal)
    if result.checks:
        terminal.print("")
        rows = [(check.name, "passed" if check.passed else "FAILED", check.text) for check in result.checks]
        print_table(terminal, ("demanded", "result", "found"), rows)


def _lines(result: ProbeResult) -> Iterator[str]:
    options, info = result.options, result.info
    yield options.subject + (f", {options.starttls} with STARTTLS" if options.starttls else "")
    if info is None:
        return
    took = None if result.took is None else f"{seconds(result.took)} to connect and shake hands"
    yield from _aligned(
        {
            "address": result.address,
            "version": version_name(info.version),
            "cipher suite": info.cipher_suite,
            "group": info.group,
            "signature": info.signature_scheme,
            "ALPN": info.alpn or "none",
            "server name": info.server_name,
            "took": took,
        }
    )
    yield ""
    yield "certificates, as the server sent them"
    for number, der in enumerate(info.peer_certificates, 1):
        yield from describe_certificate(number, der)
    yield ""
    yield f"vouched for by {_anchor(info, options)}"
    if result.warnings:
        yield ""
    for one in result.warnings:
        yield f"{one.level}: {printable(one.text)}"


def describe_certificate(number: int, der: bytes) -> Iterator[str]:
    """A certificate in a few lines, with its number in the chain."""
    view = CertificateView.of(der)
    if view.not_before is None or view.not_after is None:
        yield f"  {number}  unreadable, {len(der)} bytes: {printable(str(view.problem), cap=200)}"
        return
    lines = list(
        _aligned(
            {
                "subject": view.subject,
                "names": _names(view),
                "issuer": view.issuer,
                "valid": _validity(view.not_before, view.not_after),
                "key": view.key,
            }
        )
    )
    yield f"  {number}{lines[0][3:]}"
    yield from lines[1:]


def _aligned(facts: dict[str, str | None]) -> Iterator[str]:
    for label, value in facts.items():
        if value:
            yield f"     {label:<13}{printable(value, cap=500)}"


def _names(view: CertificateView) -> str | None:
    count = len(view.names) + view.more_names
    more = f" and {count - _NAMES_SHOWN} more" if count > _NAMES_SHOWN else ""
    return ", ".join(view.names[:_NAMES_SHOWN]) + more or None


def _validity(start: datetime, end: datetime) -> str:
    now = datetime.now(UTC)
    span = f"{start:%Y-%m-%d} to {end:%Y-%m-%d}"
    if now < start:
        return f"{span}, NOT YET VALID"
    if now > end:
        return f"{span}, EXPIRED"
    days = (end - now).days
    return f"{span}, {days} days left" if days > 1 else f"{span}, LESS THAN TWO DAYS LEFT"


def _anchor(info: ConnectionInfo, options: ProbeOptions) -> str:
    if not info.verified_chain:
        return "NOBODY: --insecure, the certificate was not checked"
    subject = CertificateView.of(info.verified_chain[-1]).subject
    if info.anchor_resource is not None:
        return f"{info.anchor_resource}, {printable(subject)}"
    return f"--ca {options.connection.ca}, {printable(subject)}"


def _show_scans(result: ProbeResult, terminal: Terminal) -> None:
    scans = result.scans
    _table(terminal, "version", "with", scans.versions)
    for version, answers in (scans.suites or {}).items():
        _table(terminal, f"{version} suite, as preferred", "with", answers)
    _table(terminal, "group", "with", scans.groups)
    _table(terminal, "signature scheme", "", scans.signatures)


def _table(terminal: Terminal, heading: str, detail: str, answers: Answers | None) -> None:
    if answers is None:
        return
    said = {True: "yes", False: "no", None: "unknown"}
    rows = [(one.name, said[one.accepted], one.detail) for one in answers]
    terminal.print("")
    print_table(terminal, (heading, "accepted", detail), rows)
