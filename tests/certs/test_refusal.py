from __future__ import annotations

from datetime import UTC, datetime

import pytest

from support.authority import DAY, Authority, self_signed
from trio_certs import CertificateError, Reason
from trio_certs._certificate import CertificateFacts
from trio_certs._chain import Chain
from trio_certs._refusal import refusal, unknown_issuer

ROOT = Authority.make(name="Root")
CHAIN = Chain.parse(ROOT.issue("h.test").chain_ders)
NOW = datetime.now(UTC)


def explain(sentence: str, chain: Chain = CHAIN, *anchors: Authority) -> CertificateError:
    return refusal(
        sentence, chain, [CertificateFacts.parse(anchor.certificate_der) for anchor in anchors], NOW
    )


@pytest.mark.parametrize(
    ("sentence", "reason"),
    [
        ("candidates exhausted: signature does not match", Reason.BAD_SIGNATURE),
        ("mismatch between signatureAlgorithm and SPKI algorithm", Reason.BAD_SIGNATURE),
        (
            "candidates exhausted: Forbidden signature algorithm: AlgorithmIdentifier {}",
            Reason.WEAK_SIGNATURE,
        ),
        ("candidates exhausted: Forbidden public key algorithm: Ed25519", Reason.WEAK_KEY),
        ("candidates exhausted: RSA key is too weak", Reason.WEAK_KEY),
        ("candidates exhausted: path length constraint violated", Reason.CONSTRAINT),
        ("candidates exhausted: no permitted name constraints matched SAN", Reason.CONSTRAINT),
        ("excluded name constraint matched SAN", Reason.CONSTRAINT),
        (
            "critical nameConstraints extension contains an unsupported directoryName constraint",
            Reason.CONSTRAINT,
        ),
        ("chain construction exceeds max depth", Reason.LIMIT),
        ("Exceeded maximum signature check limit", Reason.LIMIT),
        (
            "candidates exhausted: basicConstraints.cA must be asserted in a CA certificate",
            Reason.WRONG_PURPOSE,
        ),
        ("Python extension validator failed: ValueError: required EKU not found", Reason.WRONG_PURPOSE),
        ("candidates exhausted: keyUsage.keyCertSign must be asserted", Reason.WRONG_PURPOSE),
        ("candidates exhausted: Neither EKU nor anyEKU could be found", Reason.WRONG_PURPOSE),
        ("leaf certificate has no matching subjectAltName", Reason.WRONG_NAME),
        (
            "invalid extension: 1.2.3.4: certificate contains unaccounted-for critical extensions",
            Reason.POLICY,
        ),
        ("a sentence of a later release", Reason.POLICY),
    ],
)
def test_sentences_are_sorted_into_reasons(sentence: str, reason: Reason) -> None:
    error = explain(f"validation failed: {sentence} (encountered processing <Certificate(subject=…)>)")
    assert error.reason is reason
    assert error.certificate == CHAIN.leaf
    assert sentence.rpartition(": ")[2] in str(error)
    assert "encountered processing" not in str(error)


def test_a_hostile_sentence_is_escaped_and_cut() -> None:
    text = str(explain("validation failed: \x1b[31m" + "x" * 20_000))
    assert text.isprintable()
    assert len(text) < 1000


EXPIRED = "validation failed: candidates exhausted: cert is not valid at validation time"


def test_a_certificate_out_of_date_is_found_and_named() -> None:
    middle = ROOT.intermediate(name="Middle", not_after=NOW - DAY)
    error = explain(EXPIRED, Chain.parse(middle.issue("h.test").chain_ders), ROOT)
    assert error.reason is Reason.EXPIRED
    assert "A CA certificate in the server's chain expired on" in str(error)
    assert "Certificate: CN=Middle;" in str(error)


def test_a_trusted_certificate_out_of_date_is_called_so() -> None:
    root = Authority.make(not_before=NOW + DAY)
    error = explain(EXPIRED, Chain.parse(root.issue("h.test").chain_ders), root)
    assert error.reason is Reason.NOT_YET_VALID
    assert "A trusted certificate above it is valid only from" in str(error)


def test_a_date_that_only_the_verifier_finds_wrong_is_reported_too() -> None:
    error = explain(EXPIRED)
    assert error.reason is Reason.EXPIRED
    assert "A certificate on the server's path is out of date." in str(error)


def test_no_path_is_an_unknown_issuer() -> None:
    sentence = "validation failed: candidates exhausted: all candidates exhausted with no interior errors"
    assert explain(sentence).reason is Reason.UNKNOWN_ISSUER


def test_an_unknown_issuer_is_named() -> None:
    error = unknown_issuer(CHAIN)
    assert error.reason is Reason.UNKNOWN_ISSUER
    assert str(error).startswith(
        "The server's chain ends at a certificate issued by CN=Root, which is not a trusted CA."
    )
    assert "the server should send its certificate too" in str(error)


def test_an_unknown_root_that_the_server_sent_is_named() -> None:
    chain = Chain.parse([*ROOT.issue("h.test").chain_ders, ROOT.certificate_der])
    assert str(unknown_issuer(chain)).startswith(
        "The server's chain ends in CN=Root, which is not a trusted CA."
    )


def test_a_self_signed_leaf_has_a_reason_of_its_own() -> None:
    error = unknown_issuer(Chain.parse(self_signed("h.test").chain_ders))
    assert error.reason is Reason.SELF_SIGNED
    assert "trust this very certificate" in str(error)


def test_a_self_signed_leaf_named_like_a_trusted_one_is_called_self_signed_too() -> None:
    trusted, sent = self_signed("h.test"), self_signed("h.test")
    chain = Chain.parse(sent.chain_ders)
    sentence = "validation failed: candidates exhausted: signature does not match"
    assert (
        refusal(sentence, chain, [CertificateFacts.parse(trusted.certificate_der)], NOW).reason
        is Reason.SELF_SIGNED
    )
    assert refusal(sentence, chain, [chain.leaf], NOW).reason is Reason.BAD_SIGNATURE


def test_no_path_past_a_trusted_certificate_out_of_date_is_blamed_on_the_date() -> None:
    expired = Authority.make(name="Root", not_after=NOW - DAY)
    sentence = "validation failed: candidates exhausted: all candidates exhausted with no interior errors"
    error = explain(sentence, CHAIN, expired)
    assert error.reason is Reason.EXPIRED
    assert "A trusted certificate above it expired on" in str(error)
