from __future__ import annotations

import errno
import hashlib
from functools import partial
from pathlib import Path
from typing import Any

import outcome
import pytest
import trio
import trio.testing

from support.http_peers import Peer, Script, always, ok, peers
from support.range_server import RangeServer
from support.terminal import FakeTerminal
from trio_https import (
    URL,
    Client,
    DigestMismatch,
    DownloadBusy,
    DownloadError,
    HTTPError,
    ProtocolError,
    TruncatedBody,
)
from trio_secure_cli import ExitCode
from trio_secure_cli._failure import CommandError
from trio_secure_cli._get_file import _failure, download, is_for_download, remote_name
from trio_secure_cli._get_options import GetOptions
from trio_secure_cli._options import ConnectionOptions

PAGE = "http://h.example/file"
CONTENT = bytes(range(256)) * 100


async def fetch(
    script: Script, path: Path, terminal: FakeTerminal, patience: float = 30, **given: Any
) -> None:
    options = GetOptions(ConnectionOptions(timeout=patience), PAGE, path, **given)
    async with peers(script) as factory, Client(factory) as client:
        result = await outcome.acapture(partial(download, client, PAGE, None, path, options, terminal))
    result.unwrap()  # not in a group, as the nursery of the peers would have it


async def test_half_of_it_is_kept_if_so_wanted_and_gone_on_with(tmp_path: Path) -> None:
    path = tmp_path / "file"
    server = RangeServer(CONTENT, cuts=[10_000])
    terminal = FakeTerminal()
    with pytest.raises(TruncatedBody):
        await fetch(server, path, terminal, resume=True)
    assert terminal.said == "what has come is kept: the same command goes on from there\n"
    terminal = FakeTerminal(person="e")
    await fetch(server, path, terminal, resume=True, sha256=hashlib.sha256(CONTENT).hexdigest())
    assert path.read_bytes() == CONTENT
    assert "9.8 KiB of it were here before" in terminal.said
    assert "100%" in terminal.said


async def test_a_server_that_falls_silent_is_given_up(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    async def silent(peer: Peer) -> None:
        await peer.request()
        await trio.sleep_forever()

    with pytest.raises(CommandError, match=r"sent nothing for 7 s$") as caught:
        await fetch(silent, tmp_path / "file", FakeTerminal(), patience=7)
    assert caught.value.code is ExitCode.TOO_SLOW


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (DownloadBusy("x is busy"), ExitCode.OUTPUT, "x is busy"),
        (FileNotFoundError(2, "No such file", "/x"), ExitCode.OUTPUT, "cannot write f: No such file"),
        (OSError(errno.ENOSPC, "Full"), ExitCode.OUTPUT, "cannot write f: Full"),
        (DownloadError("u: the server answered 404 No", 404), ExitCode.STATUS, "the server answered 404 No"),
        (OSError(errno.ECONNREFUSED, "Refused"), None, ""),
        (DownloadError("changes all the time"), None, ""),
        (DigestMismatch("no"), None, ""),
        (ProtocolError("no"), None, ""),
    ],
)
def test_what_went_wrong(error: OSError | HTTPError, code: ExitCode | None, message: str) -> None:
    failure = _failure(error, Path("f"))
    if code is None:
        assert failure is None
    else:
        assert failure is not None
        assert (failure.code, failure.message) == (code, message)


async def test_what_the_server_says(tmp_path: Path) -> None:
    for status, line, hint in (
        ("404 No", "Content-Type: text/plain", "it says: body"),
        ("302 No", "Location: /x", "it points to /x; --max-redirects follows"),
    ):
        async with (
            peers(always(ok(b"body", line, status=status))) as factory,
            Client(factory, redirects=None) as client,
        ):
            options = GetOptions(ConnectionOptions(), PAGE)
            with pytest.raises(CommandError) as caught:
                await download(client, PAGE, None, tmp_path / "f", options, FakeTerminal())
        assert caught.value.hint == hint


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://h/a/b.txt", "b.txt"),
        ("https://h/a/b%20c?d/e", "b c"),
        ("https://h/%C3%A4", "ä"),
    ],
)
def test_the_name_in_a_url(url: str, name: str) -> None:
    assert remote_name(URL.parse(url)) == Path(name)


@pytest.mark.parametrize(
    "url",
    [
        "https://h/",
        "https://h",
        "https://h/a/",
        "https://h/..",
        "https://h/.x",
        "https://h/a%2Fb",
        "https://h/a%00",
    ],
)
def test_names_that_are_none(url: str) -> None:
    with pytest.raises(CommandError, match="names no file"):
        remote_name(URL.parse(url))


def test_what_a_download_may_replace(tmp_path: Path) -> None:
    assert is_for_download(tmp_path / "absent")
    (tmp_path / "file").touch()
    assert is_for_download(tmp_path / "file")
    assert not is_for_download(Path("/dev/null"))
    assert not is_for_download(tmp_path)


async def test_what_is_for_others_to_explain_is_left_to_them(tmp_path: Path) -> None:
    with pytest.raises(ProtocolError):
        await fetch(always(b"220 mail\r\n\r\n"), tmp_path / "file", FakeTerminal())
    terminal = FakeTerminal(person="e")
    await fetch(always(ok(b"x" * (3 << 20))), tmp_path / "file", terminal)
    assert terminal.said.count("3.0/3.0 MiB") >= 1
