"""The name a server's certificate must be valid for.

Theory of operation: a host is an IP address or a DNS name, and a certificate says which it speaks for in
subjectAltName (RFC 9525 §6): an iPAddress entry matches an address, a dNSName entry a name, never the one
the other, and the CommonName counts for nothing. The verifier matches too; the match made here adds one
rule of its own (a wildcard needs two labels after it, so `*.com` matches nothing) and lets a mismatch be
reported as such.
"""

from __future__ import annotations

import functools
import ipaddress
import re
from dataclasses import dataclass
from typing import NamedTuple

from trio_certs._der import SEQUENCE, Reader
from trio_certs._text import printable

_DNS_NAME = 0x82
_IP_ADDRESS = 0x87
# RFC 1123 §2.1 labels. The verifier refuses underscores in a name, so they are refused here, in words.
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)


class SubjectNames(NamedTuple):
    """The names in a subjectAltName extension that a server can be reached under."""

    dns: tuple[str, ...] = ()
    addresses: tuple[bytes, ...] = ()
    """IP addresses, 4 or 16 octets each."""

    @classmethod
    def parse(cls, extension: bytes) -> SubjectNames:
        """Read the value of a subjectAltName extension (RFC 5280 §4.2.1.6).

        Raises:
            DERError: it is malformed.
        """
        dns: list[str] = []
        addresses: list[bytes] = []
        outer = Reader(extension)
        names = outer.enter(SEQUENCE, "subjectAltName")
        outer.finish("subjectAltName")
        while (tag := names.peek()) is not None:
            value = names.content(tag, "a subject name")
            if tag == _DNS_NAME:
                dns.append(value.decode("ascii", "backslashreplace").lower())
            elif tag == _IP_ADDRESS:
                addresses.append(value)
        return cls(tuple(dns), tuple(addresses))

    def __str__(self) -> str:
        readable = [*self.dns, *(_address_text(address) for address in self.addresses)]
        shown = ", ".join(printable(name, 80) for name in readable[:5])
        more = len(readable) - 5
        return (f"{shown} and {more} more" if more > 0 else shown) or "no DNS name or IP address at all"


@dataclass(frozen=True, slots=True)
class ServerName:
    """A host as a certificate is matched against it."""

    text: str
    """A DNS name in lower case without a trailing dot, or an IP address."""
    address: ipaddress.IPv4Address | ipaddress.IPv6Address | None = None
    """The address, if the host is one."""

    @classmethod
    @functools.lru_cache(maxsize=32)  # a client goes back to the same few hosts
    def parse(cls, host: str) -> ServerName:
        """Classify `host`: an IPv4 or IPv6 literal (a zone like `%eth0` is dropped) or a DNS name (A-labels).

        Raises:
            ValueError: it is neither.
        """
        try:
            # By way of the octets, because a zone is no part of what a certificate says.
            address = ipaddress.ip_address(ipaddress.ip_address(host).packed)
        except ValueError:
            pass
        else:
            return cls(str(address), address)
        name = host.lower().removesuffix(".")
        labels = name.split(".")
        if not name or len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
            hint = " (underscores are not allowed there)" if "_" in name else ""
            raise ValueError(
                f'"{printable(host)}" is not a DNS name that a certificate can be valid for{hint}'
            )
        if labels[-1].isdigit():
            # RFC 1123 §2.1: the last label of a host name is never all digits; "127.1" is a mistyped address.
            raise ValueError(f'"{printable(host)}" is neither an IP address nor a DNS name')
        return cls(name)

    def matches(self, names: SubjectNames) -> bool:
        """Whether one of a certificate's names is this one (RFC 9525 §6.3, §6.4)."""
        if self.address is not None:
            return self.address.packed in names.addresses
        _, _, parent = self.text.partition(".")
        wildcard = f"*.{parent}" if "." in parent else None
        return any(name in (self.text, wildcard) for name in names.dns)


def _address_text(address: bytes) -> str:
    try:
        return str(ipaddress.ip_address(address))
    except ValueError:
        return f"0x{address[:20].hex()}"
