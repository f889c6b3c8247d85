from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path

import pytest
import trio

from support.downloads import KEPT, LARGE, OLD, SMALL, Told, beside, content, fetch, old_file
from support.http_peers import Peer, Script, Seen, always, answering, ok
from support.range_server import RangeServer
from trio_https import (
    DownloadError,
    Limits,
    ProtocolError,
    ResponseTooLarge,
    TruncatedBody,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file that is there already."""
    return old_file(tmp_path)


@pytest.mark.parametrize(
    "validators",
    [
        (),
        ('ETag: W/"1"',),
        ("Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT", "Date: Sun, 06 Nov 1994 08:49:38 GMT"),
    ],
)
async def test_without_proof_that_it_is_the_same_nothing_is_kept(
    path: Path, validators: tuple[str, ...]
) -> None:
    server = RangeServer(SMALL, validators, cuts=[20])
    with pytest.raises(TruncatedBody):
        await fetch(server, path)
    assert beside(path) == []
    await fetch(server, path)
    assert content(path) == SMALL
    assert server.ranges_asked == [None, None]


async def test_a_date_that_is_old_enough_is_proof(path: Path) -> None:
    dates = ("Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT", "Date: Mon, 07 Nov 1994 08:49:37 GMT")
    server = RangeServer(SMALL, dates, cuts=[20])
    with pytest.raises(TruncatedBody):
        await fetch(server, path)
    assert (await fetch(server, path)).resumed_from == 20
    assert server.requests[1].headers["if-range"] == "Sun, 06 Nov 1994 08:49:37 GMT"
    assert content(path) == SMALL


async def test_a_server_without_ranges_sends_it_all_again(path: Path) -> None:
    server = RangeServer(SMALL, ranges=False, cuts=[20])
    with pytest.raises(TruncatedBody):
        await fetch(server, path)
    assert (await fetch(server, path)).resumed_from == 0
    assert server.ranges_asked == [None, "bytes=20-"]
    assert content(path) == SMALL


def lies(head: dict[str, str], more: bytes = b"", most: int | None = None) -> type[RangeServer]:
    """A server whose partial responses say something else, and whose bodies have more or fewer bytes."""

    class Liar(RangeServer):
        def partial(self, first: int, last: int) -> tuple[bytes, bytes]:
            section, body = super().partial(first, last)
            for old, new in head.items():
                section = section.replace(old.encode(), new.encode())
            return section, body[:most] + more

    return Liar


@pytest.mark.parametrize(
    "head",
    [
        {"bytes 20-36/37": "bytes 19-35/37"},
        {"bytes 20-36/37": "bytes 20-36/38"},
        {"bytes 20-36/37": "bytes 20-36/36"},
        {"bytes 20-36/37": "bytes */37"},
        {"Content-Range": "X-Range"},
        {"bytes 20-36/37": "items 20-36/37"},
        {'ETag: "1"': 'ETag: "2"'},
        {'ETag: "1"': 'ETag: W/"1"'},
        {'ETag: "1"': "X: y"},
        {'ETag: "1"': 'ETag: "1"\r\nContent-Encoding: gzip'},
        {"206 Partial": "416 No"},
        {"sha-256=:": "sha-256=:AAAA" + "A" * 39 + "=:,sha-1=:"},
    ],
)
async def test_what_does_not_fit_is_thrown_away_and_all_of_it_fetched(
    path: Path, head: dict[str, str]
) -> None:
    server = lies(head=head)(SMALL, digest=True, cuts=[20])
    with pytest.raises(TruncatedBody):
        await fetch(server, path)
    done = await fetch(server, path)
    assert content(path) == SMALL
    assert done.resumed_from == 0
    assert server.ranges_asked == [None, "bytes=20-", None]


async def test_more_than_announced_is_refused(path: Path) -> None:
    head = {"Content-Length: 17": "Content-Length: 18"}
    server = lies(head=head, more=b"!")(SMALL, cuts=[20])
    with pytest.raises(TruncatedBody):
        await fetch(server, path)
    with pytest.raises(ProtocolError, match="more of"):
        await fetch(server, path)
    assert content(path) == OLD


async def test_a_server_that_gives_less_than_asked_is_asked_again(path: Path) -> None:
    class Stingy(RangeServer):
        def partial(self, first: int, last: int) -> tuple[bytes, bytes]:
            return super().partial(first, min(last, first + 4))

    server = Stingy(SMALL, cuts=[20])
    with pytest.raises(TruncatedBody):
        await fetch(server, path)
    await fetch(server, path)
    assert content(path) == SMALL
    assert server.ranges_asked[1:] == [f"bytes={first}-" for first in (20, 25, 30, 35)]


async def test_a_server_that_gives_nothing_is_not_asked_for_ever(path: Path) -> None:
    server = lies(head={"Content-Length: 17": "Content-Length: 0"}, most=0)(SMALL, cuts=[20])
    with pytest.raises(TruncatedBody):
        await fetch(server, path)
    with pytest.raises(ProtocolError, match="with nothing of it"):
        await fetch(server, path)
    assert content(path) == OLD


@pytest.mark.parametrize("status", ["404 Not Found", "206 Partial", "204 Nothing", "300 Many"])
async def test_what_is_not_the_file_is_no_file(path: Path, status: str) -> None:
    with pytest.raises(DownloadError, match=f"answered {status}") as caught:
        await fetch(always(ok(b"", status=status)), path)
    assert caught.value.status == int(status[:3])
    assert content(path) == OLD
    assert beside(path) == []


@pytest.mark.parametrize(
    ("content_range", "validators", "resumed"),
    [
        ("bytes */37", ('ETag: "1"',), 37),
        ("bytes */38", ('ETag: "1"',), 0),
        ("bytes */37", ('ETag: "2"',), 0),
    ],
)
async def test_416_means_complete_only_if_it_says_so_of_the_same(
    path: Path, content_range: str, validators: tuple[str, ...], resumed: int
) -> None:
    class NoRange(RangeServer):
        def answer(self, seen: Seen) -> tuple[bytes, bytes]:
            if "range" in seen.headers:
                return self.head("416 No", b"", f"Content-Range: {content_range}"), b""
            return self.whole()

    server = NoRange(SMALL, chunked=True, cuts=[len(SMALL) * 6])
    with pytest.raises(TruncatedBody):
        await fetch(server, path)
    server.validators = validators
    assert (await fetch(server, path)).resumed_from == resumed
    assert content(path) == SMALL


async def test_a_last_byte_that_is_another_is_a_change(path: Path) -> None:
    server = RangeServer(SMALL, cuts=[60], chunked=True)
    with pytest.raises(TruncatedBody):
        await fetch(server, path)
    server.content = bytes(SMALL[::-1])  # under the same ETag
    done = await fetch(server, path)
    assert content(path) == SMALL[::-1]
    assert done.resumed_from == 0


def coded(data: bytes, encoding: str = "gzip", *lines: str) -> Script:
    return always(ok(data, f"Content-Encoding: {encoding}", 'ETag: "1"', *lines))


async def test_a_coding_nobody_asked_for_is_undone(path: Path) -> None:
    data = gzip.compress(SMALL)
    told = Told()
    done = await fetch(coded(data), path, progress=told)
    assert content(path) == SMALL
    assert done.sha256 == hashlib.sha256(SMALL).hexdigest()
    assert told.calls == [(len(SMALL), None)]
    with pytest.raises(TruncatedBody):
        await fetch(RangeServer(data, ("Content-Encoding: gzip", 'ETag: "1"'), cuts=[20]), path)
    assert beside(path) == []
    with pytest.raises(DownloadError):
        await fetch(coded(data, "gzip", "Repr-Digest: sha-256=:" + "A" * 43 + "=:"), path)


async def test_half_a_coded_body_is_no_file(path: Path) -> None:
    with pytest.raises(Exception, match="ends before its gzip coding"):
        await fetch(coded(gzip.compress(SMALL)[:-5]), path)
    assert content(path) == OLD
    assert beside(path) == []


async def test_a_coding_that_is_the_file_is_kept_and_can_be_gone_on_with(path: Path) -> None:
    data = gzip.compress(SMALL)
    server = RangeServer(data, ("Content-Encoding: x-gzip", 'ETag: "1"'), cuts=[20])
    with pytest.raises(TruncatedBody):
        await fetch(server, path, "http://h.example/x.TAR.GZ?y")
    assert (await fetch(server, path, "http://h.example/x.TAR.GZ?y")).resumed_from == 20
    assert content(path) == data


@pytest.mark.parametrize("chunked", [False, True])
async def test_the_most_bytes(path: Path, chunked: bool) -> None:
    await fetch(RangeServer(SMALL, chunked=chunked), path, max_size=37)
    with pytest.raises(ResponseTooLarge, match="36 bytes"):
        await fetch(RangeServer(SMALL, chunked=chunked), path, max_size=36)
    assert content(path) == SMALL


async def test_an_empty_file(path: Path) -> None:
    assert (await fetch(RangeServer(b""), path)).size == 0
    assert content(path) == b""


async def test_a_large_one(path: Path) -> None:
    done = await fetch(RangeServer(LARGE), path)
    assert content(path) == LARGE
    assert done.sha256 == hashlib.sha256(LARGE).hexdigest()


async def test_in_parts(path: Path) -> None:
    server = RangeServer(LARGE, digest=True)
    told = Told()
    done = await fetch(server, path, connections=4, progress=told)
    assert content(path) == LARGE
    assert done.sha256 == hashlib.sha256(LARGE).hexdigest()
    assert len(server.requests) == 4
    assert server.ranges_asked[0] is None
    assert told.received[-1] == len(LARGE)
    assert beside(path) == []


@pytest.mark.parametrize(
    "server",
    [
        RangeServer(SMALL),
        RangeServer(LARGE, ('ETag: "1"',)),
        RangeServer(LARGE, ("Accept-Ranges: bytes",)),
        RangeServer(LARGE[:20_000], chunked=True),
    ],
)
async def test_what_cannot_be_divided_is_not(path: Path, server: RangeServer) -> None:
    await fetch(server, path, connections=4)
    assert content(path) == server.content
    assert len(server.requests) == 1


async def test_the_pool_has_the_last_word_on_how_many(path: Path) -> None:
    server = RangeServer(LARGE)
    with trio.fail_after(20):
        await fetch(server, path, connections=4, limits=Limits(connections=2))
    assert content(path) == LARGE
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    "cuts", [[100_000], [None, 50_000, 0, 70_000], [0, 0, 0, 0], [None, None, None, 1_000]]
)
@pytest.mark.parametrize("connections", [1, 2, 4])
async def test_parts_are_gone_on_with(path: Path, cuts: list[int | None], connections: int) -> None:
    server = RangeServer(LARGE, cuts=list(cuts))
    with pytest.raises(TruncatedBody):
        await fetch(server, path, connections=4)
    assert content(path) == OLD
    kept = (path.parent / KEPT[0]).exists()
    server.cuts.clear()
    done = await fetch(server, path, connections=connections)
    assert content(path) == LARGE
    assert (done.resumed_from > 0) is kept
    assert beside(path) == []


async def test_parts_that_change_in_between_begin_anew(path: Path) -> None:
    server = RangeServer(LARGE, cuts=[None, 5])
    with pytest.raises(TruncatedBody):
        await fetch(server, path, connections=4)
    server.content, server.validators = LARGE[::-1], ('ETag: "2"', "Accept-Ranges: bytes")
    assert (await fetch(server, path, connections=4)).resumed_from == 0
    assert content(path) == LARGE[::-1]


async def test_a_change_while_parts_are_fetched(path: Path) -> None:
    def change(seen: Seen) -> None:
        if len(server.requests) == 2:
            server.content, server.validators = LARGE[::-1], ('ETag: "2"', "Accept-Ranges: bytes")

    server = RangeServer(LARGE, before=change)
    await fetch(server, path, connections=3)
    assert content(path) == LARGE[::-1]


async def test_parts_that_are_all_here_are_asked_about(path: Path) -> None:
    server = RangeServer(LARGE, cuts=[None, 5])
    with pytest.raises(TruncatedBody):
        await fetch(server, path, connections=2)
    state_path = path.parent / KEPT[1]
    state = json.loads(state_path.read_text())
    (path.parent / KEPT[0]).write_bytes(LARGE)
    middle = state["parts"][0][1]
    state["parts"] = [
        [0, middle, middle, hashlib.sha256(LARGE[:middle]).hexdigest()],
        [middle, len(LARGE), len(LARGE) - middle, hashlib.sha256(LARGE[middle:]).hexdigest()],
    ]
    state_path.write_text(json.dumps(state))
    assert (await fetch(server, path, connections=2)).resumed_from == len(LARGE)
    assert server.ranges_asked[-1] == f"bytes={len(LARGE) - 1}-"
    assert content(path) == LARGE


async def test_what_the_progress_callback_raises_ends_it(path: Path) -> None:
    def stop(received: int, total: int | None) -> None:
        raise KeyError(received)

    with pytest.raises(KeyError):
        await fetch(RangeServer(SMALL), path, progress=stop)
    assert content(path) == OLD
    assert beside(path) == KEPT


async def test_what_is_known_is_written_down_while_it_comes(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trio_https._transfer._SAVE_EVERY", 1 << 20)
    seen: list[int] = []
    half, taken = len(LARGE) // 2, trio.Event()

    async def serve(peer: Peer) -> None:
        head, body = RangeServer(LARGE).answer(await peer.request())
        await peer.send(head + body[:half])
        await taken.wait()
        await peer.send(body[half:])

    def look(received: int, total: int | None) -> None:
        state = json.loads(content(path.parent / KEPT[1]))
        seen.append(state["parts"][0][2])
        if received >= half:
            taken.set()

    await fetch(serve, path, progress=look)
    assert any(0 < length < len(LARGE) for length in seen)


async def test_a_total_nobody_knows_is_not_guessed(path: Path) -> None:
    server = lies(head={"/37": "/*"})(SMALL, chunked=True, cuts=[60])
    with pytest.raises(TruncatedBody):
        await fetch(server, path)
    assert (await fetch(server, path)).resumed_from == 0
    assert content(path) == SMALL


async def test_a_total_that_was_known_need_not_be_said_again(path: Path) -> None:
    server = lies(head={"/37": "/*"})(SMALL, cuts=[20])
    with pytest.raises(TruncatedBody):
        await fetch(server, path)
    assert (await fetch(server, path)).resumed_from == 20
    assert content(path) == SMALL


async def test_the_answer_of_another_place_is_not_put_to_it(path: Path) -> None:
    place = "mirror1"

    async def mirrors(peer: Peer) -> None:
        seen = await peer.request()
        if seen.target.startswith("/dir"):
            await peer.send(ok(b"", f"Location: /{place}?sig={len(servers)}", status="302 x"))
            seen = await peer.request()
        head, body = server.answer(seen)
        await peer.send(head + body[: 20 if place == "mirror1" and "range" not in seen.headers else None])

    servers: list[str] = []
    server = RangeServer(SMALL)
    for place, resumed in (("mirror1", None), ("mirror2", 0), ("mirror1", None), ("mirror1", 20)):
        servers.append(place)
        if resumed is None:
            with pytest.raises(TruncatedBody):
                await fetch(mirrors, path)
        else:
            assert (await fetch(mirrors, path)).resumed_from == resumed
            assert content(path) == SMALL


@pytest.mark.parametrize(
    ("lines", "body", "said"),
    [
        (["Content-Type: application/json"], b'{"error":\r\n "gone"}', '{"error": "gone"}'),
        (["Content-Type: text/plain"], b"y" * 9000, "y" * 1000),
        (["Content-Type: text/html"], b"<html>", ""),
        (["Content-Type: text/plain", "Location: /x"], b"body", "/x"),
        (["Content-Type: text/plain", "Content-Encoding: x"], b"", ""),
    ],
)
async def test_what_a_server_says_in_place_of_the_file(
    path: Path, lines: list[str], body: bytes, said: str
) -> None:
    with pytest.raises(TruncatedBody):
        await fetch(RangeServer(SMALL, cuts=[20]), path)
    with pytest.raises(DownloadError) as caught:
        await fetch(always(ok(body, *lines, status="410 Gone")), path)
    assert (caught.value.status, caught.value.said) == (410, said)
    assert beside(path) == KEPT


async def test_what_a_server_began_to_say_is_said(path: Path) -> None:
    head = b"HTTP/1.1 500 No\r\nContent-Type: text/plain\r\nContent-Length: 10\r\n\r\n"
    with pytest.raises(DownloadError) as caught:
        await fetch(answering(head + b"half"), path)
    assert caught.value.said == "half"


async def test_a_server_that_promises_ranges_and_has_none_is_asked_for_everything(path: Path) -> None:
    server = RangeServer(LARGE, ranges=False)
    await fetch(server, path, connections=4)
    assert content(path) == LARGE
    assert server.ranges_asked[-1] is None
