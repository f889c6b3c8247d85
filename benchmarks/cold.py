"""A fresh process: its first connection, and what further configurations take.

Theory of operation: each contestant is a program for an interpreter of its own, which prints its cost. Trust is in
all of certifi's CAs and one more, which the server is below; ours finds it in the store, theirs is loaded by
`ssl.create_default_context(cafile=…)`, as certifi's documentation has it. "Imports included" is the whole process
from its start, with Trio. A further configuration makes a connection in both, so that nothing of it is still to be
loaded.
"""

from __future__ import annotations

import subprocess
import sys

from benchmarks.case import Case, Measure, Site
from benchmarks.imports import compiling
from benchmarks.servers import public

OURS, PEER = "trio_secure", "ssl and certifi"

_OURS = """
import sys, time
PORT, FOLDER, COUNT = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
import trio
from trio_certs import Store, Trust
from trio_secure import SecureStream, TLSConfig
STORE = Store(FOLDER + "/store")  # the bundled one is one object, too
def configuration():
    return TLSConfig(trust=Trust(sources=[STORE]), cache=False)
async def connect(config):
    transport = await trio.open_tcp_stream("127.0.0.1", PORT)
    return await SecureStream.wrap(transport, "localhost", config)
"""
_IMPORT_ALL = "import trio_certs._verifier  # which the first handshake would import\n"
_THEIRS = """
import sys, time
PORT, FOLDER, COUNT = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
import ssl
import trio
def configuration():
    return ssl.create_default_context(cafile=FOLDER + "/cas.pem")
async def connect(context):
    transport = await trio.open_tcp_stream("127.0.0.1", PORT)
    stream = trio.SSLStream(transport, context, server_hostname="localhost")
    await stream.do_handshake()
    return stream
"""
_FIRST = """
async def nothing():
    pass
trio.run(nothing)
before = time.process_time() if EXCLUDED else 0
async def first():
    stream = await connect(configuration())
    print(time.process_time() - before)
    await trio.aclose_forcefully(stream)
trio.run(first)
"""
_FURTHER = """
from benchmarks.usage import private_kib
async def further():
    kept = []
    for number in range(3 + COUNT):
        if number == 3:
            before = private_kib()
        kept.append(configuration())
        await trio.aclose_forcefully(await connect(kept[-1]))
    print(private_kib() - before)
trio.run(further)
"""


def _program(text: str) -> Measure:
    def measure(site: Site, amount: int) -> float:
        place = [str(site.port), str(site.folder), str(amount)]
        finished = subprocess.run(
            [sys.executable, "-c", text, *place],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            env=compiling(),
        )
        return float(finished.stdout)

    return measure


def _both(before: str, program: str) -> dict[str, Measure]:
    return {OURS: _program(_OURS + before + program), PEER: _program(_THEIRS + program)}


_EXCLUDED = _both(_IMPORT_ALL, f"EXCLUDED = True{_FIRST}")
_INCLUDED = _both("", f"EXCLUDED = False{_FIRST}")

CASES: dict[str, Case] = {
    "first connection, imports excluded": Case(public, _EXCLUDED, "process", 1, 1, {PEER: 8.0}),
    "first connection, imports included": Case(public, _INCLUDED, "process", 1, 1, {PEER: 1.2}),
    "memory per further configuration": Case(
        public, _both(_IMPORT_ALL, _FURTHER), "configuration", 200, 3, {PEER: 50.0}, cost="KiB"
    ),
}
