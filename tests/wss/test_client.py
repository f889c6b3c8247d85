from __future__ import annotations

from typing import Any  # arguments that make no sense, on purpose

import pytest
import trio
import trio.testing

import trio_secure
from support.websocket_peer import CLOSE, Frame, Peer, Request, frame
from trio_https import InvalidURL
from trio_wss import Client, UpgradeRefused


class Server:
    """A Socket factory whose server echoes."""

    def __init__(self, nursery: trio.Nursery, *fields: str) -> None:
        self._nursery = nursery
        self._fields = fields
        self.asked: list[tuple[str, int, dict[str, object]]] = []
        self.requests: list[Request] = []
        self.closes: list[Frame] = []

    async def __call__(self, host: str, port: int, **options: object) -> trio.abc.Stream:
        self.asked.append((host, port, options))
        return self.stream()

    def stream(self) -> trio.abc.Stream:
        client_end, server_end = trio.testing.memory_stream_pair()
        self._nursery.start_soon(self._serve, Peer(server_end))
        return client_end

    async def _serve(self, peer: Peer) -> None:
        self.requests.append(await peer.accept(*self._fields))
        while (one := await peer.frame()) is not None:
            await peer.send(frame(one.opcode, one.payload))
            if one.opcode == CLOSE:
                self.closes.append(one)
                await peer.stream.aclose()
                return


async def test_the_dictionary_of_the_documentation_opens_a_websocket() -> None:
    async with trio.open_nursery() as nursery:
        server = Server(nursery, "Sec-WebSocket-Protocol: chat")
        client = Client(
            host="echo.test",
            port=8080,
            path="/chat?x=1",
            protocol="chat",
            headers=["X-One", "1"],
            Socket=server,
        )
        for _ in range(2):
            async with client as ws:
                await ws.send("hello")
                assert await ws.receive() == "hello"
                assert ws.subprotocol == "chat"
        assert server.asked == [("echo.test", 8080, {})] * 2
        request = server.requests[0]
        assert request.line == "GET /chat?x=1 HTTP/1.1"
        assert request.get_all("host") == ["echo.test:8080"]
        assert request.get_all("x-one") == ["1"]
        assert request.get_all("sec-websocket-protocol") == ["chat"]
        assert server.closes == [Frame(CLOSE, b"\x03\xe8")] * 2
        assert repr(client) == "<Client ws://echo.test:8080/chat?x=1>"


@pytest.mark.parametrize(
    ("arguments", "url"),
    [
        ({}, "ws://echo.test/"),
        ({"port": 443}, "wss://echo.test/"),
        ({"secure": {}}, "wss://echo.test/"),
        ({"Socket": trio_secure.SecureSocket}, "wss://echo.test/"),
        ({"Socket": trio_secure.SecureSocket, "port": 8443}, "wss://echo.test:8443/"),
        ({"Socket": trio_secure.Socket}, "ws://echo.test/"),
        ({"path": "/x"}, "ws://echo.test/x"),
    ],
)
def test_the_port_and_the_scheme_follow_from_the_socket(arguments: dict[str, Any], url: str) -> None:
    assert repr(Client(host="echo.test", **arguments)) == f"<Client {url}>"


async def test_secure_is_passed_on() -> None:
    async with trio.open_nursery() as nursery:
        server = Server(nursery)
        async with Client(host="echo.test", Socket=server, secure={"trace": True}, ping_interval=None) as ws:
            assert ws.close_code is None
        assert server.asked == [("echo.test", 443, {"secure": {"trace": True}})]


@pytest.mark.parametrize(
    ("protocol", "offered"),
    [((), []), ("chat", ["chat"]), ("chat, talk", ["chat, talk"]), (["chat", "talk"], ["chat, talk"])],
)
async def test_subprotocols_in_any_shape(protocol: Any, offered: list[str]) -> None:
    async with trio.open_nursery() as nursery:
        server = Server(nursery)
        async with Client(host="echo.test", Socket=server, protocol=protocol):
            pass
        assert server.requests[0].get_all("sec-websocket-protocol") == offered


@pytest.mark.parametrize("headers", [{"X": "1"}, [("X", "1")], ["X", "1"], ("X", "1")])
async def test_headers_in_any_shape(headers: Any) -> None:
    async with trio.open_nursery() as nursery:
        server = Server(nursery)
        async with Client(host="echo.test", Socket=server, headers=headers):
            pass
        assert server.requests[0].get_all("x") == ["1"]


async def test_a_socket_that_is_connected_already_can_be_adopted() -> None:
    async with trio.open_nursery() as nursery:
        server = Server(nursery)
        async with Client(host="echo.test", socket=server.stream()) as ws:
            await ws.send("hello")
            assert await ws.receive() == "hello"
        assert server.asked == []


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"host": "a b"}, InvalidURL, "a space"),
        ({"port": 0}, InvalidURL, "port"),
        ({"headers": ["X"]}, ValueError, "a value for every name, and this one has 1"),
        ({"headers": ["Upgrade", "x"]}, ValueError, "upgrade"),
        ({"protocol": "a b"}, ValueError, "subprotocol"),
        ({"max_message_size": 0}, ValueError, "max_message_size"),
        ({"socket": "x", "secure": {}}, ValueError, "connected already"),
        ({"colour": "red"}, TypeError, "colour"),
    ],
)
def test_nonsense_is_refused_at_once(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    arguments = {"host": "echo.test", **arguments}
    with pytest.raises(error, match=message):
        Client(**arguments)


async def test_what_goes_wrong_is_raised() -> None:
    client_end, server_end = trio.testing.memory_stream_pair()
    await server_end.send_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
    with pytest.raises(UpgradeRefused):
        async with Client(host="echo.test", socket=client_end):
            pass


async def test_an_exception_in_the_block_comes_through() -> None:
    async with trio.open_nursery() as nursery:
        server = Server(nursery)
        with pytest.raises(LookupError):
            async with Client(host="echo.test", Socket=server):
                raise LookupError
        assert server.closes[0] == Frame(CLOSE, b"\x03\xe9")
