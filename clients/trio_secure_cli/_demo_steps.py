"""The steps of the demonstration: what is done, checked and shown.

Theory of operation: each step is a short program in the public interface, as a user would write it, wrapped
in what shows it. It goes through rich, which takes no notice of what a peer wrote: everything is escaped and
given to it as plain text, never as markup. A step whose outcome is not what it should be raises.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
import time
from pathlib import Path
from typing import TextIO, cast

import trio
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from trio_certs import Manifest, ResourceNotFoundError, Store
from trio_https import Client
from trio_secure import CertificateRefused, ConnectionInfo, SecureSocket, TraceEvent
from trio_wss import open_websocket

from ._demo_content import SIZE, sha256
from ._demo_process import DemoServer
from ._demo_store import make_store
from ._exit_codes import ExitCode
from ._failure import CommandError
from ._patience import Patience
from ._progress import show_bar
from ._secure import certificates_in
from ._terminal import StandardOutput, Terminal
from ._text import byte_count, printable, seconds, version_name

ADDRESS = "127.0.0.1"
NAME = "localhost"
_ARROWS = {"sent": ("→", "cyan"), "received": ("←", "green"), "note": ("·", "dim")}
_MEANINGS = {
    "ClientHello": "what this client offers, and its half of the key exchange",
    "ServerHello": "what the server chose, and its half of the key exchange",
    "HelloRetryRequest": "the server wants another key exchange",
    "EncryptedExtensions": "the rest of its choice; encrypted from here on",
    "Certificate": "who the server says it is",
    "CertificateVerify": "its signature over everything so far",
    "Finished": "proof that nobody changed a byte on the way",
    "ChangeCipherSpec": "a word of older versions, for boxes on the way that wait for it",
    "read key": "what comes from here on is decrypted with a new key",
    "write key": "what goes from here on is encrypted with a new key",
}
_MESSAGES = ["Hello over TLS!", "Grüße, 你好, 👋", "x" * 20_000]


class Demonstration:
    """The steps, against one server.

    Args:
        server: where it listens and whom it shows.
        given: what the command line says about the connections; it goes before the demonstration's own.
        terminal: where it is shown.
        clock: limits how long each step may wait.
    """

    def __init__(
        self, server: DemoServer, given: dict[str, object], terminal: Terminal, clock: Patience
    ) -> None:
        self._server = server
        self._authority = certificates_in(server.authority)[0]
        self._given = given
        self._clock = clock
        # Rich uses a few methods of a text file, and the class has those.
        self._console = Console(file=cast("TextIO", StandardOutput(terminal)), highlight=False)

    def introduce(self, took: float) -> None:
        """Say what stands ready."""
        self._heading("A server on this machine, by others: Hypercorn, on OpenSSL")
        self._say(f"started in {seconds(took)}, listens on {ADDRESS} port {self._server.port}")
        self._say("its certificate for localhost is issued by a CA made a moment ago; nobody else knows it")

    async def handshake(self) -> None:
        """Step 1: a TLS handshake, traced."""
        self._heading("1. A TLS handshake, by this project's own code, over Trio")
        trace = Table.grid(padding=(0, 1))
        for style in ("dim", "", "bold", ""):
            trace.add_column(style=style, no_wrap=style != "", overflow="fold")

        def show(event: TraceEvent) -> None:
            arrow, style = _ARROWS[event.direction]
            what = Text(_MEANINGS.get(event.name, ""))
            if event.summary and not (what and event.direction == "note"):
                what.append(("\n" if what else "") + printable(event.summary), "dim")
            trace.add_row(f"{event.at * 1000:7.2f} ms", Text(arrow, style), Text(event.name), what)

        self._clock.expect("shaking hands")
        try:
            async with SecureSocket(ADDRESS, self._server.port, secure=self._secure(trace=show)) as stream:
                info = stream.info
        finally:  # what went before a failure is worth seeing most
            self._console.print(Padding(trace, (0, 0, 0, 3), expand=False))
        self._say_info(info)

    async def download(self) -> None:
        """Step 2: a large file over HTTPS, streamed and compared."""
        self._heading(f"2. {byte_count(SIZE)} over HTTPS, streamed piece by piece")
        expected = await trio.to_thread.run_sync(sha256, SIZE)
        digest = hashlib.sha256()
        began = time.perf_counter()
        self._clock.expect("the download was going on")
        async with (
            Client(secure=self._secure()) as client,
            client.stream("GET", f"https://{ADDRESS}:{self._server.port}/large.bin") as response,
        ):
            with show_bar(self._console, "   large.bin", SIZE) as advance:
                async for chunk in response:
                    digest.update(chunk)
                    advance(len(chunk))
                    self._clock.expect("the download was going on")
        took = time.perf_counter() - began
        self._say(f"{byte_count(SIZE)} in {seconds(took)}, {byte_count(round(SIZE / took))}/s")
        if digest.hexdigest() != expected:
            found = digest.hexdigest()
            raise CommandError(f"the SHA-256 is {found}, not {expected}", code=ExitCode.PROTOCOL)
        self._done(f"SHA-256 {expected}: what was sent is what came")

    async def echo(self) -> None:
        """Step 3: a WebSocket echo over WSS."""
        self._heading("3. A WebSocket over TLS, and its echo")
        self._clock.expect("the echo was awaited")
        async with open_websocket(
            f"wss://{ADDRESS}:{self._server.port}/echo", secure=self._secure()
        ) as websocket:
            for message in _MESSAGES:
                began = time.perf_counter()
                await websocket.send(message)
                answer = await websocket.receive()
                took = seconds(time.perf_counter() - began)
                if answer != message:
                    raise CommandError("the echo is not what was sent", code=ExitCode.PROTOCOL)
                shown = message if len(message) < 40 else f"{len(message)} characters"
                self._say(f"→ {shown}   ← the same, {took} later")
        self._done(f"closed with code {websocket.close_code}")

    async def missing_authority(self) -> None:
        """Step 4: a CA the manifest leaves out, and the repair."""
        self._heading("4. When the CA a server needs is not in the manifest")
        with tempfile.TemporaryDirectory() as folder:
            store = make_store(Path(folder), self._authority)
            self._say("this time the CA is not given; it is ca0.der of a store made for the occasion")
            path = Path(folder, "manifest.json")
            lines: list[str] = []
            error = await self._refused(await self._manifest(path, lines, store))
            self._say(f"refused: {error}", style="red")
            missing = error.__cause__
            if not isinstance(missing, ResourceNotFoundError) or missing.manifest_line is None:
                raise CommandError("the refusal does not name the missing CA", code=ExitCode.INTERNAL)
            self._say("so that line is added, and the same connection made again:")
            lines.append(json.loads(missing.manifest_line))
            manifest = await self._manifest(path, lines, store)
            self._clock.expect("shaking hands")
            async with SecureSocket(ADDRESS, self._server.port, secure=self._from_store(manifest)) as stream:
                self._done(f"{version_name(stream.info.version)}, anchored by {stream.info.anchor_resource}")

    def conclude(self, took: float) -> None:
        """Say that it is over."""
        self._heading(f"Done, in {seconds(took)}")

    def _secure(self, **more: object) -> dict[str, object]:
        """The `secure` dictionary for the demonstration's own CA."""
        return {"serverName": NAME, "certificate": self._authority, **self._given, **more}

    async def _manifest(self, path: Path, entries: list[str], store: Store) -> Manifest:
        """The manifest with the given entries, by way of its file."""
        text = json.dumps({"resources": {"*": entries}})
        await trio.Path(path).write_text(text, encoding="utf-8")
        self._say(f"{path.name}: {text}", style="cyan")
        return await Manifest.load(path, store=store)

    async def _refused(self, manifest: Manifest) -> CertificateRefused:
        self._clock.expect("shaking hands")
        try:
            async with SecureSocket(ADDRESS, self._server.port, secure=self._from_store(manifest)):
                pass
        except CertificateRefused as error:
            return error
        raise CommandError("a server with an unknown CA was not refused", code=ExitCode.INTERNAL)

    def _from_store(self, manifest: Manifest) -> dict[str, object]:
        trace = {"trace": self._given["trace"]} if "trace" in self._given else {}
        return {"serverName": NAME, "manifest": manifest, **trace}

    def _heading(self, text: str) -> None:
        self._console.print()
        self._console.print(Text(text, "bold"))

    def _say(self, text: str, style: str = "") -> None:
        self._console.print(Padding(Text(printable(text, keep="\n"), style), (0, 0, 0, 3), expand=False))

    def _done(self, text: str) -> None:
        self._console.print(
            Padding(Text.assemble(("✓ ", "bold green"), printable(text)), (0, 0, 0, 3), expand=False)
        )

    def _say_info(self, info: ConnectionInfo) -> None:
        facts = (version_name(info.version), info.cipher_suite, info.group, info.signature_scheme)
        self._done(", ".join(fact for fact in facts if fact is not None))
        if info.verified_chain:
            self._done(f"the certificate is for {NAME}, and leads to a CA that is trusted")
        else:
            self._say("the certificate was not checked: --insecure", style="red")
