from __future__ import annotations

import sys

import pytest
import trio
import trio.testing

from trio_wss._inbox import Inbox


async def test_messages_come_out_in_order_then_nothing_more() -> None:
    inbox = Inbox(1000)
    inbox.put("one")
    inbox.put(b"two")
    inbox.end()
    assert [await inbox.get() for _ in range(4)] == ["one", b"two", None, None]


async def test_get_waits_for_a_message(autojump_clock: trio.abc.Clock) -> None:
    inbox = Inbox(1000)
    found: list[str | bytes | None] = []

    async def taker() -> None:
        found.append(await inbox.get())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(taker)
        nursery.start_soon(taker)
        await trio.testing.wait_all_tasks_blocked()
        inbox.put("hello")
        await trio.testing.wait_all_tasks_blocked()
        assert found == ["hello"]
        inbox.end()
    assert found == ["hello", None]


async def test_a_cancelled_get_takes_nothing() -> None:
    inbox = Inbox(1000)
    inbox.put("kept")
    with trio.CancelScope() as scope:
        scope.cancel()
        await inbox.get()
    assert scope.cancelled_caught
    assert await inbox.get() == "kept"


async def test_every_get_is_a_checkpoint() -> None:
    inbox = Inbox(1000)
    inbox.put("one")
    with trio.testing.assert_checkpoints():
        await inbox.get()
    inbox.end()
    with trio.testing.assert_checkpoints():
        await inbox.get()


async def test_there_is_room_until_the_capacity_is_held() -> None:
    inbox = Inbox(2 * sys.getsizeof("a message"))
    inbox.put("a message")
    with trio.testing.assert_no_checkpoints():
        await inbox.room()
    inbox.put("a message")
    inbox.put("a message")  # of the same read
    async with trio.open_nursery() as nursery:
        nursery.start_soon(inbox.room)
        await trio.testing.wait_all_tasks_blocked()
        await inbox.get()
        await trio.testing.wait_all_tasks_blocked()
        assert len(nursery.child_tasks) == 1
        await inbox.get()


async def test_empty_messages_take_room_too() -> None:
    inbox = Inbox(1000)
    for _ in range(100):
        inbox.put("")
    with pytest.raises(trio.TooSlowError), trio.fail_after(0):
        await inbox.room()


async def test_discarding_makes_room_and_forgets_everything() -> None:
    inbox = Inbox(10)
    inbox.put("a message")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(inbox.room)
        await trio.testing.wait_all_tasks_blocked()
        inbox.discard()
    inbox.put("late")
    assert await inbox.get() is None
