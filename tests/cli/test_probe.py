from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trio
import trio.testing
from cryptography import x509

from support.authority import Authority, KeyKind
from support.store import make_store
from support.terminal import FakeTerminal
from support.tls_server import ignore, tls_server
from trio_certs import Manifest
from trio_secure import CertificateRefused
from trio_secure_cli import ExitCode
from trio_secure_cli import _probe as probe_module
from trio_secure_cli._failure import CommandError
from trio_secure_cli._options import ConnectionOptions, ProbeOptions
from trio_secure_cli._probe import describe_certificate, probe

DAY = timedelta(days=1)


def described(der: bytes) -> str:
    return "\n".join(describe_certificate(1, der))


async def test_a_server_is_described_with_who_vouches_for_it(tmp_path: Path) -> None:
    authority = Authority.make(name="Probe CA")
    leaf = authority.issue("localhost", "127.0.0.1", intermediate=True)
    ca = authority.write(tmp_path)
    terminal = FakeTerminal()
    async with tls_server(leaf, ignore, alpn=["http/1.1"]) as port:
        assert await probe(ProbeOptions(ConnectionOptions(ca=ca), "127.0.0.1", port), terminal) is ExitCode.OK
    printed = terminal.printed.decode()
    for line in (
        f"127.0.0.1 port {port}\n     address      127.0.0.1 port {port}\n",
        "     version      TLS 1.3\n",
        "     cipher suite TLS_",
        "     group        ",
        "     signature    ecdsa_secp256r1_sha256\n",
        "     ALPN         http/1.1\n",
        "     server name  127.0.0.1\n",
        "  1  subject      CN=localhost\n     names        localhost, 127.0.0.1\n",
        "     issuer       CN=Throw-away Intermediate CA\n",
        "89 days left\n     key          EC, secp256r1\n",
        "  2  subject      CN=Throw-away Intermediate CA\n     issuer       CN=Probe CA\n",
        f"\nvouched for by --ca {ca}, CN=Probe CA\n",
    ):
        assert line in printed
    assert terminal.said == ""


async def test_without_verification_nobody_vouches() -> None:
    terminal = FakeTerminal()
    async with tls_server(Authority.make().issue("elsewhere.example"), ignore) as port:
        await probe(ProbeOptions(ConnectionOptions(insecure=True), "127.0.0.1", port), terminal)
    printed = terminal.printed.decode()
    assert "vouched for by NOBODY" in printed
    assert "ALPN         none" in printed
    assert "NOT checked" in terminal.said


async def test_the_stores_file_that_anchors_the_chain_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = Authority.make(name="Store CA")
    manifest = Manifest(["$(CERTS)/ca0"], store=make_store(tmp_path, authority))

    async def with_manifest(options: ConnectionOptions, terminal: FakeTerminal) -> dict[str, object]:
        return {"manifest": manifest}

    monkeypatch.setattr(probe_module, "secure_dictionary", with_manifest)
    terminal = FakeTerminal()
    async with tls_server(authority.issue("127.0.0.1"), ignore) as port:
        await probe(ProbeOptions(ConnectionOptions(), "127.0.0.1", port), terminal)
    assert "vouched for by ca0.der, CN=Store CA\n" in terminal.printed.decode()


async def test_a_certificate_that_is_refused_is_an_error() -> None:
    terminal = FakeTerminal()
    async with tls_server(Authority.make().issue("127.0.0.1"), ignore) as port:
        options = ProbeOptions(ConnectionOptions(), "127.0.0.1", port)
        refusal: Exception | None = None
        try:
            await probe(options, terminal)
        except CertificateRefused as error:
            refusal = error
    assert refusal is not None
    assert terminal.printed == b""


async def test_a_host_that_cannot_be_one_is_refused() -> None:
    with pytest.raises(CommandError, match="neither a host name nor an IP address"):
        await probe(ProbeOptions(ConnectionOptions(), "-a", 443), FakeTerminal())


async def test_a_server_that_says_nothing_is_given_up(autojump_clock: trio.testing.MockClock) -> None:
    far_ends: list[trio.abc.Stream] = []

    async def socket(host: str, port: int) -> trio.abc.Stream:
        near, far = trio.testing.memory_stream_pair()
        far_ends.append(far)
        return near

    options = ProbeOptions(ConnectionOptions(timeout=7), "h.example", 443)
    with pytest.raises(CommandError, match="nothing came for 7 s while connecting and shaking hands"):
        await probe(options, FakeTerminal(), Socket=socket)


async def test_over_another_socket_there_is_no_address() -> None:
    async def socket(host: str, port: int) -> trio.abc.Stream:
        stream = await trio.open_tcp_stream(host, port)
        return trio.StapledStream(stream, stream)

    terminal = FakeTerminal()
    async with tls_server(Authority.make().issue("127.0.0.1"), ignore) as port:
        options = ProbeOptions(ConnectionOptions(insecure=True), "127.0.0.1", port)
        await probe(options, terminal, Socket=socket)
    assert "address " not in terminal.printed.decode()


@pytest.mark.parametrize(
    ("start", "end", "shown"),
    [
        (-2 * DAY, -DAY, "EXPIRED"),
        (DAY, 2 * DAY, "NOT YET VALID"),
        (-DAY, DAY, "LESS THAN TWO DAYS LEFT"),
        (-DAY, 10 * DAY, "9 days left"),
    ],
)
def test_dates_that_matter_are_pointed_out(start: timedelta, end: timedelta, shown: str) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    leaf = Authority.make().issue("h.example", not_before=now + start, not_after=now + end)
    assert shown in described(leaf.certificate_der)


@pytest.mark.parametrize(
    ("kind", "shown"),
    [("rsa", "RSA, 2048 bits"), ("p384", "EC, secp384r1"), ("ed25519", "Ed25519"), ("dsa", "DSA")],
)
def test_keys_are_described(kind: KeyKind, shown: str) -> None:
    assert f"key          {shown}" in described(Authority.make().issue("h.example", key=kind).certificate_der)


def test_of_many_names_the_first_are_shown() -> None:
    leaf = Authority.make().issue(*(f"h{number}.example" for number in range(20)))
    assert "h6.example, h7.example and 12 more\n" in described(leaf.certificate_der)


def test_names_cannot_move_the_cursor() -> None:
    authority = Authority.make(name="\x1b[2J\u202e")
    text = described(authority.issue("h.example", common="a\nb").certificate_der)
    assert r"\x1b[2J\u202e" in text
    assert len(text.splitlines()) == 5


def test_a_certificate_without_names_says_so() -> None:
    authority = Authority.make(name=x509.Name([]))
    text = described(authority.certificate_der)
    assert "subject      (empty)\n     issuer       (empty)" in text
    assert "names" not in text


def test_a_certificate_that_cannot_be_read_is_said_to_be_one() -> None:
    assert described(b"\x30\x80garbage").startswith("  1  unreadable, 9 bytes: ")
