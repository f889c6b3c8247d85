from __future__ import annotations

from pathlib import Path

import pytest

from trio_secure_cli._get_options import JSON, GetOptions
from trio_secure_cli._options import ConnectionOptions, parse

URL = "https://example.com/x"
PLAIN = ConnectionOptions()
DIGEST = "AB" * 32


@pytest.mark.parametrize(
    ("line", "options"),
    [
        ("", GetOptions(PLAIN, URL)),
        ("-o a", GetOptions(PLAIN, URL, Path("a"))),
        ("-o -", GetOptions(PLAIN, URL)),
        ("-O -C", GetOptions(PLAIN, URL, remote_name=True, resume=True)),
        (
            f"-o a --continue --sha256 {DIGEST} --connections 4 --max-size 2g",
            GetOptions(
                PLAIN, URL, Path("a"), resume=True, sha256=DIGEST.lower(), connections=4, max_size=2 << 30
            ),
        ),
        ("--max-size 5", GetOptions(PLAIN, URL, max_size=5)),
        (
            "-X PATCH -H A:b -H X:y:z -d @f -i",
            GetOptions(
                PLAIN, URL, method="PATCH", headers=(("A", "b"), ("X", "y:z")), data="@f", include=True
            ),
        ),
        ("--json {}", GetOptions(PLAIN, URL, data="{}", data_type=JSON)),
        (
            "-x socks5://p --max-redirects 0 --retries 3",
            GetOptions(PLAIN, URL, proxy="socks5://p", max_redirects=0, retries=3),
        ),
        (
            "-u me:pw --digest --netrc --cookies c",
            GetOptions(PLAIN, URL, user="me:pw", digest=True, netrc=True, cookies=Path("c")),
        ),
        ("--netrc-file n", GetOptions(PLAIN, URL, netrc=Path("n"))),
    ],
)
def test_what_the_line_says(line: str, options: GetOptions) -> None:
    assert parse(["get", URL, *line.split()]) == options


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("-o a -O", "not allowed with"),
        ("-d a --json b", "not allowed with"),
        ("--sha256 abc", "'abc' is not a SHA-256"),
        ("--connections 0", "1 to 16"),
        ("--connections 17", "1 to 16"),
        ("--connections x", "not a number"),
        ("--max-size 1X", "not a number of bytes"),
        ("--max-size 0", "not a number of bytes"),
        ("--max-redirects -1", "'-1' is not a number"),
        ("-X G(T", "not a method"),
        ("-H Name", "write NAME:VALUE"),
        ("-H :x", "write NAME:VALUE"),
        ("--retries 1000000000", "not a number"),
    ],
)
def test_what_is_wrong_is_said(line: str, complaint: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        parse(["get", URL, *line.split()])
    assert caught.value.code == 2
    assert complaint in capsys.readouterr().err
