from __future__ import annotations

import hashlib
import hmac

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from support.record_keys import SUITES_13
from support.refusals import refused
from support.rfc8448 import SUITE, TRACES, Stage, Trace, Who
from trio_secure._errors import AlertDescription
from trio_secure._keys13 import (
    ApplicationSecrets,
    HandshakeSecrets,
    TrafficSecret,
    check_verify_data,
    hkdf_expand_label,
)
from trio_secure._suites import SHA256, CipherSuite

_traces = pytest.mark.parametrize("trace", TRACES, ids=lambda trace: trace.name)
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
    secrets = HandshakeSecrets.derive(SUITE, trace.shared_secret, trace.transcript_hash("c hs traffic"))
    assert secrets.secret == trace.value("server", 'extract secret "handshake"', "secret")
    assert secrets.client.secret == trace.secret("c hs traffic")
    assert secrets.server.secret == trace.secret("s hs traffic")


@_traces
def test_the_application_secrets_of_rfc_8448(trace: Trace) -> None:
    secrets = ApplicationSecrets.derive(trace.handshake_secrets, trace.transcript_hash("c ap traffic"))
    assert secrets.client.secret == trace.secret("c ap traffic")
    assert secrets.server.secret == trace.secret("s ap traffic")
    assert secrets.exporter == trace.secret("exp master")


_KEYS: list[tuple[Who, Stage, Who, str]] = [
    ("server", "handshake", "server", "derive write traffic keys for handshake data"),
    ("client", "handshake", "server", "derive read traffic keys for handshake data"),
    ("server", "application", "server", "derive write traffic keys for application data"),
    ("client", "application", "client", "derive write traffic keys for application data"),
]


@_traces
@pytest.mark.parametrize(("whose", "stage", "derived_by", "step"), _KEYS)
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
    # The messages before a Finished: the last one before the server's is its CertificateVerify, before the
    # client's whatever it proved itself with.
    names = [message.name for message in trace.messages if message.who == who]
    if who == "server":
        before = trace.transcript_until("CertificateVerify")
    elif "CertificateVerify" in names:
        before = trace.transcript_until("CertificateVerify", "client")
    else:
        before = trace.transcript_until("Finished")
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
def test_the_schedule_of_every_suite_by_a_second_hand(suite: CipherSuite) -> None:
    """The traces know one suite only; here the diagram of RFC 9846 §7.1 [8446 §7.1] is followed again."""
    name, size = suite.hash.name, suite.hash.length
    empty = hashlib.new(name).digest()
    hellos, flight = hashlib.new(name, b"hellos").digest(), hashlib.new(name, b"flight").digest()

    def derive(secret: bytes, label: str, transcript: bytes) -> bytes:
        return _hkdf_expand_label(name, secret, label, transcript, size)

    early = hmac.new(bytes(size), bytes(size), name).digest()
    handshake = hmac.new(derive(early, "derived", empty), b"shared", name).digest()
    main = hmac.new(derive(handshake, "derived", empty), bytes(size), name).digest()

    stage = HandshakeSecrets.derive(suite, b"shared", hellos)
    assert stage.client.secret == derive(handshake, "c hs traffic", hellos)
    assert stage.server.secret == derive(handshake, "s hs traffic", hellos)
    last = ApplicationSecrets.derive(stage, flight)
    assert last.client.secret == derive(main, "c ap traffic", flight)
    assert last.server.secret == derive(main, "s ap traffic", flight)
    assert last.exporter == derive(main, "exp master", flight)
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
    shown = repr(secrets) + repr(last) + repr(secrets.client)
    assert not any(repr(secret) in shown for secret in (secrets.client.secret, last.exporter))
