from __future__ import annotations

import json
from typing import Any

import pytest

from support.authority import Authority
from trio_secure import ConnectionInfo
from trio_secure_cli import ExitCode
from trio_secure_cli._options import ConnectionOptions
from trio_secure_cli._probe_checks import Check
from trio_secure_cli._probe_options import ProbeOptions
from trio_secure_cli._probe_result import ProbeResult, for_programs
from trio_secure_cli._probe_scan import Answer, Scans
from trio_secure_cli._report import Problem
from trio_secure_report import ConnectionWarning

OPTIONS = ProbeOptions(ConnectionOptions(), "h.example", 25, "smtp")
LEAF = Authority.make().issue("h.example").certificate_der
ANSWERS = (Answer("one", True, "x"), Answer("two", None))
INFO = ConnectionInfo(
    version=0x0304,
    cipher_suite="TLS_AES_128_GCM_SHA256",
    group="x25519",
    signature_scheme="ed25519",
    alpn="h2",
    server_name="h.example",
    peer_certificates=(LEAF, b"junk"),
    verified_chain=(),
    anchor_resource=None,
    extended_master_secret=True,
)


def document(result: ProbeResult) -> dict[str, Any]:
    return dict(json.loads(json.dumps(for_programs(result))))


def test_everything_has_its_key() -> None:
    found = document(
        ProbeResult(
            OPTIONS,
            "192.0.2.1 port 25",
            0.5,
            INFO,
            (ConnectionWarning("cbc", "warning", "Text."),),
            Scans(ANSWERS, {"TLS 1.3": ANSWERS}, ANSWERS, ANSWERS),
            (Check("anchor", False, "found"),),
        )
    )
    answers = [
        {"name": "one", "accepted": True, "detail": "x"},
        {"name": "two", "accepted": None, "detail": ""},
    ]
    good, bad = found.pop("certificates")
    assert (good["subject"], good["names"], good["problem"]) == ("CN=h.example", ["h.example"], None)
    assert good["not_after"].endswith("+00:00")
    assert bad["problem"]
    assert bad["not_after"] is None
    assert found == {
        "schema": 1,
        "host": "h.example",
        "port": 25,
        "starttls": "smtp",
        "address": "192.0.2.1 port 25",
        "seconds": 0.5,
        "connection": {
            "version": "TLS 1.3",
            "cipher_suite": "TLS_AES_128_GCM_SHA256",
            "group": "x25519",
            "signature_scheme": "ed25519",
            "alpn": "h2",
            "server_name": "h.example",
            "verified": False,
            "stapled": False,
            "extended_master_secret": True,
        },
        "path": [],
        "anchor": None,
        "warnings": [{"kind": "cbc", "level": "warning", "text": "Text."}],
        "versions": answers,
        "suites": {"TLS 1.3": answers},
        "groups": answers,
        "signatures": answers,
        "checks": [{"name": "anchor", "passed": False, "text": "found"}],
        "error": None,
        "exit_code": 11,
    }


def test_what_is_not_there_is_null_and_has_its_key_all_the_same() -> None:
    full = document(ProbeResult(OPTIONS, info=INFO))
    failed = document(ProbeResult(OPTIONS, problem=Problem(ExitCode.NETWORK, "gone", "look")))
    assert list(failed) == list(full)
    assert failed["error"] == {"code": "network", "message": "gone", "hint": "look"}
    for key in ("connection", "certificates", "path", "anchor", "versions", "suites", "groups", "signatures"):
        assert failed[key] is None


@pytest.mark.parametrize(
    ("passed", "problem", "code"),
    [
        ((), None, ExitCode.OK),
        ((True,), None, ExitCode.OK),
        ((True, False), None, ExitCode.UNFIT),
        ((), Problem(ExitCode.TLS, "no"), ExitCode.TLS),
    ],
)
def test_the_exit_code_follows(passed: tuple[bool, ...], problem: Problem | None, code: ExitCode) -> None:
    checks = tuple(Check("x", one, "") for one in passed)
    assert ProbeResult(OPTIONS, checks=checks, problem=problem).exit_code is code
