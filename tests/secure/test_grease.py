"""Reserved values."""

from __future__ import annotations

from trio_secure._extensions import EXTENSION_TYPES
from trio_secure._grease import VALUES, Grease
from trio_secure._groups import GROUPS_BY_CODE
from trio_secure._signatures import SCHEMES_BY_CODE
from trio_secure._suites import CIPHER_SUITES


def test_the_values_are_those_of_the_rfc() -> None:
    assert VALUES[:2] == (0x0A0A, 0x1A1A)
    assert VALUES[-1] == 0xFAFA
    assert all(value >> 8 == value & 0xFF and value & 0xF == 0xA for value in VALUES)


def test_they_stand_for_nothing_in_any_table() -> None:
    suites = {suite.code for suite in CIPHER_SUITES}
    assert not set(VALUES) & (suites | set(GROUPS_BY_CODE) | set(SCHEMES_BY_CODE) | set(EXTENSION_TYPES))


def test_they_are_drawn_anew_for_each_connection() -> None:
    drawn = [Grease.fresh() for _ in range(400)]
    assert {one.suite for one in drawn} == set(VALUES)
    assert {one.last_extension for one in drawn} == set(VALUES)


def test_the_two_extensions_differ() -> None:
    assert all(one.first_extension != one.last_extension for one in (Grease.fresh() for _ in range(400)))
