"""Whether cost grows with size: per byte from 1 MiB to 4 GiB, per connection from 1 to 5,000.

Theory of operation: the same work at growing sizes, by the same contestants. Where cost is flat, the last point
is near the first; were a buffer quadratic, it would be a thousand times as high. Tests count operations for the
same purpose.
"""

from __future__ import annotations

from benchmarks.case import Case
from benchmarks.idle import CONNECTING, MANY
from benchmarks.servers import nginx, raw
from benchmarks.transfers import RECEIVING, SENDING

PER_MIB = (1, 4, 16, 64, 256, 1024, 4096)
PER_CONNECTION = (1, 10, 100, 1000, MANY)
_FEW = 3

CASES: dict[str, Case] = {
    **{
        f"receive {size} MiB": Case(raw, RECEIVING, "MiB", size, size if size < 16 else 0, rounds=_FEW)
        for size in PER_MIB
    },
    **{
        f"send {size} MiB": Case(raw, SENDING, "MiB", size, size if size < 16 else 0, rounds=_FEW)
        for size in PER_MIB
    },
    **{
        f"open {count} connections": Case(
            nginx, CONNECTING, "connection", count, count if count < 100 else 0, rounds=_FEW
        )
        for count in PER_CONNECTION
    },
}
