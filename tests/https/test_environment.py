from __future__ import annotations

import pytest
import trio
from trio.testing import memory_stream_pair

from trio_https import URL, InvalidURL
from trio_https._environment import EnvironmentProxies


def chosen(url: str, **environment: str) -> str | None:
    proxy = EnvironmentProxies(environment).chosen(URL.parse(url, schemes=("http", "https", "ws", "wss")))
    return None if proxy is None else proxy.name


@pytest.mark.parametrize(
    ("environment", "http", "https"),
    [
        ({}, None, None),
        ({"http_proxy": "http://a:1", "https_proxy": "http://b:2"}, "http://a:1", "http://b:2"),
        ({"HTTP_PROXY": "http://a:1", "HTTPS_PROXY": "https://b"}, "http://a:1", "https://b:443"),
        ({"http_proxy": "a:1", "HTTP_PROXY": "b:1"}, "http://a:1", None),
        ({"http_proxy": "", "HTTP_PROXY": "b:1", "ALL_PROXY": "c:1"}, None, "http://c:1"),
        ({"all_proxy": "socks5://s", "https_proxy": " "}, "socks5://s:1080", None),
        ({"ALL_PROXY": "socks5h://u:p@s:1"}, "socks5h://s:1", "socks5h://s:1"),
        ({"HTTP_PROXY": "evil:1", "REQUEST_METHOD": "GET", "HTTPS_PROXY": "b:1"}, None, "http://b:1"),
        ({"http_proxy": "a:1", "REQUEST_METHOD": "GET"}, "http://a:1", None),
    ],
)
def test_which_proxy(environment: dict[str, str], http: str | None, https: str | None) -> None:
    assert chosen("http://h.example/", **environment) == http
    assert chosen("ws://h.example/", **environment) == http
    assert chosen("https://h.example/", **environment) == https
    assert chosen("wss://h.example/", **environment) == https


@pytest.mark.parametrize(
    ("no_proxy", "urls"),
    [
        ("*", ["https://h.example/", "https://10.0.0.1/"]),
        ("h.example", ["https://h.example/", "https://x.h.example/", "https://h.example:444/"]),
        (".H.example.", ["https://h.example/", "https://x.h.example/"]),
        ("*.h.example", ["https://x.h.example/"]),
        ("other, h.example:8443  third", ["https://h.example:8443/", "https://x.third/"]),
        ("10.0.0.1", ["https://10.0.0.1/"]),
        ("10.0.0.0/8 192.168.1.7/24", ["https://10.200.0.1/", "https://192.168.1.99/"]),
        ("10.0.0.1:8443", ["https://10.0.0.1:8443/"]),
        ("fd00::/8,[fe80::1]:8443,::2", ["https://[fd00::7]/", "https://[fe80::1]:8443/", "https://[::2]/"]),
        ("", ["https://localhost/", "https://x.localhost/", "https://127.9.9.9/", "https://[::1]:1/"]),
    ],
)
def test_what_is_reached_straight(no_proxy: str, urls: list[str]) -> None:
    for url in urls:
        assert chosen(url, https_proxy="a:1", NO_PROXY=no_proxy) is None, url
        assert chosen(url, https_proxy="a:1", no_proxy=no_proxy, NO_PROXY="x") is None, url


@pytest.mark.parametrize(
    ("no_proxy", "url"),
    [
        ("h.example", "https://badh.example/"),
        ("h.example:8443", "https://h.example/"),
        ("10.0.0.0/33", "https://10.0.0.1/"),
        ("10.0.0.1:8443", "https://10.0.0.1/"),
        ("1:2:3", "https://h.example/"),
        (":443", "https://h.example/"),
        ("example", "https://1.2.3.4/"),
        ("", "https://h.example/"),
    ],
)
def test_what_is_not(no_proxy: str, url: str) -> None:
    assert chosen(url, https_proxy="a:1", no_proxy=no_proxy) == "http://a:1"


@pytest.mark.parametrize("value", ["ftp://a", "http://u:secret@", "socks4://a", "http://a/secret"])
def test_a_variable_that_names_no_proxy_is_named(value: str) -> None:
    with pytest.raises(InvalidURL, match="environment variable HTTPS_PROXY"):
        EnvironmentProxies({"HTTPS_PROXY": value})
    with pytest.raises(InvalidURL, match="environment variable all_proxy"):
        EnvironmentProxies({"all_proxy": value})


async def test_it_is_a_socket_factory() -> None:
    calls: list[tuple[str, int]] = []

    async def connect(host: str, port: int) -> trio.abc.Stream:
        await trio.lowlevel.checkpoint()
        calls.append((host, port))
        near, far = memory_stream_pair()
        await far.send_all(b"HTTP/1.1 200 OK\r\n\r\n")
        return near

    factory = EnvironmentProxies({"https_proxy": "a:1", "no_proxy": "near.example"}, Socket=connect)
    await factory("h.example", 443)
    await factory("near.example", 443)
    assert calls == [("a", 1), ("near.example", 443)]
    assert repr(factory) == "<EnvironmentProxies of the environment>"


def test_the_process_has_an_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://a:1")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    proxy = EnvironmentProxies().chosen(URL.parse("https://h.example/"))
    assert proxy is not None
    assert proxy.name == "http://a:1"
