"""TCP by name and address, or a Unix socket: what every connection is made of unless a Socket factory says else.

Theory of operation: a `Dial` is a Socket factory. The name is looked up first, so that it is known how long that
takes; of several addresses, families alternating, the next is tried when the one before it has failed or has had a
quarter of a second, and the first connection wins (RFC 8305, with Trio's own lookup and connect).
"""

from __future__ import annotations

import errno
import ipaddress
import os
from collections.abc import Mapping, Sequence
from itertools import chain, zip_longest
from typing import cast

import trio

from ._trace import Trace

_HEAD_START = 0.25
Resolve = Mapping[str, str | Sequence[str]]
"""From `host:port`, or `host` for every port, to an address or several."""


class Dial:
    """Connects, as the client's options say.

    Args:
        resolve: addresses in place of a lookup.
        local_address: the address to connect from.
        unix_socket: the path of a Unix socket to connect to, whatever the host and port.

    Raises:
        TypeError, ValueError: an option is no good.
    """

    def __init__(
        self, resolve: Resolve | None = None, local_address: str | None = None, unix_socket: str | None = None
    ) -> None:
        self._resolve = {_key(name): _addresses(name, given) for name, given in (resolve or {}).items()}
        self._local_address = None if local_address is None else _address("local_address", local_address)
        self._unix_socket = unix_socket
        if unix_socket is not None and (resolve or local_address is not None):
            raise ValueError("a Unix socket has no addresses: give no resolve and no local_address beside it")

    @property
    def changed(self) -> bool:
        """Whether any option is given."""
        return bool(self._resolve or self._local_address or self._unix_socket)

    async def connect(self, host: str, port: int, trace: Trace) -> trio.SocketStream:
        """A connection to that host and port.

        Raises:
            OSError: nobody answers; or, as `socket.gaierror`, the name has no address.
        """
        if self._unix_socket is not None:
            return await trio.open_unix_socket(self._unix_socket)
        addresses = await self._look_up(host, port)
        trace.mark("resolved", addresses)
        if len(addresses) == 1:
            return await self._open(addresses[0], port)
        return await self._race(host, addresses, port)

    async def _look_up(self, host: str, port: int) -> tuple[str, ...]:
        given = self._resolve.get(f"{host}:{port}") or self._resolve.get(host)
        if given:
            return given
        if _is_address(host):
            return (host,)
        try:
            found = await trio.socket.getaddrinfo(host, port, type=trio.socket.SOCK_STREAM)
        except trio.socket.gaierror as error:
            # The system's text does not say which host it was.
            raise trio.socket.gaierror(
                error.errno,
                f"the host {host} was not found ({error.strerror or error}). Check how its name is spelled, "
                "and that this machine has a network and a DNS server that answers",
            ) from error
        # Duplicates are one address with several protocols.
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        six = [address for address in addresses if ":" in address]
        four = [address for address in addresses if ":" not in address]
        # RFC 8305 §4: the family that the system prefers comes first, and then they take turns.
        first, second = (six, four) if addresses[:1] == six[:1] else (four, six)
        return tuple(filter(None, chain.from_iterable(zip_longest(first, second))))

    async def _open(self, address: str, port: int) -> trio.SocketStream:
        try:
            return await trio.open_tcp_stream(address, port, local_address=self._local_address)
        except OSError as error:
            raise _with_reason(error) from error.__cause__

    async def _race(self, host: str, addresses: Sequence[str], port: int) -> trio.SocketStream:
        winners: list[trio.SocketStream] = []
        errors: list[OSError] = []

        async def attempt(address: str, failed: trio.Event) -> None:
            try:
                winners.append(await self._open(address, port))
            except OSError as error:
                errors.append(error)
                failed.set()
            else:
                nursery.cancel_scope.cancel()

        try:
            async with trio.open_nursery() as nursery:
                for address in addresses:
                    failed = trio.Event()
                    nursery.start_soon(attempt, address, failed)
                    with trio.move_on_after(_HEAD_START):
                        await failed.wait()
            winner = winners.pop(0) if winners else None
        finally:
            for late in winners:
                await trio.aclose_forcefully(late)
        if winner is not None:
            return winner
        last = errors[-1]
        text = f"none of the {len(errors)} addresses of {host} could be connected to: {last.strerror or last}"
        same = last.errno is not None and {error.errno for error in errors} == {last.errno}
        raise (OSError(last.errno, text) if same else OSError(text)) from last


def _with_reason(error: OSError) -> OSError:
    """The same, but saying why: Trio leaves that to the errors that it was caused by."""
    cause = error.__cause__
    attempts = (
        cast("ExceptionGroup[Exception]", cause).exceptions if isinstance(cause, ExceptionGroup) else ()
    )
    numbers = list(dict.fromkeys(one.errno for one in attempts if isinstance(one, OSError) and one.errno))
    if not numbers:
        return error
    text = f"{error}: {'; '.join(map(os.strerror, numbers))}"
    if numbers == [errno.ECONNREFUSED]:
        text += ". Does the server run, and is this its port?"
    return OSError(numbers[0], text) if len(numbers) == 1 else OSError(text)


def _key(name: object) -> str:
    if not isinstance(name, str):
        raise TypeError(f"resolve is a mapping from 'host' or 'host:port', not from {name!r}")
    return name.lower()


def _addresses(name: str, given: object) -> tuple[str, ...]:
    if isinstance(given, str):
        return (_address(f"resolve[{name!r}]", given),)
    if not isinstance(given, Sequence) or isinstance(given, bytes) or not given:
        raise TypeError(f"resolve[{name!r}] must be an address or a sequence of them, not {given!r}")
    return tuple(_address(f"resolve[{name!r}]", one) for one in cast("Sequence[object]", given))


def _address(what: str, given: object) -> str:
    if not isinstance(given, str):
        raise TypeError(f"{what} must be an IP address, not {given!r}")
    if not _is_address(given):
        raise ValueError(f"{what} must be an IP address, not {given!r}")
    return given


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True
