"""What the interoperability tests share: one authority, one large file."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.authority import Authority
from support.interop_connection import Servers
from support.interop_material import Material
from support.interop_processes import Processes

_PAYLOAD_BYTES = 64 << 20


@dataclass(frozen=True)
class Payload:
    """A file to serve, alone in its folder."""

    folder: Path
    name: str
    size: int
    sha256: str


@pytest.fixture(scope="session")
def authority() -> Authority:
    """The root every server's certificate leads to."""
    return Authority.make()


@pytest.fixture(scope="session")
def payload(tmp_path_factory: pytest.TempPathFactory) -> Payload:
    """64 MiB of random bytes."""
    folder = tmp_path_factory.mktemp("payload")
    content = os.urandom(_PAYLOAD_BYTES)
    (folder / "payload.bin").write_bytes(content)
    return Payload(folder, "payload.bin", len(content), hashlib.sha256(content).hexdigest())


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """Every server of the matrix, each started when it is first asked for."""
    material = Material(tmp_path_factory.mktemp("material"))
    with Processes(tmp_path_factory.mktemp("servers")) as processes:
        yield Servers(processes, material)
