from __future__ import annotations

import errno
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any  # what is refused is of any type

import pytest
import trio
import trio.testing

from support.cancellation import every_checkpoint
from support.servers import free_port
from trio_https import URL
from trio_https._dial import Dial, _with_reason  # pyright: ignore[reportPrivateUsage]
from trio_https._trace import Trace


@pytest.fixture
async def trace() -> Trace:
    return Trace("GET", URL.parse("http://h/"))


@asynccontextmanager
async def _listening(host: str = "127.0.0.1") -> AsyncGenerator[int]:
    (listener,) = await trio.open_tcp_listeners(0, host=host)
    async with listener:
        yield listener.socket.getsockname()[1]


async def test_an_address_is_connected_to(trace: Trace) -> None:
    async with _listening() as port:
        dial = Dial()
        assert not dial.changed
        async with await dial.connect("127.0.0.1", port, trace) as stream:
            assert stream.socket.getpeername() == ("127.0.0.1", port)
        assert trace.timings.resolved is not None


@pytest.mark.parametrize("given", ["127.0.0.1", ["127.0.0.1"], ("::1", "127.0.0.1")])
async def test_a_name_may_be_given_its_addresses(trace: Trace, given: Any) -> None:
    async with _listening() as port:
        for name in ("example.com", f"Example.COM:{port}"):
            dial = Dial({name: given, "example.com:1": "127.0.0.9"})
            assert dial.changed
            async with await dial.connect("example.com", port, trace) as stream:
                assert stream.socket.getpeername()[0] == "127.0.0.1"


async def test_it_can_come_from_an_address(trace: Trace) -> None:
    async with _listening() as port:
        dial = Dial(local_address="127.0.0.3")
        async with await dial.connect("127.0.0.1", port, trace) as stream:
            assert stream.socket.getsockname()[0] == "127.0.0.3"


async def test_a_unix_socket_is_for_every_host(trace: Trace, tmp_path: Path) -> None:
    path = str(tmp_path / "socket")
    listener = trio.socket.socket(trio.socket.AF_UNIX, trio.socket.SOCK_STREAM)
    with listener:
        await listener.bind(path)
        listener.listen()
        async with await Dial(unix_socket=path).connect("example.com", 443, trace) as stream:
            assert stream.socket.getpeername() == path


class _Resolver(trio.abc.HostnameResolver):
    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses

    async def getaddrinfo(self, host: Any, port: Any, *_: Any, **__: Any) -> Any:
        await trio.lowlevel.checkpoint()
        six, four = trio.socket.AF_INET6, trio.socket.AF_INET
        kind = trio.socket.SOCK_STREAM
        found: list[Any] = []
        for address in self.addresses:
            sockaddr = (address, port, 0, 0) if ":" in address else (address, port)
            found.append((six if ":" in address else four, kind, 6, "", sockaddr))
        return found

    async def getnameinfo(self, sockaddr: Any, flags: Any) -> Any:
        raise OSError


class _Network:
    """Addresses that answer after some time, or refuse, or do neither."""

    def __init__(self, delays: dict[str, float | None]) -> None:
        self.delays = delays
        self.tried: list[tuple[float, str]] = []
        self.made: list[_Stream] = []

    async def open(self, address: str, port: int, *, local_address: str | None = None) -> Any:
        self.tried.append((trio.current_time(), address))
        delay = self.delays[address]
        await trio.sleep(0.1 if delay is None else delay)
        if delay is None:
            raise OSError(f"{address} refused")
        self.made.append(_Stream(address))
        return self.made[-1]


class _Stream:
    def __init__(self, address: str) -> None:
        self.address = address
        self.closed = False

    async def aclose(self) -> None:
        self.closed = True
        await trio.lowlevel.checkpoint()


async def _connect(monkeypatch: pytest.MonkeyPatch, trace: Trace, network: _Network, *addresses: str) -> Any:
    monkeypatch.setattr(trio, "open_tcp_stream", network.open)
    trio.socket.set_custom_hostname_resolver(_Resolver(*addresses))
    return await Dial().connect("name", 80, trace)


class _NoName(_Resolver):
    async def getaddrinfo(self, host: Any, port: Any, *_: Any, **__: Any) -> Any:
        raise trio.socket.gaierror(trio.socket.EAI_NONAME, "Name or service not known")


async def test_a_name_without_an_address_is_named(trace: Trace) -> None:
    trio.socket.set_custom_hostname_resolver(_NoName())
    with pytest.raises(
        trio.socket.gaierror, match=r"host name\.test was not found \(Name or .*network"
    ) as caught:
        await Dial().connect("name.test", 80, trace)
    assert caught.value.errno == trio.socket.EAI_NONAME
    assert isinstance(caught.value.__cause__, trio.socket.gaierror)


async def test_families_take_turns_and_the_first_to_answer_wins(
    monkeypatch: pytest.MonkeyPatch, trace: Trace, autojump_clock: trio.testing.MockClock
) -> None:
    network = _Network({"::1": 60, "::2": 60, "1.1.1.1": 0.1})
    stream = await _connect(monkeypatch, trace, network, "::1", "::1", "::2", "1.1.1.1")
    assert stream.address == "1.1.1.1"
    assert network.tried == [(0, "::1"), (0.25, "1.1.1.1")]


async def test_an_address_that_refuses_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, trace: Trace, autojump_clock: trio.testing.MockClock
) -> None:
    network = _Network({"1.1.1.1": None, "1.1.1.2": None, "::1": 0})
    stream = await _connect(monkeypatch, trace, network, "1.1.1.1", "1.1.1.2", "::1")
    assert stream.address == "::1"
    assert trio.current_time() == 0.1


async def test_if_none_answers_it_says_so(
    monkeypatch: pytest.MonkeyPatch, trace: Trace, autojump_clock: trio.testing.MockClock
) -> None:
    network = _Network({"1.1.1.1": None, "1.1.1.2": None})
    with pytest.raises(
        OSError, match=r"none of the 2 addresses of name could be connected to: 1.1.1.2 refused"
    ):
        await _connect(monkeypatch, trace, network, "1.1.1.1", "1.1.1.2")


async def test_why_nothing_could_be_connected_to_is_said(trace: Trace) -> None:
    with pytest.raises(
        ConnectionRefusedError, match=r"127\.0\.0\.1:\d+ failed: Connection refused. Does the server"
    ):
        await Dial().connect("127.0.0.1", free_port(), trace)


@pytest.mark.parametrize(
    ("numbers", "says"),
    [
        ([errno.EHOSTUNREACH], "[Errno 113] all failed: No route to host"),
        ([errno.EHOSTUNREACH, errno.ECONNREFUSED], "all failed: No route to host; Connection refused"),
        ([], "all failed"),
    ],
)
def test_the_reason_is_that_of_each_attempt(numbers: list[int], says: str) -> None:
    failed = OSError("all failed")
    if numbers:
        failed.__cause__ = ExceptionGroup("", [OSError(number, "") for number in numbers])
    assert str(_with_reason(failed)) == says


async def test_if_all_refuse_it_is_a_refusal(
    monkeypatch: pytest.MonkeyPatch, trace: Trace, autojump_clock: trio.testing.MockClock
) -> None:
    async def refuse(address: str, port: int, **_: object) -> trio.SocketStream:
        raise ConnectionRefusedError(errno.ECONNREFUSED, f"{address} refused")

    monkeypatch.setattr(trio, "open_tcp_stream", refuse)
    trio.socket.set_custom_hostname_resolver(_Resolver("1.1.1.1", "1.1.1.2"))
    with pytest.raises(ConnectionRefusedError, match=r"could be connected to: 1\.1\.1\.2 refused$"):
        await Dial().connect("name", 80, trace)


async def test_of_two_that_answer_at_once_one_is_closed(
    monkeypatch: pytest.MonkeyPatch, trace: Trace, autojump_clock: trio.testing.MockClock
) -> None:
    network = _Network({"1.1.1.1": 0.5, "1.1.1.2": 0.25})
    stream = await _connect(monkeypatch, trace, network, "1.1.1.1", "1.1.1.2")
    assert [made.closed for made in network.made if made is not stream] in ([], [True])


async def test_cancelled_at_any_checkpoint_nothing_stays_open(
    monkeypatch: pytest.MonkeyPatch, trace: Trace, autojump_clock: trio.testing.MockClock
) -> None:
    for cancelling in every_checkpoint():
        network = _Network({"1.1.1.1": 0.4, "1.1.1.2": 0.15})
        stream = await cancelling.run(_connect, monkeypatch, trace, network, "1.1.1.1", "1.1.1.2")
        assert all(made.closed for made in network.made if made is not stream)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"resolve": {1: "127.0.0.1"}}, TypeError, "a mapping from 'host'"),
        ({"resolve": {"h": "localhost"}}, ValueError, r"resolve\['h'\] must be an IP address"),
        ({"resolve": {"h": []}}, TypeError, "an address or a sequence of them"),
        ({"resolve": {"h": b"1"}}, TypeError, "an address or a sequence of them"),
        ({"resolve": {"h": [1]}}, TypeError, "must be an IP address, not 1"),
        ({"local_address": "here"}, ValueError, "local_address must be an IP address"),
        ({"unix_socket": "/x", "local_address": "127.0.0.1"}, ValueError, "a Unix socket has no addresses"),
    ],
)
def test_options_that_make_no_sense(options: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Dial(**options)
