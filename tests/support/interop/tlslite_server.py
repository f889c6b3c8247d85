"""A TLS server on tlslite-ng: `python tlslite_server.py ENDPOINT...`.

Theory of operation: README.md beside this file says what an endpoint is, and what is said over a connection.
"""

# tlslite-ng has no types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
from __future__ import annotations

import json
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import NameOID
from tlslite.api import (  # type: ignore[import-untyped]  # as above
    HandshakeSettings,
    SessionCache,
    TLSConnection,
    X509CertChain,
    parsePEMKey,
)
from tlslite.constants import CipherSuite  # type: ignore[import-untyped]  # as above


class Endpoint:
    """What one port does."""

    def __init__(self, options: dict[str, str]) -> None:
        self.key = parsePEMKey(Path(options["key"]).read_text(), private=True)
        self.chain = X509CertChain()
        self.chain.parsePemList(Path(options["certificate"]).read_text())
        self.protocols = [bytearray(name.encode()) for name in options["alpn"].split(",")]
        self.asks_for_certificate = "client" in options
        self.settings = HandshakeSettings()
        self.settings.minVersion = (3, 1)
        self.settings.maxVersion = (3, 4)
        self.settings.record_size_limit = 4096
        if "tickets" not in options:
            self.settings.ticketKeys = [bytearray(32)]
        self.cache = SessionCache()

    def accept(self, accepted: socket.socket) -> TLSConnection:
        connection = TLSConnection(accepted)
        connection.handshakeServer(
            certChain=self.chain,
            privateKey=self.key,
            reqCert=self.asks_for_certificate,
            sessionCache=self.cache,
            settings=self.settings,
            alpn=self.protocols,
        )
        return connection

    def serve(self, listener: socket.socket) -> None:
        while True:
            accepted, _address = listener.accept()
            threading.Thread(target=self.answer, args=[accepted], daemon=True).start()

    def answer(self, accepted: socket.socket) -> None:
        accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with accepted:
            connection = self.accept(accepted)
            while line := read_line(connection):
                self.obey(connection, *line.split())
            connection.close()

    def obey(self, connection: TLSConnection, command: str, argument: str = "0") -> None:
        if command == "report":
            connection.sendall(json.dumps(report(connection)).encode() + b"\n")
        elif command == "update":
            drain(connection.send_keyupdate_request(int(argument)))
        elif command == "authenticate":
            drain(connection.request_post_handshake_auth(self.settings))
        else:
            connection.sendall(connection.read(max=int(argument), min=int(argument)))


def read_line(connection: TLSConnection) -> str:
    """A line; empty when there are no more."""
    line = b""
    while (octet := bytes(connection.read(max=1, min=1))) not in (b"", b"\n"):
        line += octet
    return line.decode()


def drain(steps: Iterator[object]) -> None:
    """Do all of what tlslite-ng does step by step."""
    for _step in steps:
        pass


def report(connection: TLSConnection) -> dict[str, object]:
    """What the server saw."""
    session = connection.session
    chain = session.clientCertChain
    client = ""
    if chain and chain.x509List:
        subject = x509.load_der_x509_certificate(bytes(chain.x509List[0].bytes)).subject
        client = str(subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)
    version = 0x0300 + connection.version[1]
    exported = connection.keyingMaterialExporter(bytearray(b"EXPORTER-interop"), 32).hex()
    return {
        "version": version,
        "suite": CipherSuite.ietfNames[session.cipherSuite],
        # It does not say in TLS 1.3.
        "resumed": None if version == 0x0304 else connection.resumed,
        "alpn": (session.appProto or b"").decode(),
        "client": client,
        # In TLS 1.3 it counts the client's certificate in, where RFC 8446 §7.5 ends with the server's Finished.
        "exported": None if client and version == 0x0304 else exported,
    }


def main(*endpoints: str) -> None:
    """Serve for ever."""
    listeners = [socket.create_server(("127.0.0.1", 0)) for _endpoint in endpoints]
    for listener, options in zip(listeners, endpoints, strict=True):
        endpoint = Endpoint(dict(option.split("=", 1) for option in options.split(";")))
        threading.Thread(target=endpoint.serve, args=[listener]).start()
    print("listening", *[listener.getsockname()[1] for listener in listeners], flush=True)  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
