from __future__ import annotations

import sys

import pytest
import trio
import trio.testing

from trio_wss._decoder import Piece
from trio_wss._inbox import Inbox

WEIGHT = sys.getsizeof("a message") + 64


def put(inbox: Inbox, *messages: str | bytes, final: bool = True) -> None:
    for message in messages:
        inbox.put(Piece(message, final))


async def rest(inbox: Inbox) -> list[str | bytes]:
    """The further pieces of the message begun."""
    found: list[str | bytes] = []
    while (piece := await inbox.more()) is not None:
        found.append(piece.data)
    return found


async def test_messages_come_out_in_order_then_nothing_more() -> None:
    inbox = Inbox(1000)
    put(inbox, "one", b"two")
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
        put(inbox, "hello")
        await trio.testing.wait_all_tasks_blocked()
        assert found == ["hello"]
        inbox.end()
    assert found == ["hello", None]


async def test_a_cancelled_get_takes_nothing() -> None:
    inbox = Inbox(1000)
    put(inbox, "kept")
    with trio.CancelScope() as scope:
        scope.cancel()
        await inbox.get()
    assert scope.cancelled_caught
    assert await inbox.get() == "kept"


async def test_every_get_is_a_checkpoint() -> None:
    inbox = Inbox(1000)
    put(inbox, "one")
    with trio.testing.assert_checkpoints():
        await inbox.get()
    inbox.end()
    with trio.testing.assert_checkpoints():
        await inbox.get()


async def test_there_is_room_until_the_capacity_is_held() -> None:
    inbox = Inbox(2 * WEIGHT)
    put(inbox, "a message")
    with trio.testing.assert_no_checkpoints():
        await inbox.room()
    put(inbox, "a message")
    put(inbox, "a message")  # of the same read
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
        put(inbox, "")
    with pytest.raises(trio.TooSlowError), trio.fail_after(0):
        await inbox.room()


async def test_discarding_makes_room_and_forgets_everything() -> None:
    inbox = Inbox(10)
    put(inbox, "a message")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(inbox.room)
        await trio.testing.wait_all_tasks_blocked()
        inbox.discard()
    put(inbox, "late")
    assert await inbox.get() is None


async def test_a_message_in_pieces_comes_out_whole_between_others() -> None:
    inbox = Inbox(10_000)
    put(inbox, "one")
    put(inbox, b"t", b"w", final=False)
    put(inbox, b"o", "three")
    assert [await inbox.get() for _ in range(3)] == ["one", b"two", "three"]
    assert inbox.held == 0


async def test_get_is_woken_for_a_whole_message_alone() -> None:
    inbox = Inbox(10_000)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(inbox.get)
        await trio.testing.wait_all_tasks_blocked()
        (task,) = nursery.child_tasks
        steps = Steps(task)
        trio.lowlevel.add_instrument(steps)
        put(inbox, "a", "b", "c", final=False)
        await trio.testing.wait_all_tasks_blocked()
        assert steps.count == 0
        put(inbox, "d")
        await trio.testing.wait_all_tasks_blocked()
        assert steps.count == 1
        trio.lowlevel.remove_instrument(steps)


class Steps(trio.abc.Instrument):
    """Counts the steps of one task."""

    def __init__(self, task: trio.lowlevel.Task) -> None:
        self.task = task
        self.count = 0

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        self.count += task is self.task


async def test_a_message_larger_than_the_capacity_is_taken_in_as_it_comes() -> None:
    inbox = Inbox(1000)
    found: list[str | bytes | None] = []

    async def taker() -> None:
        found.append(await inbox.get())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(taker)
        await trio.testing.wait_all_tasks_blocked()
        for _ in range(10):
            put(inbox, bytes(2000), final=False)
            assert inbox.full
            await inbox.room()
        put(inbox, b"end")
    assert found == [bytes(20_000) + b"end"]


async def test_a_get_cancelled_in_the_middle_of_a_large_message_leaves_it_to_the_next() -> None:
    inbox = Inbox(1000)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(inbox.get)
        await trio.testing.wait_all_tasks_blocked()
        put(inbox, "x" * 2000, final=False)
        await inbox.room()
        nursery.cancel_scope.cancel()
    put(inbox, "end")
    assert await inbox.get() == "x" * 2000 + "end"


async def test_the_end_within_a_message_drops_it() -> None:
    inbox = Inbox(1000)
    put(inbox, "whole")
    put(inbox, "half", final=False)
    inbox.end()
    assert [await inbox.get() for _ in range(2)] == ["whole", None]


# Piece by piece


async def test_the_pieces_of_a_message_as_they_come() -> None:
    inbox = Inbox(10_000)
    put(inbox, "a", final=False)
    with trio.testing.assert_checkpoints():
        assert await inbox.begin() == Piece("a", False)
    assert inbox.unfinished
    async with trio.open_nursery() as nursery:
        found: list[Piece | None] = []

        async def taker() -> None:
            found.append(await inbox.more())

        nursery.start_soon(taker)
        await trio.testing.wait_all_tasks_blocked()
        put(inbox, "b", final=False)
        await trio.testing.wait_all_tasks_blocked()
        assert found == [Piece("b", False)]
    put(inbox, "c", "next")
    assert await rest(inbox) == ["c"]
    assert not inbox.unfinished
    with trio.testing.assert_checkpoints():
        assert await inbox.more() is None
    inbox.finish()
    assert await inbox.get() == "next"


async def test_begin_waits_for_the_first_piece_and_not_for_the_whole() -> None:
    inbox = Inbox(10_000)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(inbox.begin)
        await trio.testing.wait_all_tasks_blocked()
        put(inbox, b"a", final=False)
    put(inbox, b"b")
    assert await rest(inbox) == [b"b"]


async def test_what_was_taken_in_of_a_large_message_comes_first() -> None:
    inbox = Inbox(1000)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(inbox.get)
        await trio.testing.wait_all_tasks_blocked()
        put(inbox, "x" * 2000, final=False)
        await inbox.room()
        nursery.cancel_scope.cancel()
    put(inbox, "end")
    assert await inbox.begin() == Piece("x" * 2000, False)
    assert await rest(inbox) == ["end"]


async def test_nobody_else_gets_a_message_meanwhile() -> None:
    inbox = Inbox(10_000)
    put(inbox, "a", final=False)
    await inbox.begin()
    got: list[object] = []

    async def get() -> None:
        got.append(await inbox.get())

    async def begin() -> None:
        piece = await inbox.begin()
        got.append(piece and piece.data)
        inbox.finish()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(get)
        await trio.testing.wait_all_tasks_blocked()
        put(inbox, "b", "two", "three")
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(begin)
        await trio.testing.wait_all_tasks_blocked()
        assert got == []
        assert await rest(inbox) == ["b"]
        inbox.finish()
        await trio.testing.wait_all_tasks_blocked()
    assert sorted(map(str, got)) == ["three", "two"]


@pytest.mark.parametrize("complete", [True, False])
async def test_what_is_left_of_a_message_is_thrown_away(complete: bool) -> None:
    inbox = Inbox(10_000)
    put(inbox, "a", "b", final=False)
    await inbox.begin()
    if complete:
        put(inbox, "c", "next")
    inbox.finish()
    if not complete:
        put(inbox, "late", final=False)
        assert inbox.held == 0
        put(inbox, "end", "next")
    assert await inbox.get() == "next"


async def test_the_end_is_the_end_of_pieces_too() -> None:
    inbox = Inbox(10_000)
    put(inbox, "a", "b", final=False)
    inbox.end()
    assert await inbox.begin() == Piece("a", False)
    assert await rest(inbox) == ["b"]
    assert inbox.unfinished
    inbox.finish()
    with trio.testing.assert_checkpoints():
        assert await inbox.begin() is None


async def test_who_waits_for_a_piece_is_woken_by_the_end() -> None:
    inbox = Inbox(10_000)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(inbox.begin)
        await trio.testing.wait_all_tasks_blocked()
        inbox.end()
    inbox = Inbox(10_000)
    put(inbox, "a", final=False)
    await inbox.begin()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(inbox.more)
        await trio.testing.wait_all_tasks_blocked()
        inbox.end()
