"""Masking: what a client has to do to every byte it sends.

Theory of operation: octet i of a payload is combined with octet i mod 4 of the masking key by exclusive or
(RFC 6455 §5.3). Python has no loop that does this at the speed of memory, but two of its neighbours do. Short
payloads become one integer each, which costs less than a call into a library would. Longer ones are combined
in place, block by block, as the bit arrays of `bitarray`, which work on whole machine words; a block is small
enough to stay in the processor's cache, and so is the repeated key, which is made once for all of them.

Whole frames, measured beside wsproto's four passes of `bytes.translate`: 2.5 to 3.5 times as fast up to 4 KiB,
8 to 9 times from 64 KiB up.
"""

from __future__ import annotations

import os

from bitarray import bitarray

_SHORT = 128
_BLOCK = 1 << 16
_KEY = 4


def masked(head: bytes, payload: bytes | bytearray | memoryview) -> bytes | bytearray:
    """The frame of this header and this payload: header, masking key, masked payload.

    Args:
        head: the header up to the masking key.
        payload: contiguous bytes. They are copied once, into the frame.
    """
    # RFC 6455 §5.3: the key "needs to be unpredictable", and "MUST be derived from a strong source of entropy".
    key = os.urandom(_KEY)
    size = payload.nbytes if isinstance(payload, memoryview) else len(payload)
    if size <= _SHORT:
        pattern = (key * (size // _KEY + 1))[:size]
        mixed = int.from_bytes(payload, "little") ^ int.from_bytes(pattern, "little")
        return head + key + mixed.to_bytes(size, "little")
    frame = bytearray(head)
    frame += key
    start = len(frame)
    frame += payload
    _mix(memoryview(frame)[start:], key)
    return frame


def _mix(data: memoryview, key: bytes) -> None:
    size = len(data)
    if size <= _BLOCK:
        block = bitarray(buffer=data)
        block ^= bitarray(buffer=(key * (size // _KEY + 1))[:size])
        return
    pattern = memoryview(key * (_BLOCK // _KEY))
    whole = bitarray(buffer=pattern)
    for start in range(0, size, _BLOCK):
        block = bitarray(buffer=data[start : start + _BLOCK])
        block ^= whole if size - start >= _BLOCK else bitarray(buffer=pattern[: size - start])
