"""`python -m benchmarks.cancellation [--seeds N]`: what a pool is worth after its requests have been cancelled.

Theory of operation: for each seed a client with two connections makes 60 rounds of 8 requests at once to a
server on the loopback, each cancelled after 0 to 10 ms, over TCP and over TLS. Then nothing runs any more, and
two requests are made that the server answers only when both have come, or after a second. Clean is a pool in
which both are there; with a slot lost, the server sees one at a time; and in a wedged one no request gets a
connection at all. Every client runs on Trio, in a process of its own, against the same server, with the same
program.
"""

from __future__ import annotations

import argparse
import collections
import random
import ssl
import subprocess
import sys
import tempfile
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any  # the peers' own types stay in their own branch

import trio

from support.authority import Authority, Leaf, to_pem

_SLOTS, _ROUNDS, _AT_ONCE = 2, 60, 8
_LONGEST = 0.01
_PAGE = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
Get = Callable[[str], Awaitable[int]]


class _Server:
    """Answers after a few milliseconds; `/both` when two have come, or after a second."""

    def __init__(self, context: ssl.SSLContext | None) -> None:
        self._context = context
        self._here = 0
        self.most = 0
        self._both = trio.Event()

    async def serve(self, transport: trio.SocketStream) -> None:
        stream: trio.abc.Stream = transport
        if self._context is not None:
            stream = trio.SSLStream(transport, self._context, server_side=True, https_compatible=True)
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError, ssl.SSLError):
            async with stream:
                received = b""
                while True:
                    while b"\r\n\r\n" not in received:
                        data = await stream.receive_some()
                        if not data:
                            return
                        received += data
                    head, _, received = received.partition(b"\r\n\r\n")
                    await self._wait(head)
                    await stream.send_all(_PAGE)

    async def _wait(self, head: bytes) -> None:
        if b"/both" not in head:
            await trio.sleep(random.random() * _LONGEST / 2)  # noqa: S311  # no secret
            return
        self._here += 1
        self.most = max(self.most, self._here)
        if self._here == _SLOTS:
            self._both.set()
        with trio.move_on_after(1):
            await self._both.wait()
        self._here -= 1


@asynccontextmanager
async def _ours(authority: Path) -> AsyncGenerator[Get]:
    from trio_https import Client, Deadlines, Limits

    secure = {"certificate": authority.with_suffix(".der").read_bytes()}
    limits, deadlines = Limits(connections=_SLOTS), Deadlines(pool=5)

    async with Client(secure=secure, limits=limits, deadlines=deadlines) as client:

        async def get(url: str) -> int:
            return (await client.get(url)).status

        yield get


@asynccontextmanager
async def _peer(module: str, authority: Path) -> AsyncGenerator[Get]:
    import importlib

    httpx: Any = importlib.import_module(module)
    context = ssl.create_default_context(cafile=str(authority))
    limits = httpx.Limits(max_connections=_SLOTS, max_keepalive_connections=_SLOTS)
    async with httpx.AsyncClient(verify=context, limits=limits, timeout=5, trust_env=False) as client:

        async def get(url: str) -> int:
            return int((await client.get(url)).status_code)

        yield get


CLIENTS: dict[str, Callable[[Path], AbstractAsyncContextManager[Get]]] = {
    "trio_https": _ours,
    "httpx": partial(_peer, "httpx"),
    "httpx2": partial(_peer, "httpx2"),
}


async def _cancel(get: Get, url: str, chance: random.Random) -> None:
    async def one() -> None:
        with trio.move_on_after(chance.random() * _LONGEST):
            # What a cancelled neighbour did to it is this client's trouble; here only the pool is looked at.
            with suppress(Exception):
                await get(url)

    for _ in range(_ROUNDS):
        async with trio.open_nursery() as nursery:
            for _ in range(_AT_ONCE):
                nursery.start_soon(one)


async def _verdict(get: Get, url: str, server: _Server) -> str:
    answered = 0

    async def one() -> None:
        nonlocal answered
        with suppress(Exception):
            status = await get(url)
            answered += status == 200

    with trio.move_on_after(20):
        async with trio.open_nursery() as nursery:
            for _ in range(_SLOTS):
                nursery.start_soon(one)
    if answered == 0:
        return "wedged"
    return "clean" if answered == server.most == _SLOTS else "a slot lost"


async def _run(client: str, leaf: Leaf | None, authority: Path, folder: Path, seed: int) -> str:
    context = None
    if leaf is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*leaf.write(folder))
    server = _Server(context)
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    url = f"{'http' if leaf is None else 'https'}://localhost:{listener.socket.getsockname()[1]}"
    async with trio.open_nursery() as nursery:
        nursery.start_soon(partial(trio.serve_listeners, server.serve, [listener]))
        async with CLIENTS[client](authority) as get:
            with trio.move_on_after(60):
                await _cancel(get, url, random.Random(seed))  # noqa: S311  # no secret
            verdict = await _verdict(get, f"{url}/both", server)
        nursery.cancel_scope.cancel()
    return verdict


def measure_here(client: str, secure: bool, seed: int) -> None:
    """Run one seed of one client in this process, and print what came of its pool."""
    with tempfile.TemporaryDirectory() as folder:
        authority = Authority.make()
        path = Path(folder) / "ca.pem"
        path.write_bytes(to_pem(authority.certificate))
        path.with_suffix(".der").write_bytes(authority.certificate_der)
        leaf = authority.issue("localhost") if secure else None
        print(trio.run(_run, client, leaf, path, Path(folder), seed))


def main() -> None:
    """Run every client over TCP and TLS, and print how many pools were left in which state."""
    if sys.argv[1:2] == ["--measure"]:
        client, secure, seed = sys.argv[2:]
        measure_here(client, secure == "TLS", int(seed))
        return
    parser = argparse.ArgumentParser(prog="benchmarks.cancellation", description="Pools after cancellations.")
    parser.add_argument("--seeds", type=int, default=5, help="programs for each client and transport: 5")
    seeds = parser.parse_args().seeds
    print(f"{seeds} pools after {_ROUNDS} rounds of {_AT_ONCE} requests cancelled within {_LONGEST:g} s:")
    for client in CLIENTS:
        for transport in ("TCP", "TLS"):
            verdicts = collections.Counter[str]()
            for number in range(seeds):
                place = ("--measure", client, transport, str(number))
                command = [sys.executable, "-m", "benchmarks.cancellation", *place]
                done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
                verdicts[done.stdout.strip()] += 1
            found = ", ".join(f"{times} {verdict}" for verdict, times in verdicts.most_common())
            print(f"{client:<12} {transport}  {found}", flush=True)


if __name__ == "__main__":
    main()
