from __future__ import annotations

import subprocess
import sys

import trio_secure_adapters


def test_importing_the_package_imports_no_other_library() -> None:
    names = ["httpx", "httpx2", "httpcore", "httpcore2", "anyio", "websockets", "trio_websocket", "OpenSSL"]
    code = f"import sys, trio_secure_adapters; print([name for name in {names} if name in sys.modules])"
    ended = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[]"


def test_every_public_name_is_there() -> None:
    assert [name for name in trio_secure_adapters.__all__ if not hasattr(trio_secure_adapters, name)] == []
