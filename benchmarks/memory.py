"""How much memory a long body needs: `python -m benchmarks memory`.

Theory of operation: when the first of the body has been read or sent, the process asks the kernel for its
resident size and sets the high-water mark back to that (`clear_refs`, Linux); when the body has ended, without
being kept or having been there, it asks for the high-water mark. The difference is what streaming needed at its
peak.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import AsyncGenerator
from pathlib import Path

import trio

from benchmarks.servers import raw
from trio_https import Client

LIMIT_BYTES = 8 << 20
_STATUS = Path("/proc/self/status")
_CLEAR_REFS = Path("/proc/self/clear_refs")


def available() -> bool:
    """Whether this system can tell."""
    return _CLEAR_REFS.exists()


def _bytes_of(field: str) -> int:
    """A size from /proc/self/status, which counts in KiB."""
    lines = _STATUS.read_text().splitlines()
    (line,) = (line for line in lines if line.startswith(f"{field}:"))
    return int(line.split()[1]) << 10


def _reset_high_water_mark() -> None:
    # proc_pid_clear_refs(5): "5: Reset the peak resident set size ("high water mark") to the process's current"
    _CLEAR_REFS.write_text("5")


async def _upload(port: int, authority: bytes, count: int) -> int:
    before = 0

    async def body() -> AsyncGenerator[bytes]:
        nonlocal before
        block = bytes(1 << 16)
        for number in range(count // len(block)):
            if number == 1:
                before = _bytes_of("VmRSS")
                _reset_high_water_mark()
            yield block

    async with Client(secure={"certificate": authority}) as client:
        headers = {"Content-Length": str(count)}
        await client.post(f"https://localhost:{port}/{count}", body(), headers=headers)
        return _bytes_of("VmHWM") - before


async def _download(port: int, authority: bytes, count: int) -> int:
    received = 0
    async with (
        Client(secure={"certificate": authority}) as client,
        client.stream("GET", f"https://localhost:{port}/{count}") as response,
    ):
        before = _bytes_of("VmRSS")
        _reset_high_water_mark()
        async for chunk in response:
            received += len(chunk)
        peak = _bytes_of("VmHWM")
    if received != count:
        raise RuntimeError(f"received {received} of {count} bytes")
    return peak - before


def report(*, quick: bool) -> list[str]:
    """Print the figures, each measured in a process of its own; what is wrong with them."""
    if not available():
        print("peak memory: not measured, this system has no /proc/self/clear_refs")
        return []
    complaints: list[str] = []
    mebibytes = 64 if quick else 1024
    with tempfile.TemporaryDirectory() as folder, raw(Path(folder)) as site:
        for direction, what in (("down", "response"), ("up", "request")):
            place = [str(site.port), str(site.folder / "ca.der"), str(mebibytes << 20), direction]
            command = [sys.executable, "-m", "benchmarks.memory", *place]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
            extra = int(done.stdout)
            print(f"peak while {mebibytes} MiB of {what} body stream: {extra / (1 << 20):+.2f} MiB", end="")
            print(f" (limit {LIMIT_BYTES >> 20} MiB)", flush=True)
            if extra > LIMIT_BYTES:
                complaints.append(f"streaming a {what} body takes more memory than it may")
    return complaints


def _main(port: str, authority: str, count: str, direction: str) -> None:
    """Print how many bytes the peak lies above the start."""
    measure = _upload if direction == "up" else _download
    print(trio.run(measure, int(port), Path(authority).read_bytes(), int(count)))


if __name__ == "__main__":
    _main(*sys.argv[1:])
