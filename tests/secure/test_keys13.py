from __future__ import annotations

import hashlib
import hmac

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from support.record_keys import SUITES_13
from support.refusals import refused
from support.rfc8448 import RESUMED, SUITE, TRACES, Stage, Trace, Who
from trio_secure._errors import AlertDescription
from trio_secure._keys13 import (
    ApplicationSecrets,
    EarlySecrets,
    HandshakeSecrets,
    ResumptionSecret,
    TrafficSecret,
    check_verify_data,
    hkdf_expand_label,
)
from trio_secure._messages13 import NewSessionTicket
from trio_secure._suites import SHA256, SUITES_BY_NAME, CipherSuite

_BY_NAME = {"sha256": hashes.SHA256(), "sha384": hashes.SHA384()}
_traces = pytest.mark.parametrize("trace", [*TRACES, RESUMED], ids=lambda trace: trace.name)
_suites = pytest.mark.parametrize("suite", SUITES_13, ids=lambda suite: suite.name)


def _agree(private: bytes, public: bytes) -> bytes:
    if len(public) == 32:
        peer = X25519PublicKey.from_public_bytes(public)
        return X25519PrivateKey.from_private_bytes(private).exchange(peer)
    key = ec.derive_private_key(int.from_bytes(private, "big"), ec.SECP256R1())
    return key.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), public))


@_traces
def test_the_shared_secrets_of_rfc_8448(trace: Trace) -> None:
    """The traces are whole: their key pairs give the secret that everything else here starts from."""
    client, server = trace.key_pair("client"), trace.key_pair("server")
    assert _agree(client[0], server[1]) == _agree(server[0], client[1]) == trace.shared_secret


@_traces
def test_the_handshake_secrets_of_rfc_8448(trace: Trace) -> None:
    hellos = trace.transcript_hash("c hs traffic")
    secrets = HandshakeSecrets.derive(SUITE, trace.shared_secret, hellos, trace.early_secrets)
    assert secrets.main == trace.value("server", 'extract secret "master"', "secret")
    assert secrets.client.secret == trace.secret("c hs traffic")
    assert secrets.server.secret == trace.secret("s hs traffic")
    assert secrets.key_log == (
        ("CLIENT_HANDSHAKE_TRAFFIC_SECRET", trace.secret("c hs traffic")),
        ("SERVER_HANDSHAKE_TRAFFIC_SECRET", trace.secret("s hs traffic")),
    )


@_traces
def test_the_application_secrets_of_rfc_8448(trace: Trace) -> None:
    secrets = ApplicationSecrets.derive(trace.handshake_secrets, trace.transcript_hash("c ap traffic"))
    assert secrets.client.secret == trace.secret("c ap traffic")
    assert secrets.server.secret == trace.secret("s ap traffic")
    assert secrets.exporter == trace.secret("exp master")
    assert secrets.key_log == (
        ("CLIENT_TRAFFIC_SECRET_0", trace.secret("c ap traffic")),
        ("SERVER_TRAFFIC_SECRET_0", trace.secret("s ap traffic")),
        ("EXPORTER_SECRET", trace.secret("exp master")),
    )


@_traces
def test_the_resumption_secrets_of_rfc_8448(trace: Trace) -> None:
    transcript = trace.transcript_until("Finished", "client").digest()
    assert transcript == trace.transcript_hash("res master")
    secret = ResumptionSecret.derive(trace.handshake_secrets, transcript)
    assert secret.secret == trace.secret("res master")
    assert secret.suite is SUITE


def test_the_ticket_of_rfc_8448_gives_the_psk_that_resumes() -> None:
    full = TRACES[0]
    (ticket,) = (message for message in full.messages if message.name == "NewSessionTicket")
    secret = ResumptionSecret(SUITE, full.secret("res master"))
    psk = secret.psk(NewSessionTicket.parse(ticket.body).nonce)
    assert psk == full.value("server", "generate resumption secret", "expanded")
    assert psk == RESUMED.value("client", 'extract secret "early"', "IKM")


def test_the_early_secrets_of_rfc_8448() -> None:
    early = EarlySecrets.derive(SHA256, RESUMED.value("client", 'extract secret "early"', "IKM"))
    assert early.secret == RESUMED.value("client", 'extract secret "early"', "secret")
    # The binder covers the ClientHello as the RFC constructs it: without the binders.
    truncated = RESUMED.value("client", "construct a ClientHello", "ClientHello")
    covered = hashlib.sha256(truncated).digest()
    assert covered == RESUMED.value("client", "calculate PSK binder", "binder hash")
    assert early.binder(covered) == RESUMED.value("client", "calculate PSK binder", "finished")
    hello = RESUMED.transcript_until("ClientHello", "client").digest()
    traffic = early.client_early_traffic(SUITE, hello)
    step = 'derive secret "tls13 c e traffic"'
    assert hello == RESUMED.value("client", step, "hash")
    assert traffic.secret == RESUMED.value("client", step, "expanded")
    step = "derive write traffic keys for early application data"
    assert traffic.key_and_iv() == tuple(
        RESUMED.value("client", step, f"{part} expanded") for part in ("key", "iv")
    )


_Keys = tuple[Who, Stage, Who, str]
_KEYS: list[_Keys] = [
    ("server", "handshake", "server", "derive write traffic keys for handshake data"),
    ("server", "application", "server", "derive write traffic keys for application data"),
    ("client", "application", "client", "derive write traffic keys for application data"),
]
_OF_THE_CLIENT: _Keys = ("client", "handshake", "server", "derive read traffic keys for handshake data")
# After early data it is the client that has the keys for the rest of its handshake first.
_AFTER_EARLY_DATA: _Keys = ("client", "handshake", "client", "derive write traffic keys for handshake data")


@pytest.mark.parametrize(
    ("trace", "whose", "stage", "derived_by", "step"),
    [
        pytest.param(trace, *keys, id=f"{trace.name}-{keys[0]}-{keys[1]}")
        for trace in (*TRACES, RESUMED)
        for keys in (*_KEYS, _AFTER_EARLY_DATA if trace is RESUMED else _OF_THE_CLIENT)
    ],
)
def test_the_keys_and_ivs_of_rfc_8448(
    trace: Trace, whose: Who, stage: Stage, derived_by: Who, step: str
) -> None:
    secrets = trace.handshake_secrets if stage == "handshake" else trace.application_secrets
    secret = secrets.client if whose == "client" else secrets.server
    expected = tuple(trace.value(derived_by, step, f"{part} expanded") for part in ("key", "iv"))
    assert secret.key_and_iv() == expected


@_traces
@pytest.mark.parametrize("who", ["server", "client"])
def test_the_finisheds_of_rfc_8448(trace: Trace, who: Who) -> None:
    before = trace.transcript_before("Finished", who)
    secrets = trace.handshake_secrets
    secret = secrets.server if who == "server" else secrets.client
    expected = trace.value(who, "calculate finished", "finished")
    assert secret.finished(before.digest()) == expected
    secret.check_finished(expected, before.digest())


def _hkdf_expand_label(name: str, secret: bytes, label: str, context: bytes, length: int) -> bytes:
    """RFC 5869 §2.3 and RFC 9846 §7.1 [8446 §7.1], as they are written there."""
    text = f"tls13 {label}".encode()
    info = length.to_bytes(2, "big") + bytes([len(text)]) + text + bytes([len(context)]) + context
    output, block, counter = b"", b"", 1
    while len(output) < length:
        block = hmac.new(secret, block + info + bytes([counter]), name).digest()
        output, counter = output + block, counter + 1
    return output[:length]


@_suites
@pytest.mark.parametrize("psk", [b"", b"psk"], ids=["full", "resumed"])
def test_the_schedule_of_every_suite_by_a_second_hand(suite: CipherSuite, psk: bytes) -> None:
    """The traces know one suite only; here the diagram of RFC 9846 §7.1 [8446 §7.1] is followed again."""
    name, size = suite.hash.name, suite.hash.length
    empty = hashlib.new(name).digest()
    hellos, flight = hashlib.new(name, b"hellos").digest(), hashlib.new(name, b"flight").digest()

    def derive(secret: bytes, label: str, transcript: bytes) -> bytes:
        return _hkdf_expand_label(name, secret, label, transcript, size)

    key = psk or bytes(size)
    early = hmac.new(bytes(size), key, name).digest()
    handshake = hmac.new(derive(early, "derived", empty), b"shared", name).digest()
    main = hmac.new(derive(handshake, "derived", empty), bytes(size), name).digest()

    first = EarlySecrets.derive(suite.hash, key)
    binder_key = _hkdf_expand_label(name, derive(early, "res binder", empty), "finished", b"", size)
    assert first.binder(hellos) == hmac.new(binder_key, hellos, name).digest()
    assert first.client_early_traffic(suite, hellos).secret == derive(early, "c e traffic", hellos)
    stage = HandshakeSecrets.derive(suite, b"shared", hellos, first if psk else None)
    assert stage.client.secret == derive(handshake, "c hs traffic", hellos)
    assert stage.server.secret == derive(handshake, "s hs traffic", hellos)
    last = ApplicationSecrets.derive(stage, flight)
    assert last.client.secret == derive(main, "c ap traffic", flight)
    assert last.server.secret == derive(main, "s ap traffic", flight)
    assert last.exporter == derive(main, "exp master", flight)
    resumption = ResumptionSecret.derive(stage, flight)
    assert resumption.secret == derive(main, "res master", flight)
    for nonce in (b"", bytes(8), bytes(255)):
        assert resumption.psk(nonce) == _hkdf_expand_label(name, resumption.secret, "resumption", nonce, size)
    secret = last.server.secret
    assert last.server.key_and_iv() == (
        _hkdf_expand_label(name, secret, "key", b"", suite.aead.key_length),
        _hkdf_expand_label(name, secret, "iv", b"", 12),
    )
    assert last.server.next().secret == _hkdf_expand_label(name, secret, "traffic upd", b"", size)
    finished_key = _hkdf_expand_label(name, secret, "finished", b"", size)
    assert last.server.finished(flight) == hmac.new(finished_key, flight, name).digest()


def test_each_key_update_gives_another_secret_for_the_same_suite() -> None:
    first = TrafficSecret(SUITE, bytes(32))
    second, third = first.next(), first.next().next()
    assert len({first.secret, second.secret, third.secret}) == 3
    assert third.suite is SUITE


def test_expand_label_refuses_a_label_that_does_not_fit() -> None:
    with pytest.raises(OverflowError):
        hkdf_expand_label(SHA256, bytes(32), b"x" * 250, b"", 32)


@_suites
@pytest.mark.parametrize("blocks", [1, 2, 3, 255])
def test_expand_label_gives_as_much_as_hkdf_can(suite: CipherSuite, blocks: int) -> None:
    for length in (blocks * suite.hash.length - 1, blocks * suite.hash.length):
        info = length.to_bytes(2, "big") + b"\x0etls13 exporter\x03abc"
        by_the_library = HKDFExpand(_BY_NAME[suite.hash.name], length, info).derive(bytes(32))
        assert hkdf_expand_label(suite.hash, bytes(32), b"exporter", b"abc", length) == by_the_library


def test_expand_label_gives_no_more() -> None:
    with pytest.raises(OverflowError):
        hkdf_expand_label(SHA256, bytes(32), b"exporter", b"", 255 * 32 + 1)


@_suites
@pytest.mark.parametrize("length", [1, 32, 48, 49, 1000])
def test_an_exporter_by_a_second_hand(suite: CipherSuite, length: int) -> None:
    """RFC 9846 §7.5 [8446 §7.5], as it is written there."""
    name, size = suite.hash.name, suite.hash.length
    traffic = TrafficSecret(suite, bytes(size))
    secrets = ApplicationSecrets(traffic, traffic, bytes(range(size)))
    empty = hashlib.new(name).digest()
    secret = _hkdf_expand_label(name, secrets.exporter, "EXPERIMENTAL label", empty, size)
    for context in (b"", b"context", bytes(2**16 - 1)):
        hashed = hashlib.new(name, context).digest()
        expected = _hkdf_expand_label(name, secret, "exporter", hashed, length)
        assert secrets.export(b"EXPERIMENTAL label", context, length) == expected


def test_an_exporter_of_openssl() -> None:
    """What OpenSSL 4.0.3 exports from a connection, the secret being the EXPORTER_SECRET of its key log."""
    exporter = bytes.fromhex(
        "ade7982e0404454d2f68456b369ccd134a4eaa1e586e9cecf43d68c864930b594e8febc33caa4115aef3b42f6521ce49"
    )
    traffic = TrafficSecret(SUITES_BY_NAME["TLS_AES_256_GCM_SHA384"], exporter)
    secrets = ApplicationSecrets(traffic, traffic, exporter)
    assert secrets.export(b"EXPORTER-Channel-Binding", b"", 32) == bytes.fromhex(
        "a8b7c01bd9d134b5457b920c0a83685c34e0d1ecbbd40ac8e21f5f9dfc01dc5e"
    )
    assert secrets.export(b"EXPERIMENTAL", b"context", 100) == bytes.fromhex(
        "b51e80701c08a9eca3919e5a6b51a1534b512001e5ba6e18fcc530975f47f2da6073a825ce0def94a88ac15aef730ce8"
        "fa8ce39ef98ebfeb5ce8bc684025fe9e4799b3feaa21feab2c7108b2a1a29b17c40efc0900d5ee63feca9b136d26a96c"
        "4cf2bbae"
    )


@pytest.mark.parametrize(
    ("label", "context", "length", "complaint"),
    [
        (b"x" * 250, b"", 32, "label has at most 249 bytes, not 250"),
        (b"x", bytes(2**16), 32, "context has at most 65535 bytes, not 65536"),
        (b"x", b"", 0, "gives 1 to 8160 bytes, not 0"),
        (b"x", b"", 8161, "gives 1 to 8160 bytes, not 8161"),
    ],
)
def test_what_an_exporter_does_not_take(label: bytes, context: bytes, length: int, complaint: str) -> None:
    traffic = TrafficSecret(SUITE, bytes(32))
    with pytest.raises(ValueError, match=complaint):
        ApplicationSecrets(traffic, traffic, bytes(32)).export(label, context, length)


def test_the_limits_of_an_exporter() -> None:
    traffic = TrafficSecret(SUITE, bytes(32))
    exported = ApplicationSecrets(traffic, traffic, bytes(32)).export(b"x" * 249, b"", 8160)
    assert len(exported) == 8160


@pytest.mark.parametrize("length", [0, 31, 33])
def test_verify_data_of_another_length_does_not_parse(length: int) -> None:
    with refused(
        AlertDescription.DECODE_ERROR, f"^malformed Finished: {length} bytes of verify_data instead of 32"
    ):
        check_verify_data(bytes(32), bytes(length))


@pytest.mark.parametrize("at", [0, 31])
def test_verify_data_with_a_flipped_bit_does_not_verify(at: int) -> None:
    secret = TrafficSecret(SUITE, bytes(32))
    altered = bytearray(secret.finished(b"transcript"))
    altered[at] ^= 1
    with refused(AlertDescription.DECRYPT_ERROR, "Finished does not match the handshake"):
        secret.check_finished(bytes(altered), b"transcript")


def test_no_secret_shows_in_a_traceback() -> None:
    secrets = HandshakeSecrets.derive(SUITE, b"shared", bytes(32))
    last = ApplicationSecrets.derive(secrets, bytes(32))
    early, resumption = EarlySecrets.derive(SHA256, bytes(32)), ResumptionSecret.derive(secrets, bytes(32))
    shown = "".join(map(repr, (secrets, last, secrets.client, early, resumption)))
    hidden = (secrets.client.secret, secrets.main, last.exporter, early.secret, resumption.secret)
    assert not any(repr(secret) in shown for secret in hidden)
