from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from support.authority import CLIENT_AUTH, DAY, Authority, KeyKind, Leaf
from trio_certs import CertificateError, Reason
from trio_certs._certificate import CertificateFacts
from trio_certs._chain import Chain
from trio_certs._leaf import KeyUsage, check_dates, check_key, check_leaf, key_usages, must_staple
from trio_certs._server_name import ServerName, SubjectNames

ROOT = Authority.make()
NOW = datetime.now(UTC)
HOST = ServerName.parse("h.test")
SERVER_KEYS = frozenset({"RSA", "P-256"})


def facts(leaf: Leaf) -> CertificateFacts:
    return CertificateFacts.parse(leaf.certificate_der)


def sent(leaf: Leaf) -> Chain:
    return Chain.parse(leaf.chain_ders)


def refused(leaf: Leaf, usage: KeyUsage = "digital_signature") -> CertificateError:
    with pytest.raises(CertificateError) as info:
        check_leaf(sent(leaf), HOST, usage, NOW)
    return info.value


def raw(oid: str, value: bytes) -> x509.UnrecognizedExtension:
    return x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), value)


def test_a_good_leaf_passes_and_yields_its_names() -> None:
    assert check_leaf(sent(ROOT.issue("h.test", "i.test")), HOST, "digital_signature", NOW) == SubjectNames(
        ("h.test", "i.test")
    )


def test_absent_usages_allow_everything() -> None:
    check_leaf(sent(ROOT.issue("h.test", ku=None, eku=None)), HOST, "digital_signature", NOW)


def test_the_usage_asked_for_is_the_one_checked() -> None:
    sign_only, decrypt_only = ROOT.issue("h.test"), ROOT.issue("h.test", ku=["key_encipherment"])
    check_leaf(sent(decrypt_only), HOST, "key_encipherment", NOW)
    error = refused(decrypt_only)
    assert error.reason is Reason.WRONG_PURPOSE
    assert "keyUsage lacks digital_signature" in str(error)
    assert "keyUsage lacks key_encipherment" in str(refused(sign_only, "key_encipherment"))


def test_an_empty_key_usage_allows_nothing() -> None:
    leaf = ROOT.issue("h.test", ku=None, extensions=[(raw("2.5.29.15", b"\x03\x01\x00"), True)])
    assert refused(leaf).reason is Reason.WRONG_PURPOSE


@pytest.mark.parametrize("eku", [CLIENT_AUTH, [ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE]])
def test_a_leaf_for_other_purposes_is_refused(eku: list[x509.ObjectIdentifier]) -> None:
    error = refused(ROOT.issue("h.test", eku=eku))
    assert error.reason is Reason.WRONG_PURPOSE
    assert "lacks serverAuth" in str(error)


def test_a_leaf_for_other_names_is_refused_and_shows_them() -> None:
    error = refused(ROOT.issue("other.test", common="h.test"))
    assert error.reason is Reason.WRONG_NAME
    assert "not valid for h.test: its subjectAltName has other.test." in str(error)


def test_the_common_name_counts_for_nothing() -> None:
    assert "has no DNS name or IP address at all" in str(refused(ROOT.issue(common="h.test")))


def test_the_ends_of_the_validity_belong_to_it() -> None:
    start = NOW.replace(microsecond=0)
    certificate = facts(ROOT.issue("h.test", not_before=start, not_after=start + DAY))
    check_dates(certificate, start)
    check_dates(certificate, start + DAY + timedelta(microseconds=999_999))
    with pytest.raises(CertificateError) as early:
        check_dates(certificate, start - timedelta(microseconds=1))
    with pytest.raises(CertificateError) as late:
        check_dates(certificate, start + DAY + timedelta(seconds=1))
    assert early.value.reason is Reason.NOT_YET_VALID
    assert "this machine's clock says" in str(early.value)
    assert late.value.reason is Reason.EXPIRED
    assert f"expired on {start + DAY:%Y-%m-%d %H:%M:%S} UTC" in str(late.value)


@pytest.mark.parametrize(("years", "reason"), [(-30, Reason.NOT_YET_VALID), (30, Reason.EXPIRED)])
def test_where_all_dates_fail_alike_it_is_probably_the_clock(years: int, reason: Reason) -> None:
    chain, now = sent(ROOT.issue("h.test", intermediate=True)), NOW + years * 365 * DAY
    with pytest.raises(CertificateError, match="is this machine's clock set") as info:
        check_leaf(chain, HOST, "digital_signature", now)
    assert info.value.reason is reason
    assert info.value.certificate == chain.leaf


def test_where_one_date_alone_fails_it_is_probably_the_certificate() -> None:
    for leaf in (
        ROOT.intermediate().issue("h.test", not_after=NOW - DAY),
        ROOT.intermediate(not_before=NOW + DAY).issue("h.test", not_after=NOW - DAY),
        ROOT.issue("h.test", not_after=NOW - DAY),
    ):
        assert "clock set" not in str(refused(leaf))
        assert "renewed by whoever runs the server" in str(refused(leaf))


def test_key_usages_may_be_asked_for() -> None:
    assert key_usages(facts(ROOT.issue("h.test"))) == 0x80
    assert key_usages(facts(ROOT.issue("h.test", ku=None))) is None


def test_an_expired_leaf_is_refused_before_anything_else() -> None:
    assert refused(ROOT.issue("other.test", not_after=NOW - DAY)).reason is Reason.EXPIRED


@pytest.mark.parametrize(
    ("oid", "value"),
    [
        ("2.5.29.15", b"\x03\x00"),
        ("2.5.29.15", b"\x03\x02\x07\x80\x00"),
        ("2.5.29.37", b"\x30\x02\x02\x00"),
        ("2.5.29.17", b"\x30\x05\x82"),
        ("1.3.6.1.5.5.7.1.24", b"\x30\x03\x02\x01\x05\x00"),
        ("1.3.6.1.5.5.7.1.24", b"\x30\x02\x05\x00"),
    ],
)
def test_malformed_extensions_are_refused(oid: str, value: bytes) -> None:
    error = refused(ROOT.issue("h.test", ku=None, eku=None, extensions=[(raw(oid, value), False)]))
    assert error.reason is Reason.MALFORMED
    assert str(error).startswith("Certificate 1 of the server's chain is malformed: ")


@pytest.mark.parametrize(
    ("features", "promised"),
    [
        ([x509.TLSFeatureType.status_request], True),
        ([x509.TLSFeatureType.status_request_v2, x509.TLSFeatureType.status_request], True),
        ([x509.TLSFeatureType.status_request_v2], False),
        (None, False),
    ],
)
def test_a_leaf_may_promise_staples(features: list[x509.TLSFeatureType] | None, promised: bool) -> None:
    extensions = [] if features is None else [(x509.TLSFeature(features), False)]
    leaf = ROOT.issue("h.test", extensions=extensions)
    check_leaf(sent(leaf), HOST, "digital_signature", NOW)
    assert must_staple(facts(leaf)) is promised


def test_a_key_of_an_accepted_kind_passes() -> None:
    check_key(facts(ROOT.issue("h.test", key="p256")), SERVER_KEYS)
    check_key(facts(ROOT.issue("h.test", key="rsa2048")), SERVER_KEYS)


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("ed25519", "The server's key is Ed25519; accepted are P-256, RSA."),
        ("secp256k1", "The server's key is of an unknown kind; accepted are P-256, RSA."),
        ("dsa", "The server's key is of an unknown kind"),
        ("rsa1024", "The server's RSA key has 1024 bits; at least 2048 are needed."),
    ],
)
def test_other_keys_are_refused(key: KeyKind, message: str) -> None:
    with pytest.raises(CertificateError, match=message) as info:
        check_key(facts(ROOT.issue("h.test", key=key)), SERVER_KEYS)
    assert info.value.reason is Reason.WEAK_KEY
