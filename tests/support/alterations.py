"""Small ways to spoil bytes, for scripted servers."""

from __future__ import annotations

from support.scripted_script import Act, Alteration, Extensions, ExtensionsAlteration
from support.scripted_wire import ServerWire
from trio_secure._codec import vector16

#: Where the block of extensions begins in a ServerHello that echoes a session id of 32 bytes, and without one.
BLOCK_13, BLOCK_12 = 70, 38


def overwrite(at: int, data: bytes) -> Alteration:
    """`data` in the place of what stands at `at`, which may be negative."""

    def alteration(body: bytes) -> bytes:
        start = at % len(body)
        return body[:start] + data + body[start + len(data) :]

    return alteration


def flip(at: int) -> Alteration:
    """One bit of the byte at `at`, turned over."""

    def alteration(body: bytes) -> bytes:
        return overwrite(at, bytes([body[at] ^ 1]))(body)

    return alteration


def become(data: bytes) -> Alteration:
    """`data` and nothing else."""
    return lambda body: data


def append(data: bytes) -> Alteration:
    """`data` at the end."""
    return lambda body: body + data


def shorten(count: int) -> Alteration:
    """`count` bytes less."""
    return lambda body: body[:-count]


def twice(code: int, data: bytes, block: int) -> Alteration:
    """The extension added two times to the block whose length stands at `block`."""
    entry = code.to_bytes(2, "big") + vector16(data)
    return lambda body: body[:block] + vector16(body[block + 2 :] + entry + entry)


def have(code: int, data: bytes) -> ExtensionsAlteration:
    """An extension added, or its data replaced."""
    return lambda extensions: {**extensions, code: data}


def lack(code: int) -> ExtensionsAlteration:
    """An extension left out."""

    def alteration(extensions: Extensions) -> Extensions:
        return {key: data for key, data in extensions.items() if key != code}

    return alteration


def message(message_type: int, body: bytes = b"") -> Act:
    """A message out of the script."""

    async def act(server: ServerWire) -> None:
        server.send_message(message_type, body)

    return act


def record(content_type: int, content: bytes) -> Act:
    """A record out of the script, under the key in use."""

    async def act(server: ServerWire) -> None:
        server.send_record(content_type, content)

    return act


def plain(content_type: int, content: bytes) -> Act:
    """A record out of the script, without protection."""

    async def act(server: ServerWire) -> None:
        server.send_plain(content_type, content)

    return act


def alert(description: int, level: int = 2, *, times: int = 1) -> Act:
    """An alert, or the same one over and over."""

    async def act(server: ServerWire) -> None:
        for _ in range(times):
            server.send_alert(description, level)

    return act


def raw(data: bytes) -> Act:
    """Bytes that need not be records."""

    async def act(server: ServerWire) -> None:
        server.send_bytes(data)

    return act


def several(*acts: Act) -> Act:
    """One thing after another."""

    async def act(server: ServerWire) -> None:
        for each in acts:
            await each(server)

    return act


async def end(server: ServerWire) -> None:
    """The end of what the server sends."""
    await server.flush()
    await server.end()
