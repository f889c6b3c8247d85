"""How long importing each package takes, as a ratio to `import ssl` and to httpx: `python -m benchmarks.imports`.

Theory of operation: each import is the only work of a fresh interpreter, whose CPU time is taken, less that of one
that imports nothing. Rounds are interleaved, and the least of them counts: what else the machine does only adds.
Trio and cryptography, which every package here needs, stand by themselves, to show what is left to save.
"""

from __future__ import annotations

import argparse
import importlib.util
import resource
import subprocess
import sys

PEERS = ("ssl", "httpx", "httpx2", "aiohttp")
BELOW = ("trio", "cryptography.x509")
OURS = ("trio_certs", "trio_secure", "trio_https", "trio_wss", "trio_secure_cli")


def cpu_seconds(code: str) -> float:
    """The CPU time of an interpreter that runs `code`."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-P", "-c", code], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    modules = [name for name in (*PEERS, *BELOW, *OURS) if importlib.util.find_spec(name.partition(".")[0])]
    programs = {"": "pass"} | {name: f"import {name}" for name in modules}
    least = dict.fromkeys(programs, float("inf"))
    for _ in range(rounds):
        for name, code in programs.items():
            least[name] = min(least[name], cpu_seconds(code))
    nothing = least.pop("")
    peers = [name for name in ("ssl", "httpx") if name in least]
    print(f"{'import':20}{'CPU ms':>8}" + "".join(f"{'to ' + peer:>10}" for peer in peers))
    for name, seconds in least.items():
        ratios = "".join(f"{(seconds - nothing) / (least[peer] - nothing):>10.2f}" for peer in peers)
        print(f"{name:20}{(seconds - nothing) * 1000:>8.0f}{ratios}")


if __name__ == "__main__":
    main()
