"""WebSocket servers of others, each in a process of its own.

Theory of operation: they are small programs on their libraries (`websocket_programs`) that all do the same. They
choose the subprotocol "chat" if it is offered, send messages back, and print the client's close code; and each of
these messages has them do something else, where the library can:

    ping me         ping the client; when it has answered, send "you answered"
    in fragments    send "Grüße" in three frames
    go away         close with 4000, "enough"
"""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib.util import find_spec
from pathlib import Path

from support.authority import Leaf
from support.servers import RunningServer, nginx_with, program, serve, unavailable

SERVERS = ("websockets", "hypercorn", "aiohttp", "ws", "nginx")
_FOLDER = Path(__file__).with_name("websocket_programs")
_ADDRESS = "127.0.0.1"
# Where Debian puts packages for Node.
_NODE_PATH = os.pathsep.join(["/usr/share/nodejs", os.environ.get("NODE_PATH", "")])


@asynccontextmanager
async def websocket_server(name: str, leaf: Leaf, folder: Path) -> AsyncGenerator[RunningServer]:
    """One of `SERVERS`, with TLS. nginx stands before the server of `websockets`, which prints."""
    if name == "nginx":
        async with _python("websockets", folder, []) as behind, _proxy(behind, leaf, folder) as proxy:
            yield RunningServer("websockets behind nginx", proxy.port, behind.log, behind.process)
        return
    files = [str(path) for path in leaf.write(folder)]
    if name == "ws":
        starting = _node(folder, files)
    elif name == "hypercorn":
        starting = _hypercorn(folder, files)
    else:
        starting = _python(name, folder, files)
    async with starting as server:
        yield server


@asynccontextmanager
async def _python(name: str, folder: Path, files: Sequence[str]) -> AsyncGenerator[RunningServer]:
    if find_spec(name) is None:
        unavailable(f"{name} is not installed")
    script = str(_FOLDER / f"{name}_server.py")

    def command(port: int) -> list[str]:
        return [sys.executable, "-P", script, str(port), *files]

    async with serve(name, command, folder, ready="listening") as server:
        yield server


@asynccontextmanager
async def _hypercorn(folder: Path, files: Sequence[str]) -> AsyncGenerator[RunningServer]:
    application = f"{_FOLDER / 'asgi_application.py'}:application"

    def command(port: int) -> list[str]:
        runner = [sys.executable, "-P", "-m", "hypercorn", "--worker-class", "trio", "--workers", "0"]
        secure = ["--bind", f"{_ADDRESS}:{port}", "--certfile", files[0], "--keyfile", files[1]]
        limits = folder / "hypercorn.toml"
        limits.write_text(f"websocket_max_message_size = {64 << 20}\n")
        return [*runner, "--config", str(limits), *secure, application]

    async with serve("hypercorn", command, folder, ready="Running on") as server:
        yield server


@asynccontextmanager
async def _node(folder: Path, files: Sequence[str]) -> AsyncGenerator[RunningServer]:
    executable = program("node")
    paths = [Path(path) / "ws" for path in _NODE_PATH.split(os.pathsep) if path]
    if not any(path.is_dir() for path in paths):
        unavailable("ws for Node is not installed: neither Debian's node-ws nor what NODE_PATH names")

    def command(port: int) -> list[str]:
        return [executable, str(_FOLDER / "ws_server.js"), str(port), *files]

    environment = {"NODE_PATH": _NODE_PATH}
    async with serve("ws", command, folder, ready="listening", environment=environment) as server:
        yield server


def _proxy(behind: RunningServer, leaf: Leaf, folder: Path) -> AbstractAsyncContextManager[RunningServer]:
    return nginx_with(
        f"""location / {{
      proxy_pass http://{_ADDRESS}:{behind.port};
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection "upgrade";
      proxy_set_header Host $host;
    }}""",
        leaf,
        folder,
    )
