"""Downloads from servers that other people wrote, cut off on the way and gone on with."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from support import proxies, servers
from support.authority import Authority
from support.http_server import http_server
from trio_https import Client, Retries, TruncatedBody
from trio_secure import SecureSocket

CONTENT = bytes(range(251)) * 17_000


class Cut(trio.abc.Stream):
    """A stream that breaks after so many bytes."""

    def __init__(self, stream: trio.abc.Stream, left: int) -> None:
        self._stream = stream
        self._left = left

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        if self._left <= 0:
            raise trio.BrokenResourceError("cut")
        data = (await self._stream.receive_some(max_bytes))[: self._left]
        self._left -= len(data)
        return data

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await self._stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        await self._stream.wait_send_all_might_not_block()

    async def aclose(self) -> None:
        await self._stream.aclose()


@asynccontextmanager
async def serving(server: str, authority: Authority, folder: Path) -> AsyncGenerator[str]:
    """A server of `page`, which holds `CONTENT`; gives its URL."""
    leaf = authority.issue("localhost")
    if server == "apache":
        async with proxies.apache(leaf, pages={"page": CONTENT}) as running:
            yield f"{running.url}/page"
    elif server == "python":
        with http_server({"/page": CONTENT}, tls=(leaf, folder)) as local:
            yield f"https://localhost:{local.port}/page"
    else:
        files = folder / "files"
        files.mkdir()
        (files / "page").write_bytes(CONTENT)
        start = servers.nginx(files, leaf, folder, "1.3")
        if server == "lighttpd":
            start = servers.lighttpd("openssl", files, leaf, folder, "1.3")
        async with start as running:
            yield f"{running.url}/page"


@pytest.mark.parametrize("server", ["nginx", "apache", "lighttpd", "python"])
async def test_a_download_that_is_cut_off_is_gone_on_with(
    server: str, authority: Authority, tmp_path: Path
) -> None:
    cuts = iter([100_000, 1_000_000, 700_000])
    secure = {"certificate": authority.certificate_der}
    path = tmp_path / "got"

    async def connect(host: str, port: int, *, secure: object) -> trio.abc.Stream:
        return Cut(await SecureSocket(host, port, secure={**secure_options}), next(cuts, 1 << 30))

    secure_options = secure
    async with serving(server, authority, tmp_path) as url, Client(connect, secure) as client:
        with pytest.raises(TruncatedBody):
            await client.download(url, path)
        done = await client.download(url, path, retries=Retries(backoff=0))
        assert path.read_bytes() == CONTENT
        # Python's own server knows no ranges, and nothing that proves that it sends the same again.
        assert (done.resumed_from > 0) is (server != "python")
        again = await client.download(url, path, connections=3, sha256=done.sha256)
        assert again.size == len(CONTENT)
