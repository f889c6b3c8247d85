"""HTTPS clients side by side: small requests, downloads and uploads.

Theory of operation: nginx serves, except for uploads: it keeps a body that is sent to it on the disk, the raw
server throws it away. Every client verifies the server's certificate, makes its first request before the clock
starts, and keeps its connection.
"""

from __future__ import annotations

from benchmarks.case import Case, Measure, Site
from benchmarks.http_clients import CLIENTS, CONCURRENT, DOWNLOAD, REQUESTS, UPLOAD
from benchmarks.servers import nginx, raw


def _clients(workload: str) -> dict[str, Measure]:
    def measure(name: str) -> Measure:
        def work(site: Site, amount: int) -> float:
            return CLIENTS[name](f"https://localhost:{site.port}", site.ca_file, workload, amount)

        return work

    return {name: measure(name) for name in CLIENTS if name != "curl" or workload == DOWNLOAD}


CASES: dict[str, Case] = {
    REQUESTS: Case(nginx, _clients(REQUESTS), "request", 2000, 100, {"httpx": 3.0, "aiohttp": 1.0}),
    CONCURRENT: Case(nginx, _clients(CONCURRENT), "request", 2000, 100),
    DOWNLOAD: Case(
        nginx,
        _clients(DOWNLOAD),
        "MiB",
        1024,
        64,
        {"httpx": 4.5, "httpx2": 4.5, "aiohttp": 1.0, "curl": 0.7},
    ),
    UPLOAD: Case(raw, _clients(UPLOAD), "MiB", 512, 32),
}
