from __future__ import annotations

from pathlib import Path

import pytest

from trio_secure_cli._failure import CommandError
from trio_secure_cli._input_file import MOST_BYTES, read_input


def test_a_file_is_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    path.write_bytes(bytes(MOST_BYTES))
    assert read_input(path, "x") == bytes(MOST_BYTES)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("/nonexistent/ca.pem", "cannot read the file: No such file or directory"),
        ("/dev/zero", "the file is larger than 4 MiB"),
        ("nul\0l", "cannot read the file: embedded null byte"),
    ],
)
def test_what_is_none_is_refused(name: str, message: str) -> None:
    with pytest.raises(CommandError) as caught:
        read_input(Path(name), "the file")
    assert caught.value.message == message
