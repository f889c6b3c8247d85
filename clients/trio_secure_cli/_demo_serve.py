"""`trio-secure demo --serve`: the server of the demonstration alone, for who wants to try things against it.

Theory of operation: the server is the demonstration's own, in its own process. Its certificate authority is made
anew each time, so it is written to a file, which every command takes as `--ca`.
"""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import trio

from ._demo_process import running_server, server_command
from ._demo_server import HOST
from ._exit_codes import ExitCode
from ._failure import CommandError
from ._terminal import Terminal


async def serve_until_stopped(port: int, authority: Path, terminal: Terminal) -> NoReturn:
    """Serve until this is cancelled, or interrupted.

    Args:
        port: where to listen on 127.0.0.1.
        authority: the file to write the server's CA to, in PEM.
        terminal: is told when the server listens.

    Raises:
        CommandError: the server does not start, or the file cannot be written.
    """
    async with running_server(server_command(port)) as server:
        try:
            await trio.Path(authority).write_bytes(server.authority)
        except OSError as error:
            raise CommandError(
                f"cannot write {authority}: {error.strerror}",
                "start it in a folder that can be written to",
                code=ExitCode.OUTPUT,
            ) from error
        terminal.print(f"https://{HOST}:{server.port}/ and wss://{HOST}:{server.port}/ are served.")
        terminal.print(f"Their CA is in {authority}, for --ca. Ctrl-C ends it.")
        await trio.sleep_forever()
