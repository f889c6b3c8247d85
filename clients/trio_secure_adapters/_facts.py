"""`SSLFacts`: what was negotiated, asked for by the names of `ssl.SSLObject`.

Theory of operation: libraries ask an `ssl_object` for the protocol agreed on, and some users for more. This
answers from `ConnectionInfo`; what is not in it, it does not have.
"""

from __future__ import annotations

import re

from trio_secure import ConnectionInfo

_VERSIONS = {0x301: "TLSv1", 0x302: "TLSv1.1", 0x303: "TLSv1.2", 0x304: "TLSv1.3"}


class SSLFacts:
    """The questions that `ssl.SSLObject` answers about an established connection.

    Args:
        info: what the handshake settled.
    """

    def __init__(self, info: ConnectionInfo) -> None:
        self.info = info

    @property
    def server_hostname(self) -> str | None:
        """The name that was verified."""
        return self.info.server_name

    @property
    def session_reused(self) -> bool:
        """Whether the session was resumed."""
        return self.info.resumed

    def selected_alpn_protocol(self) -> str | None:
        """The protocol agreed on (RFC 7301)."""
        return self.info.alpn

    def version(self) -> str:
        """The protocol version as `ssl` writes it: "TLSv1.3"."""
        return _VERSIONS[self.info.version]

    def cipher(self) -> tuple[str, str, int]:
        """The suite's name in the registry of IANA, the version, and the bits of its key."""
        size = re.search(r"_(?:AES|CAMELLIA|ARIA)_(\d+)_", self.info.cipher_suite)
        # What is not named for the length of its key has 256 bits; Triple DES has the strength of 112.
        bits = int(size[1]) if size else 112 if "3DES" in self.info.cipher_suite else 256
        return self.info.cipher_suite, self.version(), bits

    def getpeercert(self, binary_form: bool = False) -> bytes | None:
        """The server's certificate, DER.

        Raises:
            ValueError: `binary_form` is not true; `cryptography.x509` decodes a certificate better.
        """
        if not binary_form:
            raise ValueError(
                "only getpeercert(binary_form=True) is there; cryptography.x509 decodes the result"
            )
        return next(iter(self.info.peer_certificates), None)
