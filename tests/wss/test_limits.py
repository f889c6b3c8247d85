from __future__ import annotations

import math
from typing import Any  # the values under test are of the wrong type or range on purpose

import pytest

from trio_wss._limits import Limits


def test_the_defaults_are_one_mebibyte_and_tens_of_seconds() -> None:
    assert Limits() == Limits(
        max_message_size=1048576,
        max_frame_size=None,
        max_fragments=131072,
        max_buffered=1048576,
        close_timeout=10,
        ping_interval=20,
        ping_timeout=20,
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_message_size": 0},
        {"max_frame_size": 0},
        {"max_fragments": 0},
        {"max_buffered": 0},
        {"ping_interval": 0},
        {"ping_timeout": -1},
        {"ping_timeout": math.nan},
        {"close_timeout": -1},
        {"close_timeout": math.inf},
        {"close_timeout": math.nan},
    ],
)
def test_a_value_that_makes_no_sense_is_refused_by_name(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Limits(**wrong)


def test_a_close_timeout_of_zero_is_allowed() -> None:
    assert Limits(close_timeout=0).close_timeout == 0


def test_what_is_none_is_not_limited() -> None:
    Limits(
        max_message_size=None, max_frame_size=None, max_fragments=None, ping_interval=None, ping_timeout=None
    )
