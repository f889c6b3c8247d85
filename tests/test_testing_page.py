"""docs/testing.md keeps its promises: its tests are run, and its table lists the faults with what they lead to."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

import trio_secure
from trio_secure import testing

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "testing.md").read_text()
_BLOCKS = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_ROW = re.compile(r"^\| `(\w+)\(.*\)` \| [^|]+ \| ([^|]+) \|$", re.MULTILINE)
_FAULTS = dict(_ROW.findall(PAGE))
_AMOUNTS: dict[str, tuple[object, ...]] = {"CutAt": (200,), "ChangedAt": (200,), "StalledAt": (200,)}


def _tests() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for code in _BLOCKS.findall(PAGE):
        names: dict[str, Any] = {}
        exec(compile(code, "docs/testing.md", "exec"), names)  # noqa: S102 -- it is the test
        found |= {name: value for name, value in names.items() if name.startswith("test_")}
    return found


TESTS = _tests()


@pytest.mark.parametrize("name", TESTS)
async def test_its_tests_pass(name: str, autojump_clock: MockClock) -> None:
    clock = {"autojump_clock": autojump_clock} if "autojump_clock" in TESTS[name].__annotations__ else {}
    await TESTS[name](**clock)


def test_its_table_lists_every_fault() -> None:
    faults = {
        name
        for name in testing.__all__
        if isinstance(value := getattr(testing, name), type) and issubclass(value, testing.Fault)
    }
    assert set(_FAULTS) == faults - {"Fault"}


@pytest.mark.parametrize("name", _FAULTS)
async def test_its_table_says_what_is_raised(name: str, autojump_clock: MockClock) -> None:
    async def hello(stream: testing.ServerStream) -> None:
        await stream.send_all(b"hello")

    async def exchange() -> None:
        fault = getattr(testing, name)(*_AMOUNTS.get(name, ()))
        async with (
            testing.Authority().serve("example.com", handler=hello, fault=fault) as server,
            server.SecureSocket("example.com", 443) as stream,
        ):
            with trio.fail_after(60):
                while await stream.receive_some():
                    pass

    said = _FAULTS[name].strip("`")
    error = trio.TooSlowError if said.startswith("nothing") else getattr(trio_secure, said, OSError)
    with pytest.raises(error), trio.fail_after(60):
        await exchange()
