"""Classes of values that do not change: declared like frozen dataclasses with slots, and quicker to make.

Theory of operation
-------------------
There are about a hundred such classes here: messages, keys, rows of tables. `dataclasses` writes six functions for
each, and compiles them when the module is imported, which was most of what importing this package took.
Here only `__init__` is compiled, because it is called often, and only for a class that has had a few instances: in
most processes most have none, or one. The rest is said once, for all of them.

Values are equal when they are of the same class and their fields are equal. To type checkers (PEP 681), and to
`dataclasses.replace` and its kind, the classes are dataclasses.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Any, TypeVar, cast, dataclass_transform, overload

T = TypeVar("T")

_FIELDS = "__dataclass_fields__"
#: After how many instances it pays to compile `__init__`: that takes 50 µs, and saves 2 or 3 on each.
_FEW = 16


@overload
def frozen(cls: type[T], /) -> type[T]: ...
@overload
def frozen(*, kw_only: bool = False, eq: bool = True, repr: bool = True) -> Callable[[type[T]], type[T]]: ...
@dataclass_transform(frozen_default=True)
def frozen(
    cls: type[T] | None = None,
    /,
    *,
    kw_only: bool = False,
    eq: bool = True,
    repr: bool = True,  # noqa: A002 (the name it has in dataclasses)
) -> type[T] | Callable[[type[T]], type[T]]:
    """Make a class of values; its fields are its base class's and those it has annotations for.

    Args:
        cls: the class. A field may have a default, which all instances share, and `__post_init__` is called last.
        kw_only: whether all fields are given by name.
        eq: whether values are compared by their fields; otherwise each is equal to itself alone.
        repr: whether `repr` tells what is in the fields; that of secrets does not.
    """

    def declare(cls: type[T]) -> type[T]:
        return cast("type[T]", _declared(cls, kw_only, eq, repr))

    return declare if cls is None else declare(cls)


def _declared(cls: Any, kw_only: bool, compared: bool, shown: bool) -> Any:
    """A class like `cls`, but with slots, which a class has from its creation or never."""
    namespace: dict[str, Any] = dict(cls.__dict__)
    namespace.pop("__dict__", None)
    namespace.pop("__weakref__", None)
    # Annotations are text: every module here imports them from the future.
    own = [name for name, kind in cls.__annotations__.items() if not kind.startswith("ClassVar")]
    names = (*getattr(cls, "_field_names", ()), *own)
    inherited: Mapping[str, object] = getattr(cls, "_defaults", {})
    namespace |= {
        _FIELDS: _Fields(),
        "_field_names": names,
        "_defaults": {**inherited, **{name: namespace.pop(name) for name in own if name in namespace}},
        "_values": attrgetter("__class__", *names),
        "__match_args__": () if kw_only else names,
        "__slots__": tuple(own),
        "__setattr__": _refuse,
        "__delattr__": _refuse,
        "__setstate__": _set_state,
    }
    if compared:
        namespace |= {"__eq__": _equal, "__hash__": _hash}
    if shown:
        namespace.setdefault("__repr__", _repr)
    declared = type(cls)(cls.__name__, cls.__bases__, namespace)
    declared.__qualname__ = cls.__qualname__
    declared.__init__ = _first_init(declared, kw_only)
    return declared


class _Fields:
    """The fields as `dataclasses` has them, made when it asks for them."""

    def __get__(self, _instance: object, cls: Any) -> object:
        defaults = cls._defaults
        rows = [
            (name, object, dataclasses.field(default=defaults.get(name, dataclasses.MISSING)))
            for name in cls._field_names
        ]
        # What a dataclass is given otherwise, the class has.
        like = dataclasses.make_dataclass(cls.__name__, rows, init=False, repr=False, eq=False)
        setattr(cls, _FIELDS, fields := getattr(like, _FIELDS))
        return fields


def _first_init(cls: Any, kw_only: bool) -> Callable[..., None]:
    """An `__init__` for a few instances, which gives way to one that is compiled."""
    names, defaults, made = cls._field_names, cls._defaults, 0

    def __init__(self: Any, /, *args: object, **kwargs: object) -> None:  # noqa: N807 (it is one)
        nonlocal made
        made += 1
        given = dict(zip(names, args, strict=False)) | kwargs
        # What is wrong with arguments, the compiled one says.
        plain = len(given) == len(args) + len(kwargs) and not (kw_only and args)
        fields = defaults | given
        if made <= _FEW and plain and fields.keys() == set(names):
            for name, value in fields.items():
                object.__setattr__(self, name, value)
            if hasattr(self, "__post_init__"):
                self.__post_init__()
            return
        compiled = cls.__init__ = _compiled_init(cls, kw_only)
        compiled(self, *args, **kwargs)

    return __init__


def _compiled_init(cls: Any, kw_only: bool) -> Callable[..., None]:
    names, defaults = cls._field_names, cls._defaults
    scope: dict[str, Any] = {f"set_{name}": getattr(cls, name).__set__ for name in names}
    scope |= {f"default_{name}": value for name, value in defaults.items()}
    parameters = [f"{name}=default_{name}" if name in defaults else name for name in names]
    lines = [f"set_{name}(self, {name})" for name in names]
    if hasattr(cls, "__post_init__"):
        lines.append("self.__post_init__()")
    marked = ["self", *(["*"] if kw_only and names else []), *parameters]
    exec(f"def __init__({', '.join(marked)}):\n " + "\n ".join(lines or ["pass"]), scope)  # noqa: S102 (own names)
    made: Callable[..., None] = scope["__init__"]
    return made


def _equal(self: Any, other: Any) -> Any:
    return self._values(self) == self._values(other) if type(other) is type(self) else NotImplemented


def _hash(self: Any) -> int:
    return hash(self._values(self))


def _repr(self: Any) -> str:
    fields = ", ".join(f"{name}={getattr(self, name)!r}" for name in self._field_names)
    return f"{type(self).__qualname__}({fields})"


def _refuse(self: object, name: str, *_value: object) -> None:
    raise AttributeError(f"{name!r} of a {type(self).__name__} cannot be changed")


def _set_state(self: object, state: tuple[None, Mapping[str, object]]) -> None:
    """What copying and unpickling call."""
    for name, value in state[1].items():
        object.__setattr__(self, name, value)
