"""What an adapter brings: `python -m benchmarks adapters`.

Theory of operation: httpx with its own transport and with ours, and Trio's function beside the drop-in, against
Python's own HTTP server in a process of its own. For each case and round one process for each contestant,
neighbours in time and in changing order; CPU time of that process behind a first go, and the ratio of the
neighbours. Both trust the same one authority, but where clients are only made: there each trusts what it trusts by
default.
"""

from __future__ import annotations

import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import trio

from support.authority import Authority
from support.http_server import http_server
from trio_secure_adapters import open_ssl_over_tcp_stream
from trio_secure_adapters.httpx import SecureTransport

HOST = "localhost"
SIZE = 8 << 20
"""Bytes of a large page."""

Contestant = Callable[[int, Path, int], Awaitable[None]]
_REQUEST = b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n"


def _theirs(authority: Path) -> httpx.AsyncHTTPTransport:
    return httpx.AsyncHTTPTransport(verify=ssl.create_default_context(cafile=str(authority)))


def _ours(authority: Path, **more: object) -> httpx.AsyncHTTPTransport:
    return SecureTransport({"certificate": authority.read_bytes(), **more})


def download(transport: Callable[[Path], httpx.AsyncHTTPTransport]) -> Contestant:
    """Large pages over one connection."""

    async def run(port: int, authority: Path, amount: int) -> None:
        async with httpx.AsyncClient(transport=transport(authority)) as client:
            for _ in range(amount):
                async with client.stream("GET", f"https://{HOST}:{port}/large") as response:
                    async for _chunk in response.aiter_raw():
                        pass

    return run


def connections(transport: Callable[[Path], httpx.AsyncHTTPTransport]) -> Contestant:
    """Small pages, each over a connection of its own."""

    async def run(port: int, authority: Path, amount: int) -> None:
        async with httpx.AsyncClient(transport=transport(authority)) as client:
            for _ in range(amount):
                await client.get(f"https://{HOST}:{port}/", headers={"Connection": "close"})

    return run


def setup(make: Callable[[], httpx.AsyncClient]) -> Contestant:
    """Clients made, and nothing done with them."""

    async def run(_port: int, _authority: Path, amount: int) -> None:
        for _ in range(amount):
            await make().aclose()

    return run


async def _receive(stream: trio.abc.Stream, amount: int) -> None:
    async with stream:
        for _ in range(amount):
            await stream.send_all(_REQUEST)
            left = SIZE
            while left > 0:
                left -= len(await stream.receive_some(1 << 16))


async def stream_theirs(port: int, authority: Path, amount: int) -> None:
    """Large pages through the stream of Trio's function."""
    context = ssl.create_default_context(cafile=str(authority))
    await _receive(await trio.open_ssl_over_tcp_stream(HOST, port, ssl_context=context), amount)


async def stream_ours(port: int, authority: Path, amount: int) -> None:
    """Large pages through the stream of the drop-in."""
    secure = {"certificate": await trio.Path(authority).read_bytes()}
    await _receive(await open_ssl_over_tcp_stream(HOST, port, secure=secure), amount)


CASES: dict[str, tuple[int, Contestant, Contestant]] = {
    "httpx, pages of 8 MiB": (12, download(_ours), download(_theirs)),
    "httpx, connections": (
        60,
        connections(lambda authority: _ours(authority, cache=False)),
        connections(_theirs),
    ),
    "httpx, resumed": (60, connections(_ours), connections(_theirs)),
    "httpx, clients made": (
        20,
        setup(lambda: httpx.AsyncClient(transport=SecureTransport())),
        setup(httpx.AsyncClient),
    ),
    "drop-in, 8 MiB each": (12, stream_ours, stream_theirs),
}


def measure_here(name: str, side: int, port: int, authority: Path, amount: int) -> None:
    """Run one contestant once in this process and print its CPU seconds."""
    _amount, ours, theirs = CASES[name]
    contestant = theirs if side else ours

    async def run() -> float:
        # What is imported and read once is no part of it.
        await contestant(port, authority, 1)
        before = time.process_time()
        await contestant(port, authority, amount)
        return time.process_time() - before

    print(trio.run(run))


def serve(folder: Path) -> None:
    """Serve until standard input ends; prints the port."""
    authority = Authority.make()
    leaf = authority.issue(HOST, key="p256", intermediate=True)
    authority.write(folder)
    with http_server({"/": b"hello", "/large": bytes(SIZE)}, tls=(leaf, folder)) as server:
        print(server.port, flush=True)
        sys.stdin.read()


def report(*, quick: bool) -> None:
    """Print how much CPU time the peer takes for each second of ours."""
    print(f"{'':<26} ratio, median (range)")
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "benchmarks.adapters", "serve", folder]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
            if server.stdin is None or server.stdout is None:
                raise RuntimeError("the server has no pipes")
            port = server.stdout.readline().strip()
            try:
                for name, (amount, *_) in CASES.items():
                    place = (
                        port,
                        str(Path(folder) / "ca.pem"),
                        str(max(1, amount // 3) if quick else amount),
                    )
                    ratios = [_ratio(name, place, number) for number in range(3 if quick else 7)]
                    middle = statistics.median(ratios)
                    print(f"{name:<26} {middle:5.2f} ({min(ratios):.2f} to {max(ratios):.2f})", flush=True)
            finally:
                server.stdin.close()


def _ratio(name: str, place: tuple[str, ...], number: int) -> float:
    seconds: dict[int, float] = {}
    for side in (0, 1) if number % 2 else (1, 0):
        command = [sys.executable, "-m", "benchmarks.adapters", "measure", name, str(side), *place]
        seconds[side] = float(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)
    return seconds[1] / seconds[0]


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(Path(sys.argv[2]))
    else:
        measure_here(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), Path(sys.argv[5]), int(sys.argv[6]))
