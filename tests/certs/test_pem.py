from __future__ import annotations

import pytest

from support.authority import Authority
from trio_certs import pem_blocks
from trio_certs._anchors import MAX_ANCHOR_BYTES
from trio_certs._pem import pem_contents

A = Authority.make()


def test_blocks_come_in_order_with_their_labels_and_without_what_is_between() -> None:
    key = A.issue("h.example").key_pem
    text = (
        b"# a comment\r\n" + A.certificate_pem.replace(b"\n", b"\r\n") + b"noise\n" + key + A.certificate_pem
    )
    blocks = pem_blocks(text)
    assert [label for label, _der in blocks] == ["CERTIFICATE", "PRIVATE KEY", "CERTIFICATE"]
    assert blocks[0][1] == blocks[2][1] == A.certificate_der


@pytest.mark.parametrize("text", [b"", b"\x30\x82", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END X-----"])
def test_a_text_without_a_whole_block_has_none(text: bytes) -> None:
    assert pem_blocks(text) == []


@pytest.mark.parametrize("body", [b"AAA", b"A*AA", b"AA=A"])
def test_what_is_not_base64_is_refused_with_its_place(body: bytes) -> None:
    text = A.certificate_pem + b"-----BEGIN CERTIFICATE-----\n" + body + b"\n-----END CERTIFICATE-----\n"
    with pytest.raises(ValueError, match="block 2, CERTIFICATE, is not Base64"):
        pem_blocks(text)


def test_blocks_of_one_kind_are_given_and_others_not_looked_into() -> None:
    odd = b"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\n*\n-----END RSA PRIVATE KEY-----\n"
    assert (
        pem_contents(A.certificate_pem + odd + A.certificate_pem, "CERTIFICATE", "certificate")
        == [A.certificate_der] * 2
    )
    with pytest.raises(ValueError, match="no list in the PEM text; it has CERTIFICATE, RSA PRIVATE KEY"):
        pem_contents(A.certificate_pem + odd, "X509 CRL", "list")
    with pytest.raises(ValueError, match="no list in the PEM text; it has no complete block"):
        pem_contents(b"", "X509 CRL", "list")
    with pytest.raises(ValueError, match="key 1 in the PEM text is not Base64"):
        pem_contents(odd, "RSA PRIVATE KEY", "key")


BEGIN, END = b"-----BEGIN %s-----", b"-----END %s-----"


@pytest.mark.parametrize(
    ("text", "blocks"),
    [
        # A beginning without an end is passed over, and so is an end without a beginning.
        (END % b"A" + BEGIN % b"B" + BEGIN % b"A" + b"AAAA" + END % b"A", [("A", b"\0\0\0")]),
        (BEGIN % b"A" + b"AAAA" + END % b"A" + BEGIN % b"A", [("A", b"\0\0\0")]),
        (
            BEGIN % b"A" + END % b"A" + END % b"A" + BEGIN % b"A" + b"AAAA" + END % b"A",
            [("A", b""), ("A", b"\0\0\0")],
        ),
    ],
)
def test_a_block_ends_at_the_first_end_of_its_kind(text: bytes, blocks: list[tuple[str, bytes]]) -> None:
    assert pem_blocks(text) == blocks


def test_what_stands_within_a_block_begins_none() -> None:
    inner = BEGIN % b"B" + b"AAAA" + END % b"B"
    with pytest.raises(ValueError, match="block 1, A, is not Base64"):
        pem_blocks(BEGIN % b"A" + inner + END % b"A")


@pytest.mark.parametrize("labels", [[b"A"], [b"A", b"B"], [b"%d" % number for number in range(2000)]])
def test_beginnings_without_an_end_take_no_more_than_one_pass(labels: list[bytes]) -> None:
    # Looking for an end from each of these on would take hours.
    text = b"".join(BEGIN % label for label in labels) * (MAX_ANCHOR_BYTES // (20 * len(labels)))
    assert pem_blocks(text) == []
    with pytest.raises(ValueError, match="no certificate in the PEM text; it has no complete block"):
        pem_contents(text + END % b"X", "CERTIFICATE", "certificate")
