"""What the flights of a scripted server have in common, whatever the version."""

from __future__ import annotations

from dataclasses import dataclass

from cryptography import x509

from support.scripted_script import Extensions
from support.scripted_wire import ServerWire
from trio_secure import _extensions as ext
from trio_secure._certificate_key import CertificateKey, read_key
from trio_secure._codec import Reader, uint16s, vector8, vector16
from trio_secure._extensions import read_extensions, write_extensions
from trio_secure._versions import Version


@dataclass(frozen=True)
class SeenHello:
    """A ClientHello as the server read it."""

    legacy_version: int
    random: bytes
    session_id: bytes
    suites: tuple[int, ...]
    extensions: Extensions

    @property
    def shares(self) -> Extensions:
        """The key shares by group."""
        return read_extensions(Reader(self.extensions[ext.KEY_SHARE], "key_share").vector16(), "key_share")


async def listen_hello(server: ServerWire) -> SeenHello:
    hello = read_hello(await server.listen(1))
    if server.script.heard is not None:
        await server.script.heard(server)
    return hello


def read_hello(body: bytes) -> SeenHello:
    """A ClientHello's body, as strictly as a server may."""
    reader = Reader(body, "ClientHello")
    version = reader.uint16()
    random, session_id = reader.opaque(32), reader.vector8(0, 32)
    suites = uint16s(reader.vector16(2), "cipher_suites")
    assert reader.vector8() == b"\x00"
    extensions = read_extensions(reader.vector16(), "ClientHello")
    reader.finish()
    return SeenHello(version, random, session_id, suites, extensions)


def extension_block(server: ServerWire, step: str, extensions: Extensions) -> bytes:
    alteration = server.script.extend.get(step, dict[int, bytes])
    return write_extensions(alteration(extensions).items())


def server_hello(server: ServerWire, random: bytes, session_id: bytes, extensions: bytes) -> bytes:
    suite = server.script.suite_row.code.to_bytes(2, "big")
    version = min(server.script.version, Version.TLS12).to_bytes(2, "big")
    return version + random + vector8(session_id) + suite + b"\x00" + extensions


def alpn_answer(server: ServerWire) -> Extensions:
    protocol = server.script.alpn
    return {} if protocol is None else {ext.ALPN: vector16(vector8(protocol))}


async def hear_client_chain(server: ServerWire, context: bytes | None) -> CertificateKey | None:
    """The client's Certificate; the key of its leaf, unless it is empty."""
    reader = Reader(await server.listen(11), "Certificate")
    server.expects_answer = False
    server.client_chain = []
    if context is not None:
        assert reader.vector8() == context
    entries = reader.inner(reader.vector24(), "certificate_list")
    reader.finish()
    while len(entries):
        server.client_chain.append(entries.vector24(1))
        if context is not None:
            assert entries.vector16() == b""
    if not server.client_chain:
        return None
    return read_key(x509.load_der_x509_certificate(server.client_chain[0]))
