"""The flights of a scripted TLS 1.3 server, in the order of RFC 9846 §2: straight-line code."""

from __future__ import annotations

import os

from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PublicKey

from support.scripted_flights import (
    SeenHello,
    alpn_answer,
    extension_block,
    hear_client_chain,
    listen_hello,
    server_hello,
)
from support.scripted_script import sign
from support.scripted_wire import ServerWire
from trio_secure import _extensions as ext
from trio_secure._codec import Reader, vector16, vector24
from trio_secure._groups import GROUPS_BY_CODE, GROUPS_BY_NAME, NamedGroup
from trio_secure._keys13 import ApplicationSecrets, EarlySecrets, HandshakeSecrets, ResumptionSecret
from trio_secure._messages import RETRY_RANDOM, encode_message
from trio_secure._protection13 import Opener13, Sealer13
from trio_secure._signatures import SCHEMES_BY_CODE
from trio_secure._transcript import Transcript
from trio_secure._versions import Version

_SIGNED = b" " * 64 + b"TLS 1.3, server CertificateVerify" + b"\x00"
_SIGNED_BY_CLIENT = b" " * 64 + b"TLS 1.3, client CertificateVerify" + b"\x00"


def _exchange(group: NamedGroup, share: bytes) -> tuple[bytes, bytes]:
    """The server's share and the secret."""
    if group.name == "X25519MLKEM768":
        secret, ciphertext = MLKEM768PublicKey.from_public_bytes(share[:1184]).encapsulate()
        ours = GROUPS_BY_NAME["x25519"].fresh()
        return ciphertext + ours.public, secret + ours.agree(share[1184:])
    if group.name == "SecP256r1MLKEM768":
        secret, ciphertext = MLKEM768PublicKey.from_public_bytes(share[65:]).encapsulate()
        ours = GROUPS_BY_NAME["secp256r1"].fresh()
        return ours.public + ciphertext, ours.agree(share[:65]) + secret
    ours = group.fresh()
    return ours.public, ours.agree(share)


async def serve13(server: ServerWire) -> None:
    """The handshake of TLS 1.3."""
    script, suite = server.script, server.script.suite_row
    before = server.transcript.copy()
    hello = await listen_hello(server)
    if script.retries:
        await _retry(server, hello)
        before = server.transcript.copy()
        hello = await listen_hello(server)
    early = _resumed(server, hello, before)
    reads_early = _reads_early_data(server, hello, early)
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
    if early is not None:
        answers[ext.PRE_SHARED_KEY] = b"\x00\x00"
    block = extension_block(server, "ServerHello", answers)
    await server.say("ServerHello", 2, server_hello(server, os.urandom(32), hello.session_id, block))
    secrets = HandshakeSecrets.derive(suite, shared_secret, server.transcript.digest(), early)
    server.write_with(Sealer13(secrets.server))
    if not reads_early:
        server.read_with(Opener13(secrets.client))
    await _parameters(server, early_data=reads_early)
    if early is None:
        await _authentication(server)
    await server.say("Finished", 20, secrets.server.finished(server.transcript.digest()))
    application = ApplicationSecrets.derive(secrets, server.transcript.digest())
    server.write_with(Sealer13(application.server), application.server)
    if script.early is not None:
        await script.early(server)
    if reads_early:
        assert await server.listen(5) == b""
        server.takes_early_data = False
        server.read_with(Opener13(secrets.client))
    if script.request and early is None:
        await hear_client_authentication(server, b"")
    covered = server.transcript.digest()
    assert await server.listen(20) == secrets.client.finished(covered)
    server.read_with(Opener13(application.client), application.client)
    server.resumption = ResumptionSecret.derive(secrets, server.transcript.digest())


async def _retry(server: ServerWire, hello: SeenHello) -> None:
    script = server.script
    server.transcript.use_after_retry(script.suite_row.hash)
    asked = {ext.SUPPORTED_VERSIONS: b"\x03\x04"}
    if script.retry_group is not None:
        asked[ext.KEY_SHARE] = script.retry_group.to_bytes(2, "big")
    if script.retry_cookie is not None:
        asked[ext.COOKIE] = vector16(script.retry_cookie)
    block = extension_block(server, "HelloRetryRequest", asked)
    await server.say("HelloRetryRequest", 2, server_hello(server, RETRY_RANDOM, hello.session_id, block))
    server.skips_early_data = ext.EARLY_DATA in hello.extensions


def _resumed(server: ServerWire, hello: SeenHello, before: Transcript) -> EarlySecrets | None:
    script = server.script
    if script.memory is None:
        return None
    early = script.memory.find13(server.last_message, dict(hello.extensions), script.suite_row, before)
    server.resumed = early is not None
    return early


def _reads_early_data(server: ServerWire, hello: SeenHello, early: EarlySecrets | None) -> bool:
    """Whether the server takes the early data that comes with a hello; or else it passes it over."""
    if ext.EARLY_DATA not in hello.extensions:
        return False
    if early is None or server.script.memory is None or not server.script.early_data:
        server.skips_early_data = True
        return False
    suite = server.script.memory.early_suite or server.script.suite_row
    digest = server.transcript.preview(suite.hash)
    server.read_with(Opener13(early.client_early_traffic(suite, digest)))
    server.takes_early_data = True
    return True


async def _parameters(server: ServerWire, *, early_data: bool) -> None:
    answers = alpn_answer(server)
    if early_data:
        answers[ext.EARLY_DATA] = b""
    await server.say("EncryptedExtensions", 8, extension_block(server, "EncryptedExtensions", answers))


def request_body(server: ServerWire, context: bytes) -> bytes:
    """A CertificateRequest's body."""
    script = server.script
    wanted = {
        ext.SIGNATURE_ALGORITHMS: vector16(b"".join(code.to_bytes(2, "big") for code in script.schemes))
    }
    if script.authorities:
        wanted[ext.CERTIFICATE_AUTHORITIES] = vector16(b"".join(map(vector16, script.authorities)))
    return bytes([len(context)]) + context + extension_block(server, "CertificateRequest", wanted)


async def _authentication(server: ServerWire) -> None:
    script = server.script
    if script.request:
        await server.say("CertificateRequest", 13, request_body(server, b""))
    await _certificate(server)
    scheme = script.signature_scheme
    signature = sign(script.leaf.key, scheme, _SIGNED + server.transcript.digest())
    await server.say("CertificateVerify", 15, scheme.to_bytes(2, "big") + vector16(signature))


async def _certificate(server: ServerWire) -> None:
    script, entries = server.script, b""
    for place, der in enumerate(script.certificates):
        stapled: dict[int, bytes] = {}
        if place == 0 and script.status is not None:
            stapled[ext.STATUS_REQUEST] = b"\x01" + vector24(script.status)
        if place == 0 and script.scts is not None:
            stapled[ext.SIGNED_CERTIFICATE_TIMESTAMP] = script.scts
        entries += vector24(der) + extension_block(server, "Certificate", stapled)
    body = b"\x00" + vector24(entries)
    if script.compress is None:
        await server.say("Certificate", 11, body)
        return
    code, compress = script.compress
    length = len(body).to_bytes(3, "big")
    await server.say("CompressedCertificate", 25, code.to_bytes(2, "big") + length + vector24(compress(body)))


async def hear_client_authentication(server: ServerWire, context: bytes) -> None:
    """The client's Certificate and CertificateVerify."""
    key = await hear_client_chain(server, context)
    if key is None:
        return
    covered = _SIGNED_BY_CLIENT + server.transcript.digest()
    reader = Reader(await server.listen(15), "CertificateVerify")
    scheme, signature = SCHEMES_BY_CODE[reader.uint16()], reader.vector16()
    reader.finish()
    assert scheme.code in server.script.schemes
    scheme.verify(key, signature, covered, Version.TLS13)


async def send_ticket(
    server: ServerWire, *, max_early_data: int | None = None, lifetime: int = 3600, age_add: int = 7
) -> None:
    """A NewSessionTicket, which the script's memory will know again."""
    assert server.script.memory is not None
    assert server.resumption is not None
    wanted = {} if max_early_data is None else {ext.EARLY_DATA: max_early_data.to_bytes(4, "big")}
    block = extension_block(server, "NewSessionTicket", wanted)
    server.send_message(4, server.script.memory.new_ticket(server.resumption, block, lifetime, age_add))
    await server.flush()


async def ask_who_is_there(server: ServerWire, context: bytes = b"context") -> None:
    """A CertificateRequest after the handshake, and the client's answer, behind whatever it was saying."""
    handshake = server.transcript.copy()
    body = request_body(server, context)
    server.send_message(13, body)
    await server.flush()
    server.transcript.add(encode_message(13, body))
    server.expects_answer = True
    await hear_client_authentication(server, context)
    covered = server.transcript.digest()
    assert server.read_secret is not None
    assert await server.listen(20) == server.read_secret.finished(covered)
    server.transcript = handshake
