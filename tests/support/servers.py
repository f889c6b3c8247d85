"""Real servers, each in a process of its own, as async context managers.

Theory of operation: `serve` starts a command on a free port of 127.0.0.1, waits until the server says or
shows that it listens, and kills the process when the block ends, whatever ended it. Everything the server
prints goes to one log file, which a failing test shows. The functions below it know how each server wants to
be told its certificate, its folder of files and its TLS version; they are the only place where a server's
options are written down.

A server that is not installed skips the test with a reason; with `CI=true` in the environment it fails it
instead.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NoReturn

import pytest
import trio

from support.authority import Leaf, to_pem

TLSVersion = Literal["1.2", "1.3"]
LighttpdModule = Literal["openssl", "gnutls", "mbedtls", "wolfssl", "nss"]
LIGHTTPD_MODULES: tuple[LighttpdModule, ...] = ("openssl", "gnutls", "mbedtls", "wolfssl", "nss")

HOST = "localhost"
_ADDRESS = "127.0.0.1"
_START_SECONDS = 20.0
_START_ATTEMPTS = 3
# No test needs a server for longer; one that hangs fails, and shows what the server said.
_MOST_SECONDS = 60.0
_POLL_SECONDS = 0.01
# Debian keeps nginx and lighttpd where a plain user's PATH does not look; what pip installs is where Python is.
_SEARCH_PATH = os.pathsep.join(
    [
        str(Path(sys.executable).parent),
        os.environ.get("PATH", os.defpath),
        "/usr/sbin",
        "/usr/local/sbin",
        "/sbin",
    ]
)


@dataclass(frozen=True)
class RunningServer:
    """A server that accepts connections on 127.0.0.1, and the log it writes."""

    name: str
    port: int
    log: Path
    process: trio.Process

    @property
    def url(self) -> str:
        """`https://localhost:port`, without a path."""
        return f"https://{HOST}:{self.port}"

    def said(self) -> str:
        """Everything the server printed so far."""
        return self.log.read_text(errors="replace")

    async def says(self, text: str, times: int = 1, seconds: float = 5.0) -> str:
        """Wait until the log holds `text` so many times, and return it; fail the test after `seconds`."""
        with trio.move_on_after(seconds):
            while self.said().count(text) < times:  # noqa: ASYNC110 -- another process writes the log
                await trio.sleep(_POLL_SECONDS)
        said = self.said()
        assert said.count(text) >= times, f"{self.name} did not say {text!r} {times} times but:\n{said}"
        return said

    async def type(self, line: str) -> None:
        """Write a line to the server's standard input."""
        assert self.process.stdin is not None
        await self.process.stdin.send_all(f"{line}\n".encode())

    async def kill(self) -> None:
        """End the process, even when cancelled."""
        self.process.kill()
        with trio.CancelScope(shield=True):
            await self.process.wait()
            if self.process.stdin is not None:
                await self.process.stdin.aclose()


skipped_for: list[str] = []
"""Why the running test is being skipped, if it is: pytest-trio loses what `pytest.skip` is told."""


class _DidNotStart(Exception):
    """The process ended before it listened."""


def unavailable(reason: str) -> NoReturn:
    """Skip the running test; in CI, where everything is installed, fail it."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    skipped_for.append(reason)
    pytest.skip(reason)


def program(name: str) -> str:
    """The path of an installed program, or the end of the running test."""
    return shutil.which(name, path=_SEARCH_PATH) or unavailable(f"{name} is not installed")


def free_port() -> int:
    """A port nobody listens on now. Another process may take it first: `serve` then tries the next one."""
    with socket.socket() as probe:
        probe.bind((_ADDRESS, 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def serve(
    name: str,
    command: Callable[[int], Sequence[str]],
    folder: Path,
    *,
    ready: str | None = None,
    environment: Mapping[str, str] | None = None,
) -> AsyncGenerator[RunningServer]:
    """Run a server while the block runs.

    Args:
        name: what the server is called in messages and in the name of its log.
        command: makes the command line for a port; called again with another port if that one was taken.
        folder: the working directory, and where the log is written.
        ready: what the log holds once the server listens. Without it readiness is a TCP connection that
            succeeds, which servers that serve one at a time, or log each one, had better not see.
        environment: variables to set beside the inherited ones.
    """
    for attempt in range(_START_ATTEMPTS):
        port, log = free_port(), folder / f"{name}.{attempt}.log"
        with log.open("wb") as output:
            process = await trio.lowlevel.open_process(
                command(port),
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env={**os.environ, **(environment or {})},
            )
        server = RunningServer(name, port, log, process)
        try:
            await _listening(server, ready)
            with trio.fail_after(_MOST_SECONDS):
                yield server
            return
        except _DidNotStart:
            if "dlopen() failed" in server.said():
                unavailable(f"{name} is not installed: {server.said()}")
            if attempt + 1 == _START_ATTEMPTS or "in use" not in server.said().lower():
                pytest.fail(f"{name} did not start:\n{server.said()}")
        except BaseException as error:
            error.add_note(f"{name} said:\n{server.said()[-4000:]}")
            raise
        finally:
            await server.kill()


async def _listening(server: RunningServer, ready: str | None) -> None:
    with trio.move_on_after(_START_SECONDS):
        while server.process.poll() is None:
            if ready is not None:
                if ready in server.said():
                    return
            elif await _accepts(server.port):
                return
            await trio.sleep(_POLL_SECONDS)
        raise _DidNotStart
    pytest.fail(f"{server.name} did not listen within {_START_SECONDS:.0f} s:\n{server.said()}")


async def _accepts(port: int) -> bool:
    try:
        stream = await trio.open_tcp_stream(_ADDRESS, port)
    except OSError:
        return False
    await stream.aclose()
    return True


def nginx(
    files: Path, leaf: Leaf, folder: Path, version: TLSVersion
) -> AbstractAsyncContextManager[RunningServer]:
    """nginx serving the folder `files`, over TLS `version` alone."""
    return nginx_with(
        f"""root {files};
    ssl_protocols TLSv{version};
    types {{ text/plain txt; }}
    default_type application/octet-stream;
    gzip on;
    gzip_types text/plain;""",
        leaf,
        folder,
    )


def nginx_with(directives: str, leaf: Leaf, folder: Path) -> AbstractAsyncContextManager[RunningServer]:
    """nginx on one port with TLS, doing what the `directives` say."""
    certificate, key = leaf.write(folder)
    executable = program("nginx")
    temporary = "\n".join(
        f"  {kind}_temp_path {folder}/{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )

    def command(port: int) -> list[str]:
        configuration = folder / "nginx.conf"
        configuration.write_text(
            f"""daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log stderr info;
events {{ worker_connections 64; }}
http {{
{temporary}
  access_log off;
  server {{
    listen {_ADDRESS}:{port} ssl;
    ssl_certificate {certificate};
    ssl_certificate_key {key};
    {directives}
  }}
}}
"""
        )
        return [executable, "-p", str(folder), "-c", str(configuration), "-e", "stderr"]

    return serve("nginx", command, folder)


def lighttpd(
    module: LighttpdModule, files: Path, leaf: Leaf, folder: Path, version: TLSVersion
) -> AbstractAsyncContextManager[RunningServer]:
    """lighttpd serving the folder `files` through one of its TLS libraries, over TLS `version` alone."""
    certificate, key = leaf.write(folder)
    executable = program("lighttpd")
    issuers = folder / "issuers.pem"
    issuers.write_bytes(to_pem(*leaf.issuers))
    # A client that would like a staple is turned away by wolfSSL if it does not know who issued its certificate.
    known = f'ssl.ca-file = "{issuers}"' if module == "wolfssl" and leaf.issuers else ""

    def command(port: int) -> list[str]:
        configuration = folder / "lighttpd.conf"
        configuration.write_text(
            f"""server.modules = ("mod_{module}")
server.document-root = "{files}"
server.bind = "{_ADDRESS}"
server.port = {port}
ssl.engine = "enable"
ssl.pemfile = "{certificate}"
ssl.privkey = "{key}"
ssl.openssl.ssl-conf-cmd = ("MinProtocol" => "TLSv{version}", "MaxProtocol" => "TLSv{version}")
{known}
mimetype.assign = ("" => "application/octet-stream")
"""
        )
        return [executable, "-D", "-f", str(configuration)]

    return serve(f"lighttpd-mod-{module}", command, folder)


def openssl(
    leaf: Leaf, folder: Path, *arguments: str, files: Path | None = None
) -> AbstractAsyncContextManager[RunningServer]:
    """`openssl s_server` with further arguments, for instance `-tls1_3` or `-rev`.

    With `files` it serves that folder. Without `-rev` too it prints what it receives and sends what is typed,
    but for its commands: a line that begins with `K` or `k` sends a KeyUpdate, `K` asking for one in return.
    (Of two lines it reads at once it may take only the first: wait for what it says.) It prints every state
    and alert, one line each (`-state`), and serves one connection at a time.
    """
    certificate, key = leaf.write(folder)
    run = [program("openssl"), "s_server", "-state", "-cert", str(certificate), "-key", str(key)]
    if leaf.issuers:
        issuers = folder / "issuers.pem"
        issuers.write_bytes(to_pem(*leaf.issuers))
        run += ["-cert_chain", str(issuers)]
    if files is not None:
        run.append("-WWW")

    def command(port: int) -> list[str]:
        return [*run, "-accept", f"{_ADDRESS}:{port}", *arguments]

    return serve("openssl-s_server", command, files or folder, ready="ACCEPT")


def hypercorn(files: Path, leaf: Leaf, folder: Path) -> AbstractAsyncContextManager[RunningServer]:
    """Hypercorn on its Trio worker: the folder `files` over HTTPS, and an echo of each message over WSS."""
    certificate, key = leaf.write(folder)
    application = Path(__file__).with_name("asgi_application.py")

    def command(port: int) -> list[str]:
        # Without worker processes: killing the one process then ends the server.
        runner = [sys.executable, "-P", "-m", "hypercorn", "--worker-class", "trio", "--workers", "0"]
        secure = ["--bind", f"{_ADDRESS}:{port}", "--certfile", str(certificate), "--keyfile", str(key)]
        return [*runner, *secure, f"{application}:application"]

    return serve("hypercorn", command, folder, ready="Running on", environment={"FILES": str(files)})


def apache(
    files: Path, leaf: Leaf, folder: Path, version: TLSVersion
) -> AbstractAsyncContextManager[RunningServer]:
    """Apache httpd serving the folder `files`, over TLS `version` alone; text is compressed."""
    certificate, key = leaf.write(folder)
    executable = program("apache2")
    modules = Path("/usr/lib/apache2/modules")
    loaded = "\n".join(
        f"LoadModule {name}_module {modules}/mod_{name}.so"
        for name in ("mpm_event", "ssl", "authz_core", "mime", "filter", "deflate", "brotli")
    )

    def command(port: int) -> list[str]:
        configuration = folder / "apache.conf"
        configuration.write_text(
            f"""{loaded}
ServerRoot {folder}
ServerName {HOST}
PidFile {folder}/apache.pid
DefaultRuntimeDir {folder}
Mutex pthread
ErrorLog /dev/stderr
LogLevel warn
Listen {_ADDRESS}:{port}
DocumentRoot {files}
MaxKeepAliveRequests 0
TypesConfig /dev/null
AddType text/plain .txt
AddOutputFilterByType BROTLI_COMPRESS;DEFLATE text/plain
<Directory {files}>
  Require all granted
</Directory>
SSLEngine on
SSLCertificateFile {certificate}
SSLCertificateKeyFile {key}
SSLProtocol -all +TLSv{version}
"""
        )
        return [executable, "-X", "-f", str(configuration)]

    return serve("apache", command, folder)


def node(leaf: Leaf, folder: Path) -> AbstractAsyncContextManager[RunningServer]:
    """Node's own HTTPS server: echo, trailers, early hints, 100-continue, codings and an upgrade."""
    certificate, key = leaf.write(folder)
    script = Path(__file__).with_name("node_server.js")

    def command(port: int) -> list[str]:
        return [program("node"), str(script), str(port), str(certificate), str(key)]

    return serve("node", command, folder, ready="listening")


def websockets_echo(
    leaf: Leaf, folder: Path, version: TLSVersion
) -> AbstractAsyncContextManager[RunningServer]:
    """The `websockets` package's own server, echoing each message over WSS, over TLS `version` alone."""
    certificate, key = leaf.write(folder)
    script = Path(__file__).with_name("websockets_server.py")

    def command(port: int) -> list[str]:
        return [sys.executable, "-P", str(script), str(port), str(certificate), str(key), version]

    return serve("websockets", command, folder, ready="listening")
