"""Proxies from the environment: `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`.

Theory of operation: there is no standard, so the rules are those on which curl and Go agree, and where they
do not, the more careful one. The lower-case variable counts before the upper-case one. `HTTP_PROXY` is not
read where `REQUEST_METHOD` shows that this is a CGI program: there it holds the `Proxy` header of whoever
asks (CVE-2016-5385). Nothing on this machine itself is reached through a proxy.

Read once, when `EnvironmentProxies` is made, so that a program sees what is wrong with a variable when it starts.
"""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass

import trio

from ._defaults import SocketFactory
from ._errors import InvalidURL
from ._http_proxy import HTTPProxy
from ._proxies import Proxy
from ._socks import SOCKSProxy
from ._url import URL

_SCHEMES = {"http": "http", "https": "https", "ws": "http", "wss": "https"}
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class EnvironmentProxies(Proxy):
    """The proxies that the environment names: `Client(Socket=EnvironmentProxies())`.

    Used as a Socket factory by itself, for instance under `SecureSocket`, it goes by `HTTPS_PROXY`.

    Args:
        environment: the variables; those of the process by default.
        secure: for TLS to a proxy with an `https://` URL; see the `secure` dictionary.
        Socket: the factory for what is reached directly, and for reaching the proxies; TCP by default.

    Raises:
        InvalidURL: a variable names no proxy; the message says which.
    """

    def __init__(
        self,
        environment: Mapping[str, str] | None = None,
        *,
        secure: object = None,
        Socket: SocketFactory | None = None,  # noqa: N803  # the name of the Moddable documentation
    ) -> None:
        environment = os.environ if environment is None else environment
        self.name = "of the environment"
        self._secure = secure
        self._Socket = Socket or trio.open_tcp_stream
        self._direct = _Exceptions.parse(_variable(environment, "no_proxy")[1])
        self._proxies = {
            scheme: proxy
            for scheme in ("http", "https")
            if (proxy := self._named(environment, scheme)) is not None
        }

    def __call__(self, host: str, port: int, /) -> Awaitable[trio.abc.Stream]:
        """A stream to host and port: through the proxy for `https:`, or straight."""
        url = URL.of("https", host, port, "/")
        proxy = self.chosen(url)
        return self._Socket(url.host, port) if proxy is None else proxy(url.host, port)

    def chosen(self, url: URL) -> Proxy | None:
        """The proxy for a URL; `None` if it is to be reached straight."""
        return None if self._direct.cover(url) else self._proxies.get(_SCHEMES[url.scheme])

    def _named(self, environment: Mapping[str, str], scheme: str) -> Proxy | None:
        name, value = _variable(environment, f"{scheme}_proxy")
        if not name:
            name, value = _variable(environment, "all_proxy")
        if not value:
            return None
        if "://" not in value:
            value = f"http://{value}"
        try:
            if value.lower().startswith("socks"):
                return SOCKSProxy(value, Socket=self._Socket)
            return HTTPProxy(value, secure=self._secure, Socket=self._Socket)
        except ValueError as error:
            raise InvalidURL(
                f"the environment variable {name} names no proxy that can be used: {error}"
            ) from None


def _variable(environment: Mapping[str, str], name: str) -> tuple[str, str]:
    """The name under which a variable is set, and its value; two empty strings if it is not."""
    names = [name, name.upper()]
    if name == "http_proxy" and "REQUEST_METHOD" in environment:
        names.remove("HTTP_PROXY")
    for each in names:
        if each in environment:
            return each, environment[each].strip()
    return "", ""


@dataclass(frozen=True, slots=True)
class _Exceptions:
    """What `NO_PROXY` says."""

    everything: bool
    names: frozenset[tuple[str, int | None]]
    """Domains, each with those below it, and the port if it is for one alone."""
    networks: tuple[tuple[Network, int | None], ...]

    @classmethod
    def parse(cls, text: str) -> _Exceptions:
        """Take the value apart. An entry that makes no sense covers nothing, as everywhere else."""
        names: set[tuple[str, int | None]] = set()
        networks: list[tuple[Network, int | None]] = []
        entries = re.split(r"[,\s]+", text)
        for entry in filter(None, entries):
            host, port = _split_port(entry.lower())
            try:
                networks.append((ipaddress.ip_network(host, strict=False), port))
            except ValueError:
                names.add((host.removeprefix("*").removeprefix(".").removesuffix("."), port))
        return cls("*" in entries, frozenset(names), tuple(networks))

    def cover(self, url: URL) -> bool:
        """Whether a URL is to be reached without a proxy."""
        try:
            address = ipaddress.ip_address(url.host)
        except ValueError:
            return self.everything or self._cover_name(url.host, url.port)
        return (
            self.everything
            or address.is_loopback
            or any(address in network and port in (None, url.port) for network, port in self.networks)
        )

    def _cover_name(self, host: str, port: int) -> bool:
        if host == "localhost" or host.endswith(".localhost"):
            return True
        domain = host
        while domain:
            if (domain, None) in self.names or (domain, port) in self.names:
                return True
            domain = domain.partition(".")[2]
        return False


def _split_port(entry: str) -> tuple[str, int | None]:
    """Host or network, without brackets, and the port."""
    found = re.fullmatch(r"\[([^\]]*)\](?::(\d{1,5}))?|([^:]*)(?::(\d{1,5}))?", entry)
    if found is None:
        return entry, None  # an IPv6 address without brackets, or nothing that means anything
    port = found[2] or found[4]
    return found[1] or found[3] or "", int(port) if port else None
