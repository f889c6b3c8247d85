"""What trust costs: `python -m benchmarks trust`.

Theory of operation, in three parts:

- Chains of the kinds that public servers have, verified by `Trust`, beside the bare signature checks of the same
  bytes, which whoever verifies cannot do without. A chain is met for the first time (a leaf nobody has seen, below
  an intermediate that is known, as at a large CA's customers) and again. Both sides take turns within each round,
  and a round's ratio is of these two neighbours; CPU time of the thread.
- The lookup alone, and the files that a fresh process opens for it.
- Setting trust up, in processes of their own: CPU time and memory beside `ssl` with the same list of CAs, and what
  one more configuration costs. Ours ends with a verified chain; theirs, with a context that could begin to.

What is asked of the figures is checked, and said.
"""

from __future__ import annotations

import itertools
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import certifi
import trio
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from support.authority import Authority, KeyKind
from support.store import update_tool
from trio_certs import Store, Trust
from trio_certs._chain import Chain
from trio_certs._public import PublicCAs
from trio_certs._source import Sought

HOST = "h.test"
KINDS: dict[str, tuple[KeyKind, KeyKind, KeyKind]] = {
    "RSA-2048, RSA-2048, RSA-2048": ("rsa2048", "rsa2048", "rsa2048"),
    "P-256, RSA-2048, RSA-4096": ("p256", "rsa2048", "rsa4096"),
    "P-256, P-256, P-384": ("p256", "p256", "p384"),
    "P-256, P-384, RSA-4096": ("p256", "p384", "rsa4096"),
}
"""The keys of leaf, intermediate and root."""

MOST_AGAIN = 1.25
"""Verifying a chain that was met before takes at most this many times as long as its signature checks."""
MOST_LOOKUP_MS = 0.3
MOST_FILES = 3


def bare(ders: Sequence[bytes]) -> None:
    """Read the certificates and check the signatures on a path, and nothing else."""
    certificates = [x509.load_der_x509_certificate(der) for der in ders]
    for certificate, issuer in itertools.pairwise(certificates):
        key, algorithm = issuer.public_key(), certificate.signature_hash_algorithm
        if algorithm is None:
            raise ValueError("a signature without a hash")
        if isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(certificate.signature, certificate.tbs_certificate_bytes, ec.ECDSA(algorithm))
        elif isinstance(key, rsa.RSAPublicKey):
            pad = padding.PKCS1v15()
            key.verify(certificate.signature, certificate.tbs_certificate_bytes, pad, algorithm)


@dataclass(frozen=True)
class Timing:
    """Microseconds, medians; and the medians of the rounds' ratios."""

    bare: float
    first: float
    again: float
    first_ratio: float
    again_ratio: float


async def time_chains(kind: tuple[KeyKind, KeyKind, KeyKind], store: Path, rounds: int) -> Timing:
    """Verify chains of one kind, first and again, beside their signature checks."""
    leaf_key, middle_key, root_key = kind
    root = Authority.make(root_key, name=f"Root {kind}")
    middle = root.intermediate(middle_key, name=f"Intermediate {kind}")
    update_tool().update(root.certificate_pem, store)
    trust = Trust(sources=[Store(store)])
    await trust.verify(middle.issue(HOST, key=leaf_key).chain_ders, HOST)
    samples: list[list[int]] = []
    for chain in [middle.issue(HOST, key=leaf_key).chain_ders for _ in range(rounds)]:
        ders = [*chain, root.certificate_der]
        moments = [time.thread_time_ns()]
        bare(ders)
        moments.append(time.thread_time_ns())
        await trust.verify(chain, HOST)
        moments.append(time.thread_time_ns())
        await trust.verify(chain, HOST)
        moments.append(time.thread_time_ns())
        samples.append([after - before for before, after in itertools.pairwise(moments)])

    def median(of: Callable[[list[int]], float]) -> float:
        return statistics.median(map(of, samples))

    return Timing(
        median(lambda one: one[0]) / 1e3,
        median(lambda one: one[1]) / 1e3,
        median(lambda one: one[2]) / 1e3,
        median(lambda one: one[1] / one[0]),
        median(lambda one: one[2] / one[0]),
    )


def _everybody_and(root: Authority) -> bytes:
    """The public CAs and one more, as PEM."""
    return Path(certifi.where()).read_bytes() + root.certificate_pem


async def time_lookup(store: Path, rounds: int) -> float:
    """Milliseconds to find a chain's anchors in a store that has been read."""
    root = Authority.make(name="Looked up")
    update_tool().update(_everybody_and(root), store)
    sent = Chain.parse(root.intermediate().issue(HOST).chain_ders)
    source, sought = PublicCAs(Store(store)), Sought(sent.leaf, sent.issuers)
    samples: list[int] = []
    for _ in range(rounds):
        begin = time.thread_time_ns()
        found = await source.find(sought)
        samples.append(time.thread_time_ns() - begin)
        if len(found.certificates) != 1:
            raise RuntimeError("the lookup found nothing")
    return statistics.median(samples) / 1e6


# What a fresh process does. STORE has every public CA and one more, which has issued CHAIN.
_MEASURE = """
import sys, time
def private_kib():
    try:
        with open("/proc/self/smaps_rollup") as file:
            return sum(int(line.split()[1]) for line in file if line.startswith("Private_Dirty"))
    except OSError:
        return 0
opened = []
sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event == "open" else None)
STORE, CHAIN, CERTIFI, COUNT = sys.argv[1], sys.argv[2].split(","), sys.argv[3], int(sys.argv[4])
"""
_REPORT = """
files = len({name for name in opened if name.startswith(STORE) or name.endswith("/constraints")})
print(*after, files)
"""
_OURS = f"""
import trio
import trio_certs._verifier
from trio_certs import Store, Trust
chain = [bytes.fromhex(der) for der in CHAIN]
async def once():
    store = Store(STORE)
    kept = []
    for _ in range(COUNT):
        kept.append(Trust(sources=[store]))
        await kept[-1].verify(chain, "{HOST}")
    return kept
async def nothing():
    pass
trio.run(nothing)
before = private_kib(), time.process_time()
kept = trio.run(once)
"""
_SSL = """
import ssl
before = private_kib(), time.process_time()
kept = []
for _ in range(COUNT):
"""
_AFTER = """
after = time.process_time() - before[1], private_kib() - before[0]
"""
SET_UPS = {
    "trio_certs, one CA looked up and a chain verified": _OURS,
    "ssl.create_default_context(cafile=certifi)": _SSL
    + "    kept.append(ssl.create_default_context(cafile=CERTIFI))\n",
    "ssl.create_default_context() + certifi": _SSL
    + "    kept.append(ssl.create_default_context())\n    kept[-1].load_verify_locations(CERTIFI)\n",
}
IMPORTS = {
    "import trio_secure": "import trio_secure",
    "import trio_secure, and cryptography.x509 with it": "import trio_secure, cryptography.x509.verification",
}
_IMPORT = "import time, trio; before = time.process_time(); {}; print(time.process_time() - before)"


def _run(program: str, *arguments: str) -> list[float]:
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True
    )
    return [float(word) for word in done.stdout.split()]


@dataclass(frozen=True)
class SetUp:
    """What setting up cost in fresh processes: medians."""

    seconds: float
    kib: float
    files: float


def measure_set_ups(store: Path, count: int, rounds: int) -> dict[str, SetUp]:
    """`count` configurations in each of `rounds` processes for each contestant, in changing order."""
    root = Authority.make("rsa2048", name="Measured")
    update_tool().update(_everybody_and(root), store)
    chain = root.intermediate("rsa2048").issue(HOST, key="rsa2048").chain_ders
    arguments = (str(store), ",".join(der.hex() for der in chain), certifi.where(), str(count))
    samples: dict[str, list[list[float]]] = {name: [] for name in SET_UPS}
    for number in range(rounds):
        for name in list(SET_UPS) if number % 2 else reversed(SET_UPS):
            samples[name].append(_run(_MEASURE + SET_UPS[name] + _AFTER + _REPORT, *arguments))
    return {
        name: SetUp(*(statistics.median(column) for column in zip(*rows, strict=True)))
        for name, rows in samples.items()
    }


def measure_imports(rounds: int) -> dict[str, float]:
    """CPU seconds of an import, beyond that of Trio."""
    samples: dict[str, list[float]] = {name: [] for name in IMPORTS}
    for _ in range(rounds):
        for name, statement in IMPORTS.items():
            samples[name] += _run(_IMPORT.format(statement))
    return {name: statistics.median(seconds) for name, seconds in samples.items()}


def _report_chains(folder: Path, rounds: int) -> Iterable[str]:
    print(
        f"{'chain verified, us of CPU':<34}{'signatures':>11}{'first':>8}{'ratio':>7}{'again':>8}{'ratio':>7}"
    )
    for name, kind in KINDS.items():
        timing = trio.run(time_chains, kind, folder / name.replace(" ", ""), rounds)
        print(
            f"{name:<34}{timing.bare:>11.0f}{timing.first:>8.0f}{timing.first_ratio:>7.2f}"
            f"{timing.again:>8.0f}{timing.again_ratio:>7.2f}",
            flush=True,
        )
        if timing.again_ratio > MOST_AGAIN:
            yield f"a chain of {name} takes {timing.again_ratio:.2f} times its signature checks when met again"


def _report_set_ups(folder: Path, rounds: int) -> Iterable[str]:
    more = 20
    one = measure_set_ups(folder / "one", 1, rounds)
    many = measure_set_ups(folder / "many", 1 + more, rounds)
    ours, *_ = SET_UPS
    print(
        f"{'trust set up, in fresh processes':<52}{'ms':>7}{'ratio':>7}{'KiB':>7}{'one more: ms':>14}{'KiB':>7}"
    )
    for name, figures in one.items():
        each = (many[name].seconds - figures.seconds) * 1e3 / more
        kib = (many[name].kib - figures.kib) / more
        print(
            f"{name:<52}{figures.seconds * 1e3:>7.1f}{figures.seconds / one[ours].seconds:>7.1f}"
            f"{figures.kib:>7.0f}{each:>14.2f}{kib:>7.0f}",
            flush=True,
        )
    files = one[ours].files
    print(f"files opened for it: {files:.0f} (limit {MOST_FILES})")
    if files > MOST_FILES:
        yield f"a lookup opens {files:.0f} files"


def report(*, quick: bool) -> list[str]:
    """Print the figures; what is wrong with them."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        complaints = [*_report_chains(folder, 10 if quick else 400)]
        lookup = trio.run(time_lookup, folder / "lookup", 20 if quick else 2000)
        print(f"lookup among all public CAs, once read: {lookup:.3f} ms (limit {MOST_LOOKUP_MS})")
        if lookup > MOST_LOOKUP_MS:
            complaints.append(f"a lookup takes {lookup:.3f} ms")
        complaints += _report_set_ups(folder, 1 if quick else 15)
    imports = measure_imports(1 if quick else 15)
    for statement, seconds in imports.items():
        print(f"{statement:<52}{seconds * 1e3:>7.1f} ms of CPU, beyond Trio's")
    return complaints
