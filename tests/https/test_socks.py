from __future__ import annotations

from typing import Any

import pytest
import trio
from trio.testing import memory_stream_pair

from support.cancellation import every_checkpoint
from support.http_peers import Peer, Script, peers
from trio_https import InvalidURL, ProxyRefused
from trio_https._socks import SOCKSProxy

PROXY = "socks5://proxy.example:1080"
V4 = b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x50"


async def exactly(peer: Peer, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = await peer.stream.receive_some(size - len(data))
        if not piece:
            raise trio.BrokenResourceError("the client is gone")
        data += piece
    return data


def socks(
    *steps: tuple[bytes, bytes],
) -> Script:
    """A proxy that expects exactly these bytes and gives these answers, in turn."""

    async def script(peer: Peer) -> None:
        for expected, answer in steps:
            assert await exactly(peer, len(expected)) == expected
            await peer.send(answer)
        await peer.stream.receive_some()

    return script


OPEN = (b"\x05\x01\x00", b"\x05\x00")
TO_NAME = b"\x05\x01\x00\x03\x09h.example\x01\xbb"


@pytest.mark.parametrize("most", [None, 1])
@pytest.mark.parametrize(
    ("host", "request_bytes"),
    [
        ("h.example", TO_NAME),
        ("10.0.0.1", b"\x05\x01\x00\x01\x0a\x00\x00\x01\x01\xbb"),
        ("::1", b"\x05\x01\x00\x04" + bytes(15) + b"\x01\x01\xbb"),
    ],
)
@pytest.mark.parametrize(
    "reply",
    [
        V4,
        b"\x05\x00\x00\x04" + bytes(18),
        b"\x05\x00\x00\x03\x03abc\x00\x50",
        b"\x05\x00\x00\x03\x00\x00\x50",
    ],
)
async def test_a_connection(most: int | None, host: str, request_bytes: bytes, reply: bytes) -> None:
    async with peers(socks(OPEN, (request_bytes, reply + b"welcome")), most) as factory:
        stream = await SOCKSProxy(PROXY, Socket=factory)(host, 443)
        assert stream is factory.streams[0]
        assert (await stream.receive_some()).startswith(b"w")
    assert factory.calls == [("proxy.example", 1080, {})]


@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("socks5://u:p@proxy.example", {}),
        ("socks5h://proxy.example", {"user": "u", "password": "p"}),
        ("socks5h://other:x@proxy.example", {"user": "u", "password": "p"}),
    ],
)
async def test_user_and_password(url: str, options: dict[str, Any]) -> None:
    login = (b"\x05\x02\x00\x02", b"\x05\x02"), (b"\x01\x01u\x01p", b"\x01\x00"), (TO_NAME, V4)
    async with peers(socks(*login)) as factory:
        await SOCKSProxy(url, Socket=factory, **options)("h.example", 443)


async def test_a_proxy_that_does_not_ask_is_not_told() -> None:
    async with peers(socks((b"\x05\x02\x00\x02", b"\x05\x00"), (TO_NAME, V4))) as factory:
        await SOCKSProxy("socks5://u:p@proxy.example", Socket=factory)("h.example", 443)


REFUSED = {
    1: "it failed",
    2: "rules forbid",
    3: "no way to that network",
    4: "no way to that host",
    5: "nothing listens there",
    6: "too long",
    7: "does not make connections",
    8: "kind of address",
}


@pytest.mark.parametrize(("code", "message"), REFUSED.items())
async def test_it_says_why_it_does_not_connect(code: int, message: str) -> None:
    reply = b"\x05" + bytes([code]) + b"\x00\x01" + bytes(6)
    async with peers(socks(OPEN, (TO_NAME, reply))) as factory:
        with pytest.raises(ProxyRefused, match=f"did not connect to h.example:443: .*{message}"):
            await SOCKSProxy(PROXY, Socket=factory)("h.example", 443)
        assert factory.open == 0


@pytest.mark.parametrize(
    ("steps", "url", "message"),
    [
        ([(OPEN[0], b"\x05\xff")], PROXY, "takes nobody without credentials"),
        ([(OPEN[0], b"\x05\x02")], PROXY, "takes nobody without credentials"),
        ([(b"\x05\x02\x00\x02", b"\x05\xff")], "socks5://u:p@h", "without other credentials"),
        (
            [(b"\x05\x02\x00\x02", b"\x05\x02"), (b"\x01\x01u\x01p", b"\x01\x01")],
            "socks5://u:p@h",
            "does not accept the user",
        ),
        ([(OPEN[0], b"\x04\x00")], PROXY, "does not answer as a SOCKS5 proxy"),
        ([(OPEN[0], b"\x05\x77")], PROXY, "does not answer as a SOCKS5 proxy"),
        ([(OPEN[0], b"H")], PROXY, "does not answer as a SOCKS5 proxy"),
        ([OPEN, (TO_NAME, b"\x04\x00\x00\x01\x00")], PROXY, "does not answer as a SOCKS5 proxy"),
        ([OPEN, (TO_NAME, b"\x05\x09\x00\x01\x00")], PROXY, "does not answer as a SOCKS5 proxy"),
        ([OPEN, (TO_NAME, b"\x05\x00\x00\x02\x00")], PROXY, "does not answer as a SOCKS5 proxy"),
    ],
)
async def test_what_goes_wrong(steps: list[tuple[bytes, bytes]], url: str, message: str) -> None:
    async with peers(socks(*steps)) as factory:
        with pytest.raises(ProxyRefused, match=message):
            await SOCKSProxy(url, Socket=factory)("h.example", 443)
        assert factory.open == 0


async def test_a_proxy_that_is_gone() -> None:
    async def silent(peer: Peer) -> None:
        await exactly(peer, 3)
        await peer.send(b"\x05")

    async def broken(host: str, port: int) -> trio.abc.Stream:
        await trio.lowlevel.checkpoint()
        near, far = memory_stream_pair()
        await far.aclose()
        return near

    async with peers(silent) as factory:
        with pytest.raises(ProxyRefused, match="closed the connection"):
            await SOCKSProxy(PROXY, Socket=factory)("h.example", 443)
        assert factory.open == 0
    with pytest.raises(ProxyRefused, match="broke before it answered"):
        await SOCKSProxy(PROXY, Socket=broken)("h.example", 443)


@pytest.mark.parametrize(
    "url", ["http://proxy.example", "socks4://proxy.example", "socks5://proxy.example/x"]
)
def test_what_is_no_proxy(url: str) -> None:
    with pytest.raises(InvalidURL):
        SOCKSProxy(url)


@pytest.mark.parametrize("options", [{"user": "u" * 256, "password": "p"}, {"user": "u"}])
def test_credentials_that_socks_cannot_carry(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="255 bytes"):
        SOCKSProxy(PROXY, **options)


def test_it_says_what_it_is_and_no_more() -> None:
    assert repr(SOCKSProxy("socks5h://u:secret@[::1]")) == "<SOCKSProxy socks5h://[::1]:1080>"
    with pytest.raises(InvalidURL):
        SOCKSProxy(PROXY)("h\x00", 443)


async def test_cancelled_at_any_checkpoint_nothing_stays_open() -> None:
    for cancelling in every_checkpoint():
        async with peers(socks(OPEN, (TO_NAME, V4))) as factory:

            async def use() -> None:
                stream = await SOCKSProxy(PROXY, Socket=factory)("h.example", 443)
                await stream.aclose()

            await cancelling.run(use)
            assert factory.open == 0
