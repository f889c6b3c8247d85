from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from trio_https._file_locks import try_lock


def test_one_at_a_time_until_it_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "file"
    first, second = (os.open(path, os.O_RDWR | os.O_CREAT) for _ in range(2))
    assert try_lock(first)
    assert not try_lock(second)
    os.close(first)
    assert try_lock(second)
    os.close(second)


def test_another_process_is_kept_out_until_this_one_ends(tmp_path: Path) -> None:
    path = tmp_path / "file"
    program = (
        "import os, sys; from trio_https._file_locks import try_lock; "
        "print(try_lock(os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)), flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"True\n"
        descriptor = os.open(path, os.O_RDWR)
        assert not try_lock(descriptor)
        other.kill()
        other.wait()
        assert try_lock(descriptor)
        os.close(descriptor)
