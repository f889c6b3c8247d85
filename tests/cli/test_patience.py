from __future__ import annotations

import pytest
import trio
import trio.testing

from trio_secure_cli import ExitCode
from trio_secure_cli._failure import CommandError
from trio_secure_cli._patience import patience


async def test_silence_ends_with_what_was_awaited(autojump_clock: trio.testing.MockClock) -> None:
    async def wait() -> None:
        with patience(3) as clock:
            clock.expect("the body was awaited")
            await trio.sleep_forever()

    began = trio.current_time()
    with pytest.raises(CommandError) as caught:
        await wait()
    assert caught.value.message == "nothing came for 3 s while the body was awaited"
    assert caught.value.code is ExitCode.TOO_SLOW
    assert "--timeout" in (caught.value.hint or "")
    assert trio.current_time() - began == 3


async def test_the_clock_starts_again_with_each_expectation(autojump_clock: trio.testing.MockClock) -> None:
    with patience(3) as clock:
        for _ in range(5):
            clock.expect("the next piece was awaited")
            await trio.sleep(2)


async def test_the_clock_rests_while_nothing_is_expected(autojump_clock: trio.testing.MockClock) -> None:
    with patience(3) as clock:
        clock.expect("anything")
        clock.rest()
        await trio.sleep(100)


async def test_other_errors_come_through() -> None:
    with pytest.raises(KeyError), patience(3):
        raise KeyError
