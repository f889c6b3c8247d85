"""What a server may say between the messages of a handshake: change_cipher_specs, alerts, and what is not TLS."""

from __future__ import annotations

import pytest

from support.alterations import alert, become, overwrite, plain, raw, record, several
from support.scripted_flows import FLOWS, Flow
from support.scripted_script import Act
from support.scripted_server import expect_refusal
from trio_secure import AlertDescription, AlertReceived, PeerMisbehaved, TLSError, Truncated
from trio_secure._alerts import MAX_PASSED_OVER
from trio_secure._versions import Version

_ALERT = AlertDescription
_NEW = next(flow for flow in FLOWS if flow.version >= Version.TLS13)
_OLD = [flow for flow in FLOWS if flow.name.endswith("ECDHE with all")]
_by_version = pytest.mark.parametrize("flow", [_NEW, *_OLD], ids=lambda flow: flow.version.label)


async def _refused(
    flow: Flow,
    act: Act,
    description: AlertDescription | None,
    error: type[TLSError] = PeerMisbehaved,
    steps: tuple[str, ...] = ("ServerHello", "Certificate"),
) -> list[TLSError]:
    """The errors with which the client ends it when `act` comes before one of the steps."""
    errors: list[TLSError] = []
    for step in steps:
        script, config, _ = flow.part(before={step: act})
        meeting = await expect_refusal(script, description, config, error=error)
        assert meeting.error is not None
        errors.append(meeting.error)
    return errors


# change_cipher_spec


@pytest.mark.parametrize("content", [b"\x02", b"\x00", b"", b"\x01\x01"])
async def test_a_change_cipher_spec_says_one(content: bytes) -> None:
    await _refused(_NEW, plain(20, content), _ALERT.UNEXPECTED_MESSAGE)
    for flow in _OLD:
        script, config, _ = flow.part(alter={"ChangeCipherSpec": become(content)})
        await expect_refusal(script, _ALERT.UNEXPECTED_MESSAGE, config)


@pytest.mark.parametrize("flow", _OLD, ids=lambda flow: flow.version.label)
async def test_a_change_cipher_spec_comes_once_below_tls13(flow: Flow) -> None:
    # Before the ServerHello it might be that of TLS 1.3, and is remembered until it turns out not to be.
    steps = tuple(step for step in flow.steps if step not in ("ChangeCipherSpec", "Finished"))
    await _refused(flow, record(20, b"\x01"), _ALERT.UNEXPECTED_MESSAGE, steps=steps)
    # Behind the first one everything is protected, and this is not.
    await _refused(flow, plain(20, b"\x01"), _ALERT.BAD_RECORD_MAC, steps=("Finished",))


async def test_a_flood_of_dummy_change_cipher_specs() -> None:
    await _refused(_NEW, several(*[plain(20, b"\x01")] * 33), _ALERT.UNEXPECTED_MESSAGE)


# Alerts


@_by_version
@pytest.mark.parametrize("level", [0, 3, 255])
async def test_an_alert_of_a_level_that_there_is_not(flow: Flow, level: int) -> None:
    await _refused(flow, alert(_ALERT.USER_CANCELED, level), _ALERT.ILLEGAL_PARAMETER)


@_by_version
@pytest.mark.parametrize("content", [b"\x01", b"\x01\x5a\x01\x5a"])
async def test_an_alert_record_holds_one_alert(flow: Flow, content: bytes) -> None:
    await _refused(flow, record(21, content), _ALERT.DECODE_ERROR)


@_by_version
async def test_an_alert_record_is_not_empty(flow: Flow) -> None:
    """RFC 9846 §5.4 [8446 §5.4]; RFC 5246 §6.2.1."""
    await _refused(flow, record(21, b""), _ALERT.UNEXPECTED_MESSAGE)
    script, config, _ = flow.part(then=record(21, b""))
    await expect_refusal(script, _ALERT.UNEXPECTED_MESSAGE, config, talk=True)


@pytest.mark.parametrize("times", [1, MAX_PASSED_OVER])
async def test_a_warning_passes_where_warnings_are_no_more_than_that(times: int) -> None:
    unknown_name = alert(_ALERT.UNRECOGNIZED_NAME, 1, times=times)
    await _NEW.run(before={"ServerHello": unknown_name})
    for flow in _OLD:
        for step in flow.steps:
            await flow.run(before={step: unknown_name})
        await flow.run(before={"Certificate": alert(_ALERT.NO_RENEGOTIATION, 1, times=times)})


async def test_a_flood_of_warnings() -> None:
    unknown_name = alert(_ALERT.UNRECOGNIZED_NAME, 1, times=MAX_PASSED_OVER + 1)
    for flow in _OLD:
        await _refused(flow, unknown_name, _ALERT.UNEXPECTED_MESSAGE, steps=flow.steps)
    canceled = alert(_ALERT.USER_CANCELED, 1, times=MAX_PASSED_OVER + 1)
    await _refused(_NEW, canceled, _ALERT.UNEXPECTED_MESSAGE, steps=_NEW.steps)


@pytest.mark.parametrize(
    ("description", "level"),
    [(_ALERT.HANDSHAKE_FAILURE, 1), (_ALERT.UNRECOGNIZED_NAME, 1), (200, 2), (200, 1)],
)
async def test_every_error_alert_is_fatal_in_tls13(description: int, level: int) -> None:
    act = alert(description, level)
    for error in await _refused(_NEW, act, None, AlertReceived, _NEW.steps[1:]):
        assert error.alert == description


@_by_version
async def test_other_warnings_are_fatal_before_the_version_is_known(flow: Flow) -> None:
    await _refused(flow, alert(_ALERT.HANDSHAKE_FAILURE, 1), None, AlertReceived, ("ServerHello",))


@_by_version
async def test_a_server_that_cancels_is_waited_for(flow: Flow) -> None:
    act = several(alert(_ALERT.USER_CANCELED, 1), alert(_ALERT.CLOSE_NOTIFY, 1))
    await _refused(flow, act, _ALERT.CLOSE_NOTIFY, Truncated, flow.steps)


@_by_version
@pytest.mark.parametrize("description", [_ALERT.CLOSE_NOTIFY, _ALERT.USER_CANCELED])
async def test_an_alert_may_not_stand_in_the_middle_of_a_message(flow: Flow, description: int) -> None:
    """RFC 9846 §5.1 [8446 §5.1]; older versions do not forbid it, but their servers do not do it either."""
    begin = {"ServerHello": b"\x02\0\0", "Certificate": b"\x0b\0\0"}
    for step, part in begin.items():
        act = several(record(22, part), alert(description, 1))
        await _refused(flow, act, _ALERT.UNEXPECTED_MESSAGE, steps=(step,))
        act = several(record(22, part), alert(_ALERT.INTERNAL_ERROR))
        (error,) = await _refused(flow, act, None, AlertReceived, steps=(step,))
        assert error.alert is _ALERT.INTERNAL_ERROR


async def test_a_dummy_change_cipher_spec_may_stand_in_the_middle_of_a_message() -> None:
    """RFC 9846 §5 [8446 §5]: "at any time [...] before the peer's Finished", it is dropped."""
    for step in _NEW.steps:
        await _NEW.run(fragment=1, before={step: several(*[plain(20, b"\x01")] * 3)})


# Versions of records


@pytest.mark.parametrize("version", [b"\0\0", b"\2\0", b"\3\0", b"\3\4", b"\x7f\x1c", b"\xff\xff"])
async def test_the_version_of_a_plain_record_says_nothing_in_tls13(version: bytes) -> None:
    """RFC 9846 §5.1 [8446 §5.1]: it "MUST be ignored for all purposes", before the ServerHello too."""
    await _NEW.run(corrupt={"ServerHello": overwrite(1, version)})
    retried = next(flow for flow in FLOWS if flow.script.retries)
    await retried.run(corrupt=dict.fromkeys(("HelloRetryRequest", "ServerHello"), overwrite(1, version)))
    for flow in _OLD:
        if version[0] != 3:
            script, config, _ = flow.part(corrupt={"ServerHello": overwrite(1, version)})
            await expect_refusal(script, _ALERT.PROTOCOL_VERSION, config)


# Not TLS at all


@_by_version
@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"SSH-2.0-x\r\n", bytes(100)])
async def test_a_server_of_another_protocol(flow: Flow, answer: bytes) -> None:
    await _refused(flow, raw(answer), _ALERT.UNEXPECTED_MESSAGE, steps=("ServerHello",))


@_by_version
async def test_a_record_that_is_too_long(flow: Flow) -> None:
    await _refused(flow, raw(b"\x17\x03\x03\xff\xff"), _ALERT.RECORD_OVERFLOW, steps=("ServerHello",))
    record_version = min(flow.version, Version.TLS12).to_bytes(2, "big")
    await _refused(flow, raw(b"\x16" + record_version + b"\xff\xff"), _ALERT.RECORD_OVERFLOW)
