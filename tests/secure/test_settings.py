from __future__ import annotations

from pathlib import Path

import pytest

from support.identities import identity
from trio_certs import Resource
from trio_secure import MemoryCache
from trio_secure import _settings as settings
from trio_secure._trace import print_event
from trio_secure._versions import Version

TABLE = {"one": 1, "TWO": 2}


def test_versions_are_numbers_of_what_is_supported() -> None:
    assert settings.version("field", 0x0304) is Version.TLS13
    known = r"0x301 \(TLS 1\.0\), .* 0x304 \(TLS 1\.3\) are"
    with pytest.raises(ValueError, match=f"field: version 0x300 is not supported; {known}"):
        settings.version("field", 0x0300)
    for wrong in ("1.3", None, True, 771.0):
        with pytest.raises(TypeError, match="field must be a version number such as 0x303, not"):
            settings.version("field", wrong)


def test_a_switch_is_true_or_false() -> None:
    assert settings.boolean("field", True) is True
    for wrong in (None, 0, "yes"):
        with pytest.raises(TypeError, match="field must be True or False, not"):
            settings.boolean("field", wrong)


def test_a_trace_is_a_callable_or_a_switch() -> None:
    sink: list[object] = []
    assert settings.trace("field", sink.append) == sink.append
    assert settings.trace("field", True) is print_event
    assert settings.trace("field", False) is None
    assert settings.trace("field", None) is None
    with pytest.raises(TypeError, match="field must be True, False or a callable, not str"):
        settings.trace("field", "stderr")


def test_a_server_name_is_brought_into_its_one_form() -> None:
    assert settings.server_name("field", None) is None
    assert settings.server_name("field", "Example.COM.") == "example.com"
    with pytest.raises(TypeError, match="field must be a str, not bytes"):
        settings.server_name("field", b"example.com")
    with pytest.raises(ValueError, match="server name 'not a name' is neither"):
        settings.server_name("field", "not a name")


def test_protocols_are_one_or_several_names() -> None:
    assert settings.protocols("field", "h2") == (b"h2",)
    assert settings.protocols("field", b"h2") == (b"h2",)
    assert settings.protocols("field", ["h2", b"http/1.1"]) == (b"h2", b"http/1.1")
    assert settings.protocols("field", ()) == ()
    for wrong in (None, 2, {"h2"}):
        with pytest.raises(TypeError, match="field must be a protocol name or a list of them, not"):
            settings.protocols("field", wrong)
    with pytest.raises(TypeError, match="field must hold str or bytes, not int"):
        settings.protocols("field", [2])
    for bad in ("", "x" * 256):
        with pytest.raises(ValueError, match=r"field: invalid protocol of \d+ bytes"):
            settings.protocols("field", [bad])


def test_certificates_are_bytes_or_what_reads_like_them() -> None:
    resource = Resource("ca1.der")
    given = [b"a", bytearray(b"b"), (memoryview(b"c"), resource)]
    assert settings.certificates("field", given) == (b"a", b"b", b"c", resource)
    with pytest.raises(ValueError, match="field is empty"):
        settings.certificates("field", b"")
    for wrong in (None, "ca.pem", [7]):
        with pytest.raises(TypeError, match="field must be the bytes of a certificate or a Resource, not"):
            settings.certificates("field", wrong)


def test_certificates_to_trust_may_be_paths_too() -> None:
    given = [b"a", "ca.pem", (Path("b.der"), Resource("ca1.der"))]
    assert settings.trusted("field", given) == (b"a", "ca.pem", str(Path("b.der")), Resource("ca1.der"))
    with pytest.raises(ValueError, match="field is text of a certificate: a str is the path of a file"):
        settings.trusted("field", "-----BEGIN CERTIFICATE-----")
    with pytest.raises(ValueError, match="field is empty"):
        settings.trusted("field", b"")
    for wrong in (None, "", [7]):
        with pytest.raises(TypeError, match="field must be the bytes of a certificate or a Resource, not"):
            settings.trusted("field", wrong)


def test_names_are_those_of_a_table_in_any_case_and_once() -> None:
    assert settings.names("field", None, TABLE) is None
    assert settings.names("field", ["TWO", "ONE", "one"], TABLE) == ("TWO", "one")
    for wrong in ("one", 1):
        with pytest.raises(TypeError, match="field must be a list of names, not"):
            settings.names("field", wrong, TABLE)
    with pytest.raises(TypeError, match="field must hold names, not int"):
        settings.names("field", [1], TABLE)
    with pytest.raises(ValueError, match="field has an unknown name 'three'; known are one, TWO"):
        settings.names("field", ["three"], TABLE)


def test_a_fragment_length_is_rounded_down_to_one_there_is() -> None:
    assert settings.fragment_length("field", None) is None
    assert [settings.fragment_length("field", n) for n in (512, 1500, 65536)] == [512, 1024, 4096]
    with pytest.raises(ValueError, match="field must be between 512 and 65536, not 511"):
        settings.fragment_length("field", 511)


def test_a_number_has_bounds() -> None:
    assert settings.integer("field", 3, 1, 3) == 3
    for wrong in (0, 4):
        with pytest.raises(ValueError, match=f"field must be between 1 and 3, not {wrong}"):
            settings.integer("field", wrong, 1, 3)
    for kind in (True, "2", None, 2.0):
        with pytest.raises(TypeError, match="field must be an int, not"):
            settings.integer("field", kind, 1, 3)


def test_a_record_has_a_size() -> None:
    assert settings.record_size_limit("field", None) is None
    assert settings.record_size_limit("field", 64) == 64
    with pytest.raises(ValueError, match="field must be between 64 and 16385"):
        settings.record_size_limit("field", 63)


def test_a_choice_is_one_of_few() -> None:
    assert settings.choice("field", "one", TABLE) == "one"
    for wrong in ("three", None, 1):
        with pytest.raises(ValueError, match=r"field must be one of 'one', 'TWO', not"):
            settings.choice("field", wrong, list(TABLE))


def test_switches_are_named_and_thrown() -> None:
    assert settings.switches("field", {"DHE_RSA": False}) == (("DHE_RSA", False),)
    assert settings.switches("field", (("ECDHE_RSA", True),)) == (("ECDHE_RSA", True),)
    with pytest.raises(TypeError, match="field must be a dictionary, not list"):
        settings.switches("field", [])
    with pytest.raises(ValueError, match="field has an unknown switch 'RSA'; known are DHE_RSA, ECDHE_RSA"):
        settings.switches("field", {"RSA": True})
    with pytest.raises(TypeError, match=r"field\.DHE_RSA must be True or False"):
        settings.switches("field", {"DHE_RSA": 0})


def test_names_of_authorities_are_der() -> None:
    assert settings.distinguished_names("field", [b"one"]) == (b"one",)
    for wrong in ("name", b"name", 7, [7]):
        with pytest.raises(TypeError, match="field must"):
            settings.distinguished_names("field", wrong)
    for length in (0, 2**16):
        with pytest.raises(ValueError, match=f"field: a name of {length} bytes"):
            settings.distinguished_names("field", [bytes(length)])


def test_identities_come_alone_or_in_a_list() -> None:
    ours = identity()
    assert settings.identities("field", ours) == settings.identities("field", [ours]) == (ours,)
    with pytest.raises(TypeError, match="field must hold ClientIdentity objects, not bytes"):
        settings.identities("field", b"pem")


def test_a_cache_is_there_or_not() -> None:
    cache = MemoryCache()
    assert settings.cache("field", cache) is cache
    assert settings.cache("field", True) is True
    assert settings.cache("field", None) is False
    with pytest.raises(TypeError, match="field must be True, False or a SessionCache, not str"):
        settings.cache("field", "yes")


def test_a_key_log_is_called() -> None:
    assert settings.key_log("field", None) is None
    assert settings.key_log("field", print) is print
    with pytest.raises(TypeError, match="field must be a callable, not str"):
        settings.key_log("field", "keys.log")


def test_a_private_key_is_bytes_or_read() -> None:
    resource = Resource("ca9.der")
    assert settings.private_key("field", bytearray(b"key")) == b"key"
    assert settings.private_key("field", resource) is resource
    with pytest.raises(ValueError, match="field is empty; it must hold a private key in DER or PEM"):
        settings.private_key("field", b"")
    with pytest.raises(TypeError, match="field must be the bytes of a private key or a Resource, not str"):
        settings.private_key("field", "key.pem")


@pytest.mark.parametrize(("version", "largest"), [(Version.TLS13, 16385), (Version.TLS12, 16384)])
def test_a_record_of_tls13_is_a_byte_longer(version: Version, largest: int) -> None:
    """RFC 8449 §4: the content type counts."""
    assert settings.largest_record(version) == largest


def test_no_list_fills_a_whole_hello() -> None:
    assert len(settings.protocols("field", [b"p" * 128] * 128)) == 128
    with pytest.raises(ValueError, match="field holds 16385 bytes in all"):
        settings.protocols("field", [*[b"p" * 128] * 128, b"p"])
    assert len(settings.distinguished_names("field", [b"n" * 1024] * 32)) == 32
    with pytest.raises(ValueError, match="field holds 32769 bytes in all"):
        settings.distinguished_names("field", [*[b"n" * 1024] * 32, b"n"])
