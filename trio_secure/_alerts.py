"""Alert records: reading one, and what it means in which version (RFC 9846 §6 [8446 §6]; RFC 5246 §7.2)."""

from __future__ import annotations

from typing import NamedTuple

from ._errors import AlertDescription, AlertLevel, PeerMisbehaved
from ._versions import Version

#: Warnings (TLS 1.2) and user_canceled (TLS 1.3) that are passed over before their sender is taken for hostile.
MAX_PASSED_OVER = 4


class Alert(NamedTuple):
    """An alert as it arrived."""

    level: int
    description: int

    @classmethod
    def parse(cls, content: bytes) -> Alert:
        """The alert in a record."""
        # RFC 9846 §5.4 [8446 §5.4]: "Implementations MUST NOT send Handshake and Alert records that have a
        # zero-length TLSInnerPlaintext.content; if such a message is received, the receiving implementation MUST
        # terminate the connection with an 'unexpected_message' alert." RFC 5246 §6.2.1 forbids them, too.
        if not content:
            raise PeerMisbehaved(AlertDescription.UNEXPECTED_MESSAGE, "an empty alert record")
        # RFC 9846 §5.1 [8446 §5.1]: "a record with an Alert type MUST contain exactly one message."
        if len(content) != 2:
            raise PeerMisbehaved(
                AlertDescription.DECODE_ERROR, f"an alert record of {len(content)} bytes instead of 2"
            )
        # RFC 9846 §6 [8446 §6]: what is "semantically invalid (e.g., [...] an invalid enum)" is an
        # illegal_parameter.
        if content[0] not in (AlertLevel.WARNING, AlertLevel.FATAL):
            raise PeerMisbehaved(AlertDescription.ILLEGAL_PARAMETER, f"an alert of level {content[0]}")
        return cls(content[0], content[1])

    @property
    def closes(self) -> bool:
        """Whether it is a close_notify, whatever its level."""
        return self.description == AlertDescription.CLOSE_NOTIFY

    def passes(self, version: Version | None) -> bool:
        """Whether the connection goes on after it; `version` is None while no version is settled."""
        if self.description == AlertDescription.USER_CANCELED:
            # RFC 9846 §6.1: "Receiving implementations SHOULD continue to read data from the peer until a
            # 'close_notify' is received".
            return True
        # RFC 9846 §6 [8446 §6]: error alerts "MUST be treated as error alerts when received regardless of the
        # AlertLevel in the message"; in TLS 1.2 a warning is only that (RFC 5246 §7.2.2). Servers that do not
        # know a name send one before their ServerHello.
        if version is None:
            return self.level == AlertLevel.WARNING and self.description == AlertDescription.UNRECOGNIZED_NAME
        return version < Version.TLS13 and self.level == AlertLevel.WARNING


def encode_alert(description: AlertDescription) -> bytes:
    """The content of an alert record."""
    # RFC 9846 §6.1 [8446 §6.1]: close_notify and user_canceled are warnings; every other alert sent is fatal but
    # for the refusal to renegotiate (RFC 5246 §7.2.2: "This message is always a warning").
    warnings = (
        AlertDescription.CLOSE_NOTIFY,
        AlertDescription.USER_CANCELED,
        AlertDescription.NO_RENEGOTIATION,
    )
    level = AlertLevel.WARNING if description in warnings else AlertLevel.FATAL
    return bytes([level, description])
