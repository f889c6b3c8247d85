"""What a server may ask of a certificate's extensions, and what satisfies it."""

from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from support.authority import key_usage as key_usage_extension
from support.der import element
from support.identities import (
    EXTENDED_KEY_USAGE,
    KEY_USAGE,
    PURPOSES,
    key_usages,
    oid_filters,
    purposes,
)
from trio_secure import AlertDescription, PeerMisbehaved
from trio_secure._oid_filters import RECOGNIZED, OIDFilters, Values, extended_key_usage, key_usage

_OTHER = element(0x06, bytes.fromhex("551d11"))  # subjectAltName
_CERTIFICATE: dict[bytes, Values] = {
    KEY_USAGE: key_usage(key_usages(0, 2)),
    EXTENDED_KEY_USAGE: extended_key_usage(purposes("clientAuth", "serverAuth")),
}


# The values, against those that `cryptography` writes


@pytest.mark.parametrize(
    ("names", "bits"),
    [
        ((), set[int]()),
        (("digital_signature",), {0}),
        (("digital_signature", "key_encipherment"), {0, 2}),
        (("key_agreement", "decipher_only"), {4, 8}),
        (("crl_sign", "key_cert_sign"), {5, 6}),
    ],
)
def test_the_bits_of_a_key_usage_are_numbered_as_in_the_rfc(names: tuple[str, ...], bits: set[int]) -> None:
    value = key_usage_extension(*names).public_bytes()
    assert key_usage(value) == bits
    assert key_usages(*bits) == value


def test_purposes_are_read_as_they_stand() -> None:
    extension = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH])
    assert extension.public_bytes() == purposes("clientAuth", "serverAuth")
    assert extended_key_usage(extension.public_bytes()) == {
        bytes.fromhex(PURPOSES[name]) for name in ("clientAuth", "serverAuth")
    }


# The filters


def test_no_filter_asks_for_nothing() -> None:
    assert OIDFilters.parse(oid_filters()) == OIDFilters()
    assert OIDFilters().match({})


@pytest.mark.parametrize(
    ("filters", "matches"),
    [
        ([(KEY_USAGE, key_usages(0))], True),
        ([(KEY_USAGE, key_usages(0, 2))], True),
        ([(KEY_USAGE, key_usages(0, 4))], False),
        ([(EXTENDED_KEY_USAGE, purposes("clientAuth"))], True),
        ([(EXTENDED_KEY_USAGE, element(0x30, element(0x06, b"\x2a\x03")))], False),
        ([(KEY_USAGE, key_usages(0)), (EXTENDED_KEY_USAGE, purposes("clientAuth"))], True),
        ([(KEY_USAGE, key_usages(4)), (EXTENDED_KEY_USAGE, purposes("clientAuth"))], False),
        ([(KEY_USAGE, b"")], True),
        ([(_OTHER, b"anything")], True),
        ([(b"\x00", b"")], True),
    ],
)
def test_a_certificate_matches_when_it_has_all_that_is_asked_for(
    filters: list[tuple[bytes, bytes]], matches: bool
) -> None:
    assert OIDFilters.parse(oid_filters(*filters)).match(_CERTIFICATE) is matches


@pytest.mark.parametrize("value", [b"", key_usages(0)])
def test_a_certificate_without_the_extension_does_not_match(value: bytes) -> None:
    assert not OIDFilters.parse(oid_filters((KEY_USAGE, value))).match({})


def test_two_extensions_are_recognized() -> None:
    assert set(RECOGNIZED) == {KEY_USAGE, EXTENDED_KEY_USAGE}


# What is refused


@pytest.mark.parametrize(
    ("filters", "reason"),
    [
        ([(KEY_USAGE, key_usages(0)), (_OTHER, b""), (KEY_USAGE, key_usages(0))], "twice"),
        ([(_OTHER, b"1"), (_OTHER, b"2")], "twice"),
        ([(EXTENDED_KEY_USAGE, purposes("clientAuth", "any"))], "anyExtendedKeyUsage"),
    ],
)
def test_filters_that_the_rfc_forbids_are_illegal(filters: list[tuple[bytes, bytes]], reason: str) -> None:
    with pytest.raises(PeerMisbehaved, match=reason) as caught:
        OIDFilters.parse(oid_filters(*filters))
    assert caught.value.alert is AlertDescription.ILLEGAL_PARAMETER


_GOOD = oid_filters((KEY_USAGE, key_usages(0)), (EXTENDED_KEY_USAGE, purposes("clientAuth")))


@pytest.mark.parametrize(
    "body",
    [
        *(pytest.param(_GOOD[:length], id=f"{length}-bytes") for length in range(len(_GOOD))),
        pytest.param(_GOOD + b"\0", id="one-byte-more"),
        pytest.param(b"\0\x03\0\0\0", id="an-empty-oid"),
        pytest.param(oid_filters((KEY_USAGE, element(0x04, b"\x07\x80"))), id="no-bit-string"),
        pytest.param(oid_filters((KEY_USAGE, element(0x03))), id="no-count-of-unused-bits"),
        pytest.param(oid_filters((KEY_USAGE, element(0x03, b"\x08\x80"))), id="eight-unused-bits"),
        pytest.param(oid_filters((KEY_USAGE, element(0x03, b"\x01"))), id="an-unused-bit-of-none"),
        pytest.param(oid_filters((KEY_USAGE, key_usages(0) + b"\0")), id="leftovers"),
        pytest.param(oid_filters((EXTENDED_KEY_USAGE, element(0x31))), id="no-sequence"),
        pytest.param(oid_filters((EXTENDED_KEY_USAGE, element(0x30, b"\x02\x01\0"))), id="no-oid"),
        pytest.param(oid_filters((EXTENDED_KEY_USAGE, purposes("clientAuth") + b"\0")), id="leftover"),
    ],
)
def test_malformed_filters_are_a_decode_error(body: bytes) -> None:
    with pytest.raises(PeerMisbehaved) as caught:
        OIDFilters.parse(body)
    assert caught.value.alert is AlertDescription.DECODE_ERROR
