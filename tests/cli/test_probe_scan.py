from __future__ import annotations

import ssl
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from tempfile import TemporaryDirectory

import pytest
import trio
import trio.testing
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from OpenSSL import SSL

from support.authority import Authority, KeyKind, Leaf
from support.pyopenssl_peer import PyOpenSSLPeer
from support.tls_server import tcp_server
from trio_secure_cli._failure import CommandError
from trio_secure_cli._options import ConnectionOptions
from trio_secure_cli._probe_options import ProbeOptions, ScanOptions
from trio_secure_cli._probe_scan import Answer, Heard, Scanner, scan

HOST = "127.0.0.1"
ALL = ScanOptions(versions=True, suites=True, groups=True, signatures=True)
ROOT = Authority.make()


@asynccontextmanager
async def server(
    *versions: int, ciphers: str = "ALL:@SECLEVEL=0", suites: str = "", key: KeyKind = "ec"
) -> AsyncGenerator[int]:
    """An OpenSSL server that speaks the versions between these and prefers its own order."""
    leaf = ROOT.issue(HOST, key=key)

    async def serve(stream: trio.abc.Stream) -> None:
        peer = PyOpenSSLPeer(stream, _context(leaf, versions, ciphers, suites))
        try:
            await peer.do_handshake()
            await peer.receive()
        except SSL.Error:
            # What OpenSSL does not like it says with an alert, which is still in its buffer.
            await peer._flush()

    async with tcp_server(serve) as port:
        yield port


def _context(leaf: Leaf, versions: Sequence[int], ciphers: str, suites: str = "") -> SSL.Context:
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_min_proto_version(versions[0])
    context.set_max_proto_version(versions[-1])
    context.set_cipher_list(ciphers.encode())
    if suites:
        context.set_tls13_ciphersuites(suites.encode())
    context.set_options(SSL.OP_CIPHER_SERVER_PREFERENCE)
    context.use_certificate(leaf.certificate)
    assert isinstance(leaf.key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey)
    context.use_privatekey(leaf.key)
    return context


def asked(port: int, what: ScanOptions = ALL, timeout: float = 20.0) -> ProbeOptions:
    return ProbeOptions(ConnectionOptions(timeout=timeout), HOST, port, scan=what)


def accepted(answers: Sequence[Answer] | None) -> list[str]:
    return [one.name for one in answers or () if one.accepted]


async def test_a_modern_server_is_found_out() -> None:
    async with server(SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION) as port:
        found = await scan(asked(port))
    assert accepted(found.versions) == ["TLS 1.3", "TLS 1.2"]
    assert found.versions is not None
    assert [one.accepted for one in found.versions] == [True, True, False, False]
    assert found.versions[2].detail == "alert protocol_version"
    assert found.suites is not None
    assert set(accepted(found.suites["TLS 1.3"])) >= {
        "TLS_AES_256_GCM_SHA384",
        "TLS_CHACHA20_POLY1305_SHA256",
        "TLS_AES_128_GCM_SHA256",
    }
    # The key is on a curve: no suite with RSA is accepted, those with CBC are.
    twelve = accepted(found.suites["TLS 1.2"])
    assert "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA" in twelve
    assert all("ECDSA" in name for name in twelve)
    refused = [one for one in found.suites["TLS 1.2"] if not one.accepted]
    assert {one.accepted for one in refused} == {False}
    assert {"x25519", "secp256r1"} <= set(accepted(found.groups))
    assert accepted(found.signatures) == ["ecdsa_secp256r1_sha256"]


async def test_an_old_server_is_found_out_without_a_warning() -> None:
    async with server(SSL.TLS1_VERSION, SSL.TLS1_1_VERSION, key="rsa") as port:
        found = await scan(asked(port))
    assert accepted(found.versions) == ["TLS 1.1", "TLS 1.0"]
    assert found.suites is not None
    assert list(found.suites) == ["TLS 1.1", "TLS 1.0"]
    assert "TLS_RSA_WITH_AES_128_CBC_SHA" in accepted(found.suites["TLS 1.0"])
    # Groups and schemes are asked for where a client would still offer them.
    assert found.groups is None
    assert found.signatures is None


async def test_the_servers_preference_is_the_order_of_the_suites() -> None:
    first, second = "ECDHE-RSA-CHACHA20-POLY1305", "ECDHE-RSA-AES128-GCM-SHA256"
    names = {first: "CHACHA20_POLY1305_SHA256", second: "AES_128_GCM_SHA256"}
    for order in ((first, second), (second, first)):
        async with server(SSL.TLS1_2_VERSION, ciphers=":".join(order), key="rsa") as port:
            found = await scan(asked(port, ScanOptions(suites=True)))
        assert found.versions is None
        assert found.suites is not None
        suites = accepted(found.suites["TLS 1.2"])
        assert suites == [f"TLS_ECDHE_RSA_WITH_{names[one]}" for one in order]


async def test_below_tls_1_3_groups_and_schemes_are_heard_in_the_key_exchange() -> None:
    async with server(SSL.TLS1_2_VERSION, key="rsa") as port:
        found = await scan(asked(port, ScanOptions(groups=True, signatures=True)))
    assert {"x25519", "secp256r1", "secp384r1"} <= set(accepted(found.groups))
    assert "X25519MLKEM768" not in [one.name for one in found.groups or ()]
    assert {"rsa_pss_rsae_sha256", "rsa_pkcs1_sha256"} <= set(accepted(found.signatures))
    assert "ed25519" not in accepted(found.signatures)


async def test_a_group_the_server_does_not_have_is_refused() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with TemporaryDirectory() as folder:
        context.load_cert_chain(*ROOT.issue(HOST).write(folder))
    context.set_ecdh_curve("prime256v1")

    async def serve(transport: trio.abc.Stream) -> None:
        stream = trio.SSLStream(transport, context, server_side=True, https_compatible=True)
        await stream.do_handshake()
        await stream.aclose()

    async with tcp_server(serve) as port:
        found = await scan(asked(port, ScanOptions(groups=True)))
    assert accepted(found.groups) == ["secp256r1"]


async def test_a_server_that_hangs_up_has_refused() -> None:
    async def hang_up(stream: trio.abc.Stream) -> None:
        await stream.receive_some()

    async with tcp_server(hang_up) as port:
        found = await scan(asked(port))
    assert found.versions is not None
    assert {(one.accepted, one.detail) for one in found.versions} == {(False, "the server hung up")}
    assert found.suites == {}


async def test_an_alert_without_a_name_has_its_number() -> None:
    async def refuse(stream: trio.abc.Stream) -> None:
        await stream.receive_some()
        await stream.send_all(bytes.fromhex("1503030002 02fa"))

    async with tcp_server(refuse) as port:
        found = await scan(asked(port, ScanOptions(versions=True)))
    assert found.versions is not None
    assert {one.detail for one in found.versions} == {"alert 250"}


async def test_a_server_that_hangs_up_after_its_hello_has_chosen() -> None:
    context = _context(ROOT.issue(HOST), [SSL.TLS1_3_VERSION], "ALL")

    async def half(stream: trio.abc.Stream) -> None:
        peer = PyOpenSSLPeer(stream, context)
        peer.connection.bio_write(await stream.receive_some())
        with suppress(SSL.Error):  # which wants more, or speaks another version
            peer.connection.do_handshake()
        flight = peer.connection.bio_read(1 << 16)
        # The first record, which is the hello, and nothing of the next.
        await stream.send_all(flight[: 5 + int.from_bytes(flight[3:5], "big")])

    async with tcp_server(half) as port:
        found = await scan(asked(port, ScanOptions(versions=True)))
    assert accepted(found.versions) == ["TLS 1.3"]


async def test_a_server_may_accept_every_suite() -> None:
    suites = [
        "TLS_AES_128_CCM_SHA256",
        "TLS_CHACHA20_POLY1305_SHA256",
        "TLS_AES_256_GCM_SHA384",
        "TLS_AES_128_GCM_SHA256",
    ]
    async with server(SSL.TLS1_3_VERSION, suites=":".join(suites)) as port:
        found = await Scanner(asked(port)).suites(0x0304)
    assert [one.name for one in found] == accepted(found) == suites


async def test_of_a_server_that_says_nothing_nothing_is_known(autojump_clock: trio.testing.MockClock) -> None:
    far_ends: list[trio.abc.Stream] = []

    async def socket(host: str, port: int) -> trio.abc.Stream:
        near, far = trio.testing.memory_stream_pair()
        far_ends.append(far)
        return near

    found = await scan(asked(1, ScanOptions(versions=True), timeout=7), Socket=socket)
    assert found.versions is not None
    assert [(one.accepted, one.detail) for one in found.versions] == [(None, "nothing came for 7 s")] * 4
    # Three at a time, each for seven seconds.
    assert trio.current_time() < 2 * 7 + 1


@pytest.mark.parametrize(
    "error", [OSError("refused"), trio.BrokenResourceError(), CommandError("the server does not begin TLS")]
)
async def test_without_a_connection_nothing_is_known(error: Exception) -> None:
    async def socket(host: str, port: int) -> trio.abc.Stream:
        raise error

    found = await scan(asked(1, ScanOptions(versions=True)), Socket=socket)
    assert found.versions is not None
    assert {one.accepted for one in found.versions} == {None}
    assert found.versions[0].detail == (str(error) or "the connection broke")


async def test_no_more_than_a_few_connections_are_open_at_a_time() -> None:
    now = most = 0

    async def socket(host: str, port: int) -> trio.abc.Stream:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await trio.testing.wait_all_tasks_blocked()
        now -= 1
        raise OSError("gone")

    await Scanner(asked(1), Socket=socket).groups(0x0304)
    assert most == 3


def test_what_was_chosen_instead_is_said() -> None:
    heard = Heard(version="TLS 1.2", suite="A")
    assert heard.answer("TLS 1.3", heard.version) == Answer("TLS 1.3", False, "the server chose TLS 1.2")
    assert heard.answer("TLS 1.2", heard.version, "A") == Answer("TLS 1.2", True, "A")
