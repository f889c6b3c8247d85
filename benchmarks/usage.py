"""How much memory this process has to itself (Linux)."""

from __future__ import annotations

import gc
from pathlib import Path

_ROLLUP = Path("/proc/self/smaps_rollup")


def private_kib() -> int:
    """Pages that only this process has and has written to, in KiB; garbage does not count."""
    gc.collect()
    lines = _ROLLUP.read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_Dirty:"))
