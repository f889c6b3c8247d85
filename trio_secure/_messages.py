"""The handshake messages that all versions share, and what every message knows of itself.

Theory of operation
-------------------
A message is a value with the RFC's own names, made by `parse` from its body (the four header bytes are
gone) or turned into wire form by `encode` (header included). Two things stand beside the fields: the type byte,
and the largest body accepted, which is checked before anything is buffered.

A HelloRetryRequest is a ServerHello with a special random value (RFC 9846 §4.2.3 [8446 §4.1.3]); here they are
two classes, told apart by `admits`, so that the handshake can say which of them it expects.
"""

from __future__ import annotations

import abc
import struct
from collections.abc import Iterable
from typing import ClassVar, Self

from ._codec import Reader, vector8, vector16, vector24
from ._extensions import MAX_BLOCK, Extensions, read_extensions, write_extensions
from ._frozen import frozen

RETRY_RANDOM = bytes.fromhex("CF21AD74E59A6111BE1D8C021E65B891C2A211167ABB8C5E079E09E2C8A8339C")


def encode_message(message_type: int, body: bytes) -> bytes:
    """A handshake message in wire form (RFC 9846 §4 [8446 §4])."""
    return bytes([message_type]) + vector24(body)


class Message(abc.ABC):
    """A handshake message that a server may send."""

    __slots__ = ()

    type: ClassVar[int]
    max_length: ClassVar[int]

    @classmethod
    def title(cls) -> str:
        """The message's name."""
        return cls.__name__

    @classmethod
    def admits(cls, body: bytes) -> bool:
        """Whether a message of this type with this body is of this class."""
        return True

    @classmethod
    @abc.abstractmethod
    def parse(cls, body: bytes) -> Self:
        """The message in `body`; PeerMisbehaved when it is malformed."""
        ...


@frozen
class ClientHello:
    """RFC 9846 §4.2.2 [8446 §4.1.2]; RFC 5246 §7.4.1.2.

    ::

        struct {
            ProtocolVersion legacy_version = 0x0303;
            Random random;
            opaque legacy_session_id<0..32>;
            CipherSuite cipher_suites<2..2^16-2>;
            opaque legacy_compression_methods<1..2^8-1>;
            Extension extensions<7..2^16-1>;
        } ClientHello;
    """

    type: ClassVar[int] = 1

    legacy_version: int
    random: bytes
    session_id: bytes
    cipher_suites: tuple[int, ...]
    extensions: tuple[tuple[int, bytes], ...]

    def encode(self) -> bytes:
        """The message in wire form."""
        suites = struct.pack(f">{len(self.cipher_suites)}H", *self.cipher_suites)
        # RFC 9846 §4.2.2 [8446 §4.1.2]: the compression methods "MUST contain exactly one byte, set to zero".
        version = self.legacy_version.to_bytes(2, "big")
        body = version + self.random + vector8(self.session_id) + vector16(suites) + b"\x01\x00"
        return encode_message(self.type, body + write_extensions(self.extensions))

    @property
    def room(self) -> int:
        """How many bytes of extensions there is still room for; negative if they are too many already."""
        return MAX_BLOCK - 2 - sum(4 + len(data) for _, data in self.extensions)

    def with_extensions(self, extensions: Iterable[tuple[int, bytes]]) -> ClientHello:
        """The same hello with other extensions."""
        return ClientHello(
            self.legacy_version, self.random, self.session_id, self.cipher_suites, tuple(extensions)
        )


@frozen
class ServerHello(Message):
    """RFC 9846 §4.2.3 [8446 §4.1.3]; RFC 5246 §7.4.1.3, where the extensions may be left out altogether.

    ::

        struct {
            ProtocolVersion legacy_version = 0x0303;
            Random random;
            opaque legacy_session_id_echo<0..32>;
            CipherSuite cipher_suite;
            uint8 legacy_compression_method = 0;
            Extension extensions<6..2^16-1>;
        } ServerHello;
    """

    type: ClassVar[int] = 2
    max_length: ClassVar[int] = 2 + 32 + 33 + 2 + 1 + MAX_BLOCK

    legacy_version: int
    random: bytes
    session_id: bytes
    cipher_suite: int
    compression_method: int
    extensions: Extensions

    @classmethod
    def admits(cls, body: bytes) -> bool:
        """Any random value but the one that marks a HelloRetryRequest."""
        return body[2:34] != RETRY_RANDOM

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """The message in `body`."""
        reader = Reader(body, cls.__name__)
        legacy_version, random = reader.uint16(), reader.opaque(32)
        session_id, cipher_suite, compression = reader.vector8(0, 32), reader.uint16(), reader.uint8()
        block = reader.vector16() if len(reader) else b""
        reader.finish()
        extensions = read_extensions(block, cls.__name__)
        return cls(legacy_version, random, session_id, cipher_suite, compression, extensions)


@frozen
class HelloRetryRequest(ServerHello):
    """RFC 9846 §4.2.4 [8446 §4.1.4]: a ServerHello that asks for another ClientHello."""

    @classmethod
    def admits(cls, body: bytes) -> bool:
        """Only the random value that marks it."""
        return body[2:34] == RETRY_RANDOM


@frozen
class HelloRequest(Message):
    """RFC 5246 §7.4.1.1: a wish to renegotiate, which this client never grants."""

    type: ClassVar[int] = 0
    max_length: ClassVar[int] = 0

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """The message in `body`, which is empty."""
        Reader(body, "HelloRequest").finish()
        return cls()


@frozen
class CertificateVerify(Message):
    """RFC 9846 §4.5.2 [8446 §4.4.3]."""

    type: ClassVar[int] = 15
    max_length: ClassVar[int] = 2 + 2 + 2**16 - 1

    algorithm: int
    signature: bytes

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """The message in `body`."""
        reader = Reader(body, "CertificateVerify")
        message = cls(reader.uint16(), reader.vector16())
        reader.finish()
        return message

    def encode(self) -> bytes:
        """The message in wire form."""
        return encode_message(self.type, self.algorithm.to_bytes(2, "big") + vector16(self.signature))


@frozen
class Finished(Message):
    """RFC 9846 §4.5.3 [8446 §4.4.4]; RFC 5246 §7.4.9. Its length is the business of whoever compares it."""

    type: ClassVar[int] = 20
    max_length: ClassVar[int] = 64

    verify_data: bytes

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """The message in `body`."""
        return cls(body)

    def encode(self) -> bytes:
        """The message in wire form."""
        return encode_message(self.type, self.verify_data)
