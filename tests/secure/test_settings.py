from __future__ import annotations

import pytest

from trio_certs import Resource
from trio_secure import _settings as settings
from trio_secure._trace import print_event
from trio_secure._versions import Version

TABLE = {"one": 1, "TWO": 2}


def test_versions_are_numbers_of_what_is_supported() -> None:
    assert settings.version("field", 0x0304) is Version.TLS13
    with pytest.raises(ValueError, match=r"field: version 0x300 is not supported; 0x301 \(TLS 1.0\), .* 0x304 \(TLS 1.3\) are"):
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
