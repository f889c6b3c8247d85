"""What a probe found out, and the same as JSON.

Theory of operation: the document has every key in every case, null where there is nothing to say, so programs need
not ask whether a key is there. docs/probe.md describes it, and a test compares the two. Within a schema's number
keys may be added, and none is removed or means something else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from trio_secure import ConnectionInfo
from trio_secure_report import CertificateView, ConnectionWarning

from ._exit_codes import ExitCode
from ._probe_checks import Check
from ._probe_options import ProbeOptions
from ._probe_scan import NOTHING_ASKED, Answers, Scans
from ._report import Problem
from ._text import version_name

SCHEMA = 1


@dataclass(frozen=True)
class ProbeResult:
    """What was found out.

    Attributes:
        options: what was asked.
        address: the address that answered, if it is known.
        took: seconds to connect and shake hands; None if that failed.
        info: the connection; None if there was none.
        warnings: what is worth saying about it.
        scans: what else the server accepts.
        checks: whether it is what it has to be.
        problem: why there was no connection.
    """

    options: ProbeOptions
    address: str | None = None
    took: float | None = None
    info: ConnectionInfo | None = None
    warnings: tuple[ConnectionWarning, ...] = ()
    scans: Scans = NOTHING_ASKED
    checks: tuple[Check, ...] = ()
    problem: Problem | None = None

    @property
    def exit_code(self) -> ExitCode:
        """What the command ends with."""
        if self.problem is not None:
            return self.problem.code
        return ExitCode.OK if all(check.passed for check in self.checks) else ExitCode.UNFIT


def for_programs(result: ProbeResult) -> dict[str, object]:
    """The document that `--json` prints."""
    options, info = result.options, result.info
    return {
        "schema": SCHEMA,
        "host": options.host,
        "port": options.port,
        "starttls": options.starttls,
        "address": result.address,
        "seconds": result.took,
        "connection": None if info is None else _connection(info),
        "certificates": None if info is None else [_certificate(der) for der in info.peer_certificates],
        "path": None if info is None else [_certificate(der) for der in info.verified_chain],
        "anchor": None if info is None else info.anchor_resource,
        "warnings": [{"kind": one.kind, "level": one.level, "text": one.text} for one in result.warnings],
        "versions": _answers(result.scans.versions),
        "suites": _by_version(result.scans.suites),
        "groups": _answers(result.scans.groups),
        "signatures": _answers(result.scans.signatures),
        "checks": [{"name": one.name, "passed": one.passed, "text": one.text} for one in result.checks],
        "error": None if result.problem is None else _error(result.problem),
        "exit_code": int(result.exit_code),
    }


def _connection(info: ConnectionInfo) -> dict[str, object]:
    return {
        "version": version_name(info.version),
        "cipher_suite": info.cipher_suite,
        "group": info.group,
        "signature_scheme": info.signature_scheme,
        "alpn": info.alpn,
        "server_name": info.server_name,
        "verified": bool(info.verified_chain),
        "stapled": info.ocsp_response is not None,
        "extended_master_secret": info.extended_master_secret,
    }


def _certificate(der: bytes) -> dict[str, object]:
    view = CertificateView.of(der)
    return {
        "subject": view.subject,
        "issuer": view.issuer,
        "names": list(view.names),
        "not_before": None if view.not_before is None else view.not_before.isoformat(),
        "not_after": None if view.not_after is None else view.not_after.isoformat(),
        "key": view.key,
        "signature": view.signature,
        "sha256": view.sha256,
        "problem": view.problem,
    }


def _answers(answers: Answers | None) -> list[dict[str, object]] | None:
    if answers is None:
        return None
    return [{"name": one.name, "accepted": one.accepted, "detail": one.detail} for one in answers]


def _by_version(suites: Mapping[str, Answers] | None) -> dict[str, object] | None:
    return None if suites is None else {version: _answers(answers) for version, answers in suites.items()}


def _error(problem: Problem) -> dict[str, object]:
    return {"code": problem.code.name.lower(), "message": problem.message, "hint": problem.hint}
