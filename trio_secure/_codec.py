"""The TLS presentation language (RFC 9846 §3 [8446 §3]): a strict reader, and the few things a writer needs.

Theory of operation
-------------------
`Reader` walks over one message or one vector. Every take is checked against what is left and against the
bounds that the structure's definition gives, and `finish` refuses leftovers, so a parser built from it cannot
forget either. All of its refusals are decode_error:

    RFC 9846 §6 [8446 §6]: "Peers which receive a message which cannot be parsed according to the syntax (e.g.,
    have a length extending beyond the message boundary or contain an out-of-range length) MUST terminate the
    connection with a 'decode_error' alert."

Writing needs no class: numbers are `int.to_bytes`, a vector is `vector8/16/24`.
"""

from __future__ import annotations

from ._errors import AlertDescription, PeerMisbehaved


class Reader:
    """A cursor over `data`, which holds the structure called `what` in error messages."""

    __slots__ = ("_at", "_data", "what")

    def __init__(self, data: bytes, what: str) -> None:
        self._data = data
        self._at = 0
        self.what = what

    def __len__(self) -> int:
        return len(self._data) - self._at

    def opaque(self, length: int) -> bytes:
        """Exactly `length` bytes."""
        end = self._at + length
        if end > len(self._data):
            raise self.malformed(f"{length} bytes announced, {len(self)} left")
        taken = self._data[self._at : end]
        self._at = end
        return taken

    def _number(self, width: int) -> int:
        # Most of what is read is numbers, so this does by itself what `opaque` does.
        at = self._at
        end = at + width
        if end > len(self._data):
            raise self.malformed(f"{width} bytes announced, {len(self)} left")
        self._at = end
        return int.from_bytes(self._data[at:end], "big")

    def uint8(self) -> int:
        """A one-byte number."""
        return self._number(1)

    def uint16(self) -> int:
        """A two-byte number."""
        return self._number(2)

    def uint24(self) -> int:
        """A three-byte number."""
        return self._number(3)

    def uint32(self) -> int:
        """A four-byte number."""
        return self._number(4)

    def _vector(self, width: int, low: int, high: int | None) -> bytes:
        # As `_number` and `opaque` would: a handshake reads some twenty vectors.
        data, start = self._data, self._at + width
        length = int.from_bytes(data[self._at : start], "big")
        end = start + length
        if start > len(data):
            raise self.malformed(f"{width} bytes announced, {len(self)} left")
        if length < low or (high is not None and length > high):
            raise self.malformed(f"a vector of {length} bytes, outside <{low}..{high or 256**width - 1}>")
        if end > len(data):
            raise self.malformed(f"{length} bytes announced, {len(data) - start} left")
        self._at = end
        return data[start:end]

    def vector8(self, low: int = 0, high: int | None = None) -> bytes:
        """A vector with a one-byte length between `low` and `high` bytes."""
        return self._vector(1, low, high)

    def vector16(self, low: int = 0, high: int | None = None) -> bytes:
        """A vector with a two-byte length between `low` and `high` bytes."""
        return self._vector(2, low, high)

    def vector24(self, low: int = 0, high: int | None = None) -> bytes:
        """A vector with a three-byte length between `low` and `high` bytes."""
        return self._vector(3, low, high)

    def inner(self, data: bytes, what: str) -> Reader:
        """A reader over a vector already taken, named as a part of this structure."""
        return Reader(data, f"{what} of {self.what}")

    def rest(self) -> bytes:
        """Everything that is left."""
        return self.opaque(len(self))

    def finish(self) -> None:
        """Refuse leftovers."""
        if self._at != len(self._data):
            raise self.malformed(f"{len(self)} bytes too many")

    def malformed(self, why: str) -> PeerMisbehaved:
        """The decode_error that says what is wrong with this structure."""
        return PeerMisbehaved(AlertDescription.DECODE_ERROR, f"malformed {self.what}: {why}")


def uint16s(data: bytes, what: str) -> tuple[int, ...]:
    """The two-byte numbers that fill `data`, a vector already taken."""
    if len(data) % 2:
        raise PeerMisbehaved(AlertDescription.DECODE_ERROR, f"malformed {what}: an odd number of bytes")
    return tuple(int.from_bytes(data[i : i + 2], "big") for i in range(0, len(data), 2))


def vector8(data: bytes) -> bytes:
    """`data` behind its one-byte length."""
    return len(data).to_bytes(1, "big") + data


def vector16(data: bytes) -> bytes:
    """`data` behind its two-byte length."""
    return len(data).to_bytes(2, "big") + data


def vector24(data: bytes) -> bytes:
    """`data` behind its three-byte length."""
    return len(data).to_bytes(3, "big") + data
