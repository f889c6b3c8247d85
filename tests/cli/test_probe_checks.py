from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from support.authority import Authority
from trio_secure import ConnectionInfo
from trio_secure_cli._probe_checks import checks
from trio_secure_cli._probe_options import DemandOptions
from trio_secure_cli._probe_scan import NOTHING_ASKED, Answer, Scans

NOW = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)
ROOT = Authority.make()
LEAF = ROOT.issue("h.example", not_after=NOW + 30 * DAY).certificate_der
INFO = ConnectionInfo(
    version=0x0303,
    cipher_suite="TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    group="x25519",
    signature_scheme=None,
    alpn=None,
    server_name="h.example",
    peer_certificates=(LEAF,),
    verified_chain=(LEAF, ROOT.certificate_der),
    anchor_resource="ca9.der",
    extended_master_secret=True,
)


def verdict(
    demand: DemandOptions, scans: Scans = NOTHING_ASKED, **changes: Any
) -> list[tuple[str, bool, str]]:
    found = checks(demand, dataclasses.replace(INFO, **changes), scans, NOW)
    return [(one.name, one.passed, one.text) for one in found]


def scanned(*accepted: bool | None) -> Scans:
    names = ("TLS 1.3", "TLS 1.2", "TLS 1.1", "TLS 1.0")
    return Scans(tuple(Answer(name, one) for name, one in zip(names, accepted, strict=True)))


def test_without_demands_or_a_connection_there_is_nothing_to_judge() -> None:
    assert verdict(DemandOptions()) == []
    assert checks(DemandOptions(1, 0x0304, "ca0.der"), None, NOTHING_ASKED, NOW) == ()


@pytest.mark.parametrize(("days", "passed"), [(0, True), (29, True), (30, False), (365, False)])
def test_no_certificate_may_expire_within_so_many_days(days: int, passed: bool) -> None:
    ((name, found, text),) = verdict(DemandOptions(expires_within=days))
    assert (name, found) == ("expires-within", passed)
    assert text.startswith("CN=h.example expires on ")
    assert text.endswith(" UTC, in 30 days")


def test_an_intermediate_counts_and_an_anchor_does_not() -> None:
    early = ROOT.intermediate(not_after=NOW + 5 * DAY)
    old = Authority.make(name="Old", not_after=NOW + DAY)
    chain = (LEAF, early.certificate_der, old.certificate_der)
    ((_, passed, text),) = verdict(DemandOptions(expires_within=7), verified_chain=chain)
    assert not passed
    assert "Intermediate" in text
    assert verdict(DemandOptions(expires_within=3), verified_chain=chain)[0][1]


def test_a_pinned_or_unverified_certificate_counts() -> None:
    for chain in ((LEAF,), ()):
        assert verdict(DemandOptions(expires_within=29), verified_chain=chain)[0][1]
        assert not verdict(DemandOptions(expires_within=31), verified_chain=chain)[0][1]


def test_a_certificate_that_cannot_be_read_is_no_good_one() -> None:
    (found,) = verdict(DemandOptions(expires_within=1), verified_chain=(), peer_certificates=(b"junk",))
    assert found == ("expires-within", False, "the server's certificate cannot be read")


def test_the_connection_has_a_version_at_least() -> None:
    assert verdict(DemandOptions(min_version=0x0303)) == [("min-version", True, "the connection has TLS 1.2")]
    assert not verdict(DemandOptions(min_version=0x0304))[0][1]


@pytest.mark.parametrize(
    ("accepted", "passed", "said"),
    [
        ((True, True, False, False), True, "the connection has TLS 1.2"),
        ((True, True, True, False), False, "; the server accepts TLS 1.1 too"),
        ((True, True, True, True), False, "; the server accepts TLS 1.1, TLS 1.0 too"),
        ((True, True, False, None), False, "; of TLS 1.0 nothing is known"),
    ],
)
def test_with_a_scan_nothing_below_may_be_accepted(
    accepted: tuple[bool | None, ...], passed: bool, said: str
) -> None:
    ((_, found, text),) = verdict(DemandOptions(min_version=0x0303), scanned(*accepted))
    assert found is passed
    assert text.endswith(said)


def test_the_path_leads_to_the_anchor_that_was_named() -> None:
    assert verdict(DemandOptions(anchor="ca9.der")) == [("anchor", True, "the path leads to ca9.der")]
    assert verdict(DemandOptions(anchor="ca8.der"))[0][1] is False
    (found,) = verdict(DemandOptions(anchor="ca9.der"), anchor_resource=None)
    assert found == ("anchor", False, "the path leads to a certificate given with --ca")
