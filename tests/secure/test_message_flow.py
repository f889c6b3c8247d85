"""Every message of every handshake at every wrong moment, cut, lengthened, split and joined: what a server may get wrong
about the order and the shape of its messages, generated from the grammar of what is allowed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from support.alterations import alert, append, message, record
from support.flows import FLOWS, Flow
from support.scripted_server import accepted, expect_refusal
from trio_secure import AlertDescription, AlertReceived, TLSError, Truncated
from trio_secure._versions import Version

_ALERT = AlertDescription
# Every type there is or was, and some that never were.
_TYPES = (0, 1, 2, 3, 4, 5, 8, 9, 11, 12, 13, 14, 15, 16, 20, 21, 22, 23, 24, 25, 67, 99, 254)
_MOMENTS = [(flow, step, allowed) for flow in FLOWS for step, allowed in flow.moments()]
_by_moment = pytest.mark.parametrize(
    ("flow", "step", "allowed"), _MOMENTS, ids=[f"{flow.name}-{step}" for flow, step, _ in _MOMENTS]
)
_by_message = pytest.mark.parametrize(
    ("flow", "step"),
    [(flow, step) for flow, step, _ in _MOMENTS if step != "ChangeCipherSpec"],
    ids=[f"{flow.name}-{step}" for flow, step, _ in _MOMENTS if step != "ChangeCipherSpec"],
)
_by_flow = pytest.mark.parametrize("flow", FLOWS, ids=[flow.name for flow in FLOWS])


# Fields of a script differ in type; it checks them itself.
async def _refuse(
    flow: Flow, description: AlertDescription | None, error: type[TLSError] | None = None, **changes: Any
) -> TLSError:
    script, config = await flow.ready()
    spoiled = replace(script, **changes)
    meeting = (
        await expect_refusal(spoiled, description, config)
        if error is None
        else await expect_refusal(spoiled, description, config, error=error)
    )
    assert meeting.error is not None
    return meeting.error


@_by_moment
async def test_a_message_at_a_wrong_moment_is_unexpected(
    flow: Flow, step: str, allowed: frozenset[int]
) -> None:
    for message_type in _TYPES:
        if message_type not in allowed:
            await _refuse(flow, _ALERT.UNEXPECTED_MESSAGE, before={step: message(message_type)})


@_by_moment
async def test_a_missing_message_is_missed(flow: Flow, step: str, allowed: frozenset[int]) -> None:
    if step in ("CertificateRequest", "CertificateStatus"):
        return
    # Application data stands in for what a server would say next; behind a missing ServerHello it comes anyway.
    await _refuse(flow, _ALERT.UNEXPECTED_MESSAGE, omit={step}, after={step: record(23, b"data")})


@_by_moment
async def test_a_record_of_another_type_is_unexpected(flow: Flow, step: str, allowed: frozenset[int]) -> None:
    for content_type, content in ((23, b"data"), (24, b"beat"), (20, b"\x02"), (20, b"\x01\x01"), (20, b"")):
        await _refuse(flow, _ALERT.UNEXPECTED_MESSAGE, before={step: record(content_type, content)})


@_by_moment
async def test_a_fatal_alert_ends_the_handshake_and_is_not_answered(
    flow: Flow, step: str, allowed: frozenset[int]
) -> None:
    error = await _refuse(flow, None, AlertReceived, before={step: alert(40)})
    assert error.alert is _ALERT.HANDSHAKE_FAILURE


@_by_moment
async def test_a_close_notify_ends_the_handshake(flow: Flow, step: str, allowed: frozenset[int]) -> None:
    for level in (1, 2):
        await _refuse(flow, None, Truncated, before={step: alert(0, level)})


@pytest.mark.parametrize(("flow", "step"), [(flow, step) for flow, step, allowed in _MOMENTS if 0 in allowed])
async def test_a_hello_request_is_passed_over_below_tls13(flow: Flow, step: str) -> None:
    script, config = await flow.ready()
    await accepted(replace(script, before={step: message(0)}), config)


@_by_flow
async def test_a_flow_is_what_it_says(flow: Flow) -> None:
    script, config = await flow.ready()
    meeting = await accepted(script, config)
    assert meeting.info is not None
    assert meeting.info.resumed is flow.resumes
    assert meeting.info.version == flow.script.version
    assert [step for step, _ in flow.moments()] == meeting.server.steps


# The shape of each message


def _lengths(whole: int) -> Iterator[int]:
    """Where to cut: at every length where the fields are short, then here and there, and just before the end."""
    yield from range(min(whole, 12))
    yield from range(12, whole - 3, 41)
    yield from range(max(12, whole - 3), whole)


# A ServerHello up to its session id and compression method is whole again where older versions may end it; and what
# is left of it no longer speaks of TLS 1.3.
def _is_whole(flow: Flow, step: str, body: bytes, length: int) -> bool:
    return step == "ServerHello" and length == 38 + body[34]


@_by_message
async def test_a_message_cut_short_does_not_parse(flow: Flow, step: str) -> None:
    bodies: list[bytes] = []

    def look(body: bytes) -> bytes:
        bodies.append(body)
        return body

    script, config = await flow.ready()
    await accepted(replace(script, alter={step: look}), config)
    whole = bodies[-1]
    for length in _lengths(len(whole)):
        if not _is_whole(flow, step, whole, length):
            cut = {step: lambda body, length=length: body[: length - len(whole)]}
            await _refuse(flow, _ALERT.DECODE_ERROR, alter=cut)


@_by_message
async def test_a_message_with_something_behind_it_does_not_parse(flow: Flow, step: str) -> None:
    for rest in (b"\0", b"more"):
        await _refuse(flow, _ALERT.DECODE_ERROR, alter={step: append(rest)})


# Records


@_by_flow
async def test_messages_may_come_byte_by_byte(flow: Flow) -> None:
    script, config = await flow.ready()
    await accepted(replace(script, fragment=1), config, trickle=True)


@_by_flow
async def test_messages_may_share_records_as_far_as_keys_allow(flow: Flow) -> None:
    script, config = await flow.ready()
    await accepted(replace(script, coalesce=True), config)


def _last_under_a_key(flow: Flow) -> list[str]:
    """The steps behind which the server's keys change, or the turn does."""
    steps = [step for step, _ in flow.moments()]
    if flow.script.version >= Version.TLS13:
        return ["ServerHello", "Finished"]
    return [*({"ServerHelloDone"} & {*steps}), steps[steps.index("ChangeCipherSpec") - 1], "Finished"]


@_by_flow
async def test_no_message_reaches_across_a_change_of_keys(flow: Flow) -> None:
    for step in _last_under_a_key(flow):
        for rest in (b"\x14", b"\x14\x00\x00\x0c", b"\x14\x00\x00\x0c" + bytes(12)):
            await _refuse(flow, _ALERT.UNEXPECTED_MESSAGE, trail={step: rest})
