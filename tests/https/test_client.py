from __future__ import annotations

import tracemalloc
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
import trio
import trio.testing
from trio.testing import lockstep_stream_pair

from support.cancellation import every_checkpoint
from support.http_peers import Peer, Peers, always, answering, chunked, ok, peers
from trio_https import (
    URL,
    Client,
    ConnectionLost,
    Deadlines,
    DownloadError,
    HTTPProxy,
    InsecureConnection,
    InvalidRequest,
    InvalidURL,
    Limits,
    ProtocolError,
    ResponseTooLarge,
    Retries,
    TooSlow,
)

MIB = 1024 * 1024


async def test_get_gives_the_whole_page() -> None:
    async with peers(always(ok('{"ü": 1}'.encode(), "Content-Type: application/json"))) as server:
        async with Client(server) as client:
            page = await client.get("http://example.com:81/a?b#c", headers={"X": "y"})
            assert page.status == 200
            assert page.headers["content-type"] == "application/json"
            assert page.content == b'{"\xc3\xbc": 1}'
            assert page.text == '{"ü": 1}'
            assert page.json() == {"ü": 1}
        assert server.calls == [("example.com", 81, {})]
        seen = server.requests[0]
        assert (seen.method, seen.target) == ("GET", "/a?b")
        assert seen.headers["host"] == "example.com:81"
        assert seen.headers["x"] == "y"
        assert server.open == 0


async def test_methods_with_names_of_their_own() -> None:
    async with (
        peers(always(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")) as server,
        Client(server) as client,
    ):
        assert (await client.head(URL.parse("http://h/"))).content == b""
        await client.post("http://h/", b"body")
        await client.post("http://h/")
        await client.request("PURGE", "http://h/", body="text")
        assert [(seen.method, seen.body) for seen in server.requests] == [
            ("HEAD", b""),
            ("POST", b"body"),
            ("POST", b""),
            ("PURGE", b"text"),
        ]
        assert len(server.streams) == 1


async def test_streams_both_ways() -> None:
    async def source() -> AsyncGenerator[bytes]:
        for letter in b"abc":
            yield bytes([letter])

    async with peers(answering(chunked(b"one", b"two"))) as server, Client(server) as client:
        async with client.stream("PUT", "http://h/", headers=[("X", "y")], body=source()) as response:
            assert response.status == 200
            assert b"".join([chunk async for chunk in response]) == b"onetwo"
        assert server.requests[0].body == b"abc"
        assert server.requests[0].headers["x"] == "y"


async def test_a_request_that_is_made_again_is_another_for_each_method_and_url() -> None:
    targets = [f"/{number}" for number in range(100)]
    async with peers(always(ok(b"hello"))) as server, Client(server) as client:
        for target in (*targets, *targets[-2:], *targets[-2:], *targets[:2]):
            for method in ("GET", "HEAD"):
                await client.request(method, f"http://h{target}")
        seen = [f"{one.method} {one.target}" for one in server.requests]
        asked = (*targets, *targets[-2:], *targets[-2:], *targets[:2])
        assert seen == [f"{method} {target}" for target in asked for method in ("GET", "HEAD")]
        assert str((await client.get(URL.parse("http://h/0"))).url) == "http://h/0"


async def test_headers_of_the_client_go_with_every_request() -> None:
    async with (
        peers(always(ok())) as server,
        Client(server, headers={"User-Agent": "mine", "A": "b"}) as client,
    ):
        await client.get("http://h/")
        await client.get("http://h/", headers={"a": "c"})
        assert [(seen.headers["user-agent"], seen.headers["a"]) for seen in server.requests] == [
            ("mine", "b"),
            ("mine", "c"),
        ]
    with pytest.raises(TypeError, match="a header value must be str or bytes"):
        Client(headers={"A": 1})  # type: ignore[arg-type]  # the error is the test


@pytest.mark.parametrize("secure", [{"verify": False}, {}])
async def test_secure_is_handed_on_if_it_was_given(secure: dict[str, object]) -> None:
    async with peers(always(ok())) as server:
        for scheme in ("http", "https"):
            async with Client(server, secure) as client:
                await client.get(f"{scheme}://h/")
        assert server.calls == [("h", 80, {"secure": secure}), ("h", 443, {"secure": secure})]


async def test_schemes_hosts_and_ports_do_not_share_connections() -> None:
    urls = ["http://h/", "https://h:80/", "http://h:81/", "http://g/", "http://h:80/x", "http://H/"]
    async with peers(always(ok())) as server, Client(server) as client:
        for url in urls:
            await client.get(url)
        assert len(server.streams) == 4


@pytest.mark.parametrize(
    ("method", "url", "error"),
    [
        ("GET", "example.com", InvalidURL),
        ("GET", "wss://example.com", InvalidURL),
        ("G T", "http://h/", InvalidRequest),
        ("GET", None, TypeError),
        ("GET", ["http://h/"], TypeError),
        (["GET"], "http://h/", TypeError),
        ("CONNECT", "http://h/", InvalidRequest),
    ],
)
async def test_nonsense_is_refused_before_anything_is_connected(
    method: str, url: str, error: type[Exception]
) -> None:
    async with peers(always(ok())) as server, Client(server) as client:
        with pytest.raises(error):
            await client.request(method, url)
        assert server.calls == []


async def test_errors_of_the_socket_come_as_they_are() -> None:
    class CertificateRefused(trio.BrokenResourceError):
        pass

    for error in (OSError("refused"), CertificateRefused("expired"), ValueError("unknown key")):

        async def fail(host: str, port: int, error: Exception = error) -> trio.abc.Stream:
            raise error

        async with Client(fail) as client:
            with pytest.raises(type(error)) as caught:
                await client.get("https://h/")
            assert caught.value is error


async def test_a_connection_that_takes_too_long_is_given_up(autojump_clock: trio.testing.MockClock) -> None:
    async def never(host: str, port: int) -> trio.abc.Stream:
        await trio.sleep_forever()
        raise AssertionError

    async with Client(never) as client:
        with pytest.raises(
            TooSlow, match=r"http://h was not connected within 30 s\. A longer Deadlines.connect"
        ):
            await client.get("http://h/")
        assert trio.current_time() == 30
    async with Client(never, deadlines=Deadlines(connect=None)) as client:
        with trio.move_on_after(100_000) as scope:
            await client.get("http://h/")
        assert scope.cancelled_caught


async def test_a_silent_server_is_given_up(autojump_clock: trio.testing.MockClock) -> None:
    async def silent(peer: Peer) -> None:
        await trio.sleep_forever()

    async with peers(silent) as server, Client(server, deadlines=Deadlines(idle=7)) as client:
        with pytest.raises(TooSlow, match="http://h sent nothing for 7 s"):
            await client.get("http://h/")
        assert trio.current_time() == 7
        assert server.open == 0


async def test_bare_tcp_is_refused_for_https() -> None:
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    streams: list[trio.SocketStream] = []

    async def tcp(host: str, port: int) -> trio.SocketStream:
        streams.append(await trio.testing.open_stream_to_socket_listener(listeners[0]))
        return streams[0]

    async with listeners[0], Client(tcp) as client:
        with pytest.raises(InsecureConnection, match="https://h: the Socket factory returned bare TCP"):
            await client.get("https://h/")
    assert streams[0].socket.fileno() == -1


async def test_the_body_of_get_is_capped() -> None:
    async with peers(always(ok(b"x" * 1000))) as server, Client(server, limits=Limits(body=999)) as client:
        with pytest.raises(ResponseTooLarge, match="1000 bytes long, and at most 999 bytes are accepted"):
            await client.get("http://h/")
        assert (await client.get("http://h/", max_body=1000)).content == b"x" * 1000
        with pytest.raises(ResponseTooLarge, match="at most 0 bytes"):
            await client.post("http://h/", max_body=0)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"", ConnectionLost),
        (b"SSH-2.0-OpenSSH_9.2\r\n", ConnectionLost),
        (b"\x15\x03\x03\x00\x02\x02\x46", ProtocolError),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 300 + b"\r\n", ResponseTooLarge),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000, ResponseTooLarge),
    ],
)
async def test_servers_that_do_not_answer_properly(answer: bytes, error: type[Exception]) -> None:
    async with peers(answering(answer)) as server, Client(server) as client:
        with pytest.raises(error):
            await client.get("http://h/")
        assert server.open == 0


async def test_leaving_the_client_ends_what_still_runs() -> None:
    async with peers(answering(b"HTTP/1.1 200 OK\r\n\r\nx")) as server:
        waiting = trio.Event()

        async def read(client: Client) -> None:
            async with client.stream("GET", "http://h/") as response:
                assert await anext(response) == b"x"
                waiting.set()
                with pytest.raises(trio.ClosedResourceError):
                    await anext(response)

        async def patient(peer: Peer) -> None:
            await peer.request()
            await peer.send(b"HTTP/1.1 200 OK\r\n\r\nx")
            await trio.sleep_forever()

        server.script = patient
        async with trio.open_nursery() as nursery, Client(server) as client:
            nursery.start_soon(read, client)
            await waiting.wait()
        assert server.open == 0
        with pytest.raises(trio.ClosedResourceError, match="the client is closed"):
            await client.get("http://h/")


async def test_one_task_may_have_several_responses_open() -> None:
    async with (
        peers(answering(ok(b"hello"))) as server,
        Client(server) as client,
        client.stream("GET", "http://h/") as one,
        client.stream("GET", "http://h/") as other,
    ):
        assert await anext(one) == await anext(other) == b"hello"


async def test_a_slow_reader_stops_the_server() -> None:
    sent = 0

    async def endless(peer: Peer) -> None:
        nonlocal sent
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            await peer.send(bytes(1000))
            sent += 1000

    async with trio.open_nursery() as nursery:
        server = Peers(nursery, endless, pair=lockstep_stream_pair)
        async with Client(server) as client, client.stream("GET", "http://h/") as response:
            await trio.testing.wait_all_tasks_blocked()
            assert sent == 0
            received = 0
            for _ in range(10):
                received += len(await anext(response))
                await trio.testing.wait_all_tasks_blocked()
                assert sent <= received
        nursery.cancel_scope.cancel()


async def test_a_slow_reader_stops_a_server_over_tcp_and_memory_stays_flat() -> None:
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    total = 64 * MIB
    sent = 0

    async def serve(stream: trio.SocketStream) -> None:
        nonlocal sent
        block = bytes(MIB)
        await stream.receive_some()
        await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % total)
        while sent < total:
            await stream.send_all(block)
            sent += MIB

    async def tcp(host: str, port: int) -> trio.abc.Stream:
        return await trio.testing.open_stream_to_socket_listener(listeners[0])

    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, serve, listeners)
        async with Client(tcp) as client, client.stream("GET", "http://h/") as response:
            await trio.testing.wait_all_tasks_blocked(0.01)
            # What the kernel's buffers hold, and not more.
            assert sent < 16 * MIB
            tracemalloc.start()
            try:
                received = len(await anext(response))
                async for chunk in response:
                    received += len(chunk)
                _, peak = tracemalloc.get_traced_memory()
            finally:
                tracemalloc.stop()
            assert received == total
            assert peak < 2 * MIB
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("deliver", [30, None])
async def test_cancelled_at_any_checkpoint_a_client_holds_nothing(
    deliver: int | None, autojump_clock: trio.testing.MockClock
) -> None:
    async def source() -> AsyncGenerator[bytes]:
        yield b"a" * 100_000
        yield b"b"

    async def use(client: Client) -> bool:
        await client.get("http://h/")
        async with client.stream("PUT", "http://h/", body=source()) as response:
            async for _ in response:
                pass
        async with client.stream("GET", "http://g/"):
            pass
        return True

    rounds = 0
    for cancelling in every_checkpoint():
        rounds += 1
        async with peers(always(chunked(b"he", b"llo")), most=deliver) as server:
            async with Client(server, limits=Limits(connections=1)) as client:
                assert await cancelling.run(use, client) or cancelling.cancelled
                assert server.open <= 1
                with trio.fail_after(5):
                    assert (await client.get("http://h/")).content == b"hello"
            assert server.open == 0
    assert rounds > 30


async def test_a_client_cancelled_while_it_is_left_closes_everything() -> None:
    async with peers(always(ok())) as server:
        with trio.CancelScope() as scope:
            async with Client(server) as client:
                await client.get("http://a/")
                await client.get("http://b/")
                scope.cancel()
        assert server.open == 0


async def test_a_download_goes_to_a_file(tmp_path: Path) -> None:
    async with peers(always(ok(b"body"))) as factory, Client(factory) as client:
        done = await client.download(
            "http://h.example/", tmp_path / "file", headers={"X-Own": "1"}, params={"q": "1"}
        )
        assert (done.size, done.path.read_bytes()) == (4, b"body")
        assert factory.requests[0].headers["x-own"] == "1"
        assert factory.requests[0].target.endswith("?q=1")
        with pytest.raises(ValueError, match="at least 1"):
            await client.download("http://h.example/", tmp_path / "file", connections=0)
        with pytest.raises(ValueError, match="SHA-256"):
            await client.download("http://h.example/", tmp_path / "file", sha256="x")


async def test_a_proxy_in_place_of_a_socket_is_what_the_default_runs_over() -> None:
    async with (
        peers(always(ok(b"by proxy"))) as factory,
        Client(HTTPProxy("http://proxy.example:3128", Socket=factory)) as client,
    ):
        assert (await client.get("http://h.example/")).text == "by proxy"
    assert factory.requests[0].target == "http://h.example/"


async def test_what_a_request_may_be_given(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"content")
    async with peers(always(ok())) as server, Client(server, headers={"X": "client"}) as client:
        await client.get("http://h/a?b", params={"c": "d e"})
        await client.post("http://h/", json={"a": 1})
        await client.put("http://h/", data={"a": "b c"}, headers={"Content-Type": "own/type"})
        await client.patch("http://h/", files={"f": path})
        await client.delete("http://h/", body=path)
        await client.options("http://h/", headers={"X": "request"})
        await client.put("http://h/", b"put")
        await client.patch("http://h/", "patch")
        targets = [(seen.method, seen.target, seen.body) for seen in server.requests]
        assert targets[0] == ("GET", "/a?b&c=d+e", b"")
        assert targets[1] == ("POST", "/", b'{"a":1}')
        assert server.requests[1].headers["content-type"] == "application/json"
        assert targets[2] == ("PUT", "/", b"a=b+c")
        assert server.requests[2].headers["content-type"] == "own/type"
        assert b'name="f"; filename="file"' in targets[3][2]
        assert server.requests[3].headers["content-length"] == str(len(targets[3][2]))
        assert targets[4] == ("DELETE", "/", b"content")
        assert [seen.headers["x"] for seen in server.requests[4:6]] == ["client", "request"]
        assert [target[2] for target in targets[6:]] == [b"put", b"patch"]


async def test_a_body_may_wait_for_the_servers_word(autojump_clock: trio.testing.MockClock) -> None:
    async with peers(always(ok())) as server, Client(server) as client:
        await client.post("http://h/", b"x", expect=True, deadlines=Deadlines(expect=7))
        assert server.requests[0].headers["expect"] == "100-continue"
        assert trio.current_time() == 7


async def test_a_hook_is_told_of_every_request() -> None:
    told: list[str] = []
    async with (
        peers(always(ok())) as server,
        Client(server, on_event=lambda event: told.append(event.phase)) as client,
    ):
        await client.get("http://h/")
    assert told == ["slot", "secured", "sent", "response", "done"]


async def test_a_name_can_be_given_its_address() -> None:
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")

    async def serve(stream: trio.SocketStream) -> None:
        async with stream:
            await stream.receive_some()
            await stream.send_all(ok(b"hello"))

    port = listener.socket.getsockname()[1]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, serve, [listener])
        async with Client(resolve={"example.com": "127.0.0.1"}, local_address="127.0.0.2") as client:
            page = await client.get(f"http://example.com:{port}/")
            assert page.content == b"hello"
            assert page.timings.resolved is not None
            assert page.timings.connected is not None
            assert page.tls is None
        nursery.cancel_scope.cancel()


async def test_a_download_is_tried_as_often_as_the_policy_says(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    async with (
        peers(always(ok(b"", status="503 Busy"))) as factory,
        Client(factory, retries=Retries(attempts=3)) as client,
    ):
        with pytest.raises(DownloadError, match="503"):
            await client.download("http://h.example/", tmp_path / "file")
    assert len(factory.requests) == 3
