from __future__ import annotations

import copy
import pickle

from support.authority import Authority
from trio_certs import CertificateError, CertificateFacts, Reason, ResourceNotFoundError


def test_a_certificate_error_says_which_certificate() -> None:
    facts = CertificateFacts.parse(Authority.make(name="Some CA").certificate_der)
    error = CertificateError(Reason.EXPIRED, "It expired.", facts)
    assert error.reason is Reason.EXPIRED
    assert str(error).startswith("It expired. Certificate: CN=Some CA; issued by CN=Some CA; serial 0x")
    assert str(CertificateError(Reason.MALFORMED, "It is none.")) == "It is none."


def test_a_missing_resource_is_named_first() -> None:
    error = ResourceNotFoundError(
        "ca9.der", "Some detail.", authority="Some CA", manifest_line='"$(CERTS)/ca9"'
    )
    assert str(error) == "Resource not found: ca9.der. Some detail."
    assert (error.name, error.authority, error.manifest_line) == ("ca9.der", "Some CA", '"$(CERTS)/ca9"')


def test_errors_survive_copying_and_pickling() -> None:
    facts = CertificateFacts.parse(Authority.make().certificate_der)
    refused = CertificateError(Reason.WEAK_KEY, "Weak.", facts)
    again: CertificateError = pickle.loads(pickle.dumps(refused))  # noqa: S301 - our own bytes
    assert (str(again), again.reason, again.certificate) == (str(refused), refused.reason, facts)
    missing = copy.copy(ResourceNotFoundError("ca9.der", "Detail.", "Some CA", "line"))
    assert (str(missing), missing.manifest_line) == ("Resource not found: ca9.der. Detail.", "line")
