"""Alerts, and the exceptions that carry them.

Theory of operation
-------------------
Whoever finds a fault raises the exception that says whose fault it is, with the alert the RFC names for it.
Nothing on the way up translates or guesses: the stream's single exit point sends `error.alert` to the peer,
writes down where in the protocol it happened (`phase`), and lets the exception continue to the user.

::

    TLSError                    also a trio.BrokenResourceError
    ├── PeerMisbehaved          the peer broke the protocol
    ├── PeerIncompatible        nothing in common, or something this client does not do
    ├── CertificateRefused      the peer's certificate is not good enough; __cause__ says why
    ├── AlertReceived           the peer refused us; alert is what it sent
    └── Truncated               the transport ended without close_notify
"""

from __future__ import annotations

import enum

import trio


class AlertLevel(enum.IntEnum):
    """How severe a peer says an alert is (RFC 9846 §6 [8446 §6]); from TLS 1.3 on the level is ignored."""

    WARNING = 1
    FATAL = 2


class AlertDescription(enum.IntEnum):
    """The alerts of RFC 9846 §6 [8446 §6] and those older versions still send."""

    CLOSE_NOTIFY = 0
    UNEXPECTED_MESSAGE = 10
    BAD_RECORD_MAC = 20
    DECRYPTION_FAILED = 21
    RECORD_OVERFLOW = 22
    DECOMPRESSION_FAILURE = 30
    HANDSHAKE_FAILURE = 40
    NO_CERTIFICATE = 41
    BAD_CERTIFICATE = 42
    UNSUPPORTED_CERTIFICATE = 43
    CERTIFICATE_REVOKED = 44
    CERTIFICATE_EXPIRED = 45
    CERTIFICATE_UNKNOWN = 46
    ILLEGAL_PARAMETER = 47
    UNKNOWN_CA = 48
    ACCESS_DENIED = 49
    DECODE_ERROR = 50
    DECRYPT_ERROR = 51
    EXPORT_RESTRICTION = 60
    PROTOCOL_VERSION = 70
    INSUFFICIENT_SECURITY = 71
    INTERNAL_ERROR = 80
    INAPPROPRIATE_FALLBACK = 86
    USER_CANCELED = 90
    NO_RENEGOTIATION = 100
    MISSING_EXTENSION = 109
    UNSUPPORTED_EXTENSION = 110
    CERTIFICATE_UNOBTAINABLE = 111
    UNRECOGNIZED_NAME = 112
    BAD_CERTIFICATE_STATUS_RESPONSE = 113
    BAD_CERTIFICATE_HASH_VALUE = 114
    UNKNOWN_PSK_IDENTITY = 115
    CERTIFICATE_REQUIRED = 116
    GENERAL_ERROR = 117
    NO_APPLICATION_PROTOCOL = 120


def alert_name(code: int) -> str:
    """The name of an alert as the RFC writes it, or its number when it has none here."""
    try:
        return AlertDescription(code).name.lower()
    except ValueError:
        return f"alert {code}"


class TLSError(trio.BrokenResourceError):
    """A TLS connection that can no longer be used, and why.

    Attributes:
        alert: the alert that tells the peer, as an `AlertDescription`; on `AlertReceived`, the one the peer
            sent (a plain int when it is not a known one); None when there is nothing to tell.
        phase: where it happened: the name of the handshake message awaited or being processed
            ("ServerHello"), "application data", or "close"; None before the stream has seen the error.
    """

    def __init__(self, message: str, alert: AlertDescription | int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.alert = alert
        self.phase: str | None = None

    def __str__(self) -> str:
        where = f" (at {self.phase})" if self.phase else ""
        return f"{self.message}{where}"

    def __repr__(self) -> str:
        alert = None if self.alert is None else alert_name(self.alert)
        return f"{type(self).__name__}({self.message!r}, alert={alert}, phase={self.phase!r})"


class _FaultWithAlert(TLSError):
    """A fault that is ours to tell the peer."""

    def __init__(self, alert: AlertDescription, message: str) -> None:
        super().__init__(message, alert)


class PeerMisbehaved(_FaultWithAlert):
    """The peer broke the protocol: a malformed message, a wrong signature, a message out of turn."""


class PeerIncompatible(_FaultWithAlert):
    """The peer keeps to the protocol, but there is no version, suite or group both sides accept."""


class CertificateRefused(_FaultWithAlert):
    """The peer's certificate was refused; `__cause__` holds the verdict or the missing resource.

    Attributes:
        certificate: the certificate at fault in DER, if there is one.
    """

    def __init__(self, alert: AlertDescription, message: str, certificate: bytes | None = None) -> None:
        super().__init__(alert, message)
        self.certificate = certificate


class AlertReceived(TLSError):
    """The peer sent a fatal alert."""

    def __init__(self, alert: int, hint: str | None = None) -> None:
        known = AlertDescription(alert) if alert in AlertDescription.__members__.values() else alert
        hint = _HINTS.get(alert) if hint is None else hint
        said = f"the peer refused the connection with alert {alert}, {alert_name(alert)}"
        super().__init__(f"{said}: {hint}" if hint else said, known)


class Truncated(TLSError):
    """The transport ended without a close_notify: what was received may not be all that was sent."""


class LegacyTLSWarning(UserWarning):
    """A connection uses TLS 1.0 or 1.1, which RFC 8996 has put out of use."""


_HINTS: dict[int, str] = {
    AlertDescription.HANDSHAKE_FAILURE: "it accepts none of the suites, groups or signatures offered",
    AlertDescription.PROTOCOL_VERSION: "it supports none of the TLS versions offered",
    AlertDescription.UNRECOGNIZED_NAME: "it serves no site under the server name sent",
    AlertDescription.NO_APPLICATION_PROTOCOL: "it speaks none of the ALPN protocols offered",
    AlertDescription.CERTIFICATE_REQUIRED: "it wants a client certificate",
    AlertDescription.BAD_CERTIFICATE: "it did not accept the client certificate",
    AlertDescription.UNKNOWN_CA: "it does not know the issuer of the client certificate",
    AlertDescription.INSUFFICIENT_SECURITY: "it requires stronger parameters than those offered",
}
