from __future__ import annotations

from pathlib import Path

import httpcore2
import pytest
import trio.testing

from support.http_adapters import FAULTS, KINDS, HTTPCore
from trio_secure.testing import Fault
from trio_secure_adapters import httpcore2 as adapter

SUBJECT = HTTPCore(httpcore2, adapter)


@pytest.mark.parametrize(("kind", "http2"), KINDS)
async def test_requests_reach_a_real_server_by_any_proxy(tmp_path: Path, kind: str, http2: bool) -> None:
    await SUBJECT.exchange(tmp_path, kind, http2=http2)


@pytest.mark.parametrize(("fault", "error"), FAULTS)
async def test_what_fails_has_the_librarys_name(
    fault: Fault, error: str, autojump_clock: trio.testing.MockClock
) -> None:
    await SUBJECT.fails(fault, error)


async def test_a_configuration_does_as_well_as_a_dictionary() -> None:
    await SUBJECT.configuration()


async def test_a_context_of_another_kind_is_not_passed_over() -> None:
    await SUBJECT.other_context()


async def test_a_body_that_was_cut_is_not_taken_for_complete() -> None:
    await SUBJECT.truncated()
