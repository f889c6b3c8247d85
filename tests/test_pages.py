"""Every block of code in the documents is run.

Theory of operation: the Python of a page runs in its order, unchanged, against the servers of
`support.little_internet`, by the rules of `support.pages`: names of hosts are resolved to local servers, whatever
connects, and the store of public CAs is a throw-away one. What a page leaves to the reader is in `_scenery`. JSON
is parsed; commands of shells are given to the parsers of what they call; JavaScript is checked by Node. The
tutorial is walked in a folder of its own by `test_tutorial.py`.
"""

from __future__ import annotations

import hashlib
import json
import re
import shlex
import shutil
import subprocess
import tomllib
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import trio
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from trio.testing import memory_stream_one_way_pair

from support.little_internet import Certificates, little_internet
from support.little_web import BIG
from support.pages import ROOT, blocks, documents, run_blocks, undefined
from support.servers import unavailable
from trio_certs import CertificateFacts, Issuer
from trio_https import Client
from trio_secure import ClientIdentity, LoadedIdentity, SecureSocket
from trio_secure_cli._options import parse
from trio_wss import open_websocket

TUTORIAL = "docs/tutorial.md"
# The last two run in ways of their own, by `test_adapters_page.py` and `test_testing_page.py`.
_ELSEWHERE = {TUTORIAL, "docs/adapters.md", "docs/testing.md"}
PYTHON = [page for page in documents() if blocks(page, "python") and page not in _ELSEWHERE]
_PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
_SESSIONS = re.findall(r"^@nox\.session[^\n]*\ndef (\w+)", (ROOT / "noxfile.py").read_text(), re.MULTILINE)
_PROGRAMS = {".", "git", "mv", "tar", "python", "python3", "tshark", "trio-secure", "pip", "nox", "bash"}


class _Database:
    """Has one CA."""

    def __init__(self, der: bytes) -> None:
        self._der = der

    async def fetch(self, query: str, key: bytes) -> list[tuple[bytes]]:
        assert "SELECT" in query
        await trio.lowlevel.checkpoint()
        found = key == hashlib.sha256(CertificateFacts.parse(self._der).subject).digest()
        return [(self._der,)] if found else []


class _Device:
    """Keeps a key and signs with it, as an HSM, a token or a key service does."""

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        self._key = key

    async def sign(self, key: str, *, mechanism: str, message: bytes) -> bytes:
        await trio.lowlevel.checkpoint()
        assert key == "client-key"
        return self.blocking(mechanism, message)

    def blocking(self, scheme: str, data: bytes) -> bytes:
        assert scheme == "ecdsa_secp256r1_sha256"
        return self._key.sign(data, ec.ECDSA(hashes.SHA256()))


@pytest.fixture(scope="module")
def certificates() -> Certificates:
    return Certificates.make()


@pytest.fixture
async def internet(
    certificates: Certificates, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[Path]:
    monkeypatch.chdir(tmp_path)
    async with little_internet(certificates, tmp_path, monkeypatch):
        yield tmp_path


@pytest.mark.parametrize("page", PYTHON)
async def test_the_python_of_a_page_runs(page: str, internet: Path, certificates: Certificates) -> None:
    with trio.fail_after(60):
        async with Client() as client, open_websocket("wss://echo.example/") as ws:
            await ws.send(b"a message")
            scenery = _scenery(certificates) | {"client": client, "ws": ws}
            if page == "docs/websocket.md":
                scenery["url"] = "wss://echo.example/talk"
            scenery["transport"] = transport = await trio.open_tcp_stream("example.com", 443)
            scenery["out"], _ = memory_stream_one_way_pair()
            scenery["stream"] = stream = await SecureSocket("example.com", 443)
            await run_blocks(page, scenery)
            await transport.aclose()
            await stream.aclose()


@pytest.mark.parametrize("page", PYTHON)
def test_what_a_page_leaves_to_the_reader_is_little(page: str, certificates: Certificates) -> None:
    assert (
        undefined(
            page, _scenery(certificates) | dict.fromkeys(("client", "ws", "out", "stream", "transport"))
        )
        == set()
    )


def _scenery(certificates: Certificates) -> dict[str, object]:
    """What pages take for granted: the reader's own database, device, files, names."""
    client = certificates.client
    assert isinstance(client.key, ec.EllipticCurvePrivateKey)
    device = _Device(client.key)
    own = ClientIdentity.load(client.chain_pem, client.key_pem)
    vault = {"certificate": client.chain_pem, "key": client.key_pem}

    async def fetch(name: str) -> bytes:
        await trio.lowlevel.checkpoint()
        return vault[name]

    async def find_in_database(issuer: Issuer) -> list[bytes]:
        await trio.lowlevel.checkpoint()
        return []

    async def chunks() -> AsyncIterator[bytes]:
        for piece in (b"one", b"two"):
            await trio.lowlevel.checkpoint()
            yield piece

    return {
        "trio": trio,
        "LoadedIdentity": LoadedIdentity,
        "database": _Database(certificates.company.certificate_der),
        "find_in_database": find_in_database,
        "issuer": Issuer(certificates.company.certificate.subject.public_bytes()),
        "hsm": SimpleNamespace(sign=device.sign),
        "token": SimpleNamespace(sign=device.blocking),
        "vault": SimpleNamespace(fetch=fetch),
        "scheme": "ecdsa_secp256r1_sha256",
        "data": b"to be signed",
        "own_der": client.certificate_der,
        "issuer_der": certificates.company.certificate_der,
        "key_pem": client.key_pem,
        "certificates_pem": client.chain_pem,
        "work": own,
        "private": own,
        "url": "https://example.com/",
        "path": "cookies.txt",
        "sha256": hashlib.sha256(BIG).hexdigest(),
        "chunks": chunks(),
    }


def _commands() -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for page in documents():
        for block in blocks(page, "sh"):
            for line in block.code.replace("\\\n", " ").splitlines():
                if line and not line.startswith("#"):
                    found += [(page, part) for part in re.split(r" (?:&&|\|) ", line)]
    return found


@pytest.mark.parametrize(("page", "command"), _commands())
def test_a_command_of_a_page_is_one(page: str, command: str) -> None:
    # What is shortened on the page stands for a digest.
    words = ["0" * 64 if "…" in word else word for word in shlex.split(command, comments=True)]
    while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
        words.pop(0)
    program = Path(words[0]).name or words[0]
    assert program in _PROGRAMS, f"{page}: nobody checks {program}"
    if program == "trio-secure":
        parse(words[1:])
    if program == "nox":
        assert set(words[words.index("-s") + 1 :]) <= set(_SESSIONS)
    for extra in re.findall(r"trio-secure\[([\w,]+)\]", command):
        assert set(extra.split(",")) <= _PROJECT["project"]["optional-dependencies"].keys()


@pytest.mark.parametrize("page", [page for page in documents() if blocks(page, "json")])
def test_the_json_of_a_page_is_json(page: str) -> None:
    broken = 0
    for block in blocks(page, "json"):
        try:
            json.loads(block.code)
        except json.JSONDecodeError:
            broken += 1
    # The page about manifests shows what is said of one that is cut short; test_manifest_page.py runs those.
    assert broken <= (1 if page == "docs/manifest.md" else 0)


@pytest.mark.parametrize("page", [page for page in documents() if blocks(page, "js")])
def test_the_javascript_of_a_page_parses(page: str, tmp_path: Path) -> None:
    node = shutil.which("node") or unavailable("node is not installed")
    for block in blocks(page, "js"):
        script = tmp_path / "block.mjs"
        script.write_text(block.code)
        result = subprocess.run([node, "--check", script], capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stderr


def test_every_block_is_in_a_language_that_is_checked() -> None:
    known = {"python", "sh", "json", "js", "text", "toml"}
    for page in documents():
        text = (ROOT / page).read_text("utf-8")
        languages = re.findall(r"^```([^\s{]+)", text, re.MULTILINE)
        assert set(languages) <= known, page
        # A fence without a language would be one that nothing looks at.
        assert len(re.findall(r"^```$", text, re.MULTILINE)) == len(
            re.findall(r"^```\S", text, re.MULTILINE)
        ), page
