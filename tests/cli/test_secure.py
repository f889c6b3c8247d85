from __future__ import annotations

from pathlib import Path

import pytest

from support.authority import Authority
from support.terminal import FakeTerminal
from support.tls_server import ignore, tls_server
from trio_certs import Manifest, ManifestError
from trio_https import InvalidURL
from trio_secure import TraceEvent
from trio_secure_cli import ExitCode
from trio_secure_cli._failure import CommandError
from trio_secure_cli._options import ConnectionOptions
from trio_secure_cli._secure import (
    certificates_in,
    make_socket,
    read_certificates,
    secure_dictionary,
    secure_for_url,
)

PLAIN = ConnectionOptions()
HTTP = ("http", "https")


@pytest.fixture(scope="module")
def authorities() -> list[Authority]:
    return [Authority.make(name="First CA"), Authority.make(name="Second CA")]


async def test_nothing_given_is_nothing_said() -> None:
    terminal = FakeTerminal()
    assert await secure_dictionary(PLAIN, terminal) == {}
    assert await secure_for_url("https://h.example/", HTTP, PLAIN, terminal) is None
    assert terminal.said == ""


async def test_everything_given_is_in_the_dictionary(tmp_path: Path, authorities: list[Authority]) -> None:
    ca = authorities[0].write(tmp_path)
    manifest = tmp_path / "manifest.json"
    manifest.write_text('{"resources": {"*": ["$(CERTS)/ca0"]}}')
    options = ConnectionOptions(trace=True, manifest=manifest, ca=ca)
    secure = await secure_for_url("https://h.example/", HTTP, options, FakeTerminal())
    assert secure is not None
    loaded = secure["manifest"]
    assert isinstance(loaded, Manifest)
    assert loaded.includes("ca0.der")
    assert secure["certificate"] == [authorities[0].certificate_der]
    assert callable(secure["trace"])
    assert secure.keys() == {"certificate", "manifest", "trace"}


async def test_the_trace_is_lines_on_standard_error_that_move_nothing() -> None:
    terminal = FakeTerminal()
    secure = await secure_dictionary(ConnectionOptions(trace=True), terminal)
    trace = secure["trace"]
    assert callable(trace)
    trace(TraceEvent(0.0015, "received", "ServerHello", "odd \x1b[2J"))
    assert terminal.said == "     1.50 ms <- ServerHello: odd \\x1b[2J\n"
    assert terminal.printed == b""


@pytest.mark.parametrize("person", ["", "e"])
async def test_insecure_is_loud(person: str) -> None:
    terminal = FakeTerminal(person=person)
    secure = await secure_dictionary(ConnectionOptions(insecure=True), terminal)
    assert secure == {"verify": False}
    assert "WARNING: --insecure: the server's certificate is NOT checked." in terminal.said
    assert "can pose as the server" in terminal.said


@pytest.mark.parametrize(
    ("options", "noted"),
    [
        (PLAIN, False),
        (ConnectionOptions(trace=True), True),
        (ConnectionOptions(insecure=True), True),
        (ConnectionOptions(ca=Path("missing")), True),
        (ConnectionOptions(manifest=Path("missing")), True),
        (ConnectionOptions(cert=Path("missing")), True),
    ],
)
async def test_without_tls_its_options_have_no_effect_and_that_is_said(
    options: ConnectionOptions, noted: bool
) -> None:
    terminal = FakeTerminal()
    assert await secure_for_url("http://h.example/", HTTP, options, terminal) is None
    assert ("http: URLs have no TLS" in terminal.said) == noted


@pytest.mark.parametrize("url", ["nonsense", "ftp://h/", "https://", "https://h:port/", "https://u:p@h/"])
async def test_a_url_that_cannot_be_one_is_refused(url: str) -> None:
    with pytest.raises(InvalidURL):
        await secure_for_url(url, HTTP, PLAIN, FakeTerminal())


async def test_a_host_that_tls_cannot_name_is_refused() -> None:
    with pytest.raises(CommandError, match="neither a host name nor an IP address") as caught:
        await secure_for_url("https://-a.example/", HTTP, PLAIN, FakeTerminal())
    assert caught.value.code is ExitCode.USAGE


async def test_a_manifest_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    path.write_bytes(b"\x00\xff")
    with pytest.raises(ManifestError):
        await secure_dictionary(ConnectionOptions(manifest=path), FakeTerminal())


@pytest.mark.parametrize("files", ["one", "two"])
async def test_a_client_certificate_is_shown_to_who_asks(
    tmp_path: Path, authorities: list[Authority], files: str
) -> None:
    client = authorities[0].issue(common="client")
    cert, key = client.write(tmp_path)
    if files == "one":
        cert.write_bytes(cert.read_bytes() + key.read_bytes())
    options = ConnectionOptions(cert=cert, key=key if files == "two" else None, insecure=True)
    secure = await secure_dictionary(options, FakeTerminal())
    async with (
        tls_server(authorities[1].issue("127.0.0.1"), ignore, asks=authorities[0]) as port,
        make_socket("127.0.0.1", port, secure) as stream,
    ):
        assert stream.info.client_certificates == (client.certificate_der,)


@pytest.mark.parametrize(
    ("name", "key", "complaint", "hint"),
    [
        ("cert", None, "cannot be used: the private key cannot be read", "--key FILE"),
        ("cert", "other", "with the key .* cannot be used: the private key is not that of", None),
        ("missing", None, "cannot read the client's certificate .*missing: No such file", None),
        ("cert", "missing", "cannot read the client's key .*missing: No such file", None),
    ],
)
async def test_a_client_certificate_that_cannot_be_used_is_refused(
    tmp_path: Path, authorities: list[Authority], name: str, key: str | None, complaint: str, hint: str | None
) -> None:
    (tmp_path / "cert").write_bytes(authorities[0].issue(common="client").certificate_pem)
    (tmp_path / "other").write_bytes(authorities[0].issue(common="other").key_pem)
    options = ConnectionOptions(cert=tmp_path / name, key=None if key is None else tmp_path / key)
    with pytest.raises(CommandError, match=complaint) as caught:
        await secure_dictionary(options, FakeTerminal())
    assert caught.value.code is ExitCode.USAGE
    assert hint is None if caught.value.hint is None else (hint or "") in caught.value.hint


def test_the_socket_is_made_without_connecting() -> None:
    assert repr(make_socket("h.example", 443, {})) == "SecureSocket('h.example', 443)"


def test_a_ca_file_is_der_or_pem_of_one_or_more(tmp_path: Path, authorities: list[Authority]) -> None:
    path = tmp_path / "ca"
    ders = [authority.certificate_der for authority in authorities]
    path.write_bytes(ders[0])
    assert read_certificates(path) == ders[:1]
    path.write_bytes(b"a comment\n" + b"".join(authority.certificate_pem for authority in authorities))
    assert read_certificates(path) == ders
    assert certificates_in(authorities[0].certificate_pem) == ders[:1]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "no certificate that can be read"),
        (b"\x00\xff garbage", "no certificate that can be read"),
        (
            b"-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n",
            "no certificate that can be read",
        ),
        (
            b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            "no certificate that can be read",
        ),
        (
            b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
            "no certificate that can be read",
        ),
        (b"x" * (5 << 20), "larger than 4 MiB"),
    ],
)
def test_a_file_without_certificates_is_refused(tmp_path: Path, content: bytes, complaint: str) -> None:
    path = tmp_path / "ca"
    path.write_bytes(content)
    with pytest.raises(CommandError) as caught:
        read_certificates(path)
    assert caught.value.code is ExitCode.USAGE
    assert f"the CA file {path} " in caught.value.message
    assert complaint in caught.value.message
    assert ("private key" in (caught.value.hint or "")) == (b"PRIVATE" in content)


@pytest.mark.parametrize(
    ("name", "reason"), [("missing", "No such file"), (".", "Is a directory"), ("a\0b", "null")]
)
def test_a_ca_file_that_cannot_be_read_is_refused(tmp_path: Path, name: str, reason: str) -> None:
    with pytest.raises(CommandError, match=reason) as caught:
        read_certificates(tmp_path / name)
    assert caught.value.code is ExitCode.USAGE
