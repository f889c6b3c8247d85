"""Check that a wheel built from the source distribution is the wheel built from the tree, and is complete.

Theory of operation: `compare_wheels.py FROM_TREE FROM_SDIST` takes two folders with one wheel each. Their
files must have the same names and contents, and every file of the packages in the tree must be among them.
"""

from __future__ import annotations

import sys
import tomllib
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def read_wheel(folder: Path) -> dict[str, bytes]:
    """The contents of the one wheel in `folder`, by name."""
    (path,) = folder.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def expected_files() -> set[str]:
    """What the packages named in pyproject.toml hold, as the wheel names it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    return {
        str(path.relative_to((ROOT / package).parent))
        for package in packages
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def main(from_tree: str, from_sdist: str) -> str | None:
    """What is wrong, or None."""
    tree, sdist = read_wheel(Path(from_tree)), read_wheel(Path(from_sdist))
    differing = sorted(name for name in tree.keys() | sdist.keys() if tree.get(name) != sdist.get(name))
    if differing:
        return f"the wheels from the tree and from the sdist differ in: {', '.join(differing)}"
    missing = sorted(expected_files() - tree.keys())
    if missing:
        return f"the wheel lacks: {', '.join(missing)}"
    print(f"{len(tree)} files, the same from the tree and from the sdist")
    return None


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
