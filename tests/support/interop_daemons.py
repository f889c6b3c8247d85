"""The servers that come with their libraries, and lighttpd, which has a module for each of several.

Theory of operation: `openssl s_server` and `gnutls-serv` are one process for each port; lighttpd serves all its
ports from one. Each is told its options in its own language, here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from support.interop_conversation import Conversation, Endpoint, GnuTLS, OpenSSL, Requests
from support.interop_family import (
    EXPORTER_LABEL,
    PROTOCOL,
    Extra,
    Setup,
    first_version,
    openssl_name,
    output,
)
from support.interop_material import Material
from support.interop_processes import Process, Processes, accepts
from support.servers import free_port, program
from trio_secure._suites import CipherSuite

_ADDRESS = "127.0.0.1"


def _prints(process: Process, text: str) -> Callable[[], bool]:
    return lambda: text in process.said()


class OpenSSLServer:
    """`openssl s_server`."""

    _EXTRAS: Mapping[Extra, Sequence[str]] = {
        Extra.NOTHING: [],
        Extra.NO_TICKETS: ["-no_ticket"],
        Extra.CLIENT_CERTIFICATE: ["-Verify", "1", "-verify_return_error"],
        Extra.EARLY_DATA: ["-early_data"],
    }

    def version(self) -> str:
        return first_version(output("openssl", "version"))

    def name_of(self, suite: CipherSuite) -> str:
        return openssl_name(suite)

    def conversation(self, endpoint: Endpoint) -> Conversation:
        return OpenSSL(endpoint)

    def start(
        self, processes: Processes, material: Material, setups: Sequence[Setup]
    ) -> dict[Setup, Endpoint]:
        started = {setup: self._start(processes, material, setup) for setup in setups}
        for process in started.values():
            process.wait(_prints(process, "ACCEPT"))
        return {
            setup: Endpoint(process, int(process.said().split("ACCEPT 127.0.0.1:")[1].split()[0]))
            for setup, process in started.items()
        }

    def _start(self, processes: Processes, material: Material, setup: Setup) -> Process:
        files = material.server(setup.certificate)
        command = [program("openssl"), "s_server", "-accept", f"{_ADDRESS}:0", "-state"]
        command += ["-cert", str(files.certificate), "-key", str(files.key), "-CAfile", str(material.root)]
        command += ["-min_protocol", "TLSv1", "-cipher", "ALL:@SECLEVEL=0"]
        command += ["-ciphersuites", ":".join(_TLS13_SUITES)]
        command += ["-alpn", f"interop,{PROTOCOL}", "-status_file", str(files.staple)]
        command += ["-keymatexport", EXPORTER_LABEL, "-keymatexportlen", "32", *self._EXTRAS[setup.extra]]
        return processes.start("openssl", command, processes.new_folder("openssl"))


_TLS13_SUITES = (
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
    "TLS_AES_128_CCM_SHA256",
)


class GnuTLSServer:
    """`gnutls-serv`."""

    _PRIORITY = (
        "NORMAL:+VERS-TLS1.1:+VERS-TLS1.0:+RSA:+DHE-RSA:+AES-128-CBC:+AES-256-CBC:+SHA1:+SHA256:+SHA384:"
        "+AES-128-CCM:%ALLOW_SMALL_RECORDS"
    )
    _EXTRAS: Mapping[Extra, Sequence[str]] = {
        Extra.NOTHING: ["--disable-client-cert"],
        Extra.NO_TICKETS: ["--disable-client-cert", "--noticket"],
        Extra.CLIENT_CERTIFICATE: ["--require-client-cert", "--verify-client-cert"],
        Extra.EARLY_DATA: ["--disable-client-cert", "--earlydata"],
    }

    def version(self) -> str:
        return first_version(output("gnutls-serv", "--version"))

    def name_of(self, suite: CipherSuite) -> str:
        cipher, cbc, mac = suite.cipher.name.partition("-CBC")
        mac = {"": "AEAD", "-SHA": "SHA1"}.get(mac, mac.removeprefix("-"))
        exchange = {None: "", "RSA_RSA": "RSA "}.get(suite.kind, f"{suite.kind} ".replace("_", "-"))
        return f"{exchange}{cipher}{cbc} {mac}"

    def conversation(self, endpoint: Endpoint) -> Conversation:
        return GnuTLS(endpoint)

    def start(
        self, processes: Processes, material: Material, setups: Sequence[Setup]
    ) -> dict[Setup, Endpoint]:
        started = {setup: self._start(processes, material, setup) for setup in setups}
        for endpoint in started.values():
            endpoint.process.wait(_prints(endpoint.process, "...done"))
        return started

    def _start(self, processes: Processes, material: Material, setup: Setup) -> Endpoint:
        files = material.server(setup.certificate)
        port = free_port()
        # What it prints is for a test to read at once.
        command = [program("stdbuf"), "-oL", program("gnutls-serv"), "--echo", "-p", str(port)]
        command += ["--priority", self._PRIORITY, "--x509cafile", str(material.root)]
        command += ["--x509certfile", str(files.certificate), "--x509keyfile", str(files.key)]
        command += ["--ocsp-response", str(files.staple), "--alpn", "interop", "--alpn", PROTOCOL]
        command += ["--keymatexport", EXPORTER_LABEL, "--keymatexportsize", "32"]
        command += ["--recordsize", "4096"]
        command += self._EXTRAS[setup.extra]
        return Endpoint(processes.start("gnutls", command, processes.new_folder("gnutls")), port)


_ECHO = r"""seen=$(env | grep ^SSL_; echo ---)
printf 'Content-Type: text/plain\r\nContent-Length: %d\r\n\r\n' $((CONTENT_LENGTH + ${#seen} + 1))
printf '%s\n' "$seen"
exec cat
"""


@dataclass(frozen=True)
class Lighttpd:
    """lighttpd with one of its TLS modules.

    Attributes:
        module: which.
        package: the Debian package with the module's library, for its version.
        commands: what to say in `ssl.openssl.ssl-conf-cmd`.
        suite_name: how the library's suites are called.
    """

    module: str
    package: str
    commands: Mapping[str, str]
    suite_name: Callable[[CipherSuite], str]
    staples: bool = field(default=True)

    def version(self) -> str:
        return first_version(output("dpkg-query", "-W", "-f", "${Version}", self.package).split(":")[-1])

    def name_of(self, suite: CipherSuite) -> str:
        return self.suite_name(suite)

    def conversation(self, endpoint: Endpoint) -> Conversation:
        return Requests(endpoint)

    def start(
        self, processes: Processes, material: Material, setups: Sequence[Setup]
    ) -> dict[Setup, Endpoint]:
        folder = processes.new_folder(self.module)
        (folder / "echo.cgi").write_text(_ECHO)
        ports = {setup: free_port() for setup in setups}
        first = free_port()
        lines = [
            f'server.modules = ("mod_{self.module}", "mod_cgi")',
            f'server.document-root = "{folder}"',
            f'server.bind = "{_ADDRESS}"',
            f"server.port = {first}",
            'cgi.assign = (".cgi" => "/bin/sh")',
        ]
        lines += [self._socket(material, setup, port) for setup, port in ports.items()]
        (folder / "lighttpd.conf").write_text("\n".join(lines))
        command = [program("lighttpd"), "-D", "-f", str(folder / "lighttpd.conf")]
        process = processes.start(f"lighttpd-{self.module}", command, folder)
        process.wait(lambda: accepts(first))
        return {setup: Endpoint(process, port) for setup, port in ports.items()}

    def _socket(self, material: Material, setup: Setup, port: int) -> str:
        files = material.server(setup.certificate)
        commands = dict(self.commands)
        if setup.extra is Extra.NO_TICKETS:
            commands["Options"] = "-SessionTicket"
        told = ", ".join(f'"{name}" => "{value}"' for name, value in commands.items())
        lines = [
            'ssl.engine = "enable"',
            f'ssl.pemfile = "{files.certificate}"',
            f'ssl.privkey = "{files.key}"',
            f"ssl.openssl.ssl-conf-cmd = ({told})",
        ]
        if self.staples:
            lines.append(f'ssl.stapling-file = "{files.staple}"')
        if setup.extra is Extra.CLIENT_CERTIFICATE:
            lines += ['ssl.verifyclient.activate = "enable"', 'ssl.verifyclient.enforce = "enable"']
        # wolfSSL wants to know who issued its own certificate too, as soon as a client would like a staple.
        if setup.extra is Extra.CLIENT_CERTIFICATE or self.module == "wolfssl":
            lines.append(f'ssl.verifyclient.ca-file = "{material.root}"')
        return f'$SERVER["socket"] == "{_ADDRESS}:{port}" {{\n  ' + "\n  ".join(lines) + "\n}"


def _dashed(suite: CipherSuite) -> str:
    return suite.name.replace("_", "-")


def _wolfssl_name(suite: CipherSuite) -> str:
    return openssl_name(suite).replace("TLS_AES_", "TLS13-AES").replace("TLS_", "TLS13-").replace("_", "-")


def _nss_name(suite: CipherSuite) -> str:
    return suite.cipher.name.partition("-CBC")[0].replace("CHACHA20-POLY", "ChaCha20-Poly")


MBEDTLS = Lighttpd(
    "mbedtls", "libmbedtls14", {"MinProtocol": "TLSv1.0", "CipherString": "HIGH"}, _dashed, staples=False
)
WOLFSSL = Lighttpd(
    "wolfssl", "libwolfssl35", {"MinProtocol": "TLSv1.1", "CipherString": "ALL"}, _wolfssl_name
)
NSS = Lighttpd("nss", "libnss3", {"MinProtocol": "TLSv1.0", "CipherString": "HIGH"}, _nss_name)
OPENSSL = OpenSSLServer()
GNUTLS = GnuTLSServer()
