"""docs/websocket.md keeps its promises: its code names what exists, and its echo client echoes."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any  # what executed code leaves behind

import trio

from support.websocket_peer import BINARY, TEXT, Frame, Peer, close_frame, frame
from trio_wss._open import OpenOptions

_GUIDE = (Path(__file__).resolve().parents[1] / "docs" / "websocket.md").read_text()
_BLOCKS = re.findall(r"^```python\n(.*?)^```$", _GUIDE, re.MULTILINE | re.DOTALL)


def test_its_code_imports_public_names() -> None:
    for code in _BLOCKS:
        for node in ast.walk(ast.parse(code)):
            if isinstance(node, ast.ImportFrom) and node.module in {"trio_wss", "trio_https"}:
                public = importlib.import_module(node.module).__all__
                assert {alias.name for alias in node.names} <= set(public)


def test_it_lists_every_option() -> None:
    listed = set(re.findall(r"`(\w+)`", "\n".join(re.findall(r"^\| (`.*?) \|", _GUIDE, re.MULTILINE))))
    assert set(OpenOptions.__annotations__) <= listed


async def test_its_echo_client_echoes() -> None:
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    names: dict[str, Any] = {}
    exec(_BLOCKS[0], names)  # noqa: S102  # the code is ours
    echo: Callable[[str], Awaitable[None]] = names["echo"]

    async def serve() -> None:
        peer = Peer(await listener.accept())
        await peer.accept()
        for opcode, payload in ((TEXT, b"hello"), (BINARY, bytes(70_000))):
            await peer.send(frame(opcode, payload))
            assert await peer.frame() == Frame(opcode, payload)
        await peer.send(close_frame(1000))
        await peer.stream.aclose()

    async with listener, trio.open_nursery() as nursery:
        nursery.start_soon(serve)
        await echo(f"ws://127.0.0.1:{listener.socket.getsockname()[1]}/")
