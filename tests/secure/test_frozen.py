from __future__ import annotations

import abc
import copy
import dataclasses
import pickle
from dataclasses import replace
from typing import ClassVar

import pytest

from trio_secure._frozen import frozen


@frozen
class Point:
    """Two numbers."""

    kind: ClassVar[str] = "point"

    x: int
    y: int = 0


@frozen
class Named(Point):
    name: str = ""


@frozen
class Twin:
    x: int
    y: int = 0


@frozen
class Empty:
    pass


@frozen(kw_only=True, repr=False)
class Secret(abc.ABC):
    key: bytes

    def __post_init__(self) -> None:
        if not self.key:
            raise ValueError("no key")


@frozen(kw_only=True, repr=False)
class Longer(Secret):
    more: bytes


def _names(value: object) -> list[str]:
    return [field.name for field in dataclasses.fields(value)]  # type: ignore[arg-type]


def test_fields_are_given_in_order_or_by_name_and_may_have_defaults() -> None:
    assert (Point(1).x, Point(1).y, Point(y=3, x=2).y) == (1, 0, 3)
    for arguments in ((), (1, 2, 3)):
        with pytest.raises(TypeError, match="__init__"):
            Point(*arguments)
    with pytest.raises(TypeError, match="z"):
        Point(1, z=1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


def test_the_fields_of_the_base_class_come_first() -> None:
    assert _names(Named(1)) == ["x", "y", "name"]
    assert repr(Named(1, name="n")) == "Named(x=1, y=0, name='n')"


def test_an_undecorated_subclass_is_made_like_its_base() -> None:
    class Special(Named):
        pass

    assert Special(1, 2, "s") == Special(1, 2, "s")
    assert type(Named(1, 2, "s")) is Named


def test_a_subclass_may_make_its_base_with_arguments_of_its_own() -> None:
    class Diagonal(Point):
        def __init__(self, both: int) -> None:
            super().__init__(both, both)

    assert (Diagonal(3).x, Diagonal(4).y) == (3, 4)


def test_the_first_instance_and_the_hundredth_are_made_alike() -> None:
    @frozen
    class Pair:
        x: int
        y: int = 2

        def __post_init__(self) -> None:
            if self.x == self.y:
                raise ValueError("alike")

    @frozen(kw_only=True)
    class ByName(Pair):
        pass

    assert [Pair(1, y=3) for _ in range(100)] == [Pair(y=3, x=1)] * 100
    assert [ByName(y=3, x=1) for _ in range(100)] == [ByName(x=1, y=3)] * 100
    assert (Pair(1).y, ByName(x=1).y) == (2, 2)
    with pytest.raises(ValueError, match="alike"):
        Pair(2)
    with pytest.raises(ValueError, match="alike"):
        ByName(x=2)


@pytest.mark.parametrize("arguments", [((), {}), ((1, 2, 3), {}), ((1,), {"x": 1}), ((1,), {"z": 1})])
@pytest.mark.parametrize("before", [0, 100])
def test_arguments_that_do_not_fit_are_refused(
    arguments: tuple[tuple[int, ...], dict[str, int]], before: int
) -> None:
    @frozen
    class Fresh:
        x: int
        y: int = 0

    for number in range(before):
        Fresh(number)
    given, named = arguments
    with pytest.raises(TypeError, match="__init__"):
        Fresh(*given, **named)
    assert Fresh(1) == Fresh(1, 0)


def test_what_every_value_has_is_no_field() -> None:
    assert Point.kind == "point"
    assert _names(Point(1)) == ["x", "y"]
    assert _names(Empty()) == []


def test_nothing_can_be_changed_or_added() -> None:
    point = Point(1)
    for name in ("x", "z"):
        with pytest.raises(AttributeError, match=f"{name!r} of a Point"):
            setattr(point, name, 1)
    with pytest.raises(AttributeError, match="'x' of a Point"):
        delattr(point, "x")
    assert not hasattr(point, "__dict__")


def test_values_are_equal_if_class_and_fields_are() -> None:
    assert Point(1) == Point(1, 0)
    assert hash(Point(1)) == hash(Point(1, 0))
    assert Point(1) != Point(2)
    others: tuple[object, ...] = (Twin(1), Named(1), 1)
    assert Point(1) not in others
    assert Empty() == Empty()
    assert len({Point(1), Point(1, 0), Twin(1), Empty(), Empty()}) == 3


def test_values_that_are_not_compared_are_equal_to_themselves_alone() -> None:
    @frozen(eq=False)
    class Row:
        code: int

    row, other = Row(1), Row(1)
    assert row == row != other
    assert len({row, other}) == 2


def test_a_value_shows_its_fields_unless_they_are_secret() -> None:
    assert repr(Point(1)) == "Point(x=1, y=0)"
    assert repr(Empty()) == "Empty()"
    assert "sesame" not in repr(Secret(key=b"sesame"))


def test_fields_can_be_by_name_only() -> None:
    with pytest.raises(TypeError, match="positional"):
        Secret(b"key")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    assert Longer(more=b"m", key=b"k").key == b"k"


def test_a_value_is_checked_when_it_is_made() -> None:
    with pytest.raises(ValueError, match="no key"):
        Secret(key=b"")
    with pytest.raises(ValueError, match="no key"):
        Longer(key=b"", more=b"m")


def test_one_field_is_replaced_and_the_others_kept() -> None:
    assert replace(Named(1, 2, "n"), y=3) == Named(1, 3, "n")
    assert replace(Longer(key=b"k", more=b"m"), key=b"l") == Longer(key=b"l", more=b"m")
    with pytest.raises(ValueError, match="no key"):
        replace(Secret(key=b"k"), key=b"")


def test_to_dataclasses_a_value_is_one() -> None:
    assert dataclasses.asdict(Named(1, name="n")) == {"x": 1, "y": 0, "name": "n"}
    assert [field.default for field in dataclasses.fields(Point)] == [dataclasses.MISSING, 0]


def test_a_copy_is_equal() -> None:
    for value in (Named(1, 2, "n"), Empty(), Longer(key=b"k", more=b"m")):
        assert copy.copy(value) == value
        assert copy.deepcopy(value) == value
        assert pickle.loads(pickle.dumps(value)) == value  # noqa: S301 (its own)


def test_a_class_keeps_its_names_and_its_words() -> None:
    assert (Point.__doc__, Point.__qualname__, Point.__module__) == ("Two numbers.", "Point", __name__)


def test_values_can_be_matched() -> None:
    match Named(1, 2, "n"):
        case Named(x, _, name):
            assert (x, name) == (1, "n")
        case _:
            pytest.fail("not matched")
