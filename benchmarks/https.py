"""`python -m benchmarks.https [--quick] [--rounds N] [--plain]`: HTTPS clients side by side.

Theory of operation: nginx serves, in a process of its own; each client does the same work in a process of its own,
one right after the other and in changing order, so that a machine that gets busier meets all of them. The figure
is work per CPU second of the client's process; the report gives the median of the rounds, and for each peer the
median of the rounds' ratios. Wall-clock time is not measured. Every client verifies the server's certificate.
"""

from __future__ import annotations

import argparse
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from cryptography import x509

from benchmarks.__main__ import running_server
from benchmarks.http_clients import CLIENTS, CONCURRENT, DOWNLOAD, OURS, REQUESTS, UPLOAD
from support.authority import Authority, to_pem

_MIB = 1 << 20
_UNITS = {
    REQUESTS: "requests",
    CONCURRENT: "requests",
    DOWNLOAD: "MiB",
    UPLOAD: "MiB",
}
_AMOUNTS = {REQUESTS: 2000, CONCURRENT: 2000, DOWNLOAD: 1024, UPLOAD: 512}
_QUICK = 4
_GOALS = {"httpx": {REQUESTS: 3.0, DOWNLOAD: 4.0}, "aiohttp": {DOWNLOAD: 1.0}}


@contextmanager
def nginx(folder: Path, *, plain: bool) -> Generator[tuple[str, Path]]:
    """Nginx with a small page, a large one and a sink; gives its URL and the CA's certificate."""
    program = shutil.which(
        "nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin:/opt/homebrew/bin"
    )
    if program is None:
        raise SystemExit("nginx is not installed: apt install nginx")
    authority = Authority.make()
    certificate, key = authority.issue("localhost", key="p256", intermediate=True).write(folder)
    ca = folder / "ca.pem"
    ca.write_bytes(to_pem(authority.certificate))
    ca.with_suffix(".der").write_bytes(authority.certificate_der)
    files = folder / "files"
    files.mkdir()
    (files / "small").write_bytes(bytes(1024))
    (files / "large").write_bytes(bytes(64 * _MIB))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    tls = "" if plain else f"ssl_certificate {certificate}; ssl_certificate_key {key}; ssl_protocols TLSv1.3;"
    configuration = folder / "nginx.conf"
    configuration.write_text(
        f"daemon off; master_process off; pid {folder}/pid; error_log stderr warn;"
        "events { worker_connections 256; }"
        f"http {{ {temporary} access_log off; sendfile on; keepalive_requests 10000000;"
        f"server {{ listen 127.0.0.1:{port}{'' if plain else ' ssl'}; root {files}; {tls} }} }}"
    )
    with subprocess.Popen([program, "-p", folder, "-c", configuration, "-e", "stderr"]) as server:
        try:
            _wait(port)
            yield f"{'http' if plain else 'https'}://localhost:{port}", ca
        finally:
            server.terminate()


def _wait(port: int) -> None:
    for _ in range(500):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.01)
    raise SystemExit("nginx does not listen")


def _rate(client: str, url: str, ca: Path, workload: str, amount: int) -> float:
    command = [
        sys.executable,
        "-m",
        "benchmarks.https",
        "--measure",
        client,
        url,
        str(ca),
        workload,
        str(amount),
    ]
    finished = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=True
    )
    return amount / float(finished.stdout)


def _row(workload: str, url: str, ca: Path, amount: int, rounds: int) -> None:
    rates: dict[str, list[float]] = {client: [] for client in CLIENTS}
    for number in range(rounds):
        for client in list(CLIENTS) if number % 2 else list(reversed(CLIENTS)):
            rates[client].append(_rate(client, url, ca, workload, amount))
    print(f"{workload:<20} {statistics.median(rates[OURS]):8.0f} {_UNITS[workload]}/CPU s", end="")
    for peer in (client for client in CLIENTS if client != OURS):
        ratios = [ours / theirs for ours, theirs in zip(rates[OURS], rates[peer], strict=True)]
        goal = _GOALS.get(peer, {}).get(workload)
        aim = f", aim {goal:.0f}" if goal else ""
        spread = f"{min(ratios):.2f} to {max(ratios):.2f}{aim}"
        print(f"   {statistics.median(ratios):5.2f} x {peer} ({spread})", end="")
    print(flush=True)


def report(*, quick: bool = False, rounds: int | None = None, plain: bool = False, only: str = "") -> None:
    """Print the report."""
    rounds = rounds or (3 if quick else 5)
    with tempfile.TemporaryDirectory() as folder, nginx(Path(folder), plain=plain) as (url, ca):
        for workload, amount in _AMOUNTS.items():
            if only in workload and workload != UPLOAD:
                _row(workload, url, ca, amount // _QUICK if quick else amount, rounds)
    # nginx keeps a body that is sent to it on the disk; the other benchmarks' server throws it away.
    if only in UPLOAD and not plain:
        with tempfile.TemporaryDirectory() as folder, running_server(Path(folder)) as site:
            ca = site.authority.with_suffix(".pem")
            ca.write_bytes(to_pem(x509.load_der_x509_certificate(site.authority.read_bytes())))
            amount = _AMOUNTS[UPLOAD] // _QUICK if quick else _AMOUNTS[UPLOAD]
            _row(UPLOAD, f"https://localhost:{site.port}", ca, amount, rounds)


def main() -> None:
    """Measure one client, or all of them in turn."""
    if sys.argv[1:2] == ["--measure"]:
        client, url, ca, workload, amount = sys.argv[2:]
        print(CLIENTS[client](url, ca, workload, int(amount)))
        return
    parser = argparse.ArgumentParser(prog="benchmarks.https", description="HTTPS clients side by side.")
    parser.add_argument("--quick", action="store_true", help="less work in each round")
    parser.add_argument("--rounds", type=int, help="rounds for each row: 5, or 3 with --quick")
    parser.add_argument("--plain", action="store_true", help="http: in place of https:")
    parser.add_argument("only", nargs="?", default="", help="part of a row's name")
    options = parser.parse_args()
    report(quick=options.quick, rounds=options.rounds, plain=options.plain, only=options.only)


if __name__ == "__main__":
    main()
