"""HTTPS clients, each used the way its own documentation advises, doing a known amount of work.

Theory of operation: `CLIENTS[name](url, authority, workload, amount)` runs in a process of its own and returns
the CPU seconds of that process, all threads included, from when the client exists and one request has been made.
What is imported is imported where it is used, so that no client pays for another.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path
from typing import Any  # the peers' own types stay in their own branch

REQUESTS, CONCURRENT, DOWNLOAD, UPLOAD = "requests", "requests at a time", "download", "upload"
_TASKS = 10
_MIB = 1 << 20
_BLOCK = bytes(64 << 10)

Client = Callable[[str, str, str, int], float]
"""URL of the server, path of the CA's certificate in PEM, workload, amount; CPU seconds."""


class _Uses:
    """What a workload asks of a client: four calls, however the client spells them."""

    get: Callable[[str], Awaitable[int]]
    """Get a small page, and return its length."""
    download: Callable[[str], Awaitable[int]]
    """Stream a large file without keeping it, and return its length."""
    upload: Callable[[str, int], Awaitable[int]]
    """Stream so many blocks of 64 KiB, and return the status."""
    together: Callable[[Callable[[], Awaitable[None]]], Awaitable[None]]
    """Run a function in `_TASKS` tasks at once."""


async def _blocks(count: int) -> AsyncGenerator[bytes]:
    for _ in range(count):
        yield _BLOCK


def _length(count: int) -> dict[str, str]:
    return {"Content-Length": str(count * len(_BLOCK))}


async def _work(uses: _Uses, url: str, workload: str, amount: int) -> float:
    async def gets() -> None:
        for _ in range(amount // (_TASKS if workload == CONCURRENT else 1)):
            if await uses.get(f"{url}/small") != 1024:
                raise RuntimeError("not the page")

    if workload == UPLOAD:
        await uses.upload(f"{url}/{len(_BLOCK)}", 1)
    elif await uses.get(f"{url}/small") != 1024:
        raise RuntimeError("not the page")
    begin = time.process_time()
    if workload == REQUESTS:
        await gets()
    elif workload == CONCURRENT:
        await uses.together(gets)
    elif workload == DOWNLOAD:
        received = 0
        while received < amount * _MIB:
            received += await uses.download(f"{url}/large")
    elif await uses.upload(f"{url}/{amount * _MIB}", amount * _MIB // len(_BLOCK)) >= 300:
        raise RuntimeError("not taken")
    return time.process_time() - begin


async def _in_trio(work: Callable[[], Awaitable[None]]) -> None:
    import trio

    async with trio.open_nursery() as nursery:
        for _ in range(_TASKS):
            nursery.start_soon(work)


def _trio_https(url: str, authority: str, workload: str, amount: int) -> float:
    import trio

    from trio_https import Client

    async def main() -> float:
        certificate = Path(authority).with_suffix(".der").read_bytes()
        async with Client(secure={"certificate": certificate}) as client:
            uses = _Uses()

            async def get(url: str) -> int:
                return len((await client.get(url)).content)

            async def download(url: str) -> int:
                size = 0
                async with client.stream("GET", url) as response:
                    async for chunk in response:
                        size += len(chunk)
                return size

            async def upload(url: str, count: int) -> int:
                return (await client.request("POST", url, body=_blocks(count), headers=_length(count))).status

            uses.get, uses.download, uses.upload, uses.together = get, download, upload, _in_trio
            return await _work(uses, url, workload, amount)

    return trio.run(main)


def _httpx(module: str) -> Client:
    def run(url: str, authority: str, workload: str, amount: int) -> float:
        import importlib
        import ssl

        import trio

        httpx: Any = importlib.import_module(module)

        async def main() -> float:
            context = ssl.create_default_context(cafile=authority)
            async with httpx.AsyncClient(verify=context, trust_env=False) as client:
                uses = _Uses()

                async def get(url: str) -> int:
                    return len((await client.get(url)).content)

                async def download(url: str) -> int:
                    size = 0
                    async with client.stream("GET", url) as response:
                        async for chunk in response.aiter_bytes():
                            size += len(chunk)
                    return size

                async def upload(url: str, count: int) -> int:
                    response = await client.post(url, content=_blocks(count), headers=_length(count))
                    return int(response.status_code)

                uses.get, uses.download, uses.upload, uses.together = get, download, upload, _in_trio
                return await _work(uses, url, workload, amount)

        return trio.run(main)

    return run


def _aiohttp(url: str, authority: str, workload: str, amount: int) -> float:
    import asyncio
    import importlib
    import ssl

    aiohttp: Any = importlib.import_module("aiohttp")

    async def main() -> float:
        context = ssl.create_default_context(cafile=authority)
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as session:
            uses = _Uses()

            async def get(url: str) -> int:
                async with session.get(url) as response:
                    return len(await response.read())

            async def download(url: str) -> int:
                size = 0
                async with session.get(url) as response:
                    async for chunk in response.content.iter_any():
                        size += len(chunk)
                return size

            async def upload(url: str, count: int) -> int:
                async with session.post(url, data=_blocks(count), headers=_length(count)) as response:
                    return int(response.status)

            async def together(work: Callable[[], Awaitable[None]]) -> None:
                async with asyncio.TaskGroup() as group:
                    for _ in range(_TASKS):
                        group.create_task(work())  # type: ignore[arg-type]  # it is a coroutine

            uses.get, uses.download, uses.upload, uses.together = get, download, upload, together
            return await _work(uses, url, workload, amount)

    return asyncio.run(main())


OURS = "trio_https"
CLIENTS: dict[str, Client] = {
    OURS: _trio_https,
    "httpx": _httpx("httpx"),
    "httpx2": _httpx("httpx2"),
    "aiohttp": _aiohttp,
}
