from __future__ import annotations

import gzip
import importlib
import random
import sys
import types
import zlib
from collections.abc import Callable
from typing import Any  # the libraries have no types in common

import pytest

from trio_https import DecodingError, Limits, ResponseTooLarge
from trio_https import _decoders as decoders
from trio_https._decoders import STEP, Decoder, accepted, codings_of

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

compress_brotli: Callable[[bytes], bytes] = vars(importlib.import_module("brotli"))["compress"]
TEXT = random.Random(1).randbytes(5000) + b"hello " * 50_000  # noqa: S311


def _raw(data: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return compressor.compress(data) + compressor.flush()


CODED = [
    ("gzip", gzip.compress(TEXT)),
    ("x-gzip", gzip.compress(TEXT)),
    ("gzip", gzip.compress(TEXT[:100]) + gzip.compress(b"") + gzip.compress(TEXT[100:])),
    ("gzip", gzip.compress(TEXT) + bytes(1000)),
    ("deflate", zlib.compress(TEXT)),
    ("deflate", _raw(TEXT)),
    ("br", compress_brotli(TEXT)),
    ("zstd", zstd.compress(TEXT)),
    ("zstd", zstd.compress(TEXT[:100]) + zstd.compress(TEXT[100:])),
    ("gzip, br", compress_brotli(gzip.compress(TEXT))),
    ("br, gzip", gzip.compress(compress_brotli(TEXT))),
    ("deflate, gzip, zstd", zstd.compress(gzip.compress(zlib.compress(TEXT)))),
]


def _undo(coding: str, data: bytes, piece: int, limits: Limits | None = None) -> bytes:
    decoder = Decoder(codings_of(coding), limits or Limits(), "it")
    found: list[bytes] = []
    for at in range(0, len(data), piece):
        decoder.feed(data[at : at + piece])
        while output := decoder.take():
            assert len(output) <= 2 * STEP
            found.append(output)
    decoder.finish()
    return b"".join(found)


@pytest.mark.parametrize("piece", [1, 7, 1000, 10**9])
@pytest.mark.parametrize(("coding", "data"), CODED)
def test_codings_are_undone_however_they_arrive(coding: str, data: bytes, piece: int) -> None:
    assert _undo(coding, data, piece) == TEXT


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
def test_nothing_at_all_is_an_empty_body(coding: str) -> None:
    assert _undo(coding, b"", 1) == b""


@pytest.mark.parametrize("piece", [1, 10**9])
@pytest.mark.parametrize(("coding", "data"), CODED)
def test_a_body_that_ends_early_is_cut(coding: str, data: bytes, piece: int) -> None:
    data = data.rstrip(b"\0") if data.endswith(bytes(100)) else data
    for end in (1, 5, len(data) // 2, len(data) - 1):
        if coding == "gzip" and gzip.compress(TEXT[:100]) in data and end == 5:
            continue
        with pytest.raises(DecodingError, match=r"ends before its .* coding does: a part of it is missing"):
            _undo(coding, data[:end], piece)


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
def test_garbage_is_refused(coding: str) -> None:
    with pytest.raises(DecodingError, match=f"the body of it is not in its {coding} coding"):
        _undo(coding, b"\xff" * 1000, 10**9)


@pytest.mark.parametrize("piece", [1, 10**9])
@pytest.mark.parametrize(
    ("coding", "data"),
    [
        ("gzip", gzip.compress(b"x") + b"y"),
        ("gzip", gzip.compress(b"x") + b"\0\0" + gzip.compress(b"y")),
        ("deflate", zlib.compress(b"x") + b"y"),
        ("br", compress_brotli(b"x") + b"y"),
        ("zstd", zstd.compress(b"x") + b"y" * 20),
    ],
    ids=["gzip", "gzip, zeros and more gzip", "deflate", "br", "zstd"],
)
def test_what_follows_the_end_is_refused(coding: str, data: bytes, piece: int) -> None:
    with pytest.raises(DecodingError):
        _undo(coding, data, piece)


BOMBS = [
    ("gzip, gzip", gzip.compress(gzip.compress(bytes(64 << 20), 9), 9)),
    ("br", compress_brotli(bytes(64 << 20))),
    ("zstd", zstd.compress(bytes(64 << 20))),
]


@pytest.mark.parametrize(("coding", "data"), BOMBS)
def test_a_bomb_goes_off_in_small_pieces_and_not_for_long(coding: str, data: bytes) -> None:
    with pytest.raises(ResponseTooLarge, match=r"expands from \d+ to more than .*Limits.expansion is 2000"):
        _undo(coding, data, 10**9)
    assert _undo(coding, data, 10**9, Limits(expansion=10**7)) == bytes(64 << 20)


def test_the_wildest_that_gzip_can_do_is_within_the_limits() -> None:
    assert len(_undo("gzip", gzip.compress(bytes(50 << 20), 9), 10**9)) == 50 << 20


def test_a_window_that_is_too_large_is_refused() -> None:
    options = {int(zstd.CompressionParameter.window_log): 27}
    compressor = zstd.ZstdCompressor(options=options)
    data = compressor.compress(random.Random(1).randbytes(9 << 20)) + compressor.flush()  # noqa: S311
    with pytest.raises(DecodingError, match="zstd"):
        _undo("zstd", data, 10**9)


def test_too_many_codings_and_unknown_ones() -> None:
    with pytest.raises(DecodingError, match=r"is coded 4 times, and Limits.codings is 3"):
        Decoder(["gzip"] * 4, Limits(), "it")
    with pytest.raises(DecodingError, match="is coded as 'compress', which is none of gzip, deflate"):
        Decoder(["compress"], Limits(), "it")


def test_the_names_in_the_field() -> None:
    assert codings_of(" GZip,identity , br,") == ["gzip", "br"]
    assert codings_of("") == []


@pytest.fixture
def fresh_cache() -> Any:
    for function in (decoders._find, decoders._codings):
        function.cache_clear()
    yield
    for function in (decoders._find, decoders._codings):
        function.cache_clear()


@pytest.mark.usefixtures("fresh_cache")
def test_what_is_not_installed_is_not_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    assert accepted() == "gzip, deflate, br, zstd"
    decoders._find.cache_clear()
    decoders._codings.cache_clear()
    for name in ("brotlicffi", "compression.zstd", "backports.zstd"):
        monkeypatch.setitem(sys.modules, name, None)
    # Before 1.2 nothing limited what comes out of it.
    old = types.ModuleType("brotli")
    vars(old)["Decompressor"] = object
    monkeypatch.setitem(sys.modules, "brotli", old)
    assert accepted() == "gzip, deflate"


@pytest.mark.usefixtures("fresh_cache")
def test_either_brotli_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("brotlicffi")
    other = importlib.import_module("brotlicffi")
    if not hasattr(other.Decompressor, "can_accept_more_data"):
        pytest.skip("this brotlicffi cannot be bounded")
    monkeypatch.setitem(sys.modules, "brotli", None)
    assert _undo("br", compress_brotli(TEXT), 1000) == TEXT


@pytest.mark.parametrize(
    ("coding", "frame"),
    [("gzip", gzip.compress(b"")), ("zstd", b"\x50\x2a\x4d\x18" + bytes(4)), ("zstd", zstd.compress(b""))],
    ids=["gzip", "skippable", "zstd"],
)
def test_frames_without_end_that_hold_nothing_are_refused(coding: str, frame: bytes) -> None:
    data = {"gzip": gzip.compress(b"x"), "zstd": zstd.compress(b"x")}[coding]
    assert _undo(coding, (frame * 900 + data) * 3, 1 << 18) == b"xxx"
    with pytest.raises(DecodingError, match="1000 frames in a row hold nothing"):
        _undo(coding, frame * 1100 + data, 1 << 18)


def test_what_swells_between_two_codings_is_bounded_even_if_nothing_comes_of_it() -> None:
    # A gzip header whose comment has no end: the inner coding makes nothing of it.
    comment = b"\x1f\x8b\x08\x10" + bytes(6) + b"A" * (40 << 20)
    twice = gzip.compress(gzip.compress(comment))
    assert len(twice) < 2000
    with pytest.raises(ResponseTooLarge, match="expands from"):
        _undo("gzip, gzip, gzip", twice, 1 << 18)
