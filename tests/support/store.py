"""Certificate stores made for a test, with the tool that makes the real one."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from support.authority import Authority
from trio_certs import Store

TOOL = Path(__file__).parents[2] / "tools" / "update_store.py"


def update_tool() -> ModuleType:
    """The module `tools/update_store.py`, which is a script and in no package."""
    name = "update_store"
    if name not in sys.modules:
        specification = importlib.util.spec_from_file_location(name, TOOL)
        if specification is None or specification.loader is None:
            raise ImportError(f"cannot load {TOOL}")
        module = importlib.util.module_from_spec(specification)
        sys.modules[name] = module
        specification.loader.exec_module(module)
    return sys.modules[name]


def make_store(folder: Path, *authorities: Authority) -> Store:
    """A store in `folder` with the given roots as ca0, ca1, …"""
    bundle = b"".join(authority.certificate_pem for authority in authorities)
    update_tool().update(bundle, folder)
    return Store(folder)
