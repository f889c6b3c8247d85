from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

import pytest
import trio
import trio.testing

from support.http_peers import Peer, always, answering, ok, peers
from trio_https import (
    URL,
    Client,
    ConnectionLost,
    Deadlines,
    InvalidURL,
    ProtocolError,
    ProxyRefused,
    TooSlow,
)
from trio_https._headers import Headers
from trio_https._outgoing import Outgoing
from trio_https._response import ResponseHead
from trio_https._retries import Retries, Retrying, is_transient, retry_after
from trio_secure import AlertReceived, Truncated

PAGE = "http://h.example/"
BUSY = ok(b"busy", status="503 Busy")


def policy(**options: Any) -> Retries:
    given: dict[str, Any] = {"chance": lambda: 0.0, **options}
    return Retries(**given)


async def statuses(script: Any, request: Outgoing, retries: Retries) -> tuple[int, int, float]:
    """The last status, the number of requests the server saw, and the seconds it took."""
    deadlines = Deadlines(keep_alive=None)
    async with peers(script) as factory, Client(factory, deadlines=deadlines) as client:
        start = trio.current_time()
        async with Retrying(client._transport, retries)(request) as response:
            return response.status, len(factory.requests), trio.current_time() - start


async def test_it_tries_again_and_waits_longer_each_time(autojump_clock: trio.testing.MockClock) -> None:
    found = await statuses(answering(BUSY, BUSY, ok()), Outgoing.of("GET", PAGE), policy())
    assert found == (200, 3, 1.5)


async def test_the_last_response_is_the_answer(autojump_clock: trio.testing.MockClock) -> None:
    assert await statuses(always(BUSY), Outgoing.of("GET", PAGE), policy(attempts=2)) == (503, 2, 0.5)
    assert await statuses(always(BUSY), Outgoing.of("GET", PAGE), policy(attempts=1)) == (503, 1, 0)


async def test_what_is_no_failure_is_the_answer(autojump_clock: trio.testing.MockClock) -> None:
    for status in ("200 OK", "404 No", "500 Oh"):
        found = await statuses(always(ok(b"", status=status)), Outgoing.of("GET", PAGE), policy())
        assert found == (int(status[:3]), 1, 0)


async def test_what_may_not_happen_twice_does_not(autojump_clock: trio.testing.MockClock) -> None:
    async def body() -> AsyncGenerator[bytes]:
        yield b"x"

    assert await statuses(always(BUSY), Outgoing.of("POST", PAGE, body=b"x"), policy()) == (503, 1, 0)
    assert await statuses(always(BUSY), Outgoing.of("PUT", PAGE, body=b"x"), policy()) == (503, 3, 1.5)
    assert await statuses(always(BUSY), Outgoing.of("PUT", PAGE, body=body()), policy()) == (503, 1, 0)
    told = policy(any_method=True)
    assert await statuses(always(BUSY), Outgoing.of("POST", PAGE, body=b"x"), told) == (503, 3, 1.5)
    assert await statuses(always(BUSY), Outgoing.of("POST", PAGE, body=body()), told) == (503, 1, 0)


async def test_a_connection_that_broke_is_made_again(autojump_clock: trio.testing.MockClock) -> None:
    async def broken_first(peer: Peer) -> None:
        await peer.request()
        if peer.number == 2:
            await peer.send(ok())

    found = await statuses(broken_first, Outgoing.of("GET", PAGE), policy())
    assert found[::2] == (200, 1.5)


async def test_the_last_error_is_raised(autojump_clock: trio.testing.MockClock) -> None:
    async def refused(host: str, port: int) -> trio.abc.Stream:
        await trio.lowlevel.checkpoint()
        attempts.append(host)
        raise ConnectionRefusedError("no")

    attempts: list[str] = []
    async with Client(refused) as client:
        with pytest.raises(ConnectionRefusedError):
            async with Retrying(client._transport, policy())(Outgoing.of("GET", PAGE)):
                raise AssertionError("there is no response")
    assert len(attempts) == 3


async def test_what_will_not_be_over_is_raised_at_once() -> None:
    async with peers(always(b"220 mail\r\n\r\n")) as factory, Client(factory) as client:
        with pytest.raises(ProtocolError):
            async with Retrying(client._transport, policy())(Outgoing.of("GET", PAGE)):
                raise AssertionError("there is no response")
    assert len(factory.streams) == 1


async def test_what_goes_wrong_in_the_callers_block_is_the_callers() -> None:
    async with peers(always(ok(b"x"))) as factory, Client(factory) as client:
        with pytest.raises(OSError, match="mine"):
            async with Retrying(client._transport, policy())(Outgoing.of("GET", PAGE)):
                raise OSError("mine")
    assert len(factory.requests) == 1


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("120", (200, 2, 0)),
        (" 5 ", (200, 2, 5)),
        ("30", (200, 2, 30)),
        ("31", (503, 1, 0)),
        ("9" * 5000, (503, 1, 0)),
        ("Sun, 06 Nov 1994 08:49:37 GMT", (200, 2, 7)),
        ("Sun, 06 Nov 1994 08:49:00 GMT", (200, 2, 0)),
        ("Sun, 06 Nov 1995 08:49:37 GMT", (503, 1, 0)),
        ("soon", (200, 2, 0.5)),
        ("-1", (200, 2, 0.5)),
    ],
)
async def test_a_server_says_when(
    value: str, found: tuple[int, int, float], autojump_clock: trio.testing.MockClock
) -> None:
    if value == "120":
        retries, found = policy(longest=120), (200, 2, 120)
    else:
        retries = policy(clock=lambda: 784111770.0)
    answer = ok(b"", f"Retry-After: {value}", status="429 Slow down")
    expected = (429, *found[1:]) if found[0] == 503 else found
    assert await statuses(answering(answer, ok()), Outgoing.of("GET", PAGE), retries) == expected


def test_without_a_word_there_is_nothing_to_wait_for() -> None:
    head = ResponseHead(
        url=URL.parse(PAGE), method="GET", status=503, reason="", http_version="1.1", headers=Headers([])
    )
    assert retry_after(head, 0.0) is None


def test_waits_have_chance_in_them_and_an_end() -> None:
    assert Retries(chance=lambda: 1.0).delay(1) == 0.25
    assert Retries(chance=lambda: 0.0).delay(3) == 2.0
    assert Retries(chance=lambda: 0.0).delay(10_000) == 30.0
    assert 15 <= Retries().delay(50) <= 30


@pytest.mark.parametrize("options", [{"attempts": 0}, {"backoff": -1}, {"longest": float("nan")}])
def test_numbers_make_sense(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="Retries"):
        Retries(**options)


def caused(error: Exception, cause: Exception) -> Exception:
    """The error, with a cause."""
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "transient"),
    [
        (OSError(), True),
        (ConnectionLost(), True),
        (TooSlow(), True),
        (trio.BrokenResourceError(), True),
        (Truncated("cut"), True),
        (AlertReceived(40), False),
        (ProtocolError(), False),
        (InvalidURL(), False),
        (ProxyRefused("no", 403), False),
        (caused(ProxyRefused("no"), OSError()), True),
        (caused(ProxyRefused("no"), trio.BrokenResourceError()), True),
        (trio.ClosedResourceError(), False),
    ],
)
def test_what_may_be_over_a_moment_later(error: Exception, transient: bool) -> None:
    assert is_transient(error) is transient
