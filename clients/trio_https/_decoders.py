"""Content codings undone: gzip and deflate always, brotli and zstd if they are installed.

Theory of operation: whoever compresses a body chooses how much comes out of it, so no decoder is ever asked for
all there is. `take` gives at most `STEP` bytes at a time and keeps the rest as it came, compressed; a reader
that stops asking stops the expansion. On top of that a body may not expand beyond `Limits.expansion`, nor be
coded more than `Limits.codings` times. A coded body has an end of its own (but for an empty one), and one that
lacks it is cut.

The windows, too, are bounded: 32 KiB in DEFLATE, 16 MiB in brotli, and 8 MiB in zstd, which RFC 9659 §3 demands.
"""

from __future__ import annotations

import functools
import importlib
import zlib
from collections.abc import Callable
from typing import Any, Protocol

from ._errors import DecodingError, ResponseTooLarge
from ._limits import Limits

STEP = 64 * 1024
# RFC 9659 §3: in HTTP no encoder may need a larger window than 8 MB, and every decoder has to have that.
_ZSTD_WINDOW_LOG = 23
# What may come out of any body, however few bytes went in.
_ALWAYS = 1 << 20


class _Coding(Protocol):
    """One coding being undone."""

    def feed(self, data: bytes) -> None:
        """Take input. What was fed before has been taken out."""
        ...

    def take(self) -> bytes:
        """At most about `STEP` bytes of output; empty if it needs input. Raises the library's errors."""
        ...

    @property
    def complete(self) -> bool:
        """Whether the input could end here."""
        ...


class _Wrong(Exception):
    """The input is not in this coding."""


class _Zlib:
    """DEFLATE data, in frames one after the other if it is gzip (RFC 1952 §2.2)."""

    def __init__(self, wbits: int, *, frames: bool) -> None:
        self._wbits = wbits
        self._frames = frames
        self._decoder = zlib.decompressobj(wbits)
        self._input = b""
        self._begun = False
        self._padding = False

    def feed(self, data: bytes) -> None:
        self._input += data

    def take(self) -> bytes:
        while self._input:
            if self._decoder.eof:
                self._next_frame()
                continue
            self._begun = True
            output = self._decoder.decompress(self._input, STEP)
            self._input = self._decoder.unused_data if self._decoder.eof else self._decoder.unconsumed_tail
            if output:
                return output
        # It may hold output that did not fit the last time.
        return b"" if self._decoder.eof or not self._begun else self._decoder.decompress(b"", STEP)

    @property
    def complete(self) -> bool:
        return self._decoder.eof or not self._begun

    def _next_frame(self) -> None:
        # gzip files are padded with zeros at times, which everybody overlooks.
        if self._frames and not self._padding and self._input[0] == 0x1F:
            self._decoder = zlib.decompressobj(self._wbits)
        elif self._frames and not self._input.strip(b"\0"):
            self._padding = True
            self._input = b""
        else:
            raise _Wrong("something follows its end")


class _Deflate:
    """`deflate`: RFC 9110 §8.4.1.2 says the zlib format, but some servers send bare DEFLATE data."""

    def __init__(self) -> None:
        self._start = b""
        self._inner: _Zlib | None = None

    def feed(self, data: bytes) -> None:
        if self._inner is None:
            self._start += data
            if len(self._start) < 2:
                return
            # RFC 1950 §2.2: CM is 8, and the two bytes are a multiple of 31.
            zlib_format = self._start[0] & 0x0F == 8 and int.from_bytes(self._start[:2], "big") % 31 == 0
            self._inner = _Zlib(zlib.MAX_WBITS if zlib_format else -zlib.MAX_WBITS, frames=False)
            data = self._start
        self._inner.feed(data)

    def take(self) -> bytes:
        return self._inner.take() if self._inner is not None else b""

    @property
    def complete(self) -> bool:
        return self._inner.complete if self._inner is not None else not self._start


class _Brotli:
    """`br`, RFC 7932."""

    def __init__(self, module: Any) -> None:
        self._decoder = module.Decompressor()
        self._input = b""
        self._begun = False

    def feed(self, data: bytes) -> None:
        self._input += data

    def take(self) -> bytes:
        decoder = self._decoder
        while self._begun or self._input:
            if decoder.is_finished():
                if self._input:
                    raise _Wrong("something follows its end")
                return b""
            accepts = decoder.can_accept_more_data()
            data, self._input = (self._input, b"") if accepts else (b"", self._input)
            self._begun = True
            if output := decoder.process(data, output_buffer_limit=STEP):
                return bytes(output)
            if accepts and not self._input:
                return b""
        return b""

    @property
    def complete(self) -> bool:
        return not self._begun or bool(self._decoder.is_finished())


class _Zstd:
    """`zstd`, RFC 8878: frames, one after the other."""

    def __init__(self, module: Any) -> None:
        options = {module.DecompressionParameter.window_log_max: _ZSTD_WINDOW_LOG}
        self._make = functools.partial(module.ZstdDecompressor, options=options)
        self._decoder = self._make()
        self._input = b""
        self._begun = False

    def feed(self, data: bytes) -> None:
        self._input += data

    def take(self) -> bytes:
        while self._input or not (self._decoder.eof or self._decoder.needs_input):
            if self._decoder.eof:
                self._decoder = self._make()
            self._begun = True
            output: bytes = self._decoder.decompress(self._input, STEP)
            self._input = self._decoder.unused_data if self._decoder.eof else b""
            if output:
                return output
        return b""

    @property
    def complete(self) -> bool:
        return not self._begun or bool(self._decoder.eof)


@functools.cache
def _find(*names: str, needs: str = "") -> Any:
    """The first of these modules that is installed, and whose `Decompressor` can be bounded; `None` for none."""
    for name in names:
        try:
            module = importlib.import_module(name)
        except ImportError:
            continue
        if not needs or hasattr(module.Decompressor, needs):
            return module
    return None


def _brotli() -> Any:
    # Before 1.2 nothing limits what comes out.
    return _find("brotli", "brotlicffi", needs="can_accept_more_data")


def _zstd() -> Any:
    return _find("compression.zstd", "backports.zstd")


@functools.cache
def _codings() -> dict[str, Callable[[], _Coding]]:
    """What can be undone here, by the names of RFC 9110 §8.4.1."""
    found: dict[str, Callable[[], _Coding]] = {
        "gzip": functools.partial(_Zlib, 16 + zlib.MAX_WBITS, frames=True),
        "deflate": _Deflate,
    }
    found["x-gzip"] = found["gzip"]
    if (brotli := _brotli()) is not None:
        found["br"] = functools.partial(_Brotli, brotli)
    if (zstd := _zstd()) is not None:
        found["zstd"] = functools.partial(_Zstd, zstd)
    return found


def accepted() -> str:
    """What Accept-Encoding offers."""
    return ", ".join(name for name in _codings() if name != "x-gzip")


class Decoder:
    """The codings of one body, undone in turn.

    Args:
        names: as Content-Encoding gives them, in the order in which they were applied.
        limits: `expansion` and `codings` are looked at.
        what: what error messages call the body.

    Raises:
        DecodingError: there are too many of them, or one is not known here.
    """

    def __init__(self, names: list[str], limits: Limits, what: str) -> None:
        self._what = what
        self._limits = limits
        if len(names) > limits.codings:
            raise self._error(f"is coded {len(names)} times, and Limits.codings is {limits.codings}")
        known = _codings()
        for name in names:
            if name not in known:
                raise self._error(f"is coded as {name[:50]!r}, which is none of {', '.join(known)}")
        # The last one applied is the first to be undone.
        self._names = names[::-1]
        self._stages = [known[name]() for name in self._names]
        self._in = self._out = 0

    def feed(self, data: bytes) -> None:
        """Take a piece of the body as it was sent. Everything fed before must have been taken out."""
        self._in += len(data)
        self._stages[0].feed(data)

    def take(self) -> bytes:
        """A piece of the decoded body, of at most about `STEP` bytes; empty if more must be fed first.

        Raises:
            DecodingError: the body is not what its coding says.
            ResponseTooLarge: it expands too much.
        """
        output = self._pull(len(self._stages) - 1)
        self._out += len(output)
        if self._out > _ALWAYS and self._out > self._in * self._limits.expansion:
            raise ResponseTooLarge(
                f"the body of {self._what} expands from {self._in} to more than {self._out} bytes, and "
                f"Limits.expansion is {self._limits.expansion}"
            )
        return output

    def finish(self) -> None:
        """The body has ended.

        Raises:
            DecodingError: its coding has not.
        """
        for name, stage in zip(self._names, self._stages, strict=True):
            if not stage.complete:
                raise self._error(f"ends before its {name} coding does: a part of it is missing")

    def _pull(self, index: int) -> bytes:
        """What the stage gives; if it needs input, what the stage before it has to give goes in first."""
        while True:
            try:
                output = self._stages[index].take()
            except Exception as error:
                # Each library has an exception of its own, and nothing in common but this base.
                raise self._error(f"is not in its {self._names[index]} coding: {error}") from error
            if output or index == 0:
                return output
            if not (data := self._pull(index - 1)):
                return b""
            self._stages[index].feed(data)

    def _error(self, how: str) -> DecodingError:
        return DecodingError(f"the body of {self._what} {how}. decode=False gives it as it was sent")


def codings_of(content_encoding: str) -> list[str]:
    """The codings that the field names, `identity` left out."""
    names = [name.strip().lower() for name in content_encoding.split(",")]
    return [name for name in names if name and name != "identity"]
