from __future__ import annotations

import ipaddress

import pytest
from cryptography import x509

from support.authority import general_name
from trio_certs._der import DERError
from trio_certs._server_name import ServerName, SubjectNames


def names(*entries: str) -> SubjectNames:
    return SubjectNames.parse(
        x509.SubjectAlternativeName([general_name(name) for name in entries]).public_bytes()
    )


@pytest.mark.parametrize(
    ("host", "text", "is_address"),
    [
        ("Example.COM", "example.com", False),
        ("example.com.", "example.com", False),
        ("localhost", "localhost", False),
        ("xn--bcher-kva.example", "xn--bcher-kva.example", False),
        ("1.example", "1.example", False),
        ("127.0.0.1", "127.0.0.1", True),
        ("0:0:0:0:0:0:0:1", "::1", True),
        ("fe80::1%eth0", "fe80::1", True),
    ],
)
def test_a_host_is_an_address_or_a_dns_name(host: str, text: str, is_address: bool) -> None:
    parsed = ServerName.parse(host)
    assert parsed.text == text
    assert parsed.address == (ipaddress.ip_address(text) if is_address else None)


@pytest.mark.parametrize(
    "host",
    [
        *(
            "",
            ".",
            "a..b",
            "example.com..",
            "-a.test",
            "a-.test",
            "a b.test",
            "a.\ntest",
            "*.test",
            "bücher.test",
        ),
        *("127.1", "1.2.3.4%eth0", "[::1]", "a.test:443", "x" * 64 + ".test", ".".join(["abcdefghi"] * 26)),
    ],
)
def test_other_hosts_are_refused(host: str) -> None:
    with pytest.raises(ValueError, match=r"is n(ot|either)"):
        ServerName.parse(host)


def test_an_underscore_is_pointed_out() -> None:
    with pytest.raises(ValueError, match=r'"a_b\.test" is not .* \(underscores are not allowed there\)'):
        ServerName.parse("a_b.test")


@pytest.mark.parametrize(
    ("host", "entries"),
    [
        ("h.test", ["other.test", "h.test"]),
        ("H.test.", ["h.TEST"]),
        ("a.h.test", ["*.h.test"]),
        ("127.0.0.1", ["127.0.0.1"]),
        ("::1", ["::1"]),
    ],
)
def test_a_certificate_for_the_host_matches(host: str, entries: list[str]) -> None:
    assert ServerName.parse(host).matches(names(*entries))


@pytest.mark.parametrize(
    ("host", "entries"),
    [
        ("h.test", []),
        ("h.test", ["a.h.test", "test"]),
        ("h.test", ["*.h.test"]),  # not the parent
        ("a.b.h.test", ["*.h.test"]),  # one label only
        ("h.test", ["*.test"]),  # fewer than two labels after the wildcard
        ("test", ["*"]),
        ("foo.h.test", ["f*.h.test", "*.*.test", "foo.*.test"]),  # the whole left-most label only
        ("127.0.0.1", ["localhost", "::ffff:7f00:1"]),
        ("::ffff:7f00:1", ["127.0.0.1"]),
    ],
)
def test_a_certificate_for_other_names_does_not(host: str, entries: list[str]) -> None:
    assert not ServerName.parse(host).matches(names(*entries))


def test_an_address_in_a_dns_entry_does_not_match() -> None:
    entry = SubjectNames.parse(x509.SubjectAlternativeName([x509.DNSName("127.0.0.1")]).public_bytes())
    assert not ServerName.parse("127.0.0.1").matches(entry)


def test_entries_of_other_kinds_and_foreign_characters_are_passed_over() -> None:
    mail = x509.SubjectAlternativeName([x509.RFC822Name("a@h.test"), x509.DNSName("h.test")]).public_bytes()
    assert SubjectNames.parse(mail) == SubjectNames(("h.test",))
    assert SubjectNames.parse(b"\x30\x04\x82\x02h\xff") == SubjectNames((r"h\xff",))


@pytest.mark.parametrize("extension", [b"", b"\x30\x02\x82\x05", b"\x30\x00\x00", b"\x04\x00"])
def test_a_malformed_extension_is_refused(extension: bytes) -> None:
    with pytest.raises(DERError):
        SubjectNames.parse(extension)


def test_names_are_shown_escaped_and_not_all() -> None:
    assert str(names("a.test", "10.0.0.1")) == "a.test, 10.0.0.1"
    assert str(names()) == "no DNS name or IP address at all"
    assert str(names(*(f"{letter}.test" for letter in "abcdefg"))).endswith("e.test and 2 more")
    assert str(SubjectNames(("\x1b[31m",), (b"\x01\x02",))) == r"\x1b[31m, 0x0102"
