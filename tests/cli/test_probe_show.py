from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509

from support.authority import Authority, KeyKind
from support.terminal import FakeTerminal
from trio_secure import ConnectionInfo
from trio_secure_cli._options import ConnectionOptions
from trio_secure_cli._probe_checks import Check
from trio_secure_cli._probe_options import ProbeOptions
from trio_secure_cli._probe_result import ProbeResult
from trio_secure_cli._probe_scan import Answer, Scans
from trio_secure_cli._probe_show import describe_certificate, show
from trio_secure_report import ConnectionWarning

DAY = timedelta(days=1)
ROOT = Authority.make(name="Show CA")
LEAF = ROOT.issue("h.example").certificate_der
INFO = ConnectionInfo(
    version=0x0304,
    cipher_suite="TLS_AES_128_GCM_SHA256",
    group="x25519",
    signature_scheme="ed25519",
    alpn=None,
    server_name="h.example",
    peer_certificates=(LEAF,),
    verified_chain=(LEAF, ROOT.certificate_der),
    anchor_resource="ca9.der",
    extended_master_secret=True,
)
RESULT = ProbeResult(ProbeOptions(ConnectionOptions(), "h.example"), "192.0.2.1 port 443", 0.5, INFO)


def described(der: bytes) -> str:
    return "\n".join(describe_certificate(1, der))


def shown(result: ProbeResult, person: str = "") -> str:
    terminal = FakeTerminal(person=person)
    show(result, terminal)
    return terminal.printed.decode()


def test_a_connection_is_shown_in_lines() -> None:
    printed = shown(RESULT)
    assert printed.startswith("h.example port 443\n     address      192.0.2.1 port 443\n")
    assert "     took         500 ms to connect and shake hands\n" in printed
    assert printed.endswith("\nvouched for by ca9.der, CN=Show CA\n")


def test_who_vouches_is_said_in_every_case() -> None:
    for changes, said in (
        ({"anchor_resource": None}, "vouched for by --ca None, CN=Show CA"),
        ({"verified_chain": ()}, "vouched for by NOBODY"),
    ):
        assert said in shown(dataclasses.replace(RESULT, info=dataclasses.replace(INFO, **changes)))


def test_warnings_scans_and_checks_follow() -> None:
    answers = (Answer("one", True, "x"), Answer("two", False, "\x1b[2J"), Answer("three", None))
    result = dataclasses.replace(
        RESULT,
        warnings=(ConnectionWarning("expiring", "warning", "It ends."),),
        scans=Scans(answers, {"TLS 1.3": answers}, answers, answers),
        checks=(Check("anchor", True, "good"), Check("min-version", False, "bad")),
    )
    printed = shown(result)
    assert "\nwarning: It ends.\n" in printed
    assert (
        "\nversion  accepted  with\none      yes       x\ntwo      no        \\x1b[2J\nthree    unknown\n"
        in printed
    )
    assert "\nTLS 1.3 suite, as preferred  accepted  with\n" in printed
    assert "\ngroup  accepted  with\n" in printed
    assert "\nsignature scheme  accepted\n" in printed
    assert "\ndemanded     result  found\nanchor       passed  good\nmin-version  FAILED  bad\n" in printed


def test_on_a_terminal_answers_are_tables() -> None:
    result = dataclasses.replace(RESULT, scans=Scans((Answer("TLS 1.3", True, "x"),)))
    assert "─" in shown(result, person="o")


def test_without_a_connection_there_are_the_scans_alone() -> None:
    options = ProbeOptions(ConnectionOptions(), "h", 25, "smtp")
    result = ProbeResult(options, scans=Scans((Answer("TLS 1.0", True),)))
    assert shown(result) == ("h port 25, smtp with STARTTLS\n\nversion  accepted  with\nTLS 1.0  yes\n")


def test_without_a_time_or_an_address_they_are_left_out() -> None:
    printed = shown(dataclasses.replace(RESULT, took=None, address=None))
    assert "took" not in printed
    assert "address" not in printed


@pytest.mark.parametrize(
    ("start", "end", "shown"),
    [
        (-2 * DAY, -DAY, "EXPIRED"),
        (DAY, 2 * DAY, "NOT YET VALID"),
        (-DAY, DAY, "LESS THAN TWO DAYS LEFT"),
        (-DAY, 10 * DAY, "9 days left"),
    ],
)
def test_dates_that_matter_are_pointed_out(start: timedelta, end: timedelta, shown: str) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    leaf = Authority.make().issue("h.example", not_before=now + start, not_after=now + end)
    assert shown in described(leaf.certificate_der)


@pytest.mark.parametrize(
    ("kind", "shown"),
    [("rsa", "RSA, 2048 bits"), ("p384", "EC, secp384r1"), ("ed25519", "Ed25519"), ("dsa", "DSA")],
)
def test_keys_are_described(kind: KeyKind, shown: str) -> None:
    assert f"key          {shown}" in described(Authority.make().issue("h.example", key=kind).certificate_der)


def test_of_many_names_the_first_are_shown() -> None:
    leaf = Authority.make().issue(*(f"h{number}.example" for number in range(20)))
    assert "h6.example, h7.example and 12 more\n" in described(leaf.certificate_der)


def test_names_cannot_move_the_cursor() -> None:
    authority = Authority.make(name="\x1b[2J\u202e")
    text = described(authority.issue("h.example", common="a\nb").certificate_der)
    assert r"\x1b[2J\u202e" in text
    assert len(text.splitlines()) == 5


def test_a_certificate_without_names_says_so() -> None:
    authority = Authority.make(name=x509.Name([]))
    text = described(authority.certificate_der)
    assert "subject      (empty)\n     issuer       (empty)" in text
    assert "names" not in text


def test_a_certificate_that_cannot_be_read_is_said_to_be_one() -> None:
    assert described(b"\x30\x80garbage").startswith("  1  unreadable, 9 bytes: ")
