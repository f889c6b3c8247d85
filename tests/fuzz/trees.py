"""Encoded values as trees, so that one part can be changed and the lengths around it still be right.

Theory of operation: a `Node` is a piece of an encoding: bytes, or a list of nodes, with what is written
before them. `vector` and `element` write the length prefixes of TLS and of DER. `read_message` and
`read_der` take encodings apart, as far as these keep to what is expected; what does not stays in one piece.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from support.der import element
from trio_secure._codec import Reader
from trio_secure._errors import PeerMisbehaved

Frame = Callable[[bytes], bytes]
Part = Callable[[Reader], "Node"]


def bare(content: bytes) -> bytes:
    """Nothing before the content."""
    return content


def vector(width: int) -> Frame:
    """A length of `width` bytes, which wraps around where the content is longer than it can say."""
    return lambda content: (len(content) % 256**width).to_bytes(width, "big") + content


@dataclass
class Node:
    """A piece of an encoding."""

    content: bytes | list[Node]
    frame: Frame = bare

    def inside(self) -> bytes:
        """The encoding without what stands before it."""
        if isinstance(self.content, bytes):
            return self.content
        return b"".join(node.encode() for node in self.content)

    def encode(self) -> bytes:
        """The encoding."""
        return self.frame(self.inside())

    def walk(self) -> Iterator[tuple[list[Node], int]]:
        """Every node below this one, as the list it is in and its place there."""
        if isinstance(self.content, list):
            for place, node in enumerate(self.content):
                yield self.content, place
                yield from node.walk()


# TLS (RFC 9846 §3)


def fixed(length: int) -> Part:
    """A field of so many bytes."""
    return lambda reader: Node(reader.opaque(length))


def opaque(width: int) -> Part:
    """A vector, whose content may be a structure of its own."""
    return lambda reader: Node(_guessed(reader.opaque(int.from_bytes(reader.opaque(width)))), vector(width))


def listed(width: int, *item: Part) -> Part:
    """A vector of items, each made of these parts."""

    def read(reader: Reader) -> Node:
        inner = Reader(reader.opaque(int.from_bytes(reader.opaque(width))), "list")
        items: list[Node] = []
        while len(inner):
            items.append(Node([part(inner) for part in item]))
        return Node(items, vector(width))

    return read


def _guessed(content: bytes) -> bytes | list[Node]:
    """What looks like a vector, perhaps behind a number, taken apart; and so does what looks like DER."""
    if content[:1] == b"\x30":
        return der_nodes(content) or content
    for before in (0, 1, 2):
        for width in (1, 2, 3):
            begin = before + width
            if len(content) > begin and int.from_bytes(content[before:begin]) == len(content) - begin:
                inner = Node(_guessed(content[begin:]), vector(width))
                return [Node(content[:before]), inner] if before else [inner]
    return content


_EXTENSIONS = listed(2, fixed(2), opaque(2))
_HELLO = (fixed(2), fixed(32), opaque(1), fixed(2), fixed(1))
# What a message may be made of; the first that fits all of it is taken.
_MESSAGES: dict[str, tuple[Sequence[Part], ...]] = {
    "ServerHello": ((*_HELLO, _EXTENSIONS), _HELLO),
    "HelloRetryRequest": ((*_HELLO, _EXTENSIONS),),
    "EncryptedExtensions": ((_EXTENSIONS,),),
    "CertificateRequest": (
        (opaque(1), _EXTENSIONS),
        (opaque(1), opaque(2), listed(2, opaque(2))),
        (opaque(1), listed(2, opaque(2))),
    ),
    "Certificate": ((opaque(1), listed(3, opaque(3), _EXTENSIONS)), (listed(3, opaque(3)),)),
    "CompressedCertificate": ((fixed(2), fixed(3), opaque(3)),),
    "CertificateStatus": ((fixed(1), opaque(3)),),
    "CertificateVerify": ((fixed(2), opaque(2)),),
    "ServerKeyExchange": (
        (fixed(3), opaque(1), fixed(2), opaque(2)),
        (fixed(3), opaque(1), opaque(2)),
        (opaque(2), opaque(2), opaque(2), fixed(2), opaque(2)),
        (opaque(2), opaque(2), opaque(2), opaque(2)),
    ),
    "NewSessionTicket": ((fixed(4), fixed(4), opaque(1), opaque(2), _EXTENSIONS), (fixed(4), opaque(2))),
}


def read_message(name: str, body: bytes) -> Node:
    """A message's body."""
    for parts in _MESSAGES.get(name, ()):
        reader = Reader(body, name)
        try:
            nodes = [part(reader) for part in parts]
            reader.finish()
        except PeerMisbehaved:
            continue
        return Node(nodes)
    return Node([Node(body)])


# DER (X.690 §8, §10)

_CONSTRUCTED = 0x20
_OCTET_STRING, _BIT_STRING = 0x04, 0x03


def _der_frame(tag: int) -> Frame:
    return lambda content: element(tag, content)


def der_nodes(data: bytes) -> list[Node] | None:
    """The elements that `data` is made of; None if it is not."""
    nodes: list[Node] = []
    at = 0
    while at < len(data):
        if len(data) - at < 2:
            return None
        tag, length = data[at], data[at + 1]
        begin = at + 2
        if length >= 0x80:
            begin += length & 0x7F
            length = int.from_bytes(data[at + 2 : begin])
        if begin + length > len(data) or data[at:begin] != element(tag, bytes(length))[: begin - at]:
            return None
        nodes.append(_der_node(tag, data[begin : begin + length]))
        at = begin + length
    return nodes


def _der_node(tag: int, content: bytes) -> Node:
    inner: list[Node] | None = None
    if tag & _CONSTRUCTED or (tag == _OCTET_STRING and content[:1] == b"\x30"):
        inner = der_nodes(content)
    elif tag == _BIT_STRING and content[:2] == b"\x00\x30" and (key := der_nodes(content[1:])):
        inner = [Node(b"\x00"), *key]
    return Node(content if inner is None else inner, _der_frame(tag))


def read_der(data: bytes) -> Node:
    """An encoding in DER."""
    return Node(der_nodes(data) or [Node(data)])
