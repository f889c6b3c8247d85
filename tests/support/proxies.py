"""Real proxies and the servers that ask who is there, each in a process of its own.

Theory of operation: as in `support.servers`, whose `serve` starts them: the functions here know how each program
wants to be told its port, its users and its certificate.
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from support.authority import Leaf
from support.servers import RunningServer, program, serve

USER, PASSWORD, REALM = "mufasa", "circle", "proxy"
_ADDRESS = "127.0.0.1"
_MODULES = Path("/usr/lib/apache2/modules")


def tinyproxy(folder: Path, *, login: bool = False) -> AbstractAsyncContextManager[RunningServer]:
    """tinyproxy, which takes `http:` requests without a tunnel, and CONNECT; with `login` it wants Basic."""
    executable = program("tinyproxy")

    def command(port: int) -> list[str]:
        configuration = folder / "tinyproxy.conf"
        lines = [f"Port {port}", f"Listen {_ADDRESS}", "Timeout 60", "MaxClients 20", "LogLevel Connect"]
        lines += [f"BasicAuth {USER} {PASSWORD}"] if login else []
        configuration.write_text("\n".join([*lines, ""]))
        return [executable, "-d", "-c", str(configuration)]

    return serve("tinyproxy", command, folder)


def microsocks(folder: Path, *, login: bool = False) -> AbstractAsyncContextManager[RunningServer]:
    """microsocks, a SOCKS5 proxy."""
    executable = program("microsocks")
    credentials = ["-u", USER, "-P", PASSWORD] if login else []
    return serve(
        "microsocks", lambda port: [executable, "-i", _ADDRESS, "-p", str(port), *credentials], folder
    )


def dante(folder: Path) -> AbstractAsyncContextManager[RunningServer]:
    """Dante, a SOCKS5 proxy with rules: nobody may go to port 1."""
    executable = program("danted")
    anywhere = "from: 0.0.0.0/0 to: 0.0.0.0/0"

    def command(port: int) -> list[str]:
        configuration = folder / "danted.conf"
        unprivileged = "user.unprivileged: nobody" if os.geteuid() == 0 else ""
        configuration.write_text(
            f"""logoutput: stderr
internal: {_ADDRESS} port = {port}
external: lo
socksmethod: none
clientmethod: none
{unprivileged}
client pass {{ {anywhere} }}
socks block {{ {anywhere} port = 1 }}
socks pass {{ {anywhere} }}
"""
        )
        return [executable, "-f", str(configuration), "-p", str(folder / "danted.pid")]

    return serve("danted", command, folder)


@asynccontextmanager
async def apache(
    leaf: Leaf | None = None, *, pages: Mapping[str, bytes] | None = None, algorithm: str | None = None
) -> AsyncGenerator[RunningServer]:
    """Apache: a forward proxy, or a server of `pages`; over TLS with `leaf`.

    With `algorithm` (`Basic` or `Digest`) it wants to know who is there.
    """
    executable = program("apache2")
    # Started by root it becomes somebody else, who may not look into the folders of a test.
    with TemporaryDirectory(prefix="apache") as name:
        folder = _public(Path(name), pages or {})

        def command(port: int) -> list[str]:
            configuration = folder / "apache.conf"
            lines = _apache_configuration(folder, port, leaf, serves=pages is not None, algorithm=algorithm)
            configuration.write_text("\n".join([*lines, ""]))
            return [executable, "-X", "-f", str(configuration), "-E", "/dev/stderr"]

        async with serve("apache", command, folder) as running:
            yield running


def _public(folder: Path, pages: Mapping[str, bytes]) -> Path:
    """The folder, with these files in it, for everybody to read."""
    folder.chmod(0o755)
    for page, content in pages.items():
        path = folder / page
        path.write_bytes(content)
        # The ETag of a file that has just been changed is a weak one: it may change again within the second.
        os.utime(path, (0, 1e9))
    return folder


def _apache_configuration(
    folder: Path, port: int, leaf: Leaf | None, *, serves: bool, algorithm: str | None
) -> list[str]:
    names = ["mpm_event", "authn_core", "authn_file", "authz_core", "authz_user", "auth_basic", "auth_digest"]
    names += ["ssl", "socache_shmcb"] if leaf else []
    names += ["headers"] if serves else ["proxy", "proxy_http", "proxy_connect"]
    lines = [f"LoadModule {name}_module {_MODULES}/mod_{name}.so" for name in names]
    lines += [f"Listen {_ADDRESS}:{port}", "ServerName localhost", f"PidFile {folder}/apache.pid"]
    lines += [f"DefaultRuntimeDir {folder}", "ErrorLog /dev/stderr", f"ServerRoot {folder}"]
    if os.geteuid() == 0:
        lines += ["User nobody", "Group nogroup"]
    if leaf:
        certificate, key = leaf.write(folder)
        lines += ["SSLEngine on", f"SSLCertificateFile {certificate}", f"SSLCertificateKeyFile {key}"]
    access = ["Require all granted"]
    if algorithm is not None:
        access = [f"AuthType {algorithm}", f'AuthName "{REALM}"', "Require valid-user"]
        access += [f"Auth{algorithm}Provider file", f"AuthUserFile {_passwords(folder, algorithm)}"]
    if serves:
        section = [f"<Directory {folder}>", "AllowOverride None", *access, "</Directory>"]
        return [*lines, f"DocumentRoot {folder}", "FileETag MTime Size", *section]
    return [*lines, "ProxyRequests On", "AllowCONNECT 1-65535", '<Proxy "*">', *access, "</Proxy>"]


def _passwords(folder: Path, algorithm: str) -> Path:
    """The file in which Apache looks for users."""
    path = folder / "passwords"
    digest = hashlib.md5(f"{USER}:{REALM}:{PASSWORD}".encode(), usedforsecurity=False).hexdigest()
    hashed = base64.b64encode(hashlib.sha1(PASSWORD.encode(), usedforsecurity=False).digest()).decode()
    lines = {"Digest": f"{USER}:{REALM}:{digest}", "Basic": f"{USER}:{{SHA}}{hashed}"}
    path.write_text(f"{lines[algorithm]}\n")
    path.chmod(0o644)
    return path
