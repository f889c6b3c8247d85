"""Check that two builds gave the same files, byte for byte: `same_files.py ONE OTHER`.

Theory of operation: every file of the first folder must be in the second, and be the same. So a wheel from the
tree is compared with one from the source distribution, and one source distribution with another.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path


def main(one: str, other: str) -> str | None:
    """What differs, or None."""
    files = sorted(path for path in Path(one).iterdir() if path.is_file())
    if not files:
        return f"{one} is empty"
    for path in files:
        digests = [hashlib.sha256(file.read_bytes()).hexdigest() for file in (path, Path(other) / path.name)]
        if digests[0] != digests[1]:
            return f"{path.name} is not built the same each time: {digests[0]}, then {digests[1]}"
        print(f"{digests[0]}  {path.name}")
    return None


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
