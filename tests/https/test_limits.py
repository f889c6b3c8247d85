from __future__ import annotations

import math
from dataclasses import fields

import pytest

from trio_https import Deadlines, Limits
from trio_https._limits import seconds


def test_the_defaults_are_what_the_documentation_says() -> None:
    assert Limits() == Limits(
        connections=100,
        connections_per_host=100,
        head=65536,
        headers=256,
        informational=16,
        body=64 * 1024 * 1024,
        codings=3,
        expansion=2000,
    )
    assert Deadlines() == Deadlines(
        pool=60, connect=30, tls=30, idle=60, head=30, expect=1, rate=0.1, rate_window=60, keep_alive=15
    )


def test_none_switches_a_deadline_off() -> None:
    with pytest.raises(TypeError, match="rate_window"):
        Deadlines(rate_window=None)  # type: ignore[arg-type]  # the error is the test
    assert Deadlines(connect=None, idle=None, keep_alive=None).idle is None
    assert seconds(None) == math.inf
    assert seconds(2.5) == 2.5


@pytest.mark.parametrize("name", [field.name for field in fields(Limits)])
def test_a_limit_is_an_integer_of_at_least_one(name: str) -> None:
    assert getattr(Limits(**{name: 1}), name) == 1
    with pytest.raises(ValueError, match=f"Limits.{name} must be at least 1, not 0"):
        Limits(**{name: 0})
    for nonsense in (1.5, "1", None, True):
        with pytest.raises(TypeError, match=f"Limits.{name} must be an integer"):
            Limits(**{name: nonsense})  # type: ignore[arg-type]  # the error is the test


@pytest.mark.parametrize("name", [field.name for field in fields(Deadlines)])
def test_a_deadline_is_a_positive_number(name: str) -> None:
    assert getattr(Deadlines(**{name: 0.5}), name) == 0.5
    for nonsense in (0, -1, math.nan):
        with pytest.raises(ValueError, match=f"Deadlines.{name} must be above 0"):
            Deadlines(**{name: nonsense})
    for other in ("1", True, [1]):
        with pytest.raises(TypeError, match=f"Deadlines.{name} must be a number of seconds or None"):
            Deadlines(**{name: other})  # type: ignore[arg-type]  # the error is the test
