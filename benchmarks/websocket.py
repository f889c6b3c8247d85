"""`python -m benchmarks.websocket [--quick] [--rounds N] [CASE …]`: echoes per CPU second, beside other clients.

Theory of operation: as in `benchmarks`: one server in a process of its own; for each case and round, one
process for each client, in an order that turns from round to round, so that a machine that gets busier meets
all of them. A round's ratio is ours to that client's in the same round; the report gives the median of the
rounds. Round trips and bytes are two readings of one figure: an echo moves its message twice.
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

from benchmarks.websocket_clients import CLIENTS, OURS
from support.authority import Authority

_MIB = 1 << 20


@dataclass(frozen=True)
class Case:
    """One row: a message of `size` bytes, echoed `amount` times in a round, or `quick` times."""

    size: int
    amount: int
    quick: int
    secure: bool
    text: bool = False

    @property
    def message(self) -> str | bytes:
        """What is sent."""
        return (
            "ä" * (self.size // 2)
            if self.text
            else bytes(range(256)) * (self.size // 256) or bytes(self.size)
        )


@dataclass(frozen=True)
class Site:
    """A running server, and the CA file that vouches for it."""

    plain: int
    secure: int
    authority: Path


def _cases() -> Generator[tuple[str, Case]]:
    sizes = {"16 B": (16, 4000), "256 B": (256, 4000), "4 KiB": (4 << 10, 4000)}
    sizes |= {"64 KiB": (64 << 10, 1500), "1 MiB": (_MIB, 100)}
    for scheme in ("ws", "wss"):
        for name, (size, amount) in sizes.items():
            yield f"{scheme} {name}", Case(size, amount, amount // 4, scheme == "wss")
        yield f"{scheme} text 4 KiB", Case(4 << 10, 4000, 1000, scheme == "wss", text=True)


CASES = dict(_cases())


@contextmanager
def running_server(folder: Path) -> Generator[Site]:
    """The server, and a certificate for it."""
    authority = Authority.make()
    certificate, key = authority.issue("localhost", key="p256").write(folder)
    ca = folder / "ca.der"
    ca.write_bytes(authority.certificate_der)
    command = [sys.executable, "-m", "benchmarks.websocket_server", str(certificate), str(key)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        if server.stdin is None or server.stdout is None:
            raise RuntimeError("the server has no pipes")
        try:
            plain, secure = map(int, server.stdout.readline().split())
            yield Site(plain, secure, ca)
        finally:
            server.stdin.close()


def measure_here(name: str, client: str, port: str, authority: str, count: str) -> None:
    """Run one client once in this process and print its CPU seconds."""
    case = CASES[name]
    url = f"{'wss' if case.secure else 'ws'}://localhost:{port}/"
    print(CLIENTS[client](url, Path(authority).read_bytes(), case.message, int(count)))


def _rates(name: str, site: Site, *, quick: bool, rounds: int) -> dict[str, list[float]]:
    """Round trips per CPU second of each client, round by round."""
    case = CASES[name]
    count = case.quick if quick else case.amount
    port = site.secure if case.secure else site.plain
    clients = list(CLIENTS)
    rates: dict[str, list[float]] = {client: [] for client in clients}
    for number in range(rounds):
        turn = number % len(clients)
        for client in clients[turn:] + clients[:turn]:
            arguments = ["--measure", name, client, str(port), str(site.authority), str(count)]
            command = [sys.executable, "-m", "benchmarks.websocket", *arguments]
            finished = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
            rates[client].append(count / float(finished.stdout))
    return rates


def _row(name: str, rates: dict[str, list[float]]) -> str:
    ours = statistics.median(rates[OURS])
    row = f"{name:<16}{ours:9.0f}{ours * 2 * CASES[name].size / _MIB:9.1f}"
    for client, theirs in rates.items():
        if client != OURS:
            ratios = [mine / yours for mine, yours in zip(rates[OURS], theirs, strict=True)]
            row += f"   {f'{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})':<22}"
    return row.rstrip()


def run(names: Iterable[str], *, quick: bool, rounds: int) -> None:
    """Print the report."""
    heads = "".join(f"   {f'to {client}':<22}" for client in CLIENTS if client != OURS)
    print(f"{OURS:<16}{'echoes':>9}{'MiB':>9}{heads.rstrip()}")
    print(f"{'':<16}{'per CPU second':>18}   ratios, median (range)")
    with tempfile.TemporaryDirectory() as folder, running_server(Path(folder)) as site:
        for name in names:
            print(_row(name, _rates(name, site, quick=quick, rounds=rounds)), flush=True)


def main() -> None:
    """Read the command line."""
    if sys.argv[1:2] == ["--measure"]:
        measure_here(*sys.argv[2:])
        return
    parser = argparse.ArgumentParser(prog="benchmarks.websocket", description="Echoes, side by side.")
    parser.add_argument("--quick", action="store_true", help="less work in each round")
    parser.add_argument("--rounds", type=int, help="rounds for each case: 7, or 3 with --quick")
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"one of: {', '.join(CASES)}")
    options = parser.parse_args()
    unknown = [name for name in options.cases if name not in CASES]
    if unknown:
        parser.error(f"no such case: {', '.join(unknown)}")
    run(options.cases or CASES, quick=options.quick, rounds=options.rounds or (3 if options.quick else 7))


if __name__ == "__main__":
    main()
