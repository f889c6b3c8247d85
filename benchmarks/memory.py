"""How much memory a long body needs: `memory.py PORT CA_FILE BYTES down|up` prints it.

Theory of operation: when the first of the body has been read or sent, the process asks the kernel for its
resident size and sets the high-water mark back to that (`clear_refs`, Linux); when the body has ended, without
being kept or having been there, it asks for the high-water mark. The difference is what streaming needed at its
peak.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator
from pathlib import Path

import trio

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


def main(port: str, authority: str, count: str, direction: str) -> None:
    """Print how many bytes the peak lies above the start."""
    measure = _upload if direction == "up" else _download
    print(trio.run(measure, int(port), Path(authority).read_bytes(), int(count)))


if __name__ == "__main__":
    main(*sys.argv[1:])
