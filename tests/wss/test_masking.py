from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.websocket_peer import apply_mask
from trio_wss._masking import masked

HEAD = b"\x82\x80"
# Around the border between the two ways of doing it, and around the blocks of the second.
SIZES = [0, 1, 3, 4, 5, 125, 127, 128, 129, 130, 131, 132, 1000, 65535, 65536, 65537, 131072, 200_001]


def check(frame: bytes | bytearray, payload: bytes) -> None:
    assert frame[:2] == HEAD
    assert apply_mask(bytes(frame[6:]), bytes(frame[2:6])) == payload


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_a_payload_of_any_size_and_kind_is_masked(size: int, kind: type[bytes]) -> None:
    payload = os.urandom(size)
    check(masked(HEAD, kind(payload)), payload)


def test_a_view_counts_its_bytes_and_not_its_items() -> None:
    payload = os.urandom(4000)
    check(masked(HEAD, memoryview(payload).cast("I")), payload)


@given(st.binary(max_size=600))
def test_whatever_the_payload(payload: bytes) -> None:
    check(masked(HEAD, payload), payload)


def test_the_payload_is_left_as_it_was() -> None:
    payload = bytearray(1000)
    masked(HEAD, payload)
    assert payload == bytes(1000)
    payload += b"x"  # nothing holds on to it


def test_every_frame_has_a_key_of_its_own() -> None:
    for size in (5, 500):
        assert len({bytes(masked(HEAD, bytes(size))[2:6]) for _ in range(20)}) > 1
