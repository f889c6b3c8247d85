from __future__ import annotations

import base64

import pytest

from support.authority import Authority
from trio_certs._anchors import MAX_ANCHOR_BYTES, parse_anchors, pem_certificates

FIRST, SECOND = Authority.make(name="First"), Authority.make(name="Second")


def test_der_is_one_certificate() -> None:
    assert [anchor.der for anchor in parse_anchors(FIRST.certificate_der)] == [FIRST.certificate_der]


def test_pem_may_hold_many_with_other_things_between() -> None:
    key = FIRST.issue("h.test").key_pem
    text = b"# a comment\r\n" + FIRST.certificate_pem.replace(b"\n", b"\r\n") + key + SECOND.certificate_pem
    assert [anchor.der for anchor in parse_anchors(text)] == [FIRST.certificate_der, SECOND.certificate_der]


def test_a_key_is_not_a_certificate() -> None:
    with pytest.raises(ValueError, match="no certificate in the PEM text; it has PRIVATE KEY"):
        parse_anchors(FIRST.issue("h.test").key_pem)


def test_a_block_without_an_end_is_pointed_out() -> None:
    with pytest.raises(ValueError, match="it has no complete block"):
        pem_certificates(FIRST.certificate_pem[:-10])


@pytest.mark.parametrize("body", ["****", "QUJ", "QUJD\nQUI=QUJD"])
def test_a_block_that_is_not_base64_is_refused(body: str) -> None:
    block = f"-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n".encode()
    with pytest.raises(ValueError, match="certificate 2 in the PEM text is not Base64"):
        parse_anchors(FIRST.certificate_pem + block)


def test_a_block_that_is_not_a_certificate_is_refused() -> None:
    body = base64.b64encode(b"nonsense").decode()
    block = f"-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n".encode()
    with pytest.raises(ValueError, match="certificate 2 in the PEM text is malformed"):
        parse_anchors(FIRST.certificate_pem + block)


@pytest.mark.parametrize("data", [b"", b"nonsense", FIRST.certificate_der[:-1]])
def test_bytes_that_are_neither_say_so(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"neither a certificate in DER \(.*\) nor PEM text"):
        parse_anchors(data)


def test_a_huge_item_is_refused() -> None:
    with pytest.raises(ValueError, match="more than a list of certificates has"):
        parse_anchors(bytes(MAX_ANCHOR_BYTES + 1))
