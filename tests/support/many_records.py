"""What `open_data` and `seal_all` promise, checked against `open` and `seal`, for any protection.

Theory of operation: the loops over many records do by themselves what the methods for one record do, so they are
held to them: the same bytes come out, and what the loop does not take, the other refuses or explains.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from support.record_keys import Protection, open_record, pair, seal
from trio_secure._errors import TLSError
from trio_secure._protection import MAX_EMPTY, ContentType, OpenedData, Opener

DATA, HANDSHAKE = ContentType.APPLICATION_DATA, ContentType.HANDSHAKE
_CONTENTS = [b"first", bytes(range(256)) * 64, b"", b"x", b"", b"last"]


def open_many(
    opener: Opener, flow: bytes, limit: int = 2**18, empty: int = 0
) -> tuple[bytes, OpenedData, bytes]:
    """What is opened of `flow`, how far, and what is left of it."""
    out = memoryview(bytearray(len(flow) + 1))
    # As in a reader, the records do not begin where the memory does.
    view = memoryview(b"???" + flow + b"???")
    opened = opener.open_data(view, 3, 3 + len(flow), out, limit, empty)
    return bytes(out[: opened.length]), opened, bytes(view[opened.stop : -3])


def check_many_records(protection: Protection) -> None:
    """All of it."""
    for check in (
        _opens_what_is_sealed_one_by_one,
        _seals_what_is_opened_one_by_one,
        _stops_at_the_limit,
        _stops_before_what_is_not_complete,
        _stops_before_another_type,
        _stops_before_what_does_not_decrypt,
        _stops_before_what_is_too_long,
        _stops_behind_too_many_that_hold_nothing,
    ):
        check(protection)


def _sealed(protection: Protection, *contents: bytes) -> list[bytes]:
    sealer, _ = pair(protection)
    return [seal(sealer, DATA, content) for content in contents]


def _opens_what_is_sealed_one_by_one(protection: Protection) -> None:
    _, opener = pair(protection)
    content, opened, rest = open_many(opener, b"".join(_sealed(protection, *_CONTENTS)))
    assert (content, opened.empty, rest) == (b"".join(_CONTENTS), 0, b"")
    sealer, opener = pair(protection)
    flow = b"".join(seal(sealer, DATA, content) for content in (b"data", b"", b""))
    assert open_many(opener, flow)[1][1:] == (4, 2)


def _seals_what_is_opened_one_by_one(protection: Protection) -> None:
    for content in (b"", b"a", bytes(range(100)), bytes(range(101)), bytes(range(256))):
        for content_type in (DATA, HANDSHAKE):
            sealer, opener = pair(protection)
            out = memoryview(bytearray(8 * (100 + sealer.overhead)))
            flow = bytes(out[: sealer.seal_all(content_type, memoryview(content), 100, out)])
            at, opened = 0, list[tuple[int, bytes]]()
            while at < len(flow):
                end = at + 5 + int.from_bytes(flow[at + 3 : at + 5], "big")
                opened.append(open_record(opener, flow[at:end]))
                at = end
            assert b"".join(part for _, part in opened) == content
            assert {kind for kind, _ in opened} == {content_type}
            assert max(len(part) for _, part in opened) <= 100


def _stops_at_the_limit(protection: Protection) -> None:
    for limit, expected in ((1, b"aaa"), (3, b"aaa"), (4, b"aaabbb"), (7, b"aaabbbccc")):
        _, opener = pair(protection)
        content, _, rest = open_many(opener, b"".join(_sealed(protection, b"aaa", b"bbb", b"ccc")), limit)
        assert content.startswith(expected[:limit])
        # And what it stopped before is opened the next time.
        assert content + open_many(opener, rest)[0] == b"aaabbbccc"


def _stops_before(
    protection: Protection, flow: Callable[[bytes], bytes], *, error: bool = True, kind: int | None = None
) -> None:
    sealer, opener = pair(protection)
    good = seal(sealer, DATA, b"good")
    strange = flow(seal(sealer, HANDSHAKE if kind else DATA, b"strange"))
    content, _, rest = open_many(opener, good + strange)
    assert (content, rest) == (b"good", strange)
    for _ in range(2):
        content, _, rest = open_many(opener, rest)
        assert (content, rest) == (b"", strange)
    if error:
        with pytest.raises(TLSError):
            open_record(opener, strange)
    elif kind is not None:
        assert open_record(opener, strange) == (kind, b"strange")


def _stops_before_what_is_not_complete(protection: Protection) -> None:
    for cut in (1, 3, 4, 5, 6, -1):
        # TLS 1.0 sends two records for one content: only the first is cut.
        _stops_before(protection, partial(_first, cut), error=False)


def _first(cut: int | None, records: bytes) -> bytes:
    return records[: 5 + int.from_bytes(records[3:5], "big")][:cut]


def _stops_before_another_type(protection: Protection) -> None:
    _stops_before(protection, lambda record: record, error=False, kind=HANDSHAKE)


def _stops_before_what_does_not_decrypt(protection: Protection) -> None:
    _stops_before(protection, _flip)
    _stops_before(protection, lambda record: record[:3] + b"\0\1!")
    _stops_before(protection, lambda record: record[:3] + b"\0\0")


def _flip(records: bytes) -> bytes:
    first = bytearray(_first(None, records))
    first[-1] ^= 1
    return bytes(first)


def _stops_before_what_is_too_long(protection: Protection) -> None:
    sealer, opener = pair(protection)
    opener.limit(64)
    good, long = (seal(sealer, DATA, bytes(size)) for size in (64, 600))
    content, _, rest = open_many(opener, good + long)
    assert content[:64] == bytes(64)
    assert long.endswith(rest)
    assert open_many(opener, rest)[0] == b""


def _stops_behind_too_many_that_hold_nothing(protection: Protection) -> None:
    flow = b"".join(_sealed(protection, *[b""] * (MAX_EMPTY + 1), b"data"))
    _, opener = pair(protection)
    content, opened, _ = open_many(opener, flow)
    assert (content, opened.empty) == (b"", MAX_EMPTY + 1)
    _, opener = pair(protection)
    content, opened, _ = open_many(opener, flow, empty=MAX_EMPTY)
    assert (content, opened.empty) == (b"", MAX_EMPTY + 1)
