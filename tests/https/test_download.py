from __future__ import annotations

import gzip
import hashlib
import json
import sys
from pathlib import Path

import pytest
import trio
import trio.testing

from support.cancellation import every_checkpoint
from support.downloads import (
    KEPT,
    LARGE,
    OLD,
    SMALL,
    TINY,
    URL,
    Told,
    beside,
    content,
    fetch,
    old_file,
    restore,
)
from support.http_peers import Peer, Seen, always, ok, peers
from support.range_server import RangeServer
from support.tls_server import tcp_server
from trio_https import (
    Client,
    DigestMismatch,
    DownloadBusy,
    Downloaded,
    DownloadError,
    InvalidRequest,
    Retries,
    TruncatedBody,
)
from trio_https._download import parse_sha256


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file that is there already."""
    return old_file(tmp_path)


async def test_a_download(path: Path) -> None:
    path.chmod(0o640)  # noqa: ASYNC240 -- in a test nothing else runs
    server = RangeServer(SMALL, digest=True)
    told = Told()
    done = await fetch(server, path, progress=told)
    assert content(path) == SMALL
    assert path.stat().st_mode & 0o777 == 0o640  # noqa: ASYNC240
    assert (done.path, done.size, done.resumed_from) == (path, len(SMALL), 0)
    assert done.sha256 == hashlib.sha256(SMALL).hexdigest()
    assert str(done.url) == URL
    assert beside(path) == []
    assert told.calls == [(len(SMALL), len(SMALL))]
    [seen] = server.requests
    assert seen.headers["accept-encoding"] == "identity"
    assert seen.headers["want-repr-digest"] == "sha-256=10"


@pytest.mark.parametrize("chunked", [False, True])
async def test_cut_at_every_byte_it_goes_on_to_the_right_bytes(path: Path, chunked: bool) -> None:
    for cut in range(len(TINY) * (6 if chunked else 1)):
        restore(path)
        server = RangeServer(TINY, cuts=[cut], chunked=chunked)
        with pytest.raises(TruncatedBody):
            await fetch(server, path)
        assert content(path) == OLD
        come = cut if not chunked else server_bytes(cut)
        assert beside(path) == (KEPT if come else [])
        done = await fetch(server, path)
        assert content(path) == TINY
        assert beside(path) == []
        assert done.resumed_from == come
        if come:
            first = come - (come == len(TINY) or chunked)
            assert server.ranges_asked == [None, f"bytes={first}-"]
            assert server.requests[1].headers["if-range"] == '"1"'


def server_bytes(cut: int) -> int:
    """How many bytes of the content are in so many of its chunked coding, one byte a chunk."""
    return min((cut + 2) // 6, len(TINY))


async def test_cut_at_every_byte_and_changed_meanwhile_it_has_the_new_bytes(path: Path) -> None:
    for cut in range(1, len(TINY)):
        for new in (TINY[::-1], TINY[:cut], TINY[: cut - 1], TINY * 2, b""):
            restore(path)
            with pytest.raises(TruncatedBody):
                await fetch(RangeServer(TINY, cuts=[cut]), path)
            changed = RangeServer(new, ('ETag: "2"',))
            done = await fetch(changed, path)
            assert content(path) == new
            assert done.resumed_from == 0
            assert beside(path) == []


async def test_cut_again_and_again_one_call_gets_it_all(
    path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    server = RangeServer(SMALL, cuts=[1] * (len(SMALL) - 1))
    told = Told()
    done = await fetch(server, path, retries=Retries(attempts=2), progress=told)
    assert content(path) == SMALL
    assert done.resumed_from == 0
    assert len(server.requests) == len(SMALL)
    assert told.received == list(range(1, len(SMALL) + 1))


async def test_without_progress_it_gives_up(path: Path, autojump_clock: trio.testing.MockClock) -> None:
    server = RangeServer(SMALL, cuts=[5, 0, 0, 0, 0])
    with pytest.raises(TruncatedBody):
        await fetch(server, path, retries=Retries(attempts=3))
    assert len(server.requests) == 3
    assert content(path) == OLD
    assert beside(path) == KEPT


async def test_a_busy_server_is_asked_again_if_so_wanted(
    path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    class Busy(RangeServer):
        def answer(self, seen: Seen) -> tuple[bytes, bytes]:
            return (self.head("503 Busy", b""), b"") if len(self.requests) == 1 else super().answer(seen)

    with pytest.raises(DownloadError, match="503 Busy") as caught:
        await fetch(Busy(SMALL), path)
    assert caught.value.status == 503
    await fetch(Busy(SMALL), path, retries=Retries())
    assert content(path) == SMALL


async def test_without_proof_one_call_begins_anew(path: Path, autojump_clock: trio.testing.MockClock) -> None:
    server = RangeServer(SMALL, (), cuts=[20, 10])
    await fetch(server, path, retries=Retries())
    assert content(path) == SMALL
    assert server.ranges_asked == [None] * 3


async def test_if_asked_not_to_nothing_is_kept_and_nothing_gone_on_with(path: Path) -> None:
    server = RangeServer(SMALL, cuts=[20, 20])
    with pytest.raises(TruncatedBody):
        await fetch(server, path)
    assert beside(path) == KEPT
    with pytest.raises(TruncatedBody):
        await fetch(server, path, resume=False)
    assert beside(path) == []
    assert server.ranges_asked == [None, None]


async def test_another_url_begins_anew(path: Path) -> None:
    server = RangeServer(SMALL, cuts=[20])
    with pytest.raises(TruncatedBody):
        await fetch(server, path)
    assert "secret" not in content(path.parent / KEPT[1]).decode()
    await fetch(server, path, URL + "2")
    assert server.ranges_asked == [None, None]


async def test_a_failure_in_between_keeps_what_has_come(path: Path) -> None:
    with pytest.raises(TruncatedBody):
        await fetch(RangeServer(SMALL, cuts=[20]), path)
    with pytest.raises(DownloadError, match="404"):
        await fetch(always(ok(b"", status="404 No")), path)
    assert (await fetch(RangeServer(SMALL), path)).resumed_from == 20


async def test_what_changes_all_the_time_is_given_up(path: Path) -> None:
    class Restless(RangeServer):
        def answer(self, seen: Seen) -> tuple[bytes, bytes]:
            self.cuts.append(1)
            self.cuts.append(1)
            head, body = super().answer(seen)
            return head.replace(b"bytes 1-", b"bytes 2-"), body

    server = Restless(SMALL)
    with pytest.raises(DownloadError, match="changes all the time"):
        await fetch(server, path, retries=Retries(attempts=5, backoff=0))
    assert content(path) == OLD


async def test_the_digest_that_is_expected(path: Path) -> None:
    right, wrong = hashlib.sha256(SMALL), hashlib.sha256(b"other")
    await fetch(RangeServer(SMALL), path, sha256=right.hexdigest())
    await fetch(RangeServer(SMALL), path, sha256=right.digest())
    restore(path)
    with pytest.raises(DigestMismatch, match=f"{wrong.hexdigest()} was expected"):
        await fetch(RangeServer(SMALL), path, sha256=wrong.hexdigest().upper())
    assert content(path) == OLD
    assert beside(path) == []


@pytest.mark.parametrize("algorithm", ["sha-256=:" + "A" * 43 + "=:", "sha-512=:" + "A" * 86 + "==:"])
async def test_the_digest_that_the_server_names(path: Path, algorithm: str) -> None:
    with pytest.raises(DigestMismatch, match="Repr-Digest"):
        await fetch(RangeServer(SMALL, (f"Repr-Digest: {algorithm}",)), path)
    assert content(path) == OLD


async def test_what_was_kept_and_is_wrong_is_fetched_again_once(path: Path) -> None:
    server = RangeServer(SMALL, cuts=[20])
    with pytest.raises(TruncatedBody):
        await fetch(server, path)
    server.content = SMALL[:19] + b"!" + SMALL[20:]  # under the same ETag
    digest = hashlib.sha256(server.content).hexdigest()
    assert (await fetch(server, path, sha256=digest)).resumed_from == 0
    assert content(path) == server.content
    assert server.ranges_asked == [None, "bytes=20-", None]


@pytest.mark.parametrize("spoilt", [SMALL[:19] + b"!", SMALL[:19], b""])
async def test_kept_bytes_that_were_spoilt_are_not_used(path: Path, spoilt: bytes) -> None:
    server = RangeServer(SMALL, cuts=[20])
    with pytest.raises(TruncatedBody):
        await fetch(server, path)
    part = path.parent / KEPT[0]
    part.write_bytes(spoilt)
    await fetch(server, path)
    assert content(path) == SMALL
    assert server.ranges_asked == [None, None]


async def test_bytes_behind_the_kept_ones_are_not_used(path: Path) -> None:
    server = RangeServer(SMALL, cuts=[20])
    with pytest.raises(TruncatedBody):
        await fetch(server, path)
    with (path.parent / KEPT[0]).open("ab") as part:
        part.write(b"!" * 100)
    assert (await fetch(server, path)).resumed_from == 20
    assert content(path) == SMALL


@pytest.mark.parametrize("digest", ["", "ab", "x" * 64, b"x", "a" * 66])
def test_what_is_no_digest(digest: str | bytes) -> None:
    with pytest.raises(ValueError, match="SHA-256"):
        parse_sha256(digest)
    assert parse_sha256(None) is None


async def test_a_digest_of_what_was_sent_is_of_the_coded_bytes(path: Path) -> None:
    server = RangeServer(gzip.compress(SMALL), ("Content-Encoding: gzip",), digest=True)
    await fetch(server, path)
    assert content(path) == SMALL


async def test_two_at_once_are_one_too_many(path: Path) -> None:
    asked = trio.Event()

    async def slow(peer: Peer) -> None:
        await peer.request()
        asked.set()
        await trio.sleep_forever()

    async with peers(slow) as factory, Client(factory) as client, trio.open_nursery() as nursery:
        nursery.start_soon(client.download, URL, path)
        await asked.wait()
        with pytest.raises(DownloadBusy, match="somebody else"):
            await client.download(URL, path)
        nursery.cancel_scope.cancel()
    assert content(path) == OLD


@pytest.mark.parametrize("connections", [1, 2])
@pytest.mark.parametrize("coding", [False, True])
async def test_cancelled_at_any_checkpoint_there_is_no_wrong_file(
    path: Path, connections: int, coding: bool
) -> None:
    data = LARGE[: 2 << 20]
    lines = ('ETag: "1"', "Accept-Ranges: bytes", *(["Content-Encoding: gzip"] if coding else []))
    for cancelling in every_checkpoint():
        restore(path)
        server = RangeServer(gzip.compress(data, 1) if coding else data, lines)
        async with peers(server) as factory, Client(factory) as client:

            async def use() -> Downloaded:
                return await client.download(URL, path, connections=connections)

            done = await cancelling.run(use)
            if done is None:
                assert content(path) in (OLD, data)
                assert set(beside(path)) <= set(KEPT)
                assert len(beside(path)) in (0, 2)
                await client.download(URL, path, connections=connections)
            assert content(path) == data
            assert beside(path) == []
        assert factory.open == 0


async def test_a_range_of_the_callers_is_refused(path: Path) -> None:
    with pytest.raises(InvalidRequest, match="Range"):
        await fetch(RangeServer(SMALL), path, headers={"Range": "bytes=1-"})
    with pytest.raises(ValueError, match="at least 1"):
        await fetch(RangeServer(SMALL), path, connections=0)


_PROGRAM = """
import sys, trio
from trio_https import Client

async def main():
    async with Client() as client:
        await client.download(sys.argv[1], sys.argv[2])

trio.run(main)
"""


async def test_a_process_that_is_killed_leaves_something_to_go_on_with(path: Path) -> None:
    data = LARGE * 7
    sent = trio.Event()

    async def slow(stream: trio.abc.Stream) -> None:
        head = RangeServer(data).head("200 OK", data)
        await stream.receive_some()
        await stream.send_all(head + data[: 20 << 20])
        sent.set()
        await trio.sleep_forever()

    async with tcp_server(slow) as port:
        url = f"http://127.0.0.1:{port}/"
        process = await trio.lowlevel.open_process([sys.executable, "-P", "-c", _PROGRAM, url, str(path)])
        with trio.fail_after(20):
            await sent.wait()
            # What has come is written down every now and then.
            while not (state := state_of(path)) or not json.loads(state)["parts"][0][2]:  # noqa: ASYNC110
                await trio.sleep(0.01)
        process.kill()
        await process.wait()
    assert content(path) == OLD
    done = await fetch(RangeServer(data), path, url)
    assert done.resumed_from >= 16 << 20
    assert content(path) == data


def state_of(path: Path) -> bytes:
    """What is written down of what has come."""
    state = path.parent / KEPT[1]
    return content(state) if state.exists() else b""


async def test_cancelled_at_any_checkpoint_of_going_on_nothing_is_lost(path: Path) -> None:
    for cancelling in every_checkpoint():
        restore(path)
        with pytest.raises(TruncatedBody):
            await fetch(RangeServer(SMALL, cuts=[20]), path)
        async with peers(RangeServer(SMALL)) as factory, Client(factory) as client:
            done = await cancelling.run(client.download, URL, path)
            if done is None and beside(path):
                assert content(path) == OLD
                assert beside(path) == KEPT
                done = await client.download(URL, path)
            assert done is None or done.resumed_from >= 20
        assert content(path) == SMALL
        assert beside(path) == []


@pytest.mark.parametrize(("asked", "waits"), [("7", 7.0), ("31", None)])
async def test_a_busy_server_says_how_long(
    path: Path, asked: str, waits: float | None, autojump_clock: trio.testing.MockClock
) -> None:
    class Busy(RangeServer):
        def answer(self, seen: Seen) -> tuple[bytes, bytes]:
            busy = self.head("429 Slow down", b"", f"Retry-After: {asked}"), b""
            return busy if len(self.requests) == 1 else super().answer(seen)

    begin = trio.current_time()
    if waits is None:
        with pytest.raises(DownloadError, match="429"):
            await fetch(Busy(SMALL), path, retries=Retries())
    else:
        await fetch(Busy(SMALL), path, retries=Retries())
        assert trio.current_time() - begin == pytest.approx(waits)
