"""The protocol versions, and what a version number means to each part of the protocol."""

from __future__ import annotations

import enum


class Version(enum.IntEnum):
    """A TLS version as it stands on the wire.

    RFC 9846 §E.5 [8446 §D.5]: SSL 2.0 and 3.0 "MUST NOT be negotiated for any reason", so they are no versions
    here. It says the same of TLS 1.0 and 1.1, which only those get who ask for them.
    """

    TLS10 = 0x0301
    TLS11 = 0x0302
    TLS12 = 0x0303
    TLS13 = 0x0304

    @property
    def label(self) -> str:
        """The name people use: "TLS 1.3"."""
        return f"TLS 1.{self - 0x0301}"


#: The last eight bytes of ServerHello.random by which a server that could do more says what it settled for
#: (RFC 9846 §4.2.3 [8446 §4.1.3]).
DOWNGRADE_TO_TLS12 = bytes.fromhex("444F574E47524401")
DOWNGRADE_TO_TLS11 = bytes.fromhex("444F574E47524400")
#: The same as Java 11 says it.
DOWNGRADE_OF_JAVA11 = bytes.fromhex("EDBFB4A8C24710FF")
