from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from support.servers import program
from trio_https._cookie_file import load_cookies, save_cookies
from trio_https._cookies import Cookie, CookieJar

COOKIES = [
    Cookie("a", "1", "example.com", "/", created=1.0),
    Cookie("b", "x=y \xe4", "example.com", "/x", host_only=False, secure=True, expires=9e9, created=1.0),
    Cookie("c", "", "::1", "/", http_only=True, created=1.0),
]


def facts(jar: CookieJar) -> list[tuple[object, ...]]:
    return [(c.name, c.value, c.domain, c.path, c.host_only, c.secure, c.http_only) for c in jar]


async def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    jar = CookieJar()
    for cookie in COOKIES:
        jar.add(cookie)
    path = tmp_path / "cookies.txt"
    path.write_text("before")
    await save_cookies(jar, path)
    assert facts(await load_cookies(path)) == facts(jar)
    assert {cookie.expires is None for cookie in await load_cookies(str(path))} == {True, False}
    assert [entry.name for entry in tmp_path.iterdir()] == ["cookies.txt"]  # noqa: ASYNC240
    if sys.platform != "win32":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_what_cannot_be_written_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    jar = CookieJar()
    jar.add(Cookie("a", "\u20ac", "example.com"))
    path = tmp_path / "cookies.txt"
    path.write_text("before")
    with pytest.raises(UnicodeEncodeError):
        await save_cookies(jar, path)
    assert path.read_text() == "before"
    assert len(list(tmp_path.iterdir())) == 1  # noqa: ASYNC240
    with pytest.raises(FileNotFoundError):
        await save_cookies(CookieJar(), tmp_path / "absent" / "cookies.txt")


async def test_what_curl_wrote_is_read(tmp_path: Path) -> None:
    path = tmp_path / "cookies.txt"
    path.write_bytes(
        b"# Netscape HTTP Cookie File\r\n# https://curl.se/docs/http-cookies.html\r\n\r\n"
        b".example.com\tTRUE\t/\tTRUE\t9000000000\ta\t1\r\n"
        b"#HttpOnly_h.example\tFALSE\t/x\tFALSE\t0\tb\t\r\n"
    )
    assert facts(await load_cookies(path)) == [
        ("a", "1", "example.com", "/", False, True, False),
        ("b", "", "h.example", "/x", True, False, True),
    ]


async def test_curl_reads_what_was_saved(tmp_path: Path) -> None:
    jar = CookieJar()
    jar.add(Cookie("a", "1", "127.0.0.1", "/"))
    path, kept = tmp_path / "cookies.txt", tmp_path / "kept.txt"
    await save_cookies(jar, path)
    command = [program("curl"), "-s", "-b", str(path), "-c", str(kept), "http://127.0.0.1:1/"]
    subprocess.run(command, check=False)  # noqa: ASYNC221
    assert facts(await load_cookies(kept)) == facts(jar)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("no cookie", "line 1: 1 fields between tabs"),
        ("a\tb", "line 1: 2 fields"),
        ("ex ample\tFALSE\t/\tFALSE\t0\ta\t1", "line 1: .* space"),
        ("example.com\tFALSE\tx\tFALSE\t0\ta\t1", "line 1: path"),
        ("example.com\tFALSE\t/\tFALSE\t0\t\t1", "name or value"),
        ("example.com\tFALSE\t/\tFALSE\t0\ta=\t1", "name or value"),
        ("example.com\tFALSE\t/\tFALSE\t0\ta\t1;2", "name or value"),
        ("example.com\tyes\t/\tFALSE\t0\ta\t1", "TRUE or FALSE"),
        ("example.com\tFALSE\t/\tFALSE\tnever\ta\t1", "'never'"),
        ("com\tTRUE\t/\tFALSE\t0\ta\t1", "anybody"),
    ],
)
async def test_what_is_no_file_of_cookies(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "cookies.txt"
    path.write_text(line)
    with pytest.raises(ValueError, match=message):
        await load_cookies(path)


async def test_an_enormous_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "cookies.txt"
    with path.open("wb") as file:
        file.truncate((64 << 20) + 1)
    with pytest.raises(ValueError, match="64 MiB"):
        await load_cookies(path)
