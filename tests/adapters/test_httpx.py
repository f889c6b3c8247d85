from __future__ import annotations

from pathlib import Path

import httpx
import pytest
import trio.testing

from support.http_adapters import FAULTS, HTTPX, KINDS
from trio_secure.testing import Fault
from trio_secure_adapters import httpx as adapter

SUBJECT = HTTPX(httpx, adapter)


@pytest.mark.parametrize(("kind", "http2"), KINDS)
async def test_requests_reach_a_real_server_by_any_proxy(tmp_path: Path, kind: str, http2: bool) -> None:
    await SUBJECT.exchange(tmp_path, kind, http2=http2)


@pytest.mark.parametrize(("fault", "error"), FAULTS)
async def test_what_fails_has_the_librarys_name(
    fault: Fault, error: str, autojump_clock: trio.testing.MockClock
) -> None:
    await SUBJECT.fails(fault, error)


def test_bad_settings_are_told_of_at_once() -> None:
    SUBJECT.bad_settings()


def test_a_proxy_may_be_the_librarys_own() -> None:
    adapter.SecureTransport(proxy=httpx.Proxy("https://localhost:1", auth=("a", "b")), proxy_secure={})
