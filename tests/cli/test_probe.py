from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from support.authority import Authority
from support.openssl_peer import OpenSSLPeer, server_context
from support.starttls_server import SCRIPTS, starttls_server
from support.store import make_store
from support.terminal import FakeTerminal
from support.tls_server import ignore, tcp_server, tls_server
from trio_certs import Manifest
from trio_secure import CertificateRefused
from trio_secure_cli import ExitCode
from trio_secure_cli import _probe as probe_module
from trio_secure_cli._failure import CommandError
from trio_secure_cli._options import ConnectionOptions
from trio_secure_cli._probe import probe
from trio_secure_cli._probe_options import DemandOptions, ProbeOptions, ScanOptions

Json = dict[str, Any]


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


@pytest.mark.parametrize("shown", [True, False])
async def test_a_client_certificate_is_shown_or_that_it_was_wanted_is_noted(
    tmp_path: Path, shown: bool
) -> None:
    terminal, authority = FakeTerminal(), Authority.make()
    cert, key = authority.issue(common="client").write(tmp_path) if shown else (None, None)
    async with tls_server(authority.issue("127.0.0.1"), ignore, asks=authority) as port:
        connection = ConnectionOptions(insecure=True, cert=cert, key=key)
        await probe(ProbeOptions(connection, "127.0.0.1", port), terminal)
    noted = "note: The server asked for a client certificate and was shown none"
    assert (noted in terminal.printed.decode()) is not shown


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


async def test_another_protocol_may_come_first(tmp_path: Path) -> None:
    authority = Authority.make()
    terminal = FakeTerminal()
    async with starttls_server(authority.issue("127.0.0.1"), SCRIPTS["imap"]) as port:
        options = ProbeOptions(
            ConnectionOptions(ca=authority.write(tmp_path)),
            "127.0.0.1",
            port,
            "imap",
            scan=ScanOptions(versions=True),
        )
        assert await probe(options, terminal) is ExitCode.OK
    printed = terminal.printed.decode()
    assert printed.startswith(f"127.0.0.1 port {port}, imap with STARTTLS\n")
    assert "\nTLS 1.2  yes " in printed


# JSON, demands, scans


async def asked(
    options: ProbeOptions, **socket_options: Any
) -> tuple[Json, ExitCode | None, Exception | None]:
    """The document printed, the exit code, and what was raised."""
    terminal, code, raised = FakeTerminal(), None, None
    try:
        code = await probe(options, terminal, **socket_options)
    except (CommandError, CertificateRefused, OSError) as error:
        raised = error
    return json.loads(terminal.printed), code, raised


async def test_programs_get_json(tmp_path: Path) -> None:
    authority = Authority.make(name="Json CA")
    ca = authority.write(tmp_path)
    async with tls_server(authority.issue("127.0.0.1"), ignore, alpn=["h2"]) as port:
        demand = DemandOptions(expires_within=7, min_version=0x0304)
        scan = ScanOptions(versions=True)
        options = ProbeOptions(
            ConnectionOptions(ca=ca), "127.0.0.1", port, as_json=True, demand=demand, scan=scan
        )
        document, code, _ = await asked(options)
    assert code is ExitCode.UNFIT
    assert (document["host"], document["port"], document["exit_code"]) == ("127.0.0.1", port, 11)
    assert document["connection"]["version"] == "TLS 1.3"
    assert document["connection"]["alpn"] == "h2"
    assert [one["subject"] for one in document["path"]] == ["CN=127.0.0.1", "CN=Json CA"]
    assert [(one["name"], one["passed"]) for one in document["checks"]] == [
        ("expires-within", True),
        ("min-version", False),  # TLS 1.2 is accepted too
    ]
    assert [one["name"] for one in document["versions"]][:2] == ["TLS 1.3", "TLS 1.2"]
    assert document["error"] is None


async def test_a_refusal_is_told_as_json_too() -> None:
    async with tls_server(Authority.make().issue("127.0.0.1"), ignore) as port:
        options = ProbeOptions(ConnectionOptions(), "127.0.0.1", port, as_json=True)
        document, _, raised = await asked(options)
    assert isinstance(raised, CertificateRefused)
    assert document["connection"] is None
    assert document["exit_code"] == 4
    assert document["error"]["code"] == "tls"
    assert "not a trusted CA" in document["error"]["message"]


async def test_a_server_that_is_refused_is_scanned_all_the_same() -> None:
    terminal = FakeTerminal()
    refusal: Exception | None = None
    async with tls_server(Authority.make().issue("127.0.0.1"), ignore) as port:
        scan = ScanOptions(versions=True)
        try:
            await probe(ProbeOptions(ConnectionOptions(), "127.0.0.1", port, scan=scan), terminal)
        except CertificateRefused as error:
            refusal = error
    assert refusal is not None
    printed = terminal.printed.decode()
    assert printed.startswith(f"127.0.0.1 port {port}\n\nversion  accepted  with\n")


async def test_a_server_that_is_not_there_is_not_scanned() -> None:
    connections = 0

    async def socket(host: str, port: int) -> trio.abc.Stream:
        nonlocal connections
        connections += 1
        raise OSError("gone")

    options = ProbeOptions(ConnectionOptions(), "h.example", as_json=True, scan=ScanOptions(versions=True))
    document, _, raised = await asked(options, Socket=socket)
    assert isinstance(raised, OSError)
    assert connections == 1
    assert document["versions"] is None
    assert document["exit_code"] == 3


async def test_a_person_is_told_why_it_takes_a_while() -> None:
    terminal = FakeTerminal(person="e")
    async with tls_server(Authority.make().issue("127.0.0.1"), ignore) as port:
        options = ConnectionOptions(insecure=True)
        await probe(ProbeOptions(options, "127.0.0.1", port, scan=ScanOptions(versions=True)), terminal)
    assert "asking what else the server accepts" in terminal.said


async def test_a_server_that_does_not_say_goodbye_is_not_waited_for(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    async def socket(host: str, port: int) -> trio.abc.Stream:
        ours, theirs = trio.testing.memory_stream_pair()
        nursery.start_soon(OpenSSLPeer(theirs, server_context()).do_handshake)
        return ours

    page = tmp_path / "page.html"
    options = ProbeOptions(ConnectionOptions(insecure=True), "server.test", report=page)
    async with trio.open_nursery() as nursery:
        assert await probe(options, FakeTerminal(), Socket=socket) is ExitCode.OK
    assert trio.current_time() < 3
    assert ": established" in page.read_text("utf-8")


async def test_what_is_worth_saying_is_said(tmp_path: Path) -> None:
    authority = Authority.make()
    terminal = FakeTerminal()
    async with tls_server(authority.issue("127.0.0.1"), ignore) as port:
        options = ConnectionOptions(insecure=True)
        await probe(ProbeOptions(options, "127.0.0.1", port), terminal)
    assert "\nwarning: Verification is off" in terminal.printed.decode()


# The page


async def test_a_page_shows_the_handshake(tmp_path: Path) -> None:
    authority = Authority.make()
    ca, page = authority.write(tmp_path), tmp_path / "page.html"
    terminal = FakeTerminal()
    context = server_context(authority.issue("127.0.0.1"), tickets=1)

    async def serve(stream: trio.abc.Stream) -> None:
        peer = OpenSSLPeer(stream, context)
        await peer.do_handshake()
        await peer.send_all(b"hello")
        await ignore(peer)
        await peer.aclose()

    async with tcp_server(serve) as port:
        options = ProbeOptions(ConnectionOptions(ca=ca, trace=True), "127.0.0.1", port, report=page)
        assert await probe(options, terminal) is ExitCode.OK
    text = page.read_text("utf-8")
    assert f"<title>TLS with 127.0.0.1 port {port}: established</title>" in text
    assert "CLIENT_TRAFFIC_SECRET" not in text
    # What the server still had to say has been heard.
    assert "NewSessionTicket" in text
    assert text.count("Alert close_notify") == 2
    assert f"the handshake is shown in {page}\n" in terminal.said
    assert "-> ClientHello" in terminal.said


async def test_secrets_are_on_the_page_only_when_asked_for(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    async with tls_server(Authority.make().issue("127.0.0.1"), ignore) as port:
        options = ConnectionOptions(insecure=True)
        await probe(ProbeOptions(options, "127.0.0.1", port, report=page, secrets=True), FakeTerminal())
    assert "CLIENT_TRAFFIC_SECRET_0" in page.read_text("utf-8")
    assert stat.S_IMODE(page.stat().st_mode) == 0o600


async def test_a_handshake_that_fails_is_shown_with_its_reason(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    refusal: Exception | None = None
    async with tls_server(Authority.make(name="Nobody").issue("127.0.0.1"), ignore) as port:
        try:
            await probe(ProbeOptions(ConnectionOptions(), "127.0.0.1", port, report=page), FakeTerminal())
        except CertificateRefused as error:
            refusal = error
    assert refusal is not None
    text = page.read_text("utf-8")
    assert "Failed at CertificateVerify" in text
    assert "What to do: </b><bdi>if this certificate is" in text or "name its certificate with --ca" in text


async def test_what_ends_before_tls_is_told_on_the_page_too(tmp_path: Path) -> None:
    async def socket(host: str, port: int) -> trio.abc.Stream:
        raise OSError(111, "refused")

    page = tmp_path / "page.html"
    with pytest.raises(OSError, match="refused"):
        await probe(
            ProbeOptions(ConnectionOptions(), "h.example", report=page), FakeTerminal(), Socket=socket
        )
    text = page.read_text("utf-8")
    assert "nothing was sent" in text
    assert "is it the right port, and is the server running?" in text


@pytest.mark.parametrize("name", ["none/page.html", "a\0b"])
async def test_a_page_that_cannot_be_written_is_an_error_with_its_name(tmp_path: Path, name: str) -> None:
    async with tls_server(Authority.make().issue("127.0.0.1"), ignore) as port:
        options = ProbeOptions(ConnectionOptions(insecure=True), "127.0.0.1", port, report=tmp_path / name)
        with pytest.raises(CommandError, match=r"cannot write .*: ") as caught:
            await probe(options, FakeTerminal())
    assert caught.value.code is ExitCode.OUTPUT
