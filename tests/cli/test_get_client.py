from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import trio.testing

from support.http_peers import always, answering, ok, peers
from trio_https import BasicAuth, DigestAuth, InvalidURL
from trio_https._auth import Asked
from trio_secure_cli import ExitCode
from trio_secure_cli._failure import CommandError
from trio_secure_cli._get_client import asking, credentials
from trio_secure_cli._get_options import GetOptions
from trio_secure_cli._options import ConnectionOptions

URL = "http://h.example/"


def options(**given: Any) -> GetOptions:
    return GetOptions(ConnectionOptions(), given.pop("url", URL), **given)


async def basic(auth: object) -> str | None:
    assert isinstance(auth, BasicAuth)
    return await auth.up_front(Asked("https://h", "h", secure=True, method="GET", target="/"))


async def test_credentials_of_the_line_or_the_url() -> None:
    assert credentials(options()) == (URL, None)
    expected = await BasicAuth("me", "p:w").up_front(
        Asked("https://h", "h", secure=True, method="GET", target="/")
    )
    url, auth = credentials(options(user="me:p:w"))
    assert (url, await basic(auth)) == (URL, expected)
    url, auth = credentials(options(url="http://me:p%3Aw@h.example/"))
    assert (url, await basic(auth)) == (URL, expected)
    assert isinstance(credentials(options(user="me:pw", digest=True))[1], DigestAuth)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"url": "http://a:b@h/", "user": "c:d"}, "which ones"),
        ({"digest": True}, "needs --user"),
        ({"user": "\x01:pw"}, "control character"),
    ],
)
def test_credentials_that_are_no_good(given: dict[str, Any], message: str) -> None:
    with pytest.raises(CommandError, match=message):
        credentials(options(**given))
    with pytest.raises(InvalidURL):
        credentials(options(url="http://%01:b@h/"))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"proxy": "ftp://x"}, "--proxy names no proxy"),
        ({"proxy": "socks4://x"}, "--proxy names no proxy"),
        ({"netrc": Path("/absent/netrc")}, "cannot read passwords: /absent/netrc: No such file"),
        ({"cookies": Path("/")}, "cannot read cookies: /: Is a directory"),
    ],
)
async def test_what_is_wrong_with_an_option_is_said(given: dict[str, Any], message: str) -> None:
    with pytest.raises(CommandError, match=message) as caught:
        async with asking(options(**given), {}):
            raise AssertionError("there is no client")
    assert caught.value.code is ExitCode.USAGE


@pytest.mark.parametrize(
    ("proxy", "environment", "expected"),
    [
        (None, {}, "no proxy"),
        (None, {"https_proxy": "http://e:1"}, "<EnvironmentProxies"),
        ("none", {"https_proxy": "http://e:1"}, "no proxy"),
        ("p:1", {}, "<HTTPProxy http://p:1>"),
        ("https://p", {}, "<HTTPProxy https://p:443>"),
        ("SOCKS5://p", {}, "<SOCKSProxy socks5://p:1080>"),
    ],
)
async def test_the_proxy(
    proxy: str | None, environment: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from trio_https import Client

    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    sockets: list[object] = []
    real = Client.__init__

    def spy(self: Client, Socket: Any = None, *args: Any, **kwargs: Any) -> None:  # noqa: N803
        sockets.append(Socket)
        real(self, Socket, *args, **kwargs)

    monkeypatch.setattr(Client, "__init__", spy)
    async with asking(options(proxy=proxy), {}):
        pass
    shown = "no proxy" if proxy == "none" else repr(sockets[0])
    assert shown.startswith(expected) or (expected == "no proxy" and not environment)


async def test_netrc_and_retries_and_redirects(
    tmp_path: Path, autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine h.example login u password p\n")
    netrc.chmod(0o600)
    answers = [ok(b"", status="503 No"), ok(b"", "Location: /x", status="302 x"), ok(b"here")]
    async with peers(answering(*answers)) as factory:
        async with asking(options(netrc=netrc, retries=1), {}, Socket=factory) as client:
            assert (await client.get(URL)).text == "here"
        async with asking(options(netrc=True, max_redirects=0), {}, Socket=factory) as client:
            pass
    # The password is for https: alone.
    assert "authorization" not in factory.requests[0].headers


async def test_cookies_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "cookies"
    async with peers(always(ok(b"", "Set-Cookie: a=1"))) as factory:
        for _ in range(2):
            async with asking(options(cookies=path), {}, Socket=factory) as client:
                await client.get(URL)
    assert "cookie" not in factory.requests[0].headers
    assert factory.requests[1].headers["cookie"] == "a=1"
    path.write_text("nonsense")
    with pytest.raises(CommandError, match="line 1: 1 fields"):
        async with asking(options(cookies=path), {}, Socket=factory):
            raise AssertionError("there is no client")


async def test_cookies_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"cannot write cookies: .*No such file") as caught:
        async with asking(options(cookies=tmp_path / "absent" / "cookies"), {}):
            pass
    assert caught.value.code is ExitCode.OUTPUT
