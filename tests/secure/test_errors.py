from __future__ import annotations

import pytest
import trio

from trio_secure._errors import (
    AlertDescription,
    AlertLevel,
    AlertReceived,
    CertificateRefused,
    PeerIncompatible,
    PeerMisbehaved,
    TLSError,
    Truncated,
    alert_name,
)


@pytest.mark.parametrize("kind", [PeerMisbehaved, PeerIncompatible, CertificateRefused])
def test_our_refusals_carry_the_alert_that_tells_the_peer(
    kind: type[PeerMisbehaved | PeerIncompatible | CertificateRefused],
) -> None:
    error = kind(AlertDescription.DECODE_ERROR, "a reason")
    assert error.alert is AlertDescription.DECODE_ERROR
    assert error.phase is None
    assert str(error) == error.message == "a reason"
    assert repr(error) == f"{kind.__name__}('a reason', alert=decode_error, phase=None)"


@pytest.mark.parametrize(
    "error",
    [
        TLSError("x"),
        PeerMisbehaved(AlertDescription.DECODE_ERROR, "x"),
        AlertReceived(40),
        Truncated("x"),
    ],
)
def test_code_for_any_trio_stream_catches_every_error(error: TLSError) -> None:
    assert isinstance(error, TLSError)
    assert isinstance(error, trio.BrokenResourceError)


def test_the_phase_is_named_once_it_is_known() -> None:
    error = Truncated("the connection ended")
    error.phase = "ServerHello"
    assert str(error) == "the connection ended (at ServerHello)"
    assert repr(error) == "Truncated('the connection ended', alert=None, phase='ServerHello')"


def test_a_received_alert_is_named_and_explained() -> None:
    error = AlertReceived(40)
    assert error.alert is AlertDescription.HANDSHAKE_FAILURE
    assert str(error) == (
        "the peer refused the connection with alert 40, handshake_failure: "
        "it accepts none of the suites, groups or signatures offered"
    )


def test_a_received_alert_without_an_explanation_is_named() -> None:
    assert str(AlertReceived(80)) == "the peer refused the connection with alert 80, internal_error"


def test_an_unknown_alert_stays_a_number() -> None:
    error = AlertReceived(200)
    assert type(error.alert) is int
    assert error.alert == 200
    assert str(error).endswith("alert 200, alert 200")
    assert "alert=alert 200" in repr(error)


def test_alert_names_are_the_rfcs() -> None:
    assert [alert_name(code) for code in (0, 47, 116, 255)] == [
        "close_notify",
        "illegal_parameter",
        "certificate_required",
        "alert 255",
    ]


def test_levels_are_those_on_the_wire() -> None:
    assert (AlertLevel.WARNING, AlertLevel.FATAL) == (1, 2)
