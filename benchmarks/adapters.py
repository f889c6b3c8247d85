"""What an adapter brings: `python -m benchmarks adapters`.

Theory of operation: each library with its own TLS and with ours, against Python's own HTTP server and an echo of
WebSocket messages in C, in processes of their own. For each case and round one process for each contestant,
neighbours in time and in changing order; CPU time of that process behind a first go, and the ratio of the
neighbours. Both trust the same one authority, but where clients are only made: there each trusts what it trusts by
default. Generations of a library that differ in a name take turns through the same functions.
"""

from __future__ import annotations

import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any  # of two generations of a library, one is as good as the other

import trio

from support.authority import Authority
from support.http_server import http_server

HOST = "localhost"
SIZE = 8 << 20
"""Bytes of a large page."""
MESSAGE = bytes(1 << 20)
"""What is echoed by WebSocket."""


@dataclass(frozen=True)
class Place:
    """Where the servers are, and whom to trust."""

    http: int
    websocket: int
    folder: Path

    @property
    def secure(self) -> dict[str, object]:
        """What ours is told."""
        return {"certificate": (self.folder / "ca.pem").read_bytes()}

    @property
    def context(self) -> ssl.SSLContext:
        """What theirs is told."""
        return ssl.create_default_context(cafile=str(self.folder / "ca.pem"))


Contestant = Callable[[Place, int], Awaitable[None]]
Pair = tuple[Contestant, Contestant]
"""With our TLS, and with the library's own."""
_REQUEST = b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n"


def _adapter(library: str) -> Any:
    return import_module(f"trio_secure_adapters.{library}")


def _client(library: str, place: Place, *, ours: bool, **more: object) -> Any:
    module = import_module(library)
    if ours:
        return module.AsyncClient(transport=_adapter(library).SecureTransport({**place.secure, **more}))
    return module.AsyncClient(transport=module.AsyncHTTPTransport(verify=place.context))


def _both(make: Callable[[bool], Contestant]) -> Pair:
    return make(True), make(False)


def download(library: str) -> Pair:
    """Large pages over one connection, by httpx or httpx2."""

    def make(ours: bool) -> Contestant:
        async def run(place: Place, amount: int) -> None:
            async with _client(library, place, ours=ours) as client:
                for _ in range(amount):
                    async with client.stream("GET", f"https://{HOST}:{place.http}/large") as response:
                        async for _chunk in response.aiter_raw():
                            pass

        return run

    return _both(make)


def connections(library: str, **more: object) -> Pair:
    """Small pages, each over a connection of its own, by httpx or httpx2."""

    def make(ours: bool) -> Contestant:
        async def run(place: Place, amount: int) -> None:
            async with _client(library, place, ours=ours, **more) as client:
                for _ in range(amount):
                    await client.get(f"https://{HOST}:{place.http}/", headers={"Connection": "close"})

        return run

    return _both(make)


def clients(library: str) -> Pair:
    """Clients made, and nothing done with them."""

    def make(ours: bool) -> Contestant:
        module = import_module(library)

        async def run(_place: Place, amount: int) -> None:
            for _ in range(amount):
                transport = _adapter(library).SecureTransport() if ours else None
                await module.AsyncClient(transport=transport).aclose()

        return run

    return _both(make)


def pool(library: str) -> Pair:
    """Large pages over one connection, by httpcore or httpcore2."""

    def make(ours: bool) -> Contestant:
        async def run(place: Place, amount: int) -> None:
            made = (
                _adapter(library).connection_pool(secure=place.secure)
                if ours
                else import_module(library).AsyncConnectionPool(ssl_context=place.context)
            )
            async with made as connections:
                for _ in range(amount):
                    async with connections.stream("GET", f"https://{HOST}:{place.http}/large") as response:
                        async for _chunk in response.aiter_stream():
                            pass

        return run

    return _both(make)


def websockets() -> Pair:
    """Messages echoed over one connection."""

    def make(ours: bool) -> Contestant:
        async def run(place: Place, amount: int) -> None:
            url = f"wss://{HOST}:{place.websocket}/"
            options: dict[str, Any] = {"compression": None, "proxy": None, "max_size": None}
            made = (
                _adapter("websockets").connect(url, secure=place.secure, **options)
                if ours
                else import_module("websockets.trio.client").connect(url, ssl=place.context, **options)
            )
            async with made as websocket:
                for _ in range(amount):
                    await websocket.send(MESSAGE)
                    await websocket.recv()

        return run

    return _both(make)


def trio_websocket() -> Pair:
    """Messages echoed over one connection."""

    def make(ours: bool) -> Contestant:
        async def run(place: Place, amount: int) -> None:
            url, options = f"wss://{HOST}:{place.websocket}/", {"max_message_size": len(MESSAGE)}
            async with trio.open_nursery() as nursery:
                if ours:
                    opening = _adapter("trio_websocket").connect_websocket_url
                    websocket = await opening(nursery, url, secure=place.secure, **options)
                else:
                    opening = import_module("trio_websocket").connect_websocket_url
                    websocket = await opening(nursery, url, place.context, **options)
                async with websocket:
                    for _ in range(amount):
                        await websocket.send_message(MESSAGE)
                        await websocket.get_message()

        return run

    return _both(make)


def anyio() -> Pair:
    """Large pages through AnyIO's stream."""

    def make(ours: bool) -> Contestant:
        async def run(place: Place, amount: int) -> None:
            if ours:
                stream = await _adapter("anyio").connect_tcp(HOST, place.http, secure=place.secure)
            else:
                # HTTP servers do not always say goodbye, which AnyIO would wait for.
                options: dict[str, Any] = {"ssl_context": place.context, "tls_standard_compatible": False}
                stream = await import_module("anyio").connect_tcp(HOST, place.http, tls=True, **options)
            async with stream:
                await _receive(stream.send, stream.receive, amount)

        return run

    return _both(make)


def drop_in() -> Pair:
    """Large pages through the stream of `open_ssl_over_tcp_stream`."""

    def make(ours: bool) -> Contestant:
        async def run(place: Place, amount: int) -> None:
            if ours:
                opening = import_module("trio_secure_adapters").open_ssl_over_tcp_stream
                stream = await opening(HOST, place.http, secure=place.secure)
            else:
                stream = await trio.open_ssl_over_tcp_stream(HOST, place.http, ssl_context=place.context)
            async with stream:
                await _receive(stream.send_all, stream.receive_some, amount)

        return run

    return _both(make)


async def _receive(
    send: Callable[[bytes], Awaitable[None]],
    receive: Callable[[int], Awaitable[bytes | bytearray]],
    amount: int,
) -> None:
    for _ in range(amount):
        await send(_REQUEST)
        left = SIZE
        while left > 0:
            left -= len(await receive(1 << 16))


CASES: dict[str, tuple[int, Callable[[], Pair]]] = {
    "httpx, pages of 8 MiB": (12, lambda: download("httpx")),
    "httpx2, pages of 8 MiB": (12, lambda: download("httpx2")),
    "httpcore, pages of 8 MiB": (12, lambda: pool("httpcore")),
    "httpcore2, pages of 8 MiB": (12, lambda: pool("httpcore2")),
    "AnyIO, pages of 8 MiB": (12, anyio),
    "drop-in, pages of 8 MiB": (12, drop_in),
    "websockets, echoes of 1 MiB": (40, websockets),
    "trio-websocket, echoes of 1 MiB": (20, trio_websocket),
    "httpx, clients made": (20, lambda: clients("httpx")),
    "httpx, resumed": (60, lambda: connections("httpx")),
    "httpx, full handshakes": (60, lambda: connections("httpx", cache=False)),
}


def measure_here(name: str, side: int, place: Place, amount: int) -> None:
    """Run one contestant once in this process and print its CPU seconds."""
    contestant = CASES[name][1]()[side]

    async def run() -> float:
        # What is imported and read once is no part of it.
        await contestant(place, 1)
        before = time.process_time()
        await contestant(place, amount)
        return time.process_time() - before

    print(trio.run(run))


def serve(folder: Path) -> None:
    """Serve until standard input ends; prints the ports."""
    authority = Authority.make()
    leaf = authority.issue(HOST, key="p256", intermediate=True)
    authority.write(folder)
    command = [sys.executable, "-m", "benchmarks.websocket_server", *map(str, leaf.write(folder, "echo"))]
    with (
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as echo,
        http_server({"/": b"hello", "/large": bytes(SIZE)}, tls=(leaf, folder)) as server,
    ):
        if echo.stdin is None or echo.stdout is None:
            raise RuntimeError("the server has no pipes")
        try:
            print(server.port, echo.stdout.readline().split()[1], flush=True)
            sys.stdin.read()
        finally:
            echo.stdin.close()


def report(*, quick: bool) -> None:
    """Print how much CPU time the peer takes for each second of ours."""
    print(f"{'':<32} ratio, median (range)")
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "benchmarks.adapters", "serve", folder]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
            if server.stdin is None or server.stdout is None:
                raise RuntimeError("the server has no pipes")
            ports = server.stdout.readline().split()
            try:
                for name, (amount, _pair) in CASES.items():
                    place = (*ports, folder, str(max(1, amount // 3) if quick else amount))
                    ratios = [_ratio(name, place, number) for number in range(3 if quick else 7)]
                    middle = statistics.median(ratios)
                    print(f"{name:<32} {middle:5.2f} ({min(ratios):.2f} to {max(ratios):.2f})", flush=True)
            finally:
                server.stdin.close()


def _ratio(name: str, place: tuple[str, ...], number: int) -> float:
    seconds: dict[int, float] = {}
    for side in (0, 1) if number % 2 else (1, 0):
        command = [sys.executable, "-m", "benchmarks.adapters", "measure", name, str(side), *place]
        seconds[side] = float(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)
    return seconds[1] / seconds[0]


def main(command: str, *arguments: str) -> None:
    """Serve, or measure one contestant."""
    if command == "serve":
        serve(Path(arguments[0]))
    else:
        name, side, http, websocket, folder, amount = arguments
        measure_here(name, int(side), Place(int(http), int(websocket), Path(folder)), int(amount))


if __name__ == "__main__":
    main(*sys.argv[1:])
