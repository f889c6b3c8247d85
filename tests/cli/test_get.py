from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import outcome
import pytest
import trio
import trio.testing

from support.authority import Authority
from support.http_peers import Peer, Script, answering, chunked, ok, peers
from support.terminal import FakeTerminal
from support.tls_server import tls_server
from trio_https import ProtocolError, TruncatedBody
from trio_secure_cli import ExitCode
from trio_secure_cli._failure import CommandError
from trio_secure_cli._get import get
from trio_secure_cli._get_options import GetOptions
from trio_secure_cli._options import ConnectionOptions

URL = "http://h.example/big.bin"


async def fetch(
    script: Script, terminal: FakeTerminal, path: Path | None = None, *, patience: float = 30, **more: Any
) -> ExitCode:
    options = GetOptions(ConnectionOptions(timeout=patience), URL, path, **more)
    async with peers(script) as factory:
        result = await outcome.acapture(partial(get, options, terminal, Socket=factory))
    return result.unwrap()  # not in a group, as the nursery of the peers would have it


@pytest.mark.parametrize("answer", [ok(b"body\x00\x1b"), chunked(b"body", b"\x00\x1b")])
async def test_the_body_goes_to_standard_output_and_nothing_else_does(answer: bytes) -> None:
    terminal = FakeTerminal()
    assert await fetch(answering(answer), terminal) is ExitCode.OK
    assert terminal.printed == b"body\x00\x1b"
    assert terminal.said == ""


async def test_the_body_goes_to_a_file_with_a_bar_for_a_person(tmp_path: Path) -> None:
    terminal = FakeTerminal(person="oe")
    path = tmp_path / "big.bin"
    assert await fetch(answering(ok(b"x" * 100_000)), terminal, path) is ExitCode.OK
    assert path.read_bytes() == b"x" * 100_000
    assert terminal.printed == b""
    assert "big.bin" in terminal.said
    assert "100%" in terminal.said


async def test_a_bar_beside_a_pipe_names_the_host() -> None:
    terminal = FakeTerminal(person="e")
    await fetch(answering(ok(b"body")), terminal)
    assert "h.example" in terminal.said


async def test_on_a_terminal_the_body_itself_is_shown_and_cannot_move_the_cursor() -> None:
    terminal = FakeTerminal(person="oe")
    await fetch(answering(ok(b"body\x1b[2J")), terminal)
    assert terminal.printed == b"body\\x1b[2J\n"
    assert terminal.said == ""


@pytest.mark.parametrize(
    ("answer", "message", "hint"),
    [
        (ok(b"<html>", status="404 Not Found"), "the server answered 404 Not Found", None),
        (ok(b"", status="500 "), "the server answered 500", None),
        (
            ok(b"", "Location: https://other/\x80", status="301 Moved"),
            "the server answered 301 Moved",
            "it points to https://other/Â\\x80; --max-redirects follows",
        ),
        (
            ok(b'{"error":\r\n "quota"}', "Content-Type: application/json", status="429 Slow down"),
            "the server answered 429 Slow down",
            'it says: {"error": "quota"}',
        ),
        (ok(b"", "Content-Type: text/plain", status="400 No"), "the server answered 400 No", None),
        (
            ok(b"y" * 9000, "Content-Type: text/plain", status="400 No"),
            "the server answered 400 No",
            "it says: " + "y" * 1000,
        ),
    ],
)
async def test_what_is_not_asked_for_does_not_go_where_the_body_goes(
    tmp_path: Path, answer: bytes, message: str, hint: str | None
) -> None:
    path = tmp_path / "body"
    path.write_bytes(b"before")
    terminal = FakeTerminal()
    for target in (path, None):
        with pytest.raises(CommandError) as caught:
            await fetch(answering(answer), terminal, target, max_redirects=0)
        assert caught.value.code is ExitCode.STATUS
        assert (caught.value.message, caught.value.hint) == (message, hint)
    assert path.read_bytes() == b"before"
    assert terminal.printed == b""


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", TruncatedBody),
        (b"220 mail.example ESMTP\r\n\r\n", ProtocolError),
    ],
)
async def test_half_a_body_is_no_file(tmp_path: Path, answer: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        await fetch(answering(answer), FakeTerminal(), tmp_path / "body")
    assert not any(tmp_path.iterdir())  # noqa: ASYNC240 -- in a test nothing else runs


async def test_a_file_that_cannot_be_written_is_known_before_anything_is_asked(tmp_path: Path) -> None:
    async with peers(answering(ok(b"body"))) as factory:
        options = GetOptions(ConnectionOptions(), URL, tmp_path / "missing" / "body")
        with pytest.raises(CommandError) as caught:
            await get(options, FakeTerminal(), Socket=factory)
        assert caught.value.code is ExitCode.OUTPUT
        assert factory.calls == []


async def says_nothing(peer: Peer) -> None:
    await trio.sleep_forever()


async def stops_half_way(peer: Peer) -> None:
    await peer.request()
    await peer.send(ok(b"x" * 10)[:-5])
    await trio.sleep_forever()


@pytest.mark.parametrize(
    ("script", "awaited"), [(says_nothing, "the response was"), (stops_half_way, "the body was")]
)
async def test_a_server_that_falls_silent_is_given_up(
    autojump_clock: trio.testing.MockClock, script: Script, awaited: str
) -> None:
    with pytest.raises(CommandError, match=f"nothing came for 7 s while {awaited} awaited") as caught:
        await fetch(script, FakeTerminal(), patience=7)
    assert caught.value.code is ExitCode.TOO_SLOW
    assert trio.current_time() >= 7


async def test_a_server_that_goes_on_is_never_too_slow(autojump_clock: trio.testing.MockClock) -> None:
    async def drips(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")
        for _ in range(10):
            await trio.sleep(6)
            await peer.send(b"x")

    terminal = FakeTerminal()
    assert await fetch(drips, terminal, patience=7) is ExitCode.OK
    assert terminal.printed == b"x" * 10


async def test_over_tls_the_ca_given_is_trusted(tmp_path: Path) -> None:
    authority = Authority.make()

    async def answer(stream: trio.abc.Stream) -> None:
        await stream.receive_some()
        await stream.send_all(ok(b"secret"))

    async with tls_server(authority.issue("127.0.0.1"), answer) as port:
        terminal = FakeTerminal()
        connection = ConnectionOptions(ca=authority.write(tmp_path))
        assert await get(GetOptions(connection, f"https://127.0.0.1:{port}/"), terminal) is ExitCode.OK
    assert terminal.printed == b"secret"


async def test_redirects_are_followed_and_cookies_kept(tmp_path: Path) -> None:
    answers = [ok(b"", "Location: /x", "Set-Cookie: a=1", status="302 x"), ok(b"here")]
    for path in (None, tmp_path / "body"):
        terminal = FakeTerminal()
        assert await fetch(answering(*answers), terminal, path, cookies=tmp_path / "cookies") is ExitCode.OK
        assert (terminal.printed if path is None else path.read_bytes()) == b"here"
    assert "a\t1" in (tmp_path / "cookies").read_text()


async def test_the_header_is_shown_if_so_wanted_whatever_the_status() -> None:
    for status, code in (("200 OK", ExitCode.OK), ("404 No", ExitCode.STATUS)):
        terminal = FakeTerminal()
        found = await fetch(answering(ok(b"body", "X-Own: 1", status=status)), terminal, include=True)
        assert found is code
        assert terminal.printed == f"HTTP/1.1 {status}\r\nContent-Length: 4\r\nX-Own: 1\r\n\r\nbody".encode()


@pytest.mark.parametrize(
    ("given", "method", "kind"),
    [
        ({"data": "a=b"}, "POST", "application/x-www-form-urlencoded"),
        ({"data": "a=b", "method": "PUT", "headers": (("content-type", "x/y"),)}, "PUT", "x/y"),
        ({"data": "a=b", "data_type": "application/json"}, "POST", "application/json"),
    ],
)
async def test_a_body_is_sent(given: dict[str, Any], method: str, kind: str) -> None:
    options = GetOptions(ConnectionOptions(), URL, user="me:pw", **given)
    async with peers(answering(ok(b"x"))) as factory:
        assert await get(options, FakeTerminal(), Socket=factory) is ExitCode.OK
    [seen] = factory.requests
    assert (seen.method, seen.body, seen.headers["content-type"]) == (method, b"a=b", kind)
    assert seen.headers["authorization"].startswith("Basic ")


async def test_a_body_comes_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "data"
    path.write_bytes(b"from a file")
    options = GetOptions(ConnectionOptions(), URL, data=f"@{path}")
    async with peers(answering(ok(b"x"))) as factory:
        assert await get(options, FakeTerminal(), Socket=factory) is ExitCode.OK
    assert factory.requests[0].body == b"from a file"
    for name in ("@absent", "@\0"):
        with pytest.raises(CommandError, match="cannot read the body"):
            await get(GetOptions(ConnectionOptions(), URL, data=name), FakeTerminal(), Socket=factory)


async def test_the_last_name_of_the_url_is_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert await fetch(answering(ok(b"body")), FakeTerminal(), remote_name=True) is ExitCode.OK
    assert (tmp_path / "big.bin").read_bytes() == b"body"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"resume": True}, "--continue needs a file"),
        ({"sha256": "ab" * 32}, "--sha256 needs a file"),
        ({"connections": 2}, "--connections needs a file"),
        ({"max_size": 2, "output": Path("x"), "include": True}, "--max-size needs a plain GET"),
    ],
)
async def test_what_only_a_download_can_do(given: dict[str, Any], message: str) -> None:
    with pytest.raises(CommandError, match=message):
        await get(GetOptions(ConnectionOptions(), URL, **given), FakeTerminal())


async def test_other_methods_go_to_a_file_too(tmp_path: Path) -> None:
    path = tmp_path / "body"
    assert await fetch(answering(ok(b"deleted")), FakeTerminal(), path, method="DELETE") is ExitCode.OK
    assert path.read_bytes() == b"deleted"
