"""The servers that are programs of ours on the libraries of others.

Theory of operation: they are told what each port is to do as arguments, and print where they listen
(`interop/README.md`).
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from support.interop_conversation import Commands, Conversation, Endpoint
from support.interop_family import (
    PROTOCOL,
    TIMESTAMP,
    Extra,
    Setup,
    first_version,
    openssl_name,
    output,
    registered_name,
)
from support.interop_material import Material
from support.interop_processes import Processes
from support.servers import program, unavailable
from trio_secure._suites import CipherSuite

_FOLDER = Path(__file__).with_name("interop")


@dataclass(frozen=True)
class Program:
    """A program on a library.

    Attributes:
        name: of the process and its log.
        command: what runs it; what has to be made first goes into the folder.
        find_version: finds out the version of the library.
    """

    name: str
    command: Callable[[Path], Sequence[str]]
    find_version: Callable[[], str]
    suite_name: Callable[[CipherSuite], str] = registered_name

    def version(self) -> str:
        return self.find_version()

    def name_of(self, suite: CipherSuite) -> str:
        return self.suite_name(suite)

    def conversation(self, endpoint: Endpoint) -> Conversation:
        return Commands(endpoint)

    def start(
        self, processes: Processes, material: Material, setups: Sequence[Setup]
    ) -> dict[Setup, Endpoint]:
        folder = processes.new_folder(self.name)
        arguments = [_endpoint(material, setup) for setup in setups]
        process = processes.start(self.name, [*self.command(folder), *arguments], folder)
        ports: list[int] = []

        def listens() -> bool:
            listening = re.search(r"^listening (.*)\n", process.said(), re.MULTILINE)
            if listening:
                ports.extend(map(int, listening[1].split()))
            return listening is not None

        process.wait(listens)
        return {setup: Endpoint(process, port) for setup, port in zip(setups, ports, strict=True)}


def _endpoint(material: Material, setup: Setup) -> str:
    files = material.server(setup.certificate)
    options: dict[str, object] = {
        "certificate": files.certificate,
        "key": files.key,
        "ocsp": files.staple,
        "dh": material.dh,
        "alpn": f"interop,{PROTOCOL}",
        "timestamp": TIMESTAMP.decode(),
    }
    if setup.extra is Extra.CLIENT_CERTIFICATE:
        options["client"] = material.root
    if setup.extra is Extra.NO_TICKETS:
        options["tickets"] = 0
    return ";".join(f"{name}={value}" for name, value in options.items())


def _go(folder: Path) -> list[str]:
    executable = folder / "server"
    # Nothing but the standard library, and nothing from the net.
    environment = {**os.environ, "GOFLAGS": "-mod=mod", "GOPROXY": "off", "CGO_ENABLED": "0"}
    build = [program("go"), "build", "-o", str(executable), str(_FOLDER / "go" / "main.go")]
    built = subprocess.run(build, check=False, env=environment, cwd=folder, capture_output=True, text=True)
    if built.returncode:
        unavailable(f"this Go cannot build the server: {built.stderr}")
    return [str(executable)]


def _python(name: str) -> Callable[[Path], list[str]]:
    return lambda _folder: [sys.executable, "-P", str(_FOLDER / name)]


def _openssl_in_cryptography() -> str:
    return first_version(
        output(sys.executable, "-c", "from OpenSSL import SSL; print(SSL.OpenSSL_version(0))")
    )


GO = Program("go", _go, lambda: first_version(output("go", "version")))
NODE = Program(
    "node",
    lambda _folder: [program("node"), str(_FOLDER / "node.js")],
    lambda: first_version(output("node", "--version")),
)
# Started for seconds, a virtual machine is best compiled little.
JAVA = Program(
    "java",
    lambda _folder: [program("java"), "-XX:TieredStopAtLevel=1", str(_FOLDER / "JavaServer.java")],
    lambda: first_version(output("java", "-version")),
)
TLSLITE = Program("tlslite-ng", _python("tlslite_server.py"), lambda: version("tlslite-ng"))
PYOPENSSL = Program("pyopenssl", _python("pyopenssl_server.py"), _openssl_in_cryptography, openssl_name)
