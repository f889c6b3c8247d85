"""`python -m benchmarks [--quick] [--rounds N] [CASE …]`: the figures, as ratios to a peer in the same run.

Theory of operation: a server in a process of its own; then, for each case and round, one process for each
contestant, one right after the other and in changing order, so that a machine that gets slower or busier
meets both. A round's ratio is of those two neighbours; the report gives the median of the rounds, the
smallest and the largest. Wall-clock time is not measured: the network is loopback and the machine may be
shared.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import trio

from benchmarks import memory, trust, websocket
from benchmarks.contestants import CONTESTANTS, OURS, PEER, SERVER_NAME
from benchmarks.workloads import CASES, Case
from support.authority import Authority

_GIB = 1 << 30
_TRUST = "trust"


@dataclass(frozen=True)
class Site:
    """A running server and the CA file that vouches for it."""

    port: int
    authority: Path


@contextmanager
def running_server(folder: Path) -> Generator[Site]:
    """The server, with a chain as a public CA makes it: root, intermediate, P-256 leaf."""
    authority = Authority.make()
    certificate, key = authority.issue(SERVER_NAME, key="p256", intermediate=True).write(folder)
    ca = folder / "ca.der"
    ca.write_bytes(authority.certificate_der)
    command = [sys.executable, "-m", "benchmarks.server", str(certificate), str(key)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        if server.stdin is None or server.stdout is None:
            raise RuntimeError("the server has no pipes")
        try:
            yield Site(int(server.stdout.readline()), ca)
        finally:
            server.stdin.close()


def _child(*arguments: str) -> str:
    finished = subprocess.run(
        [sys.executable, "-m", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return finished.stdout


def measure_here(name: str, contestant: str, site: Site, amount: int) -> None:
    """Run one contestant once in this process and print its CPU seconds."""
    case = CASES[name]
    handshake = CONTESTANTS[contestant](site.authority.read_bytes(), case.version, case.classical)
    print(trio.run(case.run, site.port, handshake, amount))


def _rates(name: str, case: Case, site: Site, *, quick: bool, rounds: int) -> dict[str, list[float]]:
    """Work done per CPU second by each contestant, round by round."""
    amount = case.quick if quick else case.amount
    rates: dict[str, list[float]] = {contestant: [] for contestant in CONTESTANTS}
    for number in range(rounds):
        order = list(CONTESTANTS) if number % 2 else list(reversed(CONTESTANTS))
        for contestant in order:
            place = (str(site.port), str(site.authority), str(amount))
            rates[contestant].append(
                amount / float(_child("benchmarks", "--measure", name, contestant, *place))
            )
    return rates


def _report(name: str, case: Case, rates: dict[str, list[float]]) -> None:
    ours, peer = rates[OURS], rates[PEER]
    ratios = [ours_rate / peer_rate for ours_rate, peer_rate in zip(ours, peer, strict=True)]
    absolute = f"{statistics.median(ours):8.0f} : {statistics.median(peer):<8.0f}"
    ratio = f"{statistics.median(ratios):5.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
    print(f"{name:<26} {absolute} {case.unit + '/CPU s':<20} {ratio:<24} {case.goal:.1f}", flush=True)


def _report_memory(site: Site) -> str | None:
    if not memory.available():
        print("peak memory: not measured, this system has no /proc/self/clear_refs")
        return None
    limit = memory.LIMIT_BYTES
    worst = 0
    for direction, what in (("down", "response"), ("up", "request")):
        extra = int(_child("benchmarks.memory", str(site.port), str(site.authority), str(_GIB), direction))
        print(f"peak memory while 1 GiB of {what} body streams: {extra / (1 << 20):+.2f} MiB", end="")
        print(f" (limit {limit >> 20} MiB)")
        worst = max(worst, extra)
    return None if worst <= limit else "streaming a body takes more memory than it may"


def run(names: Iterable[str], *, quick: bool, rounds: int) -> str | None:
    """Print the report; what is wrong, or None."""
    print(f"{'':<26} {OURS + ' : ' + PEER:<41} ratio, median (range)    goal")
    with tempfile.TemporaryDirectory() as folder, running_server(Path(folder)) as site:
        for name in names:
            case = CASES[name]
            _report(name, case, _rates(name, case, site, quick=quick, rounds=rounds))
        return _report_memory(site)


def main() -> str | None:
    """What is wrong, or None."""
    if sys.argv[1:2] == ["--measure"]:
        name, contestant, port, authority, amount = sys.argv[2:]
        measure_here(name, contestant, Site(int(port), Path(authority)), int(amount))
        return None
    parser = argparse.ArgumentParser(prog="benchmarks", description="Work done per CPU second, side by side.")
    parser.add_argument("--quick", action="store_true", help="less work in each round")
    parser.add_argument("--rounds", type=int, help="rounds for each case: 7, or 3 with --quick")
    known = [*CASES, _TRUST]
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"one of: {', '.join(known)}")
    options = parser.parse_args()
    unknown = [name for name in options.cases if name not in known]
    if unknown:
        parser.error(f"no such case: {', '.join(unknown)}")
    rounds = options.rounds or (3 if options.quick else 7)
    wanted = options.cases or known
    transfers = [name for name in wanted if name != _TRUST]
    complaints = [run(transfers, quick=options.quick, rounds=rounds)] if transfers else []
    if _TRUST in wanted:
        complaints += trust.report(quick=options.quick)
    if not options.cases:
        websocket.run(websocket.CASES, quick=options.quick, rounds=rounds)
    return "\n".join(filter(None, complaints)) or None


if __name__ == "__main__":
    sys.exit(main())
