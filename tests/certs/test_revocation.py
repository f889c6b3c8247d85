from __future__ import annotations

import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509

from support.authority import Authority, KeyKind, Leaf, key_usage
from support.crl import HOUR, NOW, bare_list, issuing_point, raw, revocation_list
from trio_certs import CertificateError, Reason
from trio_certs._certificate import CertificateFacts
from trio_certs._crl import CRL, parse_crls
from trio_certs._revocation import SKEW, check_revocation, is_signed_by

ROOT = Authority.make(name="Root")
MIDDLE = ROOT.intermediate(name="Middle")
LEAF = MIDDLE.issue("h.test")
NAMESAKE = Authority.make(name="Middle")


def path(leaf: Leaf = LEAF, *above: Authority) -> list[CertificateFacts]:
    ders = [leaf.certificate_der, *[one.certificate_der for one in above or (MIDDLE, ROOT)]]
    return [CertificateFacts.parse(der) for der in ders]


def check(*ders: bytes, of: Sequence[CertificateFacts] | None = None) -> None:
    check_revocation([CRL.parse(der) for der in ders], of or path(), NOW)


def refused(*ders: bytes, of: Sequence[CertificateFacts] | None = None) -> CertificateError:
    with pytest.raises(CertificateError) as info:
        check(*ders, of=of)
    return info.value


def test_a_current_list_without_the_certificate_lets_it_pass() -> None:
    check()
    check(revocation_list(MIDDLE), revocation_list(ROOT))
    check(revocation_list(MIDDLE, MIDDLE.issue("other.test")))


def test_a_revoked_leaf_is_refused() -> None:
    error = refused(revocation_list(MIDDLE, LEAF))
    assert error.reason is Reason.REVOKED
    assert error.certificate is not None
    assert error.certificate.der == LEAF.certificate_der
    assert f"was revoked on {NOW - HOUR:%Y-%m-%d %H:%M:%S} UTC by its issuer, CN=Middle" in str(error)


def test_a_revoked_intermediate_is_refused() -> None:
    error = refused(revocation_list(MIDDLE), revocation_list(ROOT, MIDDLE))
    assert error.reason is Reason.REVOKED
    assert error.certificate is not None
    assert error.certificate.der == MIDDLE.certificate_der


def test_a_list_of_another_issuer_says_nothing() -> None:
    other = Authority.make(name="Other")
    check(revocation_list(other, LEAF))
    check(revocation_list(ROOT, LEAF))


def test_a_list_about_other_certificates_says_nothing() -> None:
    check(revocation_list(MIDDLE, LEAF, extensions=[issuing_point(cas=True)]))
    assert (
        refused(revocation_list(MIDDLE, LEAF, extensions=[issuing_point(users=True)])).reason
        is Reason.REVOKED
    )


@pytest.mark.parametrize("revoked", [True, False])
def test_a_list_signed_by_somebody_else_does_not_count(revoked: bool) -> None:
    forged = revocation_list(MIDDLE, *([LEAF] if revoked else []), by=NAMESAKE)
    error = refused(forged)
    assert error.reason is Reason.BAD_CRL
    assert "it is not signed by the key of CN=Middle" in str(error)
    assert "Give its current list" in str(error)


def test_a_namesakes_list_beside_the_issuers_own_is_passed_over() -> None:
    check(revocation_list(NAMESAKE, LEAF), revocation_list(MIDDLE))
    assert refused(revocation_list(NAMESAKE), revocation_list(MIDDLE, LEAF)).reason is Reason.REVOKED


def test_an_issuer_that_may_not_sign_lists_is_not_believed() -> None:
    mute = ROOT.intermediate(name="Middle", extensions=[(key_usage("key_cert_sign"), True)])
    leaf = mute.issue("h.test")
    error = refused(revocation_list(mute), of=path(leaf, mute, ROOT))
    assert error.reason is Reason.BAD_CRL
    assert "keyUsage lacks cRLSign" in str(error)
    silent = ROOT.intermediate(name="Middle", omit=[x509.KeyUsage])
    check(revocation_list(silent), of=path(silent.issue("h.test"), silent, ROOT))


def test_a_list_that_is_out_of_date_does_not_count() -> None:
    stale = revocation_list(MIDDLE, this_update=NOW - 2 * HOUR, next_update=NOW)
    early = revocation_list(MIDDLE, this_update=NOW + 2 * SKEW)
    for der in (stale, early):
        error = refused(der)
        assert error.reason is Reason.BAD_CRL
        assert "and this machine's clock says" in str(error)
    check(stale, revocation_list(MIDDLE))
    check(revocation_list(MIDDLE, this_update=NOW + SKEW))


def test_a_revocation_does_not_lapse_with_its_list() -> None:
    stale = revocation_list(MIDDLE, LEAF, this_update=NOW - 2 * HOUR, next_update=NOW - HOUR)
    assert refused(stale).reason is Reason.REVOKED
    # Unless a later list has taken it back, as it may with a certificate that was on hold.
    check(stale, revocation_list(MIDDLE))


def test_a_path_of_one_has_nobody_to_revoke_it() -> None:
    check(revocation_list(MIDDLE, LEAF), of=path()[:1])


def test_malformed_extensions_are_the_certificates_fault() -> None:
    leaf = MIDDLE.issue("h.test", extensions=[raw("2.5.29.31", b"\x30\x01\x30", critical=False)])
    error = refused(revocation_list(MIDDLE, extensions=[issuing_point(["http://a.test"])]), of=path(leaf))
    assert error.reason is Reason.MALFORMED
    assert error.certificate is not None
    assert error.certificate.der == leaf.certificate_der


@pytest.mark.parametrize("kind", ["p256", "p384", "p521", "rsa", "ed25519", "ed448"])
def test_every_kind_of_key_that_signs_certificates_signs_lists(kind: KeyKind) -> None:
    authority = Authority.make(kind)
    issuer = CertificateFacts.parse(authority.certificate_der)
    assert is_signed_by(CRL.parse(revocation_list(authority)), issuer)
    assert not is_signed_by(CRL.parse(bare_list(authority)), issuer)
    unknown = bytes.fromhex("300a06082a8648ce3d0401ff")[:10] + b"\x05\x00"
    assert not is_signed_by(CRL.parse(bare_list(authority, inner=unknown, outer=unknown)), issuer)


_CA_CONFIGURATION = """
[ca]
default_ca = it
[it]
database = {folder}/index.txt
crlnumber = {folder}/number
default_md = sha256
crl_extensions = more
[more]
authorityKeyIdentifier = keyid:always
{more}
"""


@pytest.mark.parametrize(
    "more", ["", "issuingDistributionPoint = critical, @point\n[point]\nonlyuser = TRUE"]
)
def test_a_list_that_openssl_makes_counts(tmp_path: Path, more: str) -> None:
    authority = Authority.make("rsa")
    gone, good = authority.issue("gone.test"), authority.issue("good.test")
    certificate = authority.write(tmp_path)
    _, key = Leaf(authority.certificate, authority.key).write(tmp_path)
    serial = f"{gone.certificate.serial_number:X}"
    serial = serial if len(serial) % 2 == 0 else "0" + serial
    (tmp_path / "index.txt").write_text(
        f"R\t491231235959Z\t260102030405Z,keyCompromise\t{serial}\tunknown\t/CN=gone.test\n"
    )
    (tmp_path / "number").write_text("01\n")
    (tmp_path / "ca.cnf").write_text(_CA_CONFIGURATION.format(folder=tmp_path, more=more))
    command: list[str | Path] = ["openssl", "ca", "-gencrl", "-crldays", "1", "-config", tmp_path / "ca.cnf"]
    command += ["-cert", certificate, "-keyfile", key]
    made = subprocess.run(command, check=True, capture_output=True)
    (crl,) = parse_crls(made.stdout)
    now = datetime.now(UTC)
    check_revocation([crl], path(good, authority), now)
    with pytest.raises(CertificateError) as info:
        check_revocation([crl], path(gone, authority), now)
    assert info.value.reason is Reason.REVOKED
    assert "was revoked on 2026-01-02 03:04:05 UTC" in str(info.value)
