"""Other people's servers that begin in plaintext: aiosmtpd, Dovecot, vsftpd and Prosody.

Theory of operation: as in `servers`, each runs in a process of its own from a folder, with a configuration that is
written here and nowhere else, and none of them needs to be root.
"""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from support.authority import Leaf
from support.servers import RunningServer, program, serve

_ADDRESS = "127.0.0.1"
Server = Callable[[Leaf, Path], AbstractAsyncContextManager[RunningServer]]


def smtp(leaf: Leaf, folder: Path) -> AbstractAsyncContextManager[RunningServer]:
    """aiosmtpd."""
    certificate, key = leaf.write(folder)

    def command(port: int) -> list[str]:
        run = [sys.executable, "-P", "-W", "ignore", "-m", "aiosmtpd", "-n", "-l", f"{_ADDRESS}:{port}"]
        return [*run, "--tlscert", str(certificate), "--tlskey", str(key)]

    return serve("aiosmtpd", command, folder)


def _dovecot(protocol: str, leaf: Leaf, folder: Path) -> AbstractAsyncContextManager[RunningServer]:
    certificate, key = leaf.write(folder)
    executable = program("dovecot")
    # It refuses to let root talk to strangers, and has users of its own for it, who come with the package.
    root = os.geteuid() == 0
    login, internal = ("dovenull", "dovecot") if root else [getpass.getuser()] * 2
    run = folder / "run"
    run.mkdir()

    def command(port: int) -> list[str]:
        configuration = folder / "dovecot.conf"
        configuration.write_text(
            f"""base_dir = {run}
state_dir = {run}
log_path = /dev/stderr
protocols = {protocol}
listen = {_ADDRESS}
ssl = required
ssl_cert = <{certificate}
ssl_key = <{key}
default_login_user = {login}
default_internal_user = {internal}
default_internal_group = {"dovecot" if root else ""}
service anvil {{
  chroot =
}}
service {protocol}-login {{
  chroot =
  inet_listener {protocol} {{
    port = {port}
  }}
  inet_listener {protocol}s {{
    port = 0
  }}
}}
passdb {{
  driver = static
  args = nopassword=y
}}
"""
        )
        return [executable, "-F", "-c", str(configuration)]

    return serve("dovecot", command, folder)


def imap(leaf: Leaf, folder: Path) -> AbstractAsyncContextManager[RunningServer]:
    """Dovecot."""
    return _dovecot("imap", leaf, folder)


def pop3(leaf: Leaf, folder: Path) -> AbstractAsyncContextManager[RunningServer]:
    """Dovecot."""
    return _dovecot("pop3", leaf, folder)


def ftp(leaf: Leaf, folder: Path) -> AbstractAsyncContextManager[RunningServer]:
    """vsftpd."""
    certificate, key = leaf.write(folder)
    executable = program("vsftpd")

    def command(port: int) -> list[str]:
        configuration = folder / "vsftpd.conf"
        configuration.write_text(
            f"""listen=YES
listen_address={_ADDRESS}
listen_port={port}
background=NO
run_as_launching_user=YES
seccomp_sandbox=NO
secure_chroot_dir={folder}
anonymous_enable=YES
ssl_enable=YES
allow_anon_ssl=YES
ssl_sslv2=NO
ssl_sslv3=NO
rsa_cert_file={certificate}
rsa_private_key_file={key}
"""
        )
        return [executable, str(configuration)]

    return serve("vsftpd", command, folder)


def xmpp(leaf: Leaf, folder: Path) -> AbstractAsyncContextManager[RunningServer]:
    """Prosody."""
    certificate, key = leaf.write(folder)
    executable = program("prosody")

    def command(port: int) -> list[str]:
        configuration = folder / "prosody.cfg.lua"
        configuration.write_text(
            f"""run_as_root = true
data_path = "{folder}"
pidfile = "{folder}/prosody.pid"
log = {{ info = "*console" }}
interfaces = {{ "{_ADDRESS}" }}
c2s_ports = {{ {port} }}
c2s_require_encryption = true
modules_enabled = {{ "tls", "saslauth" }}
modules_disabled = {{ "s2s" }}
VirtualHost "localhost"
  ssl = {{ certificate = "{certificate}", key = "{key}" }}
"""
        )
        return [executable, "-F", "--config", str(configuration)]

    return serve("prosody", command, folder)


SERVERS: Mapping[str, Server] = {"smtp": smtp, "imap": imap, "pop3": pop3, "ftp": ftp, "xmpp": xmpp}
