from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.properties import bounded, survives
from support.refusals import refused
from trio_secure._alerts import Alert, encode_alert
from trio_secure._errors import AlertDescription, AlertLevel
from trio_secure._versions import Version

WARNING, FATAL = AlertLevel.WARNING, AlertLevel.FATAL
_WARNINGS = {
    AlertDescription.CLOSE_NOTIFY,
    AlertDescription.USER_CANCELED,
    AlertDescription.NO_RENEGOTIATION,
}


@pytest.mark.parametrize("description", list(AlertDescription))
def test_an_alert_comes_back_with_the_level_the_rfc_gives_it(description: AlertDescription) -> None:
    level = WARNING if description in _WARNINGS else FATAL
    assert encode_alert(description) == bytes([level, description])
    assert Alert.parse(encode_alert(description)) == Alert(level, description)


@pytest.mark.parametrize("content", [b"\2", b"\2\x32\0", b"\2\x32\2\x32"])
def test_a_record_holds_exactly_one_alert(content: bytes) -> None:
    with refused(AlertDescription.DECODE_ERROR, f"an alert record of {len(content)} bytes"):
        Alert.parse(content)


def test_an_empty_alert_is_unexpected() -> None:
    """RFC 9846 §5.4 [8446 §5.4]."""
    with refused(AlertDescription.UNEXPECTED_MESSAGE, "an empty alert record"):
        Alert.parse(b"")


@pytest.mark.parametrize("description", [0, 40, 90, 255])
@pytest.mark.parametrize("level", [0, 3, 255])
def test_there_are_two_levels(level: int, description: int) -> None:
    """RFC 9846 §6 [8446 §6]: what is no value of its enum."""
    with refused(AlertDescription.ILLEGAL_PARAMETER, f"an alert of level {level}"):
        Alert.parse(bytes([level, description]))
    for known in (WARNING, FATAL):
        assert Alert.parse(bytes([known, description])) == (known, description)


@pytest.mark.parametrize("level", [0, WARNING, FATAL, 255])
def test_close_notify_closes_whatever_its_level(level: int) -> None:
    assert Alert(level, AlertDescription.CLOSE_NOTIFY).closes


@pytest.mark.parametrize("description", set(AlertDescription) - {AlertDescription.CLOSE_NOTIFY})
def test_nothing_else_closes(description: AlertDescription) -> None:
    assert not Alert(WARNING, description).closes


@pytest.mark.parametrize("version", [None, *Version])
@pytest.mark.parametrize("level", [0, WARNING, FATAL, 255])
@pytest.mark.parametrize("description", [*AlertDescription, 200])
def test_which_alerts_the_connection_survives(version: Version | None, level: int, description: int) -> None:
    warns = level == WARNING
    expected = (
        description == AlertDescription.USER_CANCELED
        or {
            None: warns and description == AlertDescription.UNRECOGNIZED_NAME,
            Version.TLS10: warns,
            Version.TLS11: warns,
            Version.TLS12: warns,
            Version.TLS13: False,
        }[version]
    )
    assert Alert(level, description).passes(version) is expected


@bounded
@given(st.binary(max_size=4))
def test_any_bytes_are_an_alert_or_refused(content: bytes) -> None:
    survives(Alert.parse, content)
