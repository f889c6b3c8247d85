from __future__ import annotations

import threading

from trio_secure._rooms import ROOM, _thread, give_back, take_room


def test_a_room_is_used_again() -> None:
    room = take_room()
    assert len(room) == ROOM
    give_back(room)
    assert take_room() is room


def test_no_room_is_given_to_two() -> None:
    rooms = [take_room() for _ in range(6)]
    assert len({id(room) for room in rooms}) == 6


def test_few_rooms_are_kept() -> None:
    for room in [take_room() for _ in range(10)]:
        give_back(room)
    assert len(_thread.spare) == 4


def test_what_is_no_room_is_not_kept() -> None:
    _thread.spare.clear()
    give_back(memoryview(bytearray(2 * ROOM)))
    assert not _thread.spare


def test_threads_have_rooms_of_their_own() -> None:
    give_back(take_room())
    seen: list[int] = []
    thread = threading.Thread(target=lambda: seen.append(len(_thread.spare)))
    thread.start()
    thread.join()
    assert seen == [0]
