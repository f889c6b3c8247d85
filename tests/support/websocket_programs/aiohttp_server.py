"""The server of aiohttp: `aiohttp_server.py PORT [CERTIFICATE KEY]`. See `websocket_servers`."""

from __future__ import annotations

import asyncio
import ssl
import sys

from aiohttp import WSMsgType, web


async def _talk(request: web.Request) -> web.WebSocketResponse:
    socket = web.WebSocketResponse(protocols=["chat"], max_msg_size=0, autoping=False)
    await socket.prepare(request)
    async for message in socket:
        if message.type is WSMsgType.PING:
            await socket.pong(message.data)
        elif message.type is WSMsgType.PONG:
            await socket.send_str("you answered")
        elif message.type is WSMsgType.BINARY:
            await socket.send_bytes(message.data)
        elif message.data == "ping me":
            await socket.ping(b"are you there?")
        elif message.data == "go away":
            await socket.close(code=4000, message=b"enough")
        else:
            await socket.send_str(message.data)
    print("closed with", socket.close_code, flush=True)  # noqa: T201
    return socket


async def main(port: str, *files: str) -> None:
    """Serve on 127.0.0.1 for ever."""
    context = None
    if files:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*files)
    application = web.Application()
    application.router.add_get("/{path:.*}", _talk)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", int(port), ssl_context=context).start()
    print("listening", flush=True)  # noqa: T201
    await asyncio.Event().wait()


asyncio.run(main(*sys.argv[1:]))
