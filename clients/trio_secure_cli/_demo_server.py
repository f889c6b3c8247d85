"""The server of the demonstration, as a process of its own: Hypercorn on its Trio worker.

Theory of operation: the process makes a certificate authority and a certificate for localhost, starts
Hypercorn on a port of 127.0.0.1, prints one line of JSON that says where it listens and whom to trust,
and serves until its standard input ends. So it never outlives the program that started it: when that dies,
its end of the pipe closes. It is a process of its own so that client and server do not share one
interpreter's time.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import TextIO, cast

import hypercorn.trio
import trio
from hypercorn.config import Config
from hypercorn.typing import (
    ASGIReceiveCallable,
    ASGISendCallable,
    HTTPResponseBodyEvent,
    HTTPResponseStartEvent,
    LifespanShutdownCompleteEvent,
    LifespanStartupCompleteEvent,
    Scope,
    WebsocketAcceptEvent,
    WebsocketSendEvent,
)

from ._demo_certificate import issue, make_authority
from ._demo_content import SIZE, pieces

HOST = "localhost"
ADDRESS = "127.0.0.1"


async def application(scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
    """The ASGI application: the large file under every path, an echo for every WebSocket."""
    if scope["type"] == "lifespan":
        await _live(receive, send)
    elif scope["type"] == "websocket":
        await _echo(receive, send)
    else:
        await _large_file(send)


async def _live(receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
    await receive()
    await send(LifespanStartupCompleteEvent(type="lifespan.startup.complete"))
    await receive()
    await send(LifespanShutdownCompleteEvent(type="lifespan.shutdown.complete"))


async def _echo(receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
    await receive()
    await send(WebsocketAcceptEvent(type="websocket.accept", subprotocol=None, headers=[]))
    while (event := await receive())["type"] == "websocket.receive":
        await send(WebsocketSendEvent(type="websocket.send", bytes=event["bytes"], text=event["text"]))


async def _large_file(send: ASGISendCallable) -> None:
    headers = [(b"content-type", b"application/octet-stream"), (b"content-length", str(SIZE).encode())]
    await send(HTTPResponseStartEvent(type="http.response.start", status=200, headers=headers))
    for piece in pieces(SIZE):
        await send(HTTPResponseBodyEvent(type="http.response.body", body=piece, more_body=True))
    await send(HTTPResponseBodyEvent(type="http.response.body", body=b"", more_body=False))


async def serve(descriptor: int, output: TextIO, port: int = 0) -> None:
    """Serve until the file `descriptor` ends; say on `output`, in one line of JSON, where and under which CA."""
    authority = make_authority()
    with tempfile.TemporaryDirectory() as folder:
        certificate, key = issue(authority, HOST, ADDRESS, Path(folder))
        config = Config()
        config.bind = [f"{ADDRESS}:{port}"]
        config.certfile, config.keyfile = str(certificate), str(key)
        config.errorlog = None
        config.graceful_timeout = 0.1
        async with trio.open_nursery() as nursery:
            # Its type is vague about WSGI, which is not used.
            serve_asgi = cast(
                "Callable[..., Awaitable[None]]",
                hypercorn.trio.serve,  # pyright: ignore[reportUnknownMemberType]
            )
            start = partial(
                serve_asgi, application, config, shutdown_trigger=partial(_end_of_input, descriptor)
            )
            binds: list[str] = await nursery.start(start)
            ready = {
                "port": int(binds[0].rpartition(":")[2]),
                "authority": authority.cert_pem.bytes().decode(),
            }
            output.write(json.dumps(ready) + "\n")
            output.flush()


async def _end_of_input(descriptor: int) -> None:
    while await trio.to_thread.run_sync(os.read, descriptor, 1024, abandon_on_cancel=True):
        pass


def main(port: int = 0) -> None:
    """Serve until this process's standard input ends, on a free port if it is 0.

    If it cannot listen there, it says so on its standard output instead, in one line of JSON.
    """
    failed: BaseException | None = None
    try:
        trio.run(serve, sys.stdin.fileno(), sys.stdout, port)
    except* OSError as errors:
        failed = errors
        while isinstance(failed, BaseExceptionGroup):
            failed = cast("BaseExceptionGroup[BaseException]", failed).exceptions[0]
    if failed is not None:
        reason = cast("OSError", failed).strerror or str(failed)
        sys.stdout.write(json.dumps({"refused": f"port {port}: {reason}"}) + "\n")
        sys.exit(1)
