from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)

from support.authority import Authority, make_key
from support.terminal import FakeTerminal
from trio_secure_cli import ExitCode
from trio_secure_cli._certs_convert import convert
from trio_secure_cli._certs_options import ConvertOptions
from trio_secure_cli._failure import CommandError
from trio_secure_cli._options import ConnectionOptions

A, B = Authority.make(name="Root A"), Authority.make(name="Root \x1b[2JB")
LEAF = A.issue("h.example", key="rsa")


async def converted(
    files: Sequence[Path], output: str | None = None, *, force: bool = False
) -> tuple[list[str], bytes, str]:
    terminal = FakeTerminal()
    options = ConvertOptions(ConnectionOptions(), files=tuple(files), output=output, force=force)
    assert await convert(options, terminal) is ExitCode.OK
    return terminal.printed.decode("utf-8", "replace").splitlines(), terminal.printed, terminal.said


async def refused(
    files: Sequence[Path], output: str | None = None, *, code: ExitCode = ExitCode.USAGE
) -> tuple[str, str | None]:
    with pytest.raises(CommandError) as caught:
        await converted(files, output)
    assert caught.value.code is code
    return caught.value.message, caught.value.hint


def write(path: Path, *texts: bytes) -> Path:
    path.write_bytes(b"".join(texts))
    return path


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def test_one_certificate_is_written_beside_its_file(tmp_path: Path) -> None:
    path = write(tmp_path / "ca.pem", b"a comment\n", A.certificate_pem)
    printed, _bytes, said = await converted([path])
    end = f"{A.certificate.not_valid_after_utc:%Y-%m-%d}"
    assert printed == [f"{tmp_path}/ca.der: CN=Root A, to {end}"]
    assert said == ""
    assert (tmp_path / "ca.der").read_bytes() == A.certificate_der


async def test_several_certificates_are_numbered(tmp_path: Path) -> None:
    path = write(tmp_path / "ca.pem", A.certificate_pem, B.certificate_pem)
    printed, _bytes, _said = await converted([path])
    assert (tmp_path / "ca-1.der").read_bytes() == A.certificate_der
    assert (tmp_path / "ca-2.der").read_bytes() == B.certificate_der
    assert r"CN=Root \x1b[2JB" in printed[1]


async def test_a_chain_and_its_key_go_into_a_folder(tmp_path: Path) -> None:
    path = write(tmp_path / "server.pem", LEAF.key_pem, LEAF.certificate_pem)
    other = write(tmp_path / "ca.crt", A.certificate_pem)
    folder = tmp_path / "out" / "der"
    printed, _bytes, _said = await converted([path, other], f"{folder}/")
    assert [line.split(": ")[0].rpartition("/")[2] for line in printed] == [
        "server.der",
        "server.key.der",
        "ca.der",
    ]
    key = folder / "server.key.der"
    assert key.stat().st_mode & 0o077 == 0
    assert (folder / "server.der").stat().st_mode & 0o044
    loaded = load_der_private_key(key.read_bytes(), None)
    assert loaded.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) == LEAF.key_pem


@pytest.mark.parametrize("kind", ["rsa", "ec"])
async def test_an_old_key_becomes_pkcs8(tmp_path: Path, kind: str) -> None:
    key = make_key("rsa" if kind == "rsa" else "ec")
    old = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    path = write(tmp_path / "k.pem", old)
    await converted([path], str(tmp_path / "k.pk8"))
    new = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    assert (tmp_path / "k.pk8").read_bytes() == new


async def test_standard_output_gets_one(tmp_path: Path) -> None:
    one = write(tmp_path / "a.pem", A.certificate_pem)
    two = write(tmp_path / "b.pem", A.certificate_pem, B.certificate_pem)
    assert (await converted([one], "-"))[1] == A.certificate_der
    message, hint = await refused([two], "-")
    assert message == "2 certificates and keys do not fit into one output"
    assert hint == "name a folder with --output FOLDER"


async def test_several_do_not_fit_into_one_file(tmp_path: Path) -> None:
    path = write(tmp_path / "b.pem", A.certificate_pem, B.certificate_pem)
    message, hint = await refused([path], str(tmp_path / "out.der"))
    assert "2 certificates and keys do not fit into the one file" in message
    assert hint == f"name a folder: --output {tmp_path}/out.der/"
    await converted([path], str(tmp_path))  # which is a folder


async def test_nothing_is_replaced_unless_asked_for(tmp_path: Path) -> None:
    path = write(tmp_path / "ca.pem", A.certificate_pem, B.certificate_pem)
    there = write(tmp_path / "ca-2.der", b"precious")
    message, hint = await refused([path], code=ExitCode.OUTPUT)
    assert message == f"{there} exists already"
    assert hint == "--force replaces it"
    assert there.read_bytes() == b"precious"
    assert not (tmp_path / "ca-1.der").exists()
    await converted([path], force=True)
    assert there.read_bytes() == B.certificate_der


async def test_two_results_never_share_a_name(tmp_path: Path) -> None:
    files = [write(tmp_path / f"ca.{ending}", A.certificate_pem) for ending in ("pem", "crt")]
    message, _hint = await refused(files)
    assert message == f"two results would have the name {tmp_path}/ca.der"


async def test_a_folder_that_cannot_be_made_is_reported(tmp_path: Path) -> None:
    path = write(tmp_path / "ca.pem", A.certificate_pem)
    message, _hint = await refused([path], f"{path}/x/", code=ExitCode.OUTPUT)
    assert message.startswith(f"cannot make the folder {path}/x: Not a directory")


async def test_what_is_neither_certificate_nor_key_is_passed_over(tmp_path: Path) -> None:
    other = b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
    path = write(tmp_path / "ca.pem", other, A.certificate_pem)
    _printed, _bytes, said = await converted([path])
    assert (
        said
        == f"note: {path}, block 1, EC PARAMETERS: passed over, neither a certificate nor a private key\n"
    )


ENCRYPTED = make_key("ec").private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x"))


@pytest.mark.parametrize(
    ("data", "message", "hint"),
    [
        (b"", "no certificate and no private key in PEM", "a certificate in DER needs no conversion"),
        (A.certificate_der, "no certificate and no private key in PEM", "a certificate in DER needs no"),
        (b"-----BEGIN CERTIFICATE-----\n", "no certificate and no private key in PEM", ""),
        (b"-----BEGIN CERTIFICATE-----\nA\n-----END CERTIFICATE-----", "block 1, CERTIFICATE, is not", ""),
        (
            b"-----BEGIN CERTIFICATE-----\nMAAA\n-----END CERTIFICATE-----",
            "block 1, CERTIFICATE: not a certificate",
            "",
        ),
        (
            b"-----BEGIN PRIVATE KEY-----\nMAAA\n-----END PRIVATE KEY-----",
            "block 1, PRIVATE KEY: not a private key",
            "",
        ),
        (ENCRYPTED, "block 1, ENCRYPTED PRIVATE KEY: the key is encrypted", "decrypt it first: openssl pkey"),
        (bytes((4 << 20) + 1), "is larger than 4 MiB", "name a file of certificates"),
    ],
)
async def test_what_cannot_be_converted_is_refused(
    tmp_path: Path, data: bytes, message: str, hint: str
) -> None:
    path = write(tmp_path / "x.pem", data)
    said, help_given = await refused([path])
    assert str(path) in said
    assert message in said
    assert (help_given or "").startswith(hint)
    assert names_in(tmp_path) == ["x.pem"]


async def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    message, _hint = await refused([tmp_path / "none.pem"])
    assert message == f"cannot read {tmp_path}/none.pem: No such file or directory"
    message, _hint = await refused([Path("nul\0l")])
    assert "embedded null" in message
