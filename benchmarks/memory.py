"""How much memory a long response needs: `memory.py PORT CA_FILE BYTES` prints it.

Theory of operation: the process asks the kernel for its resident size when the head of the response has been
read, sets the high-water mark back to that (`clear_refs`, Linux), reads the body to its end without keeping
it, and asks for the high-water mark. The difference is what streaming the body needed at its peak.
"""

from __future__ import annotations

import sys
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


async def _measure(port: int, authority: bytes, count: int) -> int:
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


def main(port: str, authority: str, count: str) -> None:
    """Print how many bytes the peak lies above the start."""
    print(trio.run(_measure, int(port), Path(authority).read_bytes(), int(count)))


if __name__ == "__main__":
    main(*sys.argv[1:])
