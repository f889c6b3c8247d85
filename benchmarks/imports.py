"""How long importing each package takes, beside `import trio`, `ssl` and httpx: `python -m benchmarks.imports`.

Theory of operation: each import is the only work of a fresh interpreter, whose CPU time is taken, less that of one
that imports nothing. Rounds are interleaved, and the least of them counts: what else the machine does only adds.
Modules are read as users have them, compiled: who tells Python not to keep what it compiles pays for that anew in
every process, so such a setting is left out here.
Trio and cryptography, which every package here needs, stand by themselves, to show what is left to save.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import resource
import subprocess
import sys

PEERS = ("ssl", "httpx", "httpx2", "aiohttp")
BELOW = ("trio", "cryptography.x509")
OURS = ("trio_certs", "trio_secure", "trio_https", "trio_wss", "trio_secure_cli")


def compiling() -> dict[str, str]:
    """This environment, in which Python keeps what it compiles."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def cpu_seconds(code: str) -> float:
    """The CPU time of an interpreter that runs `code`."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-P", "-c", code], check=True, env=compiling())
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
    peers = [name for name in ("trio", "ssl", "httpx") if name in least]
    print(f"{'import':20}{'CPU ms':>8}" + "".join(f"{'to ' + peer:>10}" for peer in peers))
    for name, seconds in least.items():
        ratios = "".join(f"{(seconds - nothing) / (least[peer] - nothing):>10.2f}" for peer in peers)
        print(f"{name:20}{(seconds - nothing) * 1000:>8.0f}{ratios}")


if __name__ == "__main__":
    main()
