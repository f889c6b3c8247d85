"""Certificate compression (RFC 8879): the algorithms a client can undo, one row each.

Theory of operation
-------------------
A row finds the library that undoes its algorithm when it is first asked for: zlib comes with Python, zstd with
Python 3.14 or `backports.zstd` or `zstandard`, brotli with `brotli` or `brotlicffi`. What is not installed is
not offered.

Whoever sends a compressed certificate chooses how much comes out of it, so no library is asked for more than
the length that was announced, and how much may be announced is capped before any of them is asked:

    RFC 8879 §5: "Implementations MUST limit the size of the resulting decompressed chain to the specified
    uncompressed length, and they MUST abort the connection if the size of the output of the decompression
    function exceeds that limit."

The windows are bounded as well: 32 KiB in zlib, 16 MiB in brotli, and 8 MiB here in zstd.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import zlib
from collections.abc import Callable, Collection
from typing import Protocol

from ._errors import AlertDescription, PeerMisbehaved
from ._frozen import frozen

Decompress = Callable[[bytes, int], bytes | None]
"""(data, length) -> what `data` holds, or None when that does not end with `data` or within `length` bytes."""

# What RFC 8878 §3.1.1.1.2 recommends that decoders support at least, and far more than a chain needs.
_ZSTD_WINDOW_LOG = 23


@frozen
class CompressionAlgorithm:
    """One row of the table.

    Attributes:
        find: what undoes the algorithm, or None when nothing that does is installed.
    """

    code: int
    name: str
    find: Callable[[], Decompress | None]

    def decompress(self, data: bytes, length: int) -> bytes:
        """What `data` holds, which must be exactly `length` bytes."""
        run = self.find()
        content = None if run is None else run(data, length)
        # RFC 8879 §4: "If the received CompressedCertificate message cannot be decompressed, the connection MUST
        # be terminated with the 'bad_certificate' alert."
        if content is None:
            raise self._bad("cannot be decompressed within the announced length")
        # RFC 8879 §4: "If, after decompression, the specified length does not match the actual length, the party
        # receiving the invalid message MUST abort the connection with the 'bad_certificate' alert."
        if len(content) != length:
            raise self._bad(f"has {len(content)} bytes, not the {length} announced")
        return content

    def _bad(self, why: str) -> PeerMisbehaved:
        return PeerMisbehaved(
            AlertDescription.BAD_CERTIFICATE, f"the certificate compressed with {self.name} {why}"
        )


class _Decoder(Protocol):
    """The shape that `zlib` and Python 3.14's `compression.zstd` give their decompressors."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


def _stream(make: Callable[[], _Decoder], error: type[Exception]) -> Decompress:
    def decompress(data: bytes, length: int) -> bytes | None:
        decoder = make()
        try:
            # With a byte to spare, because zlib takes 0 for no limit.
            content = decoder.decompress(data, length + 1)
        except error:
            return None
        return content if decoder.eof and not decoder.unused_data else None

    return decompress


def _find_zlib() -> Decompress | None:
    return _stream(zlib.decompressobj, zlib.error)


class _BrotliDecoder(Protocol):
    def process(self, data: bytes, /, output_buffer_limit: int) -> bytes: ...
    def is_finished(self) -> bool: ...


@functools.cache
def _find_brotli() -> Decompress | None:
    for name in ("brotli", "brotlicffi"):
        try:
            module = importlib.import_module(name)
        except ImportError:
            continue
        # Before 1.2 nothing limits what comes out.
        if hasattr(module.Decompressor, "can_accept_more_data"):
            return _brotli(module.Decompressor, module.error)
    return None


def _brotli(make: Callable[[], _BrotliDecoder], error: type[Exception]) -> Decompress:
    def decompress(data: bytes, length: int) -> bytes | None:
        decoder = make()
        try:
            # The limit is soft: up to one block of 32 KiB may come on top. What follows the end is an error.
            content = decoder.process(data, output_buffer_limit=length + 1)
        except error:
            return None
        return content if decoder.is_finished() else None

    return decompress


@functools.cache
def _find_zstd() -> Decompress | None:
    # What undoes zstd is imported when it is needed, not when it is offered: that takes 5 to 50 ms.
    # Python may have been built without zstd: `_zstd` is then what is missing.
    for name, needed in (("compression.zstd", "_zstd"), ("backports.zstd", "backports.zstd")):
        if _is_installed(name) and _is_installed(needed):
            return functools.partial(_zstd, name)
    return _zstandard if _is_installed("zstandard") else None


def _zstd(name: str, data: bytes, length: int) -> bytes | None:
    module = importlib.import_module(name)
    options = {module.DecompressionParameter.window_log_max: _ZSTD_WINDOW_LOG}
    make = functools.partial(module.ZstdDecompressor, options=options)
    return _stream(make, module.ZstdError)(data, length)


def _zstandard(data: bytes, length: int) -> bytes | None:
    module = importlib.import_module("zstandard")
    decoder = module.ZstdDecompressor(max_window_size=2**_ZSTD_WINDOW_LOG)
    try:
        # A size in the frame's header is believed, over the limit given; -1 says that there is none.
        if module.frame_content_size(data) not in (-1, length):
            return None
        content: bytes = decoder.decompress(data, max_output_size=length, allow_extra_data=False)
    except module.ZstdError:
        return None
    return content


def _is_installed(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:  # the package it would be in is missing
        return False


# In order of preference: what makes the shortest chains first.
COMPRESSION_ALGORITHMS: tuple[CompressionAlgorithm, ...] = (
    CompressionAlgorithm(2, "brotli", _find_brotli),
    CompressionAlgorithm(3, "zstd", _find_zstd),
    CompressionAlgorithm(1, "zlib", _find_zlib),
)


ALGORITHMS_BY_NAME = {row.name: row for row in COMPRESSION_ALGORITHMS}


def available(names: Collection[str] | None = None) -> tuple[CompressionAlgorithm, ...]:
    """The algorithms to offer, in order of preference: of those in `names`, or of all, what can be undone here."""
    rows = COMPRESSION_ALGORITHMS if names is None else [ALGORITHMS_BY_NAME[name] for name in names]
    return tuple(row for row in rows if row.find() is not None)
