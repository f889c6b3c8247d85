from __future__ import annotations

import pytest

from trio_wss._close_codes import BadCloseFrame, check, may_be_sent, read_body

SENDABLE = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999]
FORBIDDEN = [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535]


@pytest.mark.parametrize("code", SENDABLE)
def test_a_defined_or_free_code_may_be_sent_and_received(code: int) -> None:
    assert may_be_sent(code)
    check(code, "reason")
    assert read_body(code.to_bytes(2)) == (code, "")


@pytest.mark.parametrize("code", FORBIDDEN)
def test_any_other_code_may_not(code: int) -> None:
    assert not may_be_sent(code)
    with pytest.raises(ValueError, match=f"{code} may not be sent: use 1000"):
        check(code, "")
    with pytest.raises(BadCloseFrame, match=str(code)) as caught:
        read_body(code.to_bytes(2))
    assert caught.value.code == 1002


@pytest.mark.parametrize("code", [-1, 65536])
def test_a_code_that_does_not_fit_may_not_be_sent(code: int) -> None:
    with pytest.raises(ValueError, match="may not be sent"):
        check(code, "")


def test_a_reason_may_take_123_bytes() -> None:
    check(1000, "ü" * 61 + "x")
    with pytest.raises(ValueError, match="more than 123 bytes"):
        check(1000, "ü" * 62)


def test_no_body_is_code_1005() -> None:
    assert read_body(b"") == (1005, "")


def test_the_reason_is_text() -> None:
    assert read_body(b"\x03\xe8" + "Grüße".encode()) == (1000, "Grüße")


def test_half_a_code_is_a_violation() -> None:
    with pytest.raises(BadCloseFrame, match="half a code") as caught:
        read_body(b"\x03")
    assert caught.value.code == 1002


def test_a_reason_that_is_not_utf8_is_a_violation_of_its_own() -> None:
    with pytest.raises(BadCloseFrame, match="UTF-8") as caught:
        read_body(b"\x03\xe8\xce\xba\xe1\xbd")
    assert caught.value.code == 1007
