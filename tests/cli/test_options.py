from __future__ import annotations

import argparse
from importlib.metadata import version
from pathlib import Path

import pytest

from trio_secure_cli._certs_options import ListOptions
from trio_secure_cli._exit_codes import exit_code_table
from trio_secure_cli._get_options import GetOptions
from trio_secure_cli._notation import Framing, Notation
from trio_secure_cli._options import (
    ConnectionOptions,
    DemoOptions,
    Options,
    WsOptions,
    parse,
    parse_address,
)
from trio_secure_cli._probe_options import ProbeOptions

URL = "https://example.com/"
PLAIN = ConnectionOptions()


@pytest.mark.parametrize(
    ("line", "options"),
    [
        (f"get {URL}", GetOptions(PLAIN, URL, None)),
        (f"get {URL} -o a.bin", GetOptions(PLAIN, URL, Path("a.bin"))),
        (f"get {URL} --output -", GetOptions(PLAIN, URL, None)),
        ("ws wss://h/", WsOptions(PLAIN, "wss://h/", 5.0)),
        ("ws wss://h/ --wait 0", WsOptions(PLAIN, "wss://h/", 0.0)),
        ("ws wss://h/ --hex", WsOptions(PLAIN, "wss://h/", notation=Notation.HEX)),
        ("ws wss://h/ --text -0", WsOptions(PLAIN, "wss://h/", framing=Framing.NULLS)),
        (
            "ws wss://h/ --binary --whole",
            WsOptions(PLAIN, "wss://h/", notation=Notation.BINARY, framing=Framing.WHOLE),
        ),
        (
            "ws wss://h/ --base64 --json --ping 0.5 --max-size 64k --no-compression --history h",
            WsOptions(
                PLAIN,
                "wss://h/",
                notation=Notation.BASE64,
                json=True,
                ping=0.5,
                max_size=65_536,
                compression=False,
                history=Path("h"),
            ),
        ),
        (
            "ws wss://h/ --subprotocol a --subprotocol b --header X:1 --header Y:z:2",
            WsOptions(PLAIN, "wss://h/", subprotocols=("a", "b"), headers=(("X", "1"), ("Y", "z:2"))),
        ),
        ("probe h", ProbeOptions(PLAIN, "h", 443)),
        ("probe h --cert c.pem", ProbeOptions(ConnectionOptions(cert=Path("c.pem")), "h", 443)),
        (
            f"get {URL} --cert c.pem --key k.pem",
            GetOptions(ConnectionOptions(cert=Path("c.pem"), key=Path("k.pem")), URL, None),
        ),
        ("probe h:8443", ProbeOptions(PLAIN, "h", 8443)),
        ("certs list", ListOptions(PLAIN)),
        ("demo", DemoOptions(PLAIN)),
        ("demo --serve", DemoOptions(PLAIN, 8443)),
        ("demo --serve 9443", DemoOptions(PLAIN, 9443)),
    ],
)
def test_each_command_has_its_options(line: str, options: Options) -> None:
    assert parse(line.split()) == options


def test_a_key_belongs_to_a_certificate(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        parse(["get", URL, "--key", "k.pem"])
    said = capsys.readouterr().err
    assert said.startswith("usage: trio-secure get ")
    assert "--key is the key of a certificate: name that with --cert FILE" in said


def test_the_version_is_that_of_the_distribution(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        parse(["--version"])
    assert capsys.readouterr().out == f"trio-secure {version('trio-secure')}\n"


@pytest.mark.parametrize("command", ["get u", "ws u", "probe u", "demo"])
def test_every_command_takes_the_options_of_a_connection(command: str) -> None:
    given = parse([*command.split(), "--trace", "--manifest", "m.json", "--ca", "c.pem", "--timeout", "0.5"])
    assert given.connection == ConnectionOptions(
        trace=True, manifest=Path("m.json"), ca=Path("c.pem"), insecure=False, timeout=0.5
    )
    assert parse([*command.split(), "--insecure"]).connection == ConnectionOptions(insecure=True)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("", "COMMAND"),
        ("fetch", "invalid choice"),
        ("get", "URL"),
        ("get u --ca a --insecure", "not allowed with"),
        ("get u --timeout 0", "0 leaves no time at all"),
        ("get u --timeout soon", "'soon' is not a number of seconds"),
        ("get u --timeout nan", "'nan' is not a number of seconds"),
        ("ws u --ping 0", "0 leaves no time at all"),
        ("ws u --header X", "'X' is not a header: write NAME:VALUE"),
        ("ws u --header :1", "':1' is not a header"),
        ("ws u --max-size 0", "'0' is not a size, such as 4096, 64K or 16M"),
        ("ws u --max-size 1T", "'1T' is not a size"),
        ("ws u --text --hex", "not allowed with"),
        ("ws u --null --whole", "not allowed with"),
        ("ws u --whole --hex", "--whole sends text or bytes as they are"),
        ("get u --timeout inf", "'inf' is not a number of seconds"),
        ("ws u --wait=-1", "'-1' is not a number of seconds"),
        ("probe h:http", "'http' is not a port"),
        ("probe https://h/", "looks like a URL"),
    ],
)
def test_a_wrong_line_is_refused_with_the_usage(
    line: str, complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        parse(line.split())
    said = capsys.readouterr().err
    assert caught.value.code == 2
    assert complaint in said
    assert "usage: trio-secure" in said


@pytest.mark.parametrize("line", ["--help", "get --help", "demo --help"])
def test_help_lists_the_exit_codes(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        parse(line.split())
    assert caught.value.code == 0
    assert exit_code_table() in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("example.com", ("example.com", 443)),
        ("example.com:1", ("example.com", 1)),
        ("127.0.0.1:65535", ("127.0.0.1", 65535)),
        ("::1", ("::1", 443)),
        ("[::1]", ("::1", 443)),
        ("[fe80::1]:8443", ("fe80::1", 8443)),
        ("bücher.example", ("bücher.example", 443)),
    ],
)
def test_addresses_are_taken_apart(text: str, address: tuple[str, int]) -> None:
    assert parse_address(text) == address


@pytest.mark.parametrize(
    ("text", "port"), [("h.example", 25), ("::1", 25), ("[::1]", 25), ("h:26", 26), ("[::1]:26", 26)]
)
def test_another_port_may_be_the_default(text: str, port: int) -> None:
    assert parse_address(text, 25)[1] == port


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":443",
        "h:",
        "h:0",
        "h:65536",
        "h:-1",
        "h:٤٤٣",
        "h:99999999999",
        "a b",
        "a\x1b[31m:443",
        "[::1",
        "[::1]443",
        "[h]:443",
        "1:2:3",
        "h/path",
        "https://h",
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        parse_address(text)
