"""The floor beneath the figures: what the pieces cost that no library on Trio and `cryptography` can do without.

Theory of operation: each piece alone, in this thread, for as many times as fill a twentieth of a second,
several times; the smallest, since what disturbs only adds. Both ends of the socket are in this process, but
only one side's calls are counted.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable

import trio
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, x25519
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.x509.verification import PolicyBuilder, Store

_RECORD = 16384
_READ = 256 << 10
_PIECE = 64 << 10
_SAMPLES = 7
_SAMPLE_NS = 50_000_000


def _microseconds(call: Callable[[], object], *, quick: bool) -> float:
    """CPU time of one call."""
    best = float("inf")
    for _ in range(1 if quick else _SAMPLES):
        count, begin = 0, time.thread_time_ns()
        while (spent := time.thread_time_ns() - begin) < (_SAMPLE_NS // 50 if quick else _SAMPLE_NS):
            for _ in range(10):
                call()
            count += 10
        best = min(best, spent / count)
    return best / 1000


def _ciphers(quick: bool) -> dict[str, float]:
    key, nonce = AESGCM(os.urandom(16)), os.urandom(12)
    content = os.urandom(_RECORD + 1)
    header = bytes(5)
    sealed = memoryview(bytearray(key.encrypt(nonce, content, header)))
    opened, room = memoryview(bytearray(len(content))), memoryview(bytearray(len(sealed)))
    plain = memoryview(bytearray(content))
    copy = memoryview(bytearray(_PIECE))
    source = memoryview(bytearray(os.urandom(_PIECE)))

    def copying() -> None:
        copy[:] = source

    return {
        "open one record of 16 KiB (AES-128-GCM, `decrypt_into`)": _microseconds(
            lambda: key.decrypt_into(nonce, sealed, header, opened), quick=quick
        ),
        "seal one record of 16 KiB (`encrypt_into`)": _microseconds(
            lambda: key.encrypt_into(nonce, plain, header, room), quick=quick
        ),
        "copy 64 KiB": _microseconds(copying, quick=quick),
        "copy 64 KiB into new `bytes`": _microseconds(lambda: bytes(source), quick=quick),
    }


def _handshake_pieces(quick: bool) -> dict[str, float]:
    """What a handshake with P-256 certificates computes, whoever makes it."""
    from support.authority import Authority

    authority = Authority.make("p256")
    intermediate = authority.intermediate("p256")
    ders = intermediate.issue("localhost", key="p256").chain_ders
    peer, signer = x25519.X25519PrivateKey.generate().public_key(), ec.generate_private_key(ec.SECP256R1())
    signature, key = signer.sign(b"what was said", ec.ECDSA(hashes.SHA256())), signer.public_key()
    store = Store([authority.certificate])

    def verify() -> None:
        leaf, *issuers = [x509.load_der_x509_certificate(der) for der in ders]
        PolicyBuilder().store(store).build_server_verifier(x509.DNSName("localhost")).verify(leaf, issuers)

    return {
        "X25519: a key and an exchange": _microseconds(
            lambda: x25519.X25519PrivateKey.generate().exchange(peer), quick=quick
        ),
        "check a P-256 signature": _microseconds(
            lambda: key.verify(signature, b"what was said", ec.ECDSA(hashes.SHA256())), quick=quick
        ),
        "read and verify a P-256 chain of three (`ServerVerifier`)": _microseconds(verify, quick=quick),
    }


def _sockets(quick: bool) -> dict[str, float]:
    """One side's CPU time of moving bytes over the loopback, the other side's calls left out."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        near = socket.create_connection(listener.getsockname())
        far, _ = listener.accept()
    buffer, piece = bytearray(_READ), bytes(_PIECE)
    sending = receiving = 0
    rounds = 50 if quick else 4000
    best: list[tuple[int, int]] = []
    with near, far:
        near.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(1 if quick else _SAMPLES):
            sending = receiving = 0
            for _ in range(rounds // _SAMPLES):
                for _ in range(_READ // _PIECE):
                    begin = time.thread_time_ns()
                    near.sendall(piece)
                    middle = time.thread_time_ns()
                    sending += middle - begin
                    rest = _PIECE
                    while rest:
                        begin = time.thread_time_ns()
                        rest -= far.recv_into(buffer)
                        receiving += time.thread_time_ns() - begin
            best.append((sending, receiving))
    pieces = (rounds // _SAMPLES) * (_READ // _PIECE)
    return {
        "`send` of 64 KiB on the loopback": min(sent for sent, _ in best) / pieces / 1000,
        "`recv_into` of 64 KiB": min(received for _, received in best) / pieces / 1000,
    }


async def _loop(quick: bool) -> dict[str, float]:
    count = 200 if quick else 20_000
    found: dict[str, float] = {}
    for what in ("a Trio checkpoint", "entering and leaving a `CancelScope`"):
        best = float("inf")
        for _ in range(1 if quick else _SAMPLES):
            begin = time.thread_time_ns()
            if what == "a Trio checkpoint":
                for _ in range(count):
                    await trio.lowlevel.checkpoint()
            else:
                for _ in range(count):
                    with trio.CancelScope():  # noqa: ASYNC100  # itself is what is measured
                        pass
            best = min(best, (time.thread_time_ns() - begin) / count)
        found[what] = best / 1000
    return found


def measure(*, quick: bool) -> dict[str, float]:
    """Microseconds of CPU of each piece."""
    return {**_ciphers(quick), **_sockets(quick), **trio.run(_loop, quick), **_handshake_pieces(quick)}
