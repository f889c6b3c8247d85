from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from support.der import element
from trio_certs._der import DERError
from trio_certs._text import authority_name, describe_name, name_attributes, printable


def name(*attributes: tuple[x509.ObjectIdentifier, str]) -> bytes:
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in attributes]).public_bytes()


def one_attribute(tag: int, value: bytes) -> bytes:
    """A Name of one CommonName in an encoding of choice."""
    attribute = element(0x30, element(0x06, b"\x55\x04\x03"), element(tag, value))
    return element(0x30, element(0x31, attribute))


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("plain, ünïcode", "plain, ünïcode"),
        ("line\nbreak", r"line\nbreak"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("\u202eevil", r"\u202eevil"),
        ("back\\slash", r"back\\slash"),
        ("x" * 9, "xxxxxxxx…"),
    ],
)
def test_text_is_made_safe_to_print(text: str, safe: str) -> None:
    limit = 8 if text.startswith("xxx") else 100
    assert printable(text, limit) == safe


@pytest.mark.parametrize(
    ("tag", "value", "text"),
    [
        (0x0C, "é".encode(), "é"),
        (0x0C, b"\xff", r"\xff"),
        (0x13, b"abc", "abc"),
        (0x14, b"\xe9", "é"),
        (0x1C, "é".encode("utf-32-be"), "é"),
        (0x1E, "é".encode("utf-16-be"), "é"),
        (0x1E, b"\x00", r"\x00"),
        (0x04, b"\xe9", "é"),
    ],
)
def test_every_string_type_is_decoded(tag: int, value: bytes, text: str) -> None:
    assert name_attributes(one_attribute(tag, value)) == [(b"\x55\x04\x03", text)]


def test_a_name_is_described_with_the_telling_attributes_first() -> None:
    raw = name(
        (NameOID.COUNTRY_NAME, "US"),
        (NameOID.ORGANIZATION_NAME, "ISRG"),
        (NameOID.COMMON_NAME, "Root X1"),
        (NameOID.EMAIL_ADDRESS, "left@out"),
    )
    assert describe_name(raw) == "CN=Root X1, C=US, O=ISRG"


def test_a_hostile_name_is_escaped_and_cut() -> None:
    raw = name(*[(NameOID.COMMON_NAME, "\x1b]0;evil\x07" + "x" * 50)] * 300)
    described = describe_name(raw)
    assert described.isprintable()
    assert len(described) < 200


def test_a_name_that_cannot_be_read_is_described_all_the_same() -> None:
    assert describe_name(b"\x30\x05nonsense") == "an unreadable name"
    assert describe_name(name()) == "an empty name"
    assert describe_name(b"\x30\x0b\x31\x09\x30\x07\x06\x03\x55\x04\x2a\x0c\x00") == "an empty name"


def test_an_attribute_without_a_value_is_refused() -> None:
    with pytest.raises(DERError, match="an attribute's value is missing"):
        name_attributes(b"\x30\x09\x31\x07\x30\x05\x06\x03\x55\x04\x03")


@pytest.mark.parametrize(
    ("attributes", "title"),
    [
        ({NameOID.COMMON_NAME: "Root X1", NameOID.ORGANIZATION_NAME: "ISRG"}, "Root X1 (ISRG)"),
        ({NameOID.COMMON_NAME: "Amazon Root CA 1", NameOID.ORGANIZATION_NAME: "Amazon"}, "Amazon Root CA 1"),
        (
            {
                NameOID.ORGANIZATIONAL_UNIT_NAME: "Root R3",
                NameOID.ORGANIZATION_NAME: "GlobalSign",
                NameOID.COMMON_NAME: "GlobalSign",
            },
            "Root R3 (GlobalSign)",
        ),
        (
            {NameOID.ORGANIZATIONAL_UNIT_NAME: "RootCA2", NameOID.ORGANIZATION_NAME: "SECOM"},
            "RootCA2 (SECOM)",
        ),
        ({NameOID.COMMON_NAME: "Same", NameOID.ORGANIZATION_NAME: "Same"}, "Same"),
        ({NameOID.ORGANIZATION_NAME: "Only"}, "Only"),
        ({}, "a CA without a name"),
    ],
)
def test_a_ca_is_called_what_people_call_it(attributes: dict[x509.ObjectIdentifier, str], title: str) -> None:
    assert authority_name(name(*attributes.items())) == title
