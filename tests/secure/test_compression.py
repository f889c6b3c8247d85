from __future__ import annotations

import sys
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.properties import bounded, survives
from support.refusals import refused
from trio_secure._compression import (
    ALGORITHMS_BY_NAME,
    COMPRESSION_ALGORITHMS,
    CompressionAlgorithm,
    available,
)
from trio_secure._errors import AlertDescription, PeerMisbehaved

_CONTENT = b"a certificate, and its issuer's certificate, and the certificate of its issuer's issuer" * 20

# Imported by name, because not all of them have types.
_BROTLI, _ZSTANDARD = import_module("brotli"), import_module("zstandard")
_STANDARD_ZSTD = "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"
_MODULES = {
    "zlib": ("zlib",),
    "brotli": ("brotli", "brotlicffi"),
    "zstd": (_STANDARD_ZSTD, "zstandard"),
}


def _brotli(data: bytes) -> bytes:
    return bytes(_BROTLI.compress(data))


def _zstd(data: bytes) -> bytes:
    return bytes(_ZSTANDARD.compress(data))


def _zstd_without_size(data: bytes) -> bytes:
    return bytes(_ZSTANDARD.ZstdCompressor(write_content_size=False).compress(data))


def _zstd_with_window(log: int) -> bytes:
    parameters = _ZSTANDARD.ZstdCompressionParameters(window_log=log, write_content_size=False)
    compressor = _ZSTANDARD.ZstdCompressor(compression_params=parameters).compressobj()
    # Flushed once before its end, so that the frame cannot say that it is small.
    first = compressor.compress(_CONTENT) + compressor.flush(_ZSTANDARD.COMPRESSOBJ_FLUSH_BLOCK)
    return bytes(first + compressor.flush())


@dataclass(frozen=True)
class Case:
    """A library that undoes an algorithm, and a way to do it."""

    algorithm: str
    module: str
    compress: Callable[[bytes], bytes]

    @property
    def row(self) -> CompressionAlgorithm:
        return ALGORITHMS_BY_NAME[self.algorithm]


# What a library undoes here, another has done, where there is another.
_CASES = [
    Case("zlib", "zlib", zlib.compress),
    Case("brotli", "brotli", _brotli),
    Case("brotli", "brotlicffi", _brotli),
    *(Case("zstd", name, compress) for name in _MODULES["zstd"] for compress in (_zstd, _zstd_without_size)),
]
Hide = Callable[..., None]


def _forget() -> None:
    for row in COMPRESSION_ALGORITHMS:
        getattr(row.find, "cache_clear", lambda: None)()


@pytest.fixture
def hide(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hide]:
    """Make modules look as if they were not installed."""

    def hide(*names: str) -> None:
        for name in names:
            monkeypatch.setitem(sys.modules, name, None)
        _forget()

    yield hide
    monkeypatch.undo()
    _forget()


@pytest.fixture(params=_CASES, ids=lambda case: f"{case.module}-{case.compress.__name__.strip('_')}")
def case(request: pytest.FixtureRequest, hide: Hide) -> Case:
    """One library at a time; the others for its algorithm are not there."""
    chosen: Case = request.param
    import_module(chosen.module)
    hide(*(name for name in _MODULES[chosen.algorithm] if name != chosen.module))
    return chosen


def test_what_was_compressed_comes_back(case: Case) -> None:
    for content in (_CONTENT, b"\0", bytes(range(256)), bytes(2**17)):
        assert case.row.decompress(case.compress(content), len(content)) == content


@pytest.mark.parametrize("wrong", [0, 1, len(_CONTENT) - 1, len(_CONTENT) + 1, 2**17])
def test_a_wrong_length_is_refused(case: Case, wrong: int) -> None:
    with refused(AlertDescription.BAD_CERTIFICATE, f"compressed with {case.algorithm} "):
        case.row.decompress(case.compress(_CONTENT), wrong)


def test_a_stream_that_is_cut_short_is_refused(case: Case) -> None:
    data = case.compress(_CONTENT)
    for length in range(len(data)):
        with refused(AlertDescription.BAD_CERTIFICATE):
            case.row.decompress(data[:length], len(_CONTENT))


@pytest.mark.parametrize("more", [b"\0", b"garbage" * 100])
def test_what_follows_a_stream_is_refused(case: Case, more: bytes) -> None:
    with refused(AlertDescription.BAD_CERTIFICATE):
        case.row.decompress(case.compress(_CONTENT) + more, len(_CONTENT))


def test_a_second_stream_is_refused(case: Case) -> None:
    twice = case.compress(_CONTENT) * 2
    for length in (len(_CONTENT), 2 * len(_CONTENT)):
        with refused(AlertDescription.BAD_CERTIFICATE):
            case.row.decompress(twice, length)


def test_of_a_bomb_no_more_comes_out_than_was_announced(case: Case) -> None:
    bomb = case.compress(bytes(2**22))
    for length in (1, 1000, 2**17):
        tracemalloc.start()
        try:
            with refused(AlertDescription.BAD_CERTIFICATE):
                case.row.decompress(bomb, length)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 2 * length + 2**17


@settings(bounded, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_bytes_are_decompressed_or_refused(case: Case, data: st.DataObject) -> None:
    good = case.compress(_CONTENT)
    at, other = data.draw(st.integers(0, len(good))), data.draw(st.binary(max_size=20))
    survives(lambda junk: case.row.decompress(junk, len(_CONTENT)), other)
    survives(
        lambda junk: case.row.decompress(junk, len(_CONTENT)), good[:at] + other + good[at + len(other) :]
    )


@pytest.mark.parametrize("module", _MODULES["zstd"])
def test_a_zstd_window_larger_than_eight_mebibytes_is_refused(hide: Hide, module: str) -> None:
    hide(*(name for name in _MODULES["zstd"] if name != module))
    row = ALGORITHMS_BY_NAME["zstd"]
    assert row.decompress(_zstd_with_window(23), len(_CONTENT)) == _CONTENT
    with refused(AlertDescription.BAD_CERTIFICATE):
        row.decompress(_zstd_with_window(24), len(_CONTENT))


def test_a_zlib_stream_for_a_dictionary_that_nobody_has_is_refused() -> None:
    compressor = zlib.compressobj(zdict=b"certificate")
    data = compressor.compress(_CONTENT) + compressor.flush()
    with refused(AlertDescription.BAD_CERTIFICATE):
        ALGORITHMS_BY_NAME["zlib"].decompress(data, len(_CONTENT))


@pytest.mark.parametrize("wbits", [-15, 31], ids=["raw deflate", "gzip"])
def test_only_the_zlib_format_is_zlib(wbits: int) -> None:
    compressor = zlib.compressobj(wbits=wbits)
    data = compressor.compress(_CONTENT) + compressor.flush()
    with refused(AlertDescription.BAD_CERTIFICATE):
        ALGORITHMS_BY_NAME["zlib"].decompress(data, len(_CONTENT))


def test_the_codes_are_the_registered_ones() -> None:
    """RFC 8879 §7.3."""
    assert {row.name: row.code for row in COMPRESSION_ALGORITHMS} == {"zlib": 1, "brotli": 2, "zstd": 3}
    assert {name: row.name for name, row in ALGORITHMS_BY_NAME.items()} == {name: name for name in _MODULES}


def test_what_is_installed_is_available_in_order_of_preference() -> None:
    assert [row.name for row in available()] == ["brotli", "zstd", "zlib"]
    assert [row.name for row in available(["zlib", "brotli"])] == ["zlib", "brotli"]
    assert available(()) == ()


def test_what_is_not_installed_is_not_available(hide: Hide) -> None:
    hide("brotli")
    assert [row.name for row in available()] == ["brotli", "zstd", "zlib"]
    hide("brotlicffi")
    assert [row.name for row in available()] == ["zstd", "zlib"]
    hide(_STANDARD_ZSTD, "zstandard")
    assert [row.name for row in available()] == ["zlib"]
    assert available(["brotli", "zstd"]) == ()


def test_what_is_not_installed_cannot_be_used(hide: Hide) -> None:
    hide("brotli", "brotlicffi")
    with pytest.raises(PeerMisbehaved, match="cannot be decompressed"):
        ALGORITHMS_BY_NAME["brotli"].decompress(_brotli(_CONTENT), len(_CONTENT))


def test_a_brotli_whose_output_cannot_be_limited_is_not_used(
    hide: Hide, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Decompressor:
        """As in `brotli` 1.1."""

    hide("brotlicffi")
    monkeypatch.setattr(_BROTLI, "Decompressor", Decompressor)
    assert [row.name for row in available()] == ["zstd", "zlib"]
