from __future__ import annotations

import subprocess
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given
from hypothesis import strategies as st

from support.authority import Authority, Leaf, self_signed
from support.ocsp import (
    HOUR,
    NOW,
    SHA1,
    SHA256,
    SHA512,
    UNKNOWN,
    good,
    respond,
    revoked,
    status,
)
from support.properties import bounded
from trio_certs import CertificateError, Reason
from trio_certs._certificate import CertificateFacts
from trio_certs._ocsp import MAX_AGE_WITHOUT_NEXT_UPDATE, OCSP_POLICIES, SKEW, OCSPPolicy, check_staple

CA = Authority.make(name="CA")
NAMESAKE = Authority.make(name="CA")
MUST_STAPLE = (x509.TLSFeature([x509.TLSFeatureType.status_request]), False)
LEAF = CA.issue("h.test")
PROMISING = CA.issue("h.test", extensions=[MUST_STAPLE])
SECOND = timedelta(seconds=1)


def check(
    response: bytes | None,
    *,
    policy: OCSPPolicy = "if_present",
    leaf: Leaf = LEAF,
    issuer: Authority | None = CA,
    now: datetime = NOW,
) -> Literal["good"] | None:
    path = [leaf.certificate_der] if issuer is None else [leaf.certificate_der, issuer.certificate_der]
    return check_staple(policy, [CertificateFacts.parse(der) for der in path], response, now)


def refused(
    response: bytes | None,
    reason: Reason,
    match: str,
    *,
    policy: OCSPPolicy = "if_present",
    leaf: Leaf = LEAF,
    issuer: Authority | None = CA,
    now: datetime = NOW,
) -> None:
    with pytest.raises(CertificateError, match=match) as caught:
        check(response, policy=policy, leaf=leaf, issuer=issuer, now=now)
    assert caught.value.reason is reason
    assert caught.value.certificate is not None
    assert caught.value.certificate.der == leaf.certificate_der


class TestPolicies:
    @pytest.mark.parametrize("policy", ["if_present", "require"])
    @pytest.mark.parametrize("leaf", [LEAF, PROMISING])
    def test_a_good_response_is_good(self, policy: OCSPPolicy, leaf: Leaf) -> None:
        assert check(good(leaf, CA), policy=policy, leaf=leaf) == "good"

    @pytest.mark.parametrize(
        "response", [None, b"", good(LEAF, CA), respond(status(LEAF, CA, revoked()), by=CA)]
    )
    def test_what_is_ignored_is_not_looked_at(self, response: bytes | None) -> None:
        assert check(response, policy="ignore") is None
        assert check(response, policy="ignore", leaf=PROMISING) is None

    def test_a_response_may_be_missing_unless_it_is_required(self) -> None:
        assert check(None) is None
        refused(None, Reason.NO_STAPLE, "and one is required", policy="require")

    @pytest.mark.parametrize("policy", ["if_present", "require"])
    def test_a_response_that_the_certificate_promises_may_not_be_missing(self, policy: OCSPPolicy) -> None:
        refused(None, Reason.NO_STAPLE, "and its certificate promises one", policy=policy, leaf=PROMISING)

    @pytest.mark.parametrize("policy", ["if_present", "require"])
    def test_a_bad_response_is_refused_whether_required_or_not(self, policy: OCSPPolicy) -> None:
        refused(b"", Reason.BAD_STAPLE, "is refused: the response is missing", policy=policy)

    @pytest.mark.parametrize("response", [None, b"", good(LEAF, CA)])
    def test_a_leaf_trusted_by_itself_has_no_issuer_to_ask(self, response: bytes | None) -> None:
        assert check(response, issuer=None) is None
        refused(response, Reason.NO_STAPLE, "trusted by itself", policy="require", issuer=None)

    def test_a_self_signed_leaf_is_its_own_issuer(self) -> None:
        leaf = self_signed("h.test", extensions=[MUST_STAPLE])
        issuer = Authority(leaf.certificate, leaf.key)
        assert check(good(leaf, issuer), leaf=leaf, issuer=None) == "good"
        refused(None, Reason.NO_STAPLE, "promises one", leaf=leaf, issuer=None)
        refused(b"\0", Reason.BAD_STAPLE, "is refused", leaf=leaf, issuer=None)


class TestWhatItIsAbout:
    @pytest.mark.parametrize("hash_oid", [SHA1, SHA256])
    def test_the_certificate_may_be_named_with_either_hash(self, hash_oid: bytes) -> None:
        assert check(respond(status(LEAF, CA, hash_oid=hash_oid), by=CA)) == "good"

    @pytest.mark.parametrize(
        "about",
        [
            status(LEAF, CA, serial=1),
            status(PROMISING, CA),
            status(LEAF, NAMESAKE),
            status(LEAF, CA, hash_oid=SHA512),
            status(Leaf(Authority.make(CA.key, name="Other").issue("h.test").certificate, LEAF.key), CA),
        ],
        ids=["another serial", "another certificate", "another key", "another hash", "another issuer"],
    )
    def test_another_certificate_is_not_this_one(self, about: bytes) -> None:
        refused(respond(about, by=CA), Reason.BAD_STAPLE, "it is not about this certificate")

    def test_nothing_is_not_this_one(self) -> None:
        refused(respond(by=CA), Reason.BAD_STAPLE, "it is not about this certificate")

    def test_of_several_the_one_that_is_about_this_certificate_counts(self) -> None:
        other = CA.issue("other.test")
        about_other = status(other, CA, revoked())
        assert check(respond(about_other, status(LEAF, CA), by=CA)) == "good"
        refused(
            respond(about_other, status(other, CA), by=CA), Reason.BAD_STAPLE, "not about this certificate"
        )

    def test_of_several_about_this_certificate_all_must_be_good(self) -> None:
        twice = status(LEAF, CA), status(LEAF, CA, hash_oid=SHA256)
        assert check(respond(*twice, by=CA)) == "good"
        stale = status(LEAF, CA, next_update=NOW - SECOND)
        refused(respond(*twice, stale, by=CA), Reason.BAD_STAPLE, "it counted until")
        refused(respond(*twice, status(LEAF, CA, UNKNOWN), by=CA), Reason.BAD_STAPLE, "does not know")
        for other in (stale, status(LEAF, CA, UNKNOWN)):
            refused(respond(other, status(LEAF, CA, revoked()), by=CA), Reason.REVOKED, "was revoked on")


class TestWhatItSays:
    def test_a_revoked_certificate_is_refused(self) -> None:
        der = respond(status(LEAF, CA, revoked(reason=1)), by=CA)
        when = f"{NOW - HOUR:%Y-%m-%d %H:%M:%S}"
        refused(
            der,
            Reason.REVOKED,
            rf"^The server's certificate was revoked on {when} UTC by its issuer, CN=CA\.",
        )

    def test_a_revocation_does_not_lapse(self) -> None:
        old = status(LEAF, CA, revoked(), this_update=NOW - 3 * HOUR, next_update=NOW - 2 * HOUR)
        refused(respond(old, by=CA), Reason.REVOKED, "was revoked on")

    def test_a_revocation_that_nobody_signed_is_a_bad_response(self) -> None:
        refused(
            respond(status(LEAF, CA, revoked()), by=NAMESAKE), Reason.BAD_STAPLE, "its signature is wrong"
        )

    def test_a_certificate_that_its_responder_does_not_know_is_refused(self) -> None:
        refused(
            respond(status(LEAF, CA, UNKNOWN), by=CA), Reason.BAD_STAPLE, "does not know this certificate"
        )

    def test_a_responder_that_failed_says_nothing(self) -> None:
        failed = ocsp.OCSPResponseBuilder.build_unsuccessful(ocsp.OCSPResponseStatus.TRY_LATER)
        refused(failed.public_bytes(Encoding.DER), Reason.BAD_STAPLE, "the responder failed: tryLater")

    def test_a_responder_may_be_appointed(self) -> None:
        responder = CA.issue(common="R", eku=[ExtendedKeyUsageOID.OCSP_SIGNING])
        sent = [responder.certificate]
        assert check(respond(status(LEAF, CA), by=responder, certificates=sent)) == "good"
        impostor = CA.issue(common="R")
        sent = [impostor.certificate]
        refused(
            respond(status(LEAF, CA), by=impostor, certificates=sent),
            Reason.BAD_STAPLE,
            "is not for signing OCSP responses",
        )


class TestTimes:
    def test_it_counts_from_this_update_to_next_update(self) -> None:
        der = good(LEAF, CA)
        for now in (NOW - HOUR, NOW, NOW + HOUR - SECOND):
            assert check(der, now=now) == "good"
        refused(der, Reason.BAD_STAPLE, r"it counted until .* and this machine's clock says", now=NOW + HOUR)

    def test_this_machines_clock_may_be_a_little_behind(self) -> None:
        der = good(LEAF, CA)
        assert check(der, now=NOW - HOUR - SKEW) == "good"
        refused(
            der, Reason.BAD_STAPLE, "it is from .* and this machine's clock", now=NOW - HOUR - SKEW - SECOND
        )

    def test_it_may_not_have_been_made_later_than_now(self) -> None:
        def made(at: datetime) -> bytes:
            return respond(status(LEAF, CA), by=CA, produced_at=at)

        assert check(made(NOW + SKEW)) == "good"
        refused(made(NOW + SKEW + SECOND), Reason.BAD_STAPLE, "it is from")

    def test_without_an_end_it_counts_for_a_day(self) -> None:
        def since(age: timedelta) -> bytes:
            return respond(status(LEAF, CA, this_update=NOW - age, next_update=None), by=CA)

        assert check(since(timedelta())) == "good"
        assert check(since(MAX_AGE_WITHOUT_NEXT_UPDATE - SECOND)) == "good"
        refused(since(MAX_AGE_WITHOUT_NEXT_UPDATE), Reason.BAD_STAPLE, "it counted until")

    def test_it_may_not_end_before_it_begins(self) -> None:
        backwards = status(LEAF, CA, this_update=NOW + 2 * SECOND, next_update=NOW + SECOND)
        refused(respond(backwards, by=CA), Reason.BAD_STAPLE, "it ends before it begins")


class TestOtherImplementations:
    @pytest.mark.parametrize("encoding", ocsp.OCSPResponderEncoding)
    @pytest.mark.parametrize(
        "algorithm",
        [hashes.SHA1(), hashes.SHA256()],  # noqa: S303 - it names the issuer
        ids=lambda each: each.name,
    )
    def test_what_cryptography_makes(
        self, encoding: ocsp.OCSPResponderEncoding, algorithm: hashes.HashAlgorithm
    ) -> None:
        made = (
            ocsp.OCSPResponseBuilder()
            .add_response(
                LEAF.certificate,
                CA.certificate,
                algorithm,
                ocsp.OCSPCertStatus.GOOD,
                NOW,
                NOW + HOUR,
                None,
                None,
            )
            .responder_id(encoding, CA.certificate)
            .sign(CA.key, hashes.SHA256())
        )
        assert check(made.public_bytes(Encoding.DER)) == "good"

    @pytest.mark.parametrize(
        "options", [[], ["-resp_key_id"], ["-rmd", "sha384"]], ids=lambda each: each[-1:]
    )
    def test_what_openssl_makes(self, tmp_path: Path, options: list[str]) -> None:
        openssl = OpenSSLResponder(tmp_path, CA)
        assert check(openssl.respond([LEAF], [], [*options, "-ndays", "1"])) == "good"
        assert check(openssl.respond([LEAF], [], options)) == "good"

    def test_what_openssl_makes_about_several(self, tmp_path: Path) -> None:
        openssl = OpenSSLResponder(tmp_path, CA)
        der = openssl.respond([PROMISING, LEAF], [PROMISING], [])
        assert check(der) == "good"
        refused(der, Reason.REVOKED, "was revoked on 2026-01-02 03:04:05 UTC", leaf=PROMISING)

    def test_what_openssl_makes_about_a_certificate_it_does_not_know(self, tmp_path: Path) -> None:
        openssl = OpenSSLResponder(tmp_path, CA)
        stranger = Authority.make(CA.key, name="CA").issue("h.test")
        refused(
            openssl.respond([stranger], [], [], known=[]), Reason.BAD_STAPLE, "does not know", leaf=stranger
        )

    def test_what_openssl_makes_by_a_responder_that_was_appointed(self, tmp_path: Path) -> None:
        responder = CA.issue(common="Responder", key="rsa", eku=[ExtendedKeyUsageOID.OCSP_SIGNING])
        openssl = OpenSSLResponder(tmp_path, CA, responder)
        assert check(openssl.respond([LEAF], [], [])) == "good"
        refused(
            openssl.respond([LEAF], [], ["-resp_no_certs"]), Reason.BAD_STAPLE, "has no certificate in it"
        )


class OpenSSLResponder:
    """`openssl ocsp`, from files to a file."""

    def __init__(self, folder: Path, authority: Authority, responder: Leaf | None = None) -> None:
        self.folder = folder
        self.authority = authority.write(folder)
        signer = responder or Leaf(authority.certificate, authority.key)
        self.signer, self.key = signer.write(folder, "responder")

    def respond(
        self, leaves: list[Leaf], gone: list[Leaf], options: list[str], known: list[Leaf] | None = None
    ) -> bytes:
        """What it says about `leaves`; it knows them all, or those in `known`."""
        index, answer = self.folder / "index.txt", self.folder / "answer.der"
        index.write_text(
            "".join(self._entry(leaf, leaf in gone) for leaf in (leaves if known is None else known))
        )
        asked: list[str | Path] = []
        for number, leaf in enumerate(leaves):
            asked += ["-cert", leaf.write(self.folder, f"leaf{number}")[0]]
        command: list[str | Path] = [
            "openssl",
            "ocsp",
            "-issuer",
            self.authority,
            *asked,
            "-index",
            index,
            "-CA",
            self.authority,
        ]
        command += ["-rsigner", self.signer, "-rkey", self.key, "-respout", answer, "-noverify", *options]
        subprocess.run(command, check=True, capture_output=True)
        return answer.read_bytes()

    @staticmethod
    def _entry(leaf: Leaf, gone: bool) -> str:
        serial = f"{leaf.certificate.serial_number:X}"
        serial = serial if len(serial) % 2 == 0 else "0" + serial
        state, date = ("R", "260102030405Z,keyCompromise") if gone else ("V", "")
        return f"{state}\t491231235959Z\t{date}\t{serial}\tunknown\t/CN=h.test\n"


WHOLE = good(LEAF, CA)


@bounded
@given(st.integers(0, len(WHOLE) - 1), st.binary(min_size=1, max_size=4))
def test_an_altered_response_is_refused_with_a_certificate_error(at: int, other: bytes) -> None:
    for der in (other, WHOLE[:at], WHOLE[:at] + other + WHOLE[at + len(other) :]):
        if der != WHOLE:
            refused(der, Reason.BAD_STAPLE, "is refused: ")


def test_every_flipped_bit_is_seen() -> None:
    for at in range(len(WHOLE)):
        altered = bytearray(WHOLE)
        altered[at] ^= 1 << at % 8
        refused(bytes(altered), Reason.BAD_STAPLE, "is refused: ")


def test_the_policies_are_the_three() -> None:
    assert OCSP_POLICIES == ("ignore", "if_present", "require")
