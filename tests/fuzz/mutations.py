"""Ways to spoil what somebody else has made.

Theory of operation: a `Mutation` is a handful of numbers, chosen before it is known what they are applied
to, and taken modulo whatever there is. So Hypothesis can generate and shrink them, and can apply them in
the middle of a handshake. On a tree they change one piece and leave its surroundings in order; on bytes
they change what they hit.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import strategies as st

from fuzz.trees import Node, bare


class Kind(enum.Enum):
    """What is done to a piece."""

    FLIP = "one bit is turned over"
    SET = "one byte becomes another"
    FILL = "every byte becomes the same"
    EMPTY = "nothing is left of it"
    CUT = "it ends early"
    APPEND = "more follows"
    INSERT = "more stands in the middle"
    REPLACE = "something else takes its place"
    REPEAT = "it repeats itself, perhaps a great many times"
    SPLICE = "a piece of another value takes its place"
    DROP = "it is left out"
    TWICE = "it comes twice"
    SWAP = "it changes places with the next"
    LONGER = "it claims to be longer"
    SHORTER = "it claims to be shorter"


@dataclass(frozen=True)
class Mutation:
    """One change.

    Attributes:
        node: which piece of a tree.
        at: where in it.
        value: a byte, or how much.
        data: what is put in.
    """

    kind: Kind
    node: int
    at: int
    value: int
    data: bytes


_BYTES = (0, 1, 2, 3, 0x7F, 0x80, 0xFE, 0xFF)

mutations = st.builds(
    Mutation,
    kind=st.sampled_from(Kind),
    node=st.integers(0, 999),
    at=st.integers(0, 2**17 - 1),
    value=st.sampled_from(_BYTES) | st.integers(0, 255),
    data=st.binary(max_size=40),
)


def mutated_bytes(mutation: Mutation, data: bytes, pool: Sequence[bytes] = ()) -> bytes:
    """`data`, changed without regard to what it means."""
    kind, value = mutation.kind, mutation.value
    at = mutation.at % (len(data) or 1)
    if kind is Kind.FLIP and data:
        return data[:at] + bytes([data[at] ^ 1 << value % 8]) + data[at + 1 :]
    if kind is Kind.SET and data:
        return data[:at] + bytes([value]) + data[at + 1 :]
    if kind is Kind.FILL:
        return bytes([value]) * len(data)
    if kind is Kind.EMPTY:
        return b""
    if kind is Kind.CUT:
        return data[:at]
    if kind is Kind.REPEAT:
        # As long as what a length of two bytes can say, at most.
        return (data * (1 + value * value // 64))[: 2**16]
    if kind is Kind.SPLICE and pool:
        other = pool[mutation.node % len(pool)]
        return data[:at] + other[mutation.at % (len(other) or 1) :]
    if kind is Kind.DROP:
        return data[:at] + data[at + 1 + value % 8 :]
    if kind is Kind.TWICE:
        return data[:at] + data[at : at + 1 + value] * 2 + data[at + 1 + value :]
    if kind is Kind.SWAP:
        half = 1 + value % 8
        return data[:at] + data[at + half : at + 2 * half] + data[at : at + half] + data[at + 2 * half :]
    if kind in {Kind.REPLACE, Kind.LONGER}:
        return data[:at] + mutation.data + data[at + len(mutation.data) :]
    return data[:at] + mutation.data + data[at:]


def mutate(mutation: Mutation, tree: Node, pool: Sequence[bytes] = ()) -> None:
    """Change one piece of a tree."""
    places = list(tree.walk())
    if not places:
        return
    siblings, place = places[mutation.node % len(places)]
    node, kind = siblings[place], mutation.kind
    if kind is Kind.DROP:
        del siblings[place]
    elif kind is Kind.TWICE:
        siblings.insert(place, node)
    elif kind is Kind.SWAP:
        other = (place + 1) % len(siblings)
        siblings[place], siblings[other] = siblings[other], node
    elif kind in {Kind.LONGER, Kind.SHORTER}:
        _lie(mutation, siblings, place)
    elif kind is Kind.SPLICE and pool:
        # The whole of it, within the same frame.
        siblings[place] = Node(pool[mutation.at % len(pool)], node.frame)
    else:
        siblings[place] = Node(mutated_bytes(mutation, node.inside()), node.frame)


def _lie(mutation: Mutation, siblings: list[Node], place: int) -> None:
    """Put the prefix of another length before a piece."""
    node = siblings[place]
    content = node.inside()
    prefix = len(node.encode()) - len(content)
    if node.frame is bare or not prefix:
        siblings[place] = Node(mutated_bytes(mutation, content))
        return
    by = 1 + mutation.value
    other = bytes(len(content) + by) if mutation.kind is Kind.LONGER else bytes(max(0, len(content) - by))
    framed = node.frame(other)
    siblings[place] = Node(framed[: len(framed) - len(other)] + content)
