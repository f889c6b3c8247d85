"""What every test of `trio_secure` begins with: a process that has met no server yet."""

from __future__ import annotations

import pytest

from trio_secure._session_cache import PROCESS_CACHE


@pytest.fixture(autouse=True)
def _no_sessions() -> None:
    """Empty the cache that the connections of a process share."""
    PROCESS_CACHE._entries.clear()
    PROCESS_CACHE._bytes = 0
