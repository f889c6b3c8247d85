"""Server names: what a user writes, what SNI carries, what a certificate is matched against.

Theory of operation
-------------------
A name is either an IP address or a DNS name, and the difference decides everything that follows: an address is
never sent in SNI (RFC 6066 §3) and matches only iPAddress entries. It is settled here, once, before anything is
connected.
"""

from __future__ import annotations

import functools
import ipaddress
import re

import idna

from ._frozen import frozen

# Letters, digits and hyphens are the rule (RFC 1123 §2.1); underscores are common enough in private zones.
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_MAX_NAME = 253


@frozen
class ServerName:
    """A server's name in the one form that everything below uses.

    Attributes:
        text: a lower-case DNS name in A-labels without a trailing dot, or an IP address in its shortest form.
        is_address: whether it is an IP address.
    """

    text: str
    is_address: bool

    @classmethod
    @functools.lru_cache(maxsize=64)  # a client goes back to the same few hosts
    def parse(cls, name: str) -> ServerName:
        """The name in `name`, which may be an internationalized DNS name or an IPv4 or IPv6 address.

        Raises:
            ValueError: it is neither; the message says why.
        """
        bare = name[1:-1] if name.startswith("[") and name.endswith("]") else name
        if (address := _address(bare)) is not None:
            return cls(address, True)
        dns = name if name.isascii() else _a_labels(name)
        # RFC 6066 §3: the name is sent "without a trailing dot".
        dns = dns.removesuffix(".").lower()
        if (address := _address(dns)) is not None:
            return cls(address, True)
        if len(dns) > _MAX_NAME or not all(map(_LABEL.fullmatch, dns.split("."))):
            raise ValueError(f"server name {name[:80]!r} is neither a host name nor an IP address")
        return cls(dns, False)


def _address(text: str) -> str | None:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return None


def _a_labels(name: str) -> str:
    try:
        return idna.encode(name, uts46=True).decode("ascii")
    except idna.IDNAError as error:
        raise ValueError(f"server name {name[:80]!r} is not a valid host name: {error}") from error
