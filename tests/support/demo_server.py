"""The demonstration's server, in the test's own event loop."""

from __future__ import annotations

import io
import json
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import trio

from trio_secure_cli import _demo_server
from trio_secure_cli._demo_process import DemoServer


class _Announcement(io.StringIO):
    """A text file that tells when something was written to it and flushed."""

    def __init__(self) -> None:
        super().__init__()
        self.made = trio.Event()

    def flush(self) -> None:
        super().flush()
        if self.getvalue():
            self.made.set()


@asynccontextmanager
async def demo_server() -> AsyncGenerator[DemoServer]:
    """The server for the block; it ends because its input does."""
    reader, writer = os.pipe()
    output = _Announcement()
    try:
        with trio.fail_after(10):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_demo_server.serve, reader, output)
                await output.made.wait()
                ready = json.loads(output.getvalue())
                try:
                    yield DemoServer(ready["port"], ready["authority"].encode())
                finally:
                    os.write(writer, b"this is not the end")
                    os.close(writer)
    finally:
        os.close(reader)
