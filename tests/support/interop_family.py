"""What it takes to start a server and to understand it.

Theory of operation: a `Setup` says what a port is to do; a `Family` starts the processes for all setups of a
server at once and says where each is. Everything is switched on in them, old versions and weak suites too: the
client chooses by what it offers.
"""

from __future__ import annotations

import enum
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Protocol

from support.interop_conversation import Conversation, Endpoint
from support.interop_material import Certificate, Material
from support.interop_processes import Processes
from support.servers import program
from trio_secure._suites import CipherSuite

PROTOCOL = "http/1.1"
"""An application protocol that every server knows."""
EXPORTER_LABEL = "EXPORTER-interop"
TIMESTAMP = b"interop"
"""What stands for a signed certificate timestamp."""


class Extra(enum.Enum):
    """What a port does besides."""

    NOTHING = enum.auto()
    NO_TICKETS = enum.auto()
    CLIENT_CERTIFICATE = enum.auto()
    EARLY_DATA = enum.auto()


@dataclass(frozen=True)
class Setup:
    """What a port is to do."""

    certificate: Certificate
    extra: Extra = Extra.NOTHING


class Family(Protocol):
    """One way of starting and asking a server."""

    def version(self) -> str:
        """Which version of it is installed."""
        ...

    def start(
        self, processes: Processes, material: Material, setups: Sequence[Setup]
    ) -> dict[Setup, Endpoint]:
        """Start it, with a port for each setup."""
        ...

    def name_of(self, suite: CipherSuite) -> str:
        """What the server calls a suite."""
        ...

    def conversation(self, endpoint: Endpoint) -> Conversation:
        """Begin to listen to what the server says."""
        ...


def output(*command: str) -> str:
    """What a command prints."""
    done = subprocess.run([program(command[0]), *command[1:]], check=True, capture_output=True, text=True)
    return done.stdout or done.stderr


def first_version(text: str) -> str:
    """The first thing in a text that looks like a version."""
    found = re.search(r"\d+\.\d+[.\d]*", text)
    return found[0] if found else text.strip()


def registered_name(suite: CipherSuite) -> str:
    """The name of a suite in the registry."""
    return suite.name


@cache
def _openssl_names() -> dict[str, str]:
    lines = output("openssl", "ciphers", "-stdname", "ALL:COMPLEMENTOFALL:@SECLEVEL=0").splitlines()
    return {registered: name for registered, _dash, name, *_rest in map(str.split, lines)}


def openssl_name(suite: CipherSuite) -> str:
    """OpenSSL's own name of it."""
    return _openssl_names().get(suite.name, suite.name)
