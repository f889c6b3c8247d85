"""The other end of the WebSocket benchmark: `websocket_server.py CERTIFICATE KEY`, an echo that costs little.

Theory of operation: picows, a server in C, sends each message back as the kind it was. It listens on two ports
of 127.0.0.1, the second with TLS, offers no compression, prints both ports when it listens, and ends when its
standard input does.
"""

from __future__ import annotations

import asyncio
import ssl
import sys

from picows import (
    WSCloseCode,
    WSFrame,
    WSListener,
    WSMsgType,
    WSTransport,
    WSUpgradeRequest,
    ws_create_server,  # pyright: ignore[reportUnknownVariableType]  # vague about what it passes on
)

_MAX_FRAME_BYTES = 16 << 20


class _Echo(WSListener):
    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type is WSMsgType.CLOSE:
            transport.send_close(frame.get_close_code() or WSCloseCode.OK)
            transport.disconnect()
        else:
            transport.send(frame.msg_type, frame.get_payload_as_bytes(), frame.fin)


def _listener(_request: WSUpgradeRequest) -> WSListener:
    return _Echo()


async def _serve(context: ssl.SSLContext) -> None:
    ports: list[int] = []
    for secure in (None, context):
        server = await ws_create_server(
            _listener, "127.0.0.1", 0, ssl=secure, max_frame_size=_MAX_FRAME_BYTES, enable_auto_pong=True
        )
        await server.start_serving()
        ports.append(server.sockets[0].getsockname()[1])
    print(*ports, flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


def main(certificate: str, key: str) -> None:
    """Serve until standard input ends."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    asyncio.run(_serve(context))


if __name__ == "__main__":
    main(*sys.argv[1:])
