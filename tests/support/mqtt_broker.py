"""mosquitto, an MQTT broker, on TLS and on secure WebSockets.

Theory of operation: both listeners want a client certificate by the authority given, and everything the broker
receives and sends is in its log. Version 2.0 does not start with a WebSocket listener alone.
"""

from __future__ import annotations

import getpass
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from support.authority import Authority
from support.servers import RunningServer, free_port, program, serve


@asynccontextmanager
async def mosquitto(authority: Authority, folder: Path) -> AsyncGenerator[tuple[RunningServer, int]]:
    """The broker, whose port is for MQTT over TLS, and the port for MQTT over WSS."""
    certificate, key = authority.issue("localhost").write(folder, "broker")
    ca = authority.write(folder)
    executable = program("mosquitto")
    secured = f"""cafile {ca}
certfile {certificate}
keyfile {key}
require_certificate true
use_identity_as_username true
"""
    websockets = free_port()

    def command(port: int) -> list[str]:
        configuration = folder / "mosquitto.conf"
        # Started by root it would give up its rights, and then not find its files.
        configuration.write_text(
            f"""user {getpass.getuser()}
log_dest stderr
log_type all
allow_anonymous true
listener {port} 127.0.0.1
{secured}
listener {websockets} 127.0.0.1
protocol websockets
{secured}
"""
        )
        return [executable, "-c", str(configuration)]

    async with serve("mosquitto", command, folder, ready=" running\n") as server:
        yield server, websockets
