from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID

from support.authority import Authority
from trio_secure import ConnectionInfo, TraceEvent
from trio_secure_report import CertificateView, ConnectionWarning, warnings_about
from trio_secure_report._warnings import chain_warnings, time_left

NOW = datetime.now(UTC).replace(microsecond=0)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
ROOT = Authority.make()
_OCSP = x509.AuthorityInformationAccess(
    [
        x509.AccessDescription(
            AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier("http://o.example")
        )
    ]
)


def info(leaf: bytes | None = None, **changes: Any) -> ConnectionInfo:
    """A connection that nothing is to be said about, with some things changed."""
    der = leaf or ROOT.issue("h.example").certificate_der
    good = ConnectionInfo(
        version=0x0304,
        cipher_suite="TLS_AES_128_GCM_SHA256",
        group="X25519MLKEM768",
        signature_scheme="ecdsa_secp256r1_sha256",
        alpn=None,
        server_name="h.example",
        peer_certificates=(der,),
        verified_chain=(der, ROOT.certificate_der),
        anchor_resource="ca9.der",
        extended_master_secret=True,
    )
    return dataclasses.replace(good, **changes)


def kinds(found: tuple[ConnectionWarning, ...]) -> list[tuple[str, str]]:
    return [(one.kind, one.level) for one in found]


def test_about_a_good_connection_nothing_is_said() -> None:
    assert warnings_about(info(), NOW) == ()


@pytest.mark.parametrize(
    ("changes", "kind", "level"),
    [
        ({"verified_chain": ()}, "unverified", "warning"),
        ({"version": 0x0301}, "old_version", "warning"),
        ({"cipher_suite": "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA"}, "cbc", "warning"),
        ({"cipher_suite": "TLS_RSA_WITH_AES_128_GCM_SHA256"}, "no_forward_secrecy", "warning"),
        ({"group": "dhe1024"}, "weak_group", "warning"),
        ({"version": 0x0303, "extended_master_secret": False}, "no_extended_master_secret", "warning"),
        ({"group": "x25519"}, "not_post_quantum", "note"),
        ({"group": None}, "not_post_quantum", "note"),
    ],
)
def test_what_had_better_be_different_is_said(changes: dict[str, Any], kind: str, level: str) -> None:
    assert (kind, level) in kinds(warnings_about(info(**changes), NOW))


def test_a_named_group_of_good_size_is_no_weak_one() -> None:
    for group in ("ffdhe3072", "modp2048", "dhe2048"):
        assert "weak_group" not in [one.kind for one in warnings_about(info(group=group), NOW)]


def test_a_client_certificate_that_was_wanted_is_noted() -> None:
    asked = [TraceEvent(0, "received", "CertificateRequest", "")]
    assert kinds(warnings_about(info(), NOW, asked)) == [("client_certificate_wanted", "note")]
    assert warnings_about(info(client_certificates=(b"shown",)), NOW, asked) == ()
    assert warnings_about(info(), NOW, [TraceEvent(0, "received", "Certificate", "")]) == ()


def test_a_promised_staple_that_is_missing_is_a_warning() -> None:
    feature = x509.TLSFeature([x509.TLSFeatureType.status_request])
    leaf = ROOT.issue("h.example", extensions=[(feature, False), (_OCSP, False)]).certificate_der
    assert kinds(warnings_about(info(leaf), NOW)) == [("missing_staple", "warning")]
    assert warnings_about(info(leaf, ocsp_response=b"good"), NOW) == ()
    # A resumed session shows no staple: it was looked at before.
    assert warnings_about(info(leaf, resumed=True), NOW) == ()


def test_without_a_promise_it_is_a_note_if_there_is_somebody_to_ask() -> None:
    leaf = ROOT.issue("h.example", extensions=[(_OCSP, False)]).certificate_der
    assert kinds(warnings_about(info(leaf), NOW)) == [("missing_staple", "note")]


@pytest.mark.parametrize(
    ("lived", "left", "said"),
    [
        (80 * DAY, 20 * DAY, None),
        (80 * DAY, 10 * DAY, "expires in 10 days"),
        (80 * DAY, 30 * HOUR, "expires in 30 hours"),
        (80 * DAY, HOUR, "expires in less than two hours"),
        (4 * DAY, 3 * DAY, None),
        (5 * DAY, 2 * DAY, "expires in 2 days"),
        (80 * DAY, -DAY, "has expired"),
        (-DAY, 9 * DAY, "is not valid before"),
    ],
)
def test_a_certificate_that_ends_soon_for_its_age_is_pointed_out(
    lived: timedelta, left: timedelta, said: str | None
) -> None:
    leaf = ROOT.issue("h.example", not_before=NOW - lived, not_after=NOW + left)
    found = list(chain_warnings([CertificateView.of(leaf.certificate_der)], NOW))
    assert [said in one.text for one in found if said] == ([True] if said else [])
    assert len(found) == (said is not None)


def test_weak_keys_and_signatures_are_pointed_out_by_place() -> None:
    good = CertificateView.of(ROOT.issue("h.example").certificate_der)
    weak = dataclasses.replace(good, is_rsa=True, key_bits=1024, signature="SHA1")
    found = list(chain_warnings([good, weak], NOW))
    assert [one.kind for one in found] == ["weak_key", "weak_signature"]
    assert all(one.text.startswith("Certificate 2 of the chain ") for one in found)


def test_what_signs_an_anchor_is_of_no_consequence() -> None:
    root = dataclasses.replace(CertificateView.of(ROOT.certificate_der), signature="SHA1")
    assert list(chain_warnings([root], NOW)) == []


def test_of_what_cannot_be_read_nothing_is_said() -> None:
    assert list(chain_warnings([CertificateView.of(b"junk")], NOW)) == []


def test_what_is_left_is_told_as_people_do() -> None:
    assert [time_left(left) for left in (9 * DAY, 47 * HOUR, HOUR)] == [
        "9 days",
        "47 hours",
        "less than two hours",
    ]
