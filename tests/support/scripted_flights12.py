"""The flights of a scripted server of TLS 1.2 or below, in the order of RFC 5246 §7.3: straight-line code."""

from __future__ import annotations

import os
from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric import padding, rsa

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
from trio_secure._certificate_key import CertificateKey
from trio_secure._codec import Reader, vector8, vector16, vector24
from trio_secure._groups import GROUPS_BY_NAME
from trio_secure._keys12 import MasterSecret, WriteKey
from trio_secure._protection import PlainSealer
from trio_secure._protection12 import opener, sealer
from trio_secure._signatures import SCHEMES_BY_CODE, legacy_scheme
from trio_secure._suites import Authentication, KeyExchange
from trio_secure._versions import Version

Premaster = Callable[[bytes], bytes]
"""What a ClientKeyExchange's body gives."""


async def serve12(server: ServerWire) -> None:
    """The handshake of TLS 1.2 or below."""
    script, suite, version = server.script, server.script.suite_row, server.script.version
    hello, random = await listen_hello(server), os.urandom(32)
    server.skips_early_data = ext.EARLY_DATA in hello.extensions
    server.write_with(PlainSealer(version))
    server.transcript.use(suite.transcript_hash(version), keep=True)
    ticket = hello.extensions.get(ext.SESSION_TICKET, b"")
    master = script.memory.find12(hello.session_id, ticket) if script.memory is not None else None
    server.resumed = master is not None
    session_id = script.session_id if master is None else hello.session_id
    block = extension_block(server, "ServerHello", _answers(server))
    body = server_hello(server, random, session_id, block)
    # An altered random value is still the one that both sides use.
    random = (await server.say("ServerHello", 2, body))[2:34]
    if master is not None:
        await _abbreviated(server, hello, random, master)
        return
    await _authentication(server)
    premaster = await _key_exchange(server, hello, random)
    await _request(server)
    await server.say("ServerHelloDone", 14, b"")
    key = await hear_client_chain(server, None) if script.request else None
    secret = premaster(await server.listen(16))
    if script.extended:
        master = MasterSecret.extended(suite, version, secret, server.transcript.digest())
    else:
        master = MasterSecret.from_randoms(suite, version, secret, hello.random, random)
    if key is not None:
        await _hear_certificate_verify(server, key)
    client_key, server_key = master.write_keys(hello.random, random)
    await _hear_finished(server, master, client_key)
    await _say_ticket(server, master)
    await _say_finished(server, master, server_key)


async def _abbreviated(server: ServerWire, hello: SeenHello, random: bytes, master: MasterSecret) -> None:
    client_key, server_key = master.write_keys(hello.random, random)
    await _say_ticket(server, master)
    await _say_finished(server, master, server_key)
    await _hear_finished(server, master, client_key)


def _answers(server: ServerWire) -> dict[int, bytes]:
    script = server.script
    answers = {ext.RENEGOTIATION_INFO: b"\x00", **alpn_answer(server)}
    if script.suite_row.key_exchange is KeyExchange.ECDHE:
        answers[ext.EC_POINT_FORMATS] = b"\x01\x00"
    if script.extended:
        answers[ext.EXTENDED_MASTER_SECRET] = b""
    if script.encrypt_then_mac:
        answers[ext.ENCRYPT_THEN_MAC] = b""
    if script.ticket is not None:
        answers[ext.SESSION_TICKET] = b""
    if script.status is not None:
        answers[ext.STATUS_REQUEST] = b""
    if script.scts is not None:
        answers[ext.SIGNED_CERTIFICATE_TIMESTAMP] = script.scts
    return answers


async def _authentication(server: ServerWire) -> None:
    script = server.script
    await server.say("Certificate", 11, vector24(b"".join(map(vector24, script.certificates))))
    if script.status is not None:
        await server.say("CertificateStatus", 22, b"\x01" + vector24(script.status))


async def _key_exchange(server: ServerWire, hello: SeenHello, random: bytes) -> Premaster:
    """Say what the suite calls for."""
    script = server.script
    kind = script.suite_row.key_exchange
    if kind is KeyExchange.RSA:
        return lambda body: _decrypted(server, hello, body)
    params, premaster = _ecdhe(server) if kind is KeyExchange.ECDHE else _dhe(server)
    covered = hello.random + random + params
    if script.version >= Version.TLS12:
        scheme = script.signature_scheme
        signature = scheme.to_bytes(2, "big") + vector16(sign(script.leaf.key, scheme, covered))
    else:
        assert script.suite_row.authentication is not None
        legacy = legacy_scheme(script.suite_row.authentication)
        signature = vector16(legacy.sign(script.leaf.key, covered))
    await server.say("ServerKeyExchange", 12, params + signature)
    return premaster


def _ecdhe(server: ServerWire) -> tuple[bytes, Premaster]:
    script = server.script
    group = GROUPS_BY_NAME[script.group.lower()]
    ours = group.fresh()
    share = ours.public if script.share is None else script.share
    params = b"\x03" + group.code.to_bytes(2, "big") + vector8(share)
    return params, lambda body: ours.agree(_only(body, 1))


def _dhe(server: ServerWire) -> tuple[bytes, Premaster]:
    script = server.script
    ours, field = script.dhe.fresh(), script.dhe
    share = ours.public if script.share is None else script.share
    generator = field.g.to_bytes(max(1, (field.g.bit_length() + 7) // 8), "big")
    params = vector16(field.to_bytes(field.p)) + vector16(generator) + vector16(share)
    # RFC 5246 §8.1.2: leading zeros are stripped.
    return params, lambda body: ours.agree(_only(body, 2)).lstrip(b"\0")


def _only(body: bytes, width: int) -> bytes:
    reader = Reader(body, "ClientKeyExchange")
    content = reader.vector8(1) if width == 1 else reader.vector16(1)
    reader.finish()
    return content


def _decrypted(server: ServerWire, hello: SeenHello, body: bytes) -> bytes:
    key = server.script.leaf.key
    assert isinstance(key, rsa.RSAPrivateKey)
    premaster = key.decrypt(_only(body, 2), padding.PKCS1v15())
    assert len(premaster) == 48
    assert premaster[:2] == hello.legacy_version.to_bytes(2, "big")
    return premaster


async def _request(server: ServerWire) -> None:
    script = server.script
    if not script.request:
        return
    body = vector8(script.types)
    if script.version >= Version.TLS12:
        body += vector16(b"".join(code.to_bytes(2, "big") for code in script.schemes))
    body += vector16(b"".join(map(vector16, script.authorities)))
    await server.say("CertificateRequest", 13, body)


async def _hear_certificate_verify(server: ServerWire, key: CertificateKey) -> None:
    script, covered = server.script, server.transcript.messages
    reader = Reader(await server.listen(15), "CertificateVerify")
    if script.version >= Version.TLS12:
        scheme = SCHEMES_BY_CODE[reader.uint16()]
        assert scheme.code in script.schemes
    else:
        kind = Authentication.RSA if key.bits else Authentication.ECDSA
        scheme = legacy_scheme(kind)
    signature = reader.vector16()
    reader.finish()
    scheme.verify(key, signature, covered, script.version)


async def _hear_finished(server: ServerWire, master: MasterSecret, key: WriteKey) -> None:
    await server.listen_change_cipher_spec()
    server.read_with(opener(key, encrypt_then_mac=server.script.encrypt_then_mac))
    covered = server.transcript.digest()
    assert await server.listen(20) == master.client_finished(covered)


async def _say_ticket(server: ServerWire, master: MasterSecret) -> None:
    script = server.script
    if script.memory is not None and script.session_id:
        script.memory.masters[script.session_id] = master
    if script.ticket is None:
        return
    if script.memory is not None and script.ticket:
        script.memory.masters[script.ticket] = master
    await server.say("NewSessionTicket", 4, (3600).to_bytes(4, "big") + vector16(script.ticket))


async def _say_finished(server: ServerWire, master: MasterSecret, key: WriteKey) -> None:
    await server.say_change_cipher_spec()
    server.write_with(sealer(key, encrypt_then_mac=server.script.encrypt_then_mac))
    await server.say("Finished", 20, master.server_finished(server.transcript.digest()))
    await server.flush()
