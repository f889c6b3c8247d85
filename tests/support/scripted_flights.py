"""The flights of a scripted server, in the order of RFC 9846 §2 and RFC 5246 §7.3: straight-line code."""

from __future__ import annotations

import os
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PublicKey

from support.scripted_script import Extensions, sign
from support.scripted_wire import ServerWire
from trio_secure import _extensions as ext
from trio_secure._codec import Reader, uint16s, vector8, vector16, vector24
from trio_secure._extensions import read_extensions, write_extensions
from trio_secure._groups import GROUPS_BY_CODE, GROUPS_BY_NAME, NamedGroup
from trio_secure._keys12 import MasterSecret
from trio_secure._keys13 import ApplicationSecrets, HandshakeSecrets
from trio_secure._messages import RETRY_RANDOM
from trio_secure._protection import Opener12, Opener13, Sealer12, Sealer13

_SIGNED = b" " * 64 + b"TLS 1.3, server CertificateVerify" + b"\x00"


@dataclass(frozen=True)
class SeenHello:
    """A ClientHello as the server read it."""

    random: bytes
    session_id: bytes
    suites: tuple[int, ...]
    extensions: Extensions

    @property
    def shares(self) -> Extensions:
        """The key shares by group."""
        return read_extensions(Reader(self.extensions[ext.KEY_SHARE], "key_share").vector16(), "key_share")


async def _listen_hello(server: ServerWire) -> SeenHello:
    hello = read_hello(await server.listen(1))
    if server.script.heard is not None:
        await server.script.heard(server)
    return hello


def read_hello(body: bytes) -> SeenHello:
    """A ClientHello's body, as strictly as a server may."""
    reader = Reader(body, "ClientHello")
    assert reader.uint16() == 0x0303
    random, session_id = reader.opaque(32), reader.vector8(0, 32)
    suites = uint16s(reader.vector16(2), "cipher_suites")
    assert reader.vector8() == b"\x00"
    extensions = read_extensions(reader.vector16(), "ClientHello")
    reader.finish()
    return SeenHello(random, session_id, suites, extensions)


def _extensions(server: ServerWire, step: str, extensions: Extensions) -> bytes:
    alteration = server.script.extend.get(step, dict[int, bytes])
    return write_extensions(alteration(extensions).items())


def _hello(server: ServerWire, random: bytes, session_id: bytes, extensions: bytes) -> bytes:
    suite = server.script.suite_row.code.to_bytes(2, "big")
    return b"\x03\x03" + random + vector8(session_id) + suite + b"\x00" + extensions


def _alpn(server: ServerWire) -> Extensions:
    protocol = server.script.alpn
    return {} if protocol is None else {ext.ALPN: vector16(vector8(protocol))}


def _exchange(group: NamedGroup, share: bytes) -> tuple[bytes, bytes]:
    """The server's share and the secret."""
    if group.name == "X25519MLKEM768":
        secret, ciphertext = MLKEM768PublicKey.from_public_bytes(share[:1184]).encapsulate()
        ours = GROUPS_BY_NAME["x25519"].fresh()
        return ciphertext + ours.public, secret + ours.agree(share[1184:])
    ours = group.fresh()
    return ours.public, ours.agree(share)


async def serve13(server: ServerWire) -> None:
    """The handshake of TLS 1.3."""
    script, suite = server.script, server.script.suite_row
    hello = await _listen_hello(server)
    if script.retries:
        server.transcript.use_after_retry(suite.hash)
        asked = {ext.SUPPORTED_VERSIONS: b"\x03\x04"}
        if script.retry_group is not None:
            asked[ext.KEY_SHARE] = script.retry_group.to_bytes(2, "big")
        if script.retry_cookie is not None:
            asked[ext.COOKIE] = vector16(script.retry_cookie)
        block = _extensions(server, "HelloRetryRequest", asked)
        await server.say("HelloRetryRequest", 2, _hello(server, RETRY_RANDOM, hello.session_id, block))
        hello = await _listen_hello(server)
    server.transcript.use(suite.hash)
    group = GROUPS_BY_NAME[script.group.lower()]
    if script.retry_group is not None:
        group = GROUPS_BY_CODE[script.retry_group]
    share, shared_secret = _exchange(group, hello.shares[group.code])
    share = share if script.share is None else script.share
    answers = {
        ext.SUPPORTED_VERSIONS: b"\x03\x04",
        ext.KEY_SHARE: group.code.to_bytes(2, "big") + vector16(share),
    }
    block = _extensions(server, "ServerHello", answers)
    await server.say("ServerHello", 2, _hello(server, os.urandom(32), hello.session_id, block))
    secrets = HandshakeSecrets.derive(suite, shared_secret, server.transcript.digest())
    server.write_with(Sealer13(secrets.server))
    server.read_with(Opener13(secrets.client))
    await _parameters13(server)
    await server.say("Finished", 20, secrets.server.finished(server.transcript.digest()))
    application = ApplicationSecrets.derive(secrets, server.transcript.digest())
    server.write_with(Sealer13(application.server), application.server)
    if script.early is not None:
        await script.early(server)
    if script.request:
        assert await server.listen(11) == vector8(b"") + vector24(b"")
    covered = server.transcript.digest()
    assert await server.listen(20) == secrets.client.finished(covered)
    server.read_with(Opener13(application.client), application.client)


async def _parameters13(server: ServerWire) -> None:
    script = server.script
    await server.say("EncryptedExtensions", 8, _extensions(server, "EncryptedExtensions", _alpn(server)))
    if script.request:
        wanted = {ext.SIGNATURE_ALGORITHMS: vector16(b"\x04\x03")}
        await server.say(
            "CertificateRequest", 13, b"\x00" + _extensions(server, "CertificateRequest", wanted)
        )
    entries = b"".join(vector24(der) + _extensions(server, "Certificate", {}) for der in script.certificates)
    await server.say("Certificate", 11, b"\x00" + vector24(entries))
    scheme = script.signature_scheme
    signature = sign(script.leaf.key, scheme, _SIGNED + server.transcript.digest())
    await server.say("CertificateVerify", 15, scheme.to_bytes(2, "big") + vector16(signature))


async def serve12(server: ServerWire) -> None:
    """The handshake of TLS 1.2."""
    script, suite = server.script, server.script.suite_row
    hello, random = await _listen_hello(server), os.urandom(32)
    server.transcript.use(suite.hash)
    answers = {ext.RENEGOTIATION_INFO: b"\x00", ext.EC_POINT_FORMATS: b"\x01\x00", **_alpn(server)}
    if script.extended:
        answers[ext.EXTENDED_MASTER_SECRET] = b""
    body = _hello(server, random, b"", _extensions(server, "ServerHello", answers))
    # An altered random value is still the one that both sides use.
    random = (await server.say("ServerHello", 2, body))[2:34]
    await server.say("Certificate", 11, vector24(b"".join(map(vector24, script.certificates))))
    ours = GROUPS_BY_NAME[script.group.lower()]
    exchange = ours.fresh()
    params = (
        b"\x03"
        + ours.code.to_bytes(2, "big")
        + vector8(exchange.public if script.share is None else script.share)
    )
    scheme = script.signature_scheme
    signature = sign(script.leaf.key, scheme, hello.random + random + params)
    await server.say("ServerKeyExchange", 12, params + scheme.to_bytes(2, "big") + vector16(signature))
    if script.request:
        await server.say("CertificateRequest", 13, b"\x01\x40" + vector16(b"\x04\x03") + vector16(b""))
    await server.say("ServerHelloDone", 14, b"")
    if script.request:
        assert await server.listen(11) == vector24(b"")
    premaster = exchange.agree(Reader(await server.listen(16), "ClientKeyExchange").vector8(1))
    if script.extended:
        master = MasterSecret.extended(suite, premaster, server.transcript.digest())
    else:
        master = MasterSecret.from_randoms(suite, premaster, hello.random, random)
    client_key, server_key = master.write_keys(hello.random, random)
    await server.listen_change_cipher_spec()
    server.read_with(Opener12(client_key))
    covered = server.transcript.digest()
    assert await server.listen(20) == master.client_finished(covered)
    await server.say_change_cipher_spec()
    server.write_with(Sealer12(server_key))
    await server.say("Finished", 20, master.server_finished(server.transcript.digest()))
    await server.flush()
