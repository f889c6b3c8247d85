from __future__ import annotations

from trio_secure._versions import DOWNGRADE_TO_TLS11, DOWNGRADE_TO_TLS12, Version


def test_versions_are_ordered_as_on_the_wire() -> None:
    assert [(version.value, version.label) for version in sorted(Version)] == [
        (0x0301, "TLS 1.0"),
        (0x0302, "TLS 1.1"),
        (0x0303, "TLS 1.2"),
        (0x0304, "TLS 1.3"),
    ]


def test_the_downgrade_sentinels_are_the_rfcs() -> None:
    """RFC 9846 §4.2.3 [8446 §4.1.3] spells them "DOWNGRD" and a byte."""
    assert DOWNGRADE_TO_TLS12 == b"DOWNGRD\1"
    assert DOWNGRADE_TO_TLS11 == b"DOWNGRD\0"
