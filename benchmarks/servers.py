"""The servers that cases ask for: each a context manager that is given an empty folder and gives a `Site`.

Theory of operation: raw TLS is served by `server.py`, HTTP by nginx, in processes of their own. Both choose
AES-128-GCM in TLS 1.3, where OpenSSL by itself would choose AES-256-GCM. Chains are as a public CA makes them:
root, intermediate, leaf.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.case import SERVER_NAME, Site

# What makes certificates is imported where a server starts: children import this module for its names only, and
# there are hundreds of them.
if TYPE_CHECKING:
    from support.authority import Authority, KeyKind

MOST_LEAVES = 305
"""How many connections meet a leaf of their own before the leaves of `raw_many_…` come again."""
_SUITE = "TLS_AES_128_GCM_SHA256"
_OPENSSL_CONF = f"""openssl_conf = all
[all]
ssl_conf = ssl
[ssl]
system_default = contexts
[contexts]
Ciphersuites = {_SUITE}
"""


def write_authority(folder: Path, authority: Authority) -> None:
    """Write what a client has to know of whom it trusts."""
    (folder / "ca.der").write_bytes(authority.certificate_der)
    (folder / "ca.pem").write_bytes(authority.certificate_pem)


@contextmanager
def _raw(folder: Path, kind: KeyKind, leaves: int = 1) -> Generator[Site]:
    from support.authority import Authority, make_key

    issuers: KeyKind = "rsa2048" if kind == "rsa2048" else "p256"
    authority = Authority.make(issuers)
    intermediate, key = authority.intermediate(issuers), make_key(kind)
    write_authority(folder, authority)
    (folder / "server.conf").write_text(_OPENSSL_CONF)
    chains: list[str] = []
    for number in range(leaves):
        leaf = intermediate.issue(SERVER_NAME, key=key)
        chain, key_file = leaf.write(folder, f"server{number}")
        key_file.replace(folder / "server.key")
        chains.append(str(chain))
    command = [sys.executable, "-m", "benchmarks.server", str(folder / "server.key"), *chains]
    environment = {**os.environ, "OPENSSL_CONF": str(folder / "server.conf")}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as server:
        if server.stdin is None or server.stdout is None:
            raise RuntimeError("the server has no pipes")
        try:
            yield Site(int(server.stdout.readline()), folder)
        finally:
            server.stdin.close()


@contextmanager
def raw(folder: Path) -> Generator[Site]:
    """Raw TLS and HTTP uploads, with a P-256 leaf."""
    with _raw(folder, "p256") as site:
        yield site


@contextmanager
def raw_rsa(folder: Path) -> Generator[Site]:
    """Raw TLS with an RSA-2048 leaf, below an RSA-2048 intermediate."""
    with _raw(folder, "rsa2048") as site:
        yield site


@contextmanager
def raw_many_p256(folder: Path) -> Generator[Site]:
    """Raw TLS with another P-256 leaf on each connection."""
    with _raw(folder, "p256", MOST_LEAVES) as site:
        yield site


@contextmanager
def raw_many_rsa(folder: Path) -> Generator[Site]:
    """Raw TLS with another RSA-2048 leaf on each connection."""
    with _raw(folder, "rsa2048", MOST_LEAVES) as site:
        yield site


@contextmanager
def public(folder: Path) -> Generator[Site]:
    """Raw TLS below one of the public CAs: `store` and `cas.pem` have certifi's and this one."""
    import certifi

    from support.store import update_tool

    with _raw(folder, "p256") as site:
        cas = Path(certifi.where()).read_bytes() + (folder / "ca.pem").read_bytes()
        (folder / "cas.pem").write_bytes(cas)
        update_tool().update(cas, folder / "store")
        yield site


@contextmanager
def nginx(folder: Path) -> Generator[Site]:
    """HTTPS: `/small` is 1 KiB, `/large` 64 MiB; connections may idle for an hour."""
    from support.authority import Authority

    program = shutil.which(
        "nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin:/opt/homebrew/bin"
    )
    if program is None:
        raise SystemExit("nginx is not installed: apt install nginx")
    authority = Authority.make()
    certificate, key = authority.issue(SERVER_NAME, key="p256", intermediate=True).write(folder)
    write_authority(folder, authority)
    files = folder / "files"
    files.mkdir()
    (files / "small").write_bytes(bytes(1024))
    (files / "large").write_bytes(bytes(64 << 20))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    tls = (
        f"ssl_certificate {certificate}; ssl_certificate_key {key}; ssl_protocols TLSv1.3;"
        f"ssl_conf_command Ciphersuites {_SUITE};"
    )
    patience = "keepalive_timeout 3600; client_header_timeout 3600; keepalive_requests 10000000;"
    configuration = folder / "nginx.conf"
    configuration.write_text(
        f"daemon off; master_process off; pid {folder}/pid; error_log stderr error;"
        "events { worker_connections 6000; }"
        f"http {{ {temporary} access_log off; sendfile on; {patience}"
        f"server {{ listen 127.0.0.1:{port} ssl backlog=511; root {files}; {tls} }} }}"
    )
    with subprocess.Popen([program, "-p", folder, "-c", configuration, "-e", "stderr"]) as server:
        try:
            _wait(port)
            yield Site(port, folder)
        finally:
            server.terminate()


def _wait(port: int) -> None:
    for _ in range(500):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.01)
    raise SystemExit("nginx does not listen")
