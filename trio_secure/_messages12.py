"""The handshake messages of TLS 1.2 (RFC 5246 §7.4, RFC 8422 §5, RFC 5077 §3.3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

from ._codec import Reader, uint16s, vector8, vector24
from ._errors import AlertDescription, PeerMisbehaved
from ._messages import Message, encode_message


@dataclass(frozen=True, slots=True)
class HelloRequest(Message):
    """RFC 5246 §7.4.1.1: a wish to renegotiate, which this client never grants."""

    type: ClassVar[int] = 0
    max_length: ClassVar[int] = 0

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """The message in `body`, which is empty."""
        Reader(body, "HelloRequest").finish()
        return cls()


@dataclass(frozen=True, slots=True)
class Certificate(Message):
    """RFC 5246 §7.4.2."""

    type: ClassVar[int] = 11
    max_length: ClassVar[int] = 2**17

    certificate_list: tuple[bytes, ...]

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """The message in `body`."""
        reader = Reader(body, "Certificate")
        block = reader.vector24()
        reader.finish()
        entries: list[bytes] = []
        entry = reader.inner(block, "certificate_list")
        while len(entry):
            entries.append(entry.vector24(1))
        return cls(tuple(entries))

    def encode(self) -> bytes:
        """The message in wire form."""
        return encode_message(self.type, vector24(b"".join(map(vector24, self.certificate_list))))


_NAMED_CURVE = 3


@dataclass(frozen=True, slots=True)
class ServerKeyExchange(Message):
    """RFC 8422 §5.4: an ECDHE share under the server's signature.

    Attributes:
        params: the bytes that the signature covers, after the two random values.
    """

    type: ClassVar[int] = 12
    max_length: ClassVar[int] = 2**15

    named_curve: int
    point: bytes
    params: bytes
    algorithm: int
    signature: bytes

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """The message in `body`."""
        reader = Reader(body, "ServerKeyExchange")
        curve_type = reader.uint8()
        # RFC 8422 §5.4: explicit curves are gone; only named_curve(3) is left.
        if curve_type != _NAMED_CURVE:
            raise PeerMisbehaved(
                AlertDescription.ILLEGAL_PARAMETER,
                f"ServerKeyExchange has curve type {curve_type}, not a named curve",
            )
        named_curve, point = reader.uint16(), reader.vector8(1)
        params = body[: len(body) - len(reader)]
        message = cls(named_curve, point, params, reader.uint16(), reader.vector16())
        reader.finish()
        return message


@dataclass(frozen=True, slots=True)
class CertificateRequest(Message):
    """RFC 5246 §7.4.4."""

    type: ClassVar[int] = 13
    max_length: ClassVar[int] = 2**17

    certificate_types: bytes
    algorithms: tuple[int, ...]
    authorities: bytes

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """The message in `body`."""
        reader = Reader(body, "CertificateRequest")
        types = reader.vector8(1)
        algorithms = uint16s(reader.vector16(2), "supported_signature_algorithms of CertificateRequest")
        message = cls(types, algorithms, reader.vector16())
        reader.finish()
        return message


@dataclass(frozen=True, slots=True)
class ServerHelloDone(Message):
    """RFC 5246 §7.4.5."""

    type: ClassVar[int] = 14
    max_length: ClassVar[int] = 0

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """The message in `body`, which is empty."""
        Reader(body, "ServerHelloDone").finish()
        return cls()


@dataclass(frozen=True, slots=True)
class ClientKeyExchange:
    """RFC 8422 §5.7: the client's ECDHE share."""

    type: ClassVar[int] = 16

    point: bytes

    def encode(self) -> bytes:
        """The message in wire form."""
        return encode_message(self.type, vector8(self.point))


@dataclass(frozen=True, slots=True)
class NewSessionTicket(Message):
    """RFC 5077 §3.3."""

    type: ClassVar[int] = 4
    max_length: ClassVar[int] = 2**17

    lifetime_hint: int
    ticket: bytes

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """The message in `body`."""
        reader = Reader(body, "NewSessionTicket")
        message = cls(reader.uint32(), reader.vector16())
        reader.finish()
        return message
