"""URLs: what is accepted, and the one form in which the rest of the package sees them.

Theory of operation: parse, don't validate. `URL.parse` turns text into a scheme, a host that is ready for the
resolver and for SNI, a port, and an ASCII request target; whatever cannot become that is refused with a
message that names the part. Refused on purpose, because two readers of such a URL may understand two
different servers: control characters and spaces, backslashes, credentials, percent-encoding and zone
identifiers in the host, and numbers that look like an IPv4 address without being one (`127.1`, `0x7f.0.0.1`).
RFC 3986 gives the grammar, RFC 9110 §4.2 the schemes, UTS 46 and IDNA 2008 the international host names.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NoReturn
from urllib.parse import quote

import idna

from ._errors import InvalidURL

DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
_SCHEMES = ("http", "https")

_MAX_LENGTH = 64 * 1024
# RFC 1035 §2.3.4, in the text form without the final dot.
_MAX_HOST_LENGTH = 253
_LABEL = re.compile(r"[a-z0-9_-]{1,63}")
# WHATWG URL §3.5 calls a host whose last label is such a number an IPv4 address, whatever it looks like else.
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_PORT = re.compile(r"[0-9]{1,5}")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(//)?")
# In localhost:8443/ the colon is not the one after a scheme.
_PORT_NEXT = re.compile(r":[0-9]+(?:[/?#]|$)")
_AUTHORITY_END = re.compile(r"[/?#]")
# Every kind of white space is refused too: none of it is ever part of a URL on purpose.
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f-\x9f\\]|\s")
# RFC 3986 §2: reserved and unreserved characters, and the percent sign of what is encoded already.
_SAFE = "!$%&'()*+,-./:;=?@[]_~"


@dataclass(frozen=True, slots=True)
class URL:
    """An `http:` or `https:` URL (for the sister package, `ws:` or `wss:`), taken apart.

    Made by `URL.parse` or `URL.of`, which check every part.
    """

    scheme: str
    """In lower case."""
    host: str
    """In lower case: ASCII (international names as A-labels) or an IP address literal without brackets."""
    port: int
    """The default port of the scheme if the URL named none."""
    target: str
    """Path and query as they go on the wire: ASCII, beginning with "/"."""
    fragment: str = field(default="", compare=False)
    """What follows "#", in ASCII. It is never sent: it names a part of the answer, and survives redirects."""

    @classmethod
    def parse(cls, text: str, schemes: Collection[str] = _SCHEMES) -> URL:
        """Take a URL apart.

        Args:
            text: an absolute URL. Characters which RFC 3986 does not allow in a path, query or fragment,
                non-ASCII ones among them, are percent-encoded as UTF-8.
            schemes: those accepted, out of `http`, `https`, `ws` and `wss`.

        Raises:
            InvalidURL: the message says which part is wrong.
            TypeError: `text` is not a string.
        """
        _check("a URL", text, str)
        return _parsed(text, tuple(schemes))

    @classmethod
    def of(cls, scheme: str, host: str, port: int, path: str) -> URL:
        """Put a URL together from its parts.

        Args:
            scheme: a key of `DEFAULT_PORTS`.
            host: a name, or an IP address literal with or without brackets.
            port: 1 to 65535.
            path: path and query; an empty path is "/".

        Raises:
            InvalidURL: the message says which part is wrong.
            TypeError: a part is of the wrong type.
        """
        _check("host", host, str)
        _check("path", path, str)
        _check("port", port, int)
        _refuse_characters(host)
        _refuse_characters(path)
        if not path.startswith(("/", "?")) and path:
            raise InvalidURL(f"path {_shown(path)} does not begin with '/'")
        bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
        literal = f"[{bare}]" if ":" in bare else bare
        return cls(
            scheme, _host(literal, host), _port(str(port), scheme, host), _target(path.partition("#")[0])
        )

    @property
    def authority(self) -> str:
        """What the Host header says: the host, in brackets if it is IPv6, and any port but the default."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def origin(self) -> str:
        """Scheme and authority, for example `https://example.com`."""
        return f"{self.scheme}://{self.authority}"

    def __str__(self) -> str:
        return self.origin + self.target


@lru_cache(maxsize=1024)
def _parsed(text: str, schemes: tuple[str, ...]) -> URL:
    """Take a URL apart; the same few are asked for again and again."""
    _refuse_characters(text)
    scheme, rest = _split_scheme(text, schemes)
    authority = _AUTHORITY_END.split(rest, maxsplit=1)[0]
    host, port = _split_authority(authority, text)
    path, _, fragment = rest[len(authority) :].partition("#")
    return URL(
        scheme, _host(host, text), _port(port, scheme, text), _target(path), quote(fragment, safe=_SAFE)
    )


def _check(name: str, value: object, kind: type[str | int]) -> None:
    if not isinstance(value, kind) or isinstance(value, bool):
        raise TypeError(f"{name} must be {kind.__name__}, not {value!r}")


def _shown(text: str) -> str:
    """The text as error messages quote it: safely, not at any length, and without a password."""
    # Up to the last "@": in a password that is not percent-encoded there may be a slash, which ends the authority.
    secretless = re.sub(r"//.*@", "//…@", text, flags=re.DOTALL)
    return repr(secretless if len(secretless) <= 200 else secretless[:200] + "…")


def _refuse_characters(text: str) -> None:
    if len(text) > _MAX_LENGTH:
        raise InvalidURL(f"URL of {len(text)} characters: the longest accepted one has {_MAX_LENGTH}")
    if found := _FORBIDDEN.search(text):
        character = found[0]
        name = "a space" if character == " " else "a backslash" if character == "\\" else repr(character)
        raise InvalidURL(
            f"URL {_shown(text)} holds {name} at position {found.start()}: "
            f"percent-encode it as {quote(character)}, or remove it"
        )
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InvalidURL(f"URL {_shown(text)} is not text: {error.reason}") from None


def _split_scheme(text: str, schemes: tuple[str, ...]) -> tuple[str, str]:
    expected = " or ".join(f"{scheme}:" for scheme in schemes)
    found = _SCHEME.match(text)
    if found is None or (found[1].lower() not in schemes and _PORT_NEXT.match(text, found.end(1))):
        raise InvalidURL(
            f"URL {_shown(text)} has no scheme: begin it with {expected} as in {schemes[-1]}://example.com/"
        )
    scheme = found[1].lower()
    if scheme not in schemes:
        raise InvalidURL(f"URL {_shown(text)} has the scheme {_shown(found[1])}, and {expected} is needed")
    if not found[2]:
        raise InvalidURL(f"URL {_shown(text)} has no '//' after the scheme")
    return scheme, text[found.end() :]


def _split_authority(authority: str, text: str) -> tuple[str, str]:
    """The host, an IPv6 literal with its brackets, and the port as text, which may be empty."""
    if "@" in authority:
        # RFC 9110 §4.2.4: credentials in a URL end up in logs, and disguise the host.
        raise InvalidURL(
            f"URL {_shown(text)} holds credentials: remove them, and give an Authorization header instead"
        )
    if authority.startswith("["):
        host, bracket, rest = authority.partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise InvalidURL(f"URL {_shown(text)}: the IPv6 address in its host is not one in brackets")
        return host + bracket, rest[1:]
    host, _, port = authority.partition(":")
    return host, port


def _port(port: str, scheme: str, text: str) -> int:
    if not port:
        return DEFAULT_PORTS[scheme]
    if not _PORT.fullmatch(port) or not 1 <= int(port) <= 65535:
        which = "the port" if "@" in text else f"the port {_shown(port)}"  # it might be half a password
        raise InvalidURL(f"{_shown(text)}: {which} is not a number from 1 to 65535")
    return int(port)


def _host(host: str, text: str) -> str:
    def refuse(reason: str) -> NoReturn:
        raise InvalidURL(f"{_shown(text)}: the host {_shown(host)} {reason}")

    if not host:
        raise InvalidURL(f"{_shown(text)} has no host")
    if host.startswith("["):
        # The zone of `fe80::1%eth0` has no agreed form in a URL (RFC 6874 is not followed by browsers).
        if "%" in host:
            refuse("names a zone, which a URL cannot")
        try:
            return str(ipaddress.IPv6Address(host[1:-1]))
        except ValueError as error:
            refuse(f"is not an IPv6 address ({error})")
    if len(host) > 4 * _MAX_HOST_LENGTH:
        refuse("is too long")
    if not host.isascii():
        try:
            host = idna.encode(host, uts46=True).decode("ascii")
        except idna.IDNAError as error:
            refuse(f"is not a valid international name ({error})")
    name = host.lower().removesuffix(".")
    labels = name.split(".")
    for label in labels:
        if not _LABEL.fullmatch(label):
            refuse(f"has the invalid label {_shown(label)}")
    if _NUMBER.fullmatch(labels[-1]):
        try:
            return str(ipaddress.IPv4Address(name))
        except ValueError as error:
            refuse(f"ends in a number, and is not an IPv4 address ({error})")
    if len(name) > _MAX_HOST_LENGTH:
        refuse(f"is longer than {_MAX_HOST_LENGTH} characters")
    return name


def _target(path: str) -> str:
    return quote(path if path.startswith("/") else "/" + path, safe=_SAFE)
