"""The handshake messages of TLS 1.2 (RFC 5246 §7.4, RFC 8422 §5, RFC 5077 §3.3)."""

from __future__ import annotations

from typing import ClassVar, Self

from ._codec import Reader, uint16s, vector16, vector24
from ._errors import AlertDescription, PeerMisbehaved
from ._frozen import frozen
from ._messages import Message, encode_message
from ._status import MAX_STATUS_LENGTH, read_status


@frozen
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


@frozen
class CertificateStatus(Message):
    """RFC 6066 §8: the OCSP response that a server staples to its Certificate."""

    type: ClassVar[int] = 22
    max_length: ClassVar[int] = MAX_STATUS_LENGTH

    response: bytes

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """The message in `body`."""
        return cls(read_status(Reader(body, "CertificateStatus")))


_NAMED_CURVE = 3


@frozen
class ServerKeyExchange(Message):
    """RFC 5246 §7.4.3: the server's share under its signature.

    Attributes:
        params: the bytes that the signature covers, after the two random values.
        algorithm: the signature scheme; None below TLS 1.2, where the kind of key decides.
    """

    type: ClassVar[int] = 12
    max_length: ClassVar[int] = 2**15
    names_algorithm: ClassVar[bool] = True

    params: bytes
    algorithm: int | None
    signature: bytes

    @classmethod
    def title(cls) -> str:
        """The RFCs have one name for all of its forms."""
        return "ServerKeyExchange"

    @classmethod
    def _signed(cls, body: bytes, reader: Reader) -> tuple[bytes, int | None, bytes]:
        """The parameters just read, and the signature behind them (RFC 5246 §4.7)."""
        params = body[: len(body) - len(reader)]
        algorithm = reader.uint16() if cls.names_algorithm else None
        signature = reader.vector16()
        reader.finish()
        return params, algorithm, signature


@frozen
class ServerKeyExchangeECDHE(ServerKeyExchange):
    """RFC 8422 §5.4: a share in a named curve."""

    named_curve: int
    point: bytes

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """The message in `body`."""
        reader = Reader(body, cls.title())
        curve_type = reader.uint8()
        # RFC 8422 §5.4: explicit curves are gone; only named_curve(3) is left.
        if curve_type != _NAMED_CURVE:
            raise PeerMisbehaved(
                AlertDescription.ILLEGAL_PARAMETER,
                f"ServerKeyExchange has curve type {curve_type}, not a named curve",
            )
        named_curve, point = reader.uint16(), reader.vector8(1)
        return cls(*cls._signed(body, reader), named_curve, point)


@frozen
class ServerKeyExchangeDHE(ServerKeyExchange):
    """RFC 5246 §7.4.3: a share in a group of the server's own."""

    dh_p: bytes
    dh_g: bytes
    dh_ys: bytes

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """The message in `body`."""
        reader = Reader(body, cls.title())
        p, g, ys = reader.vector16(1), reader.vector16(1), reader.vector16(1)
        return cls(*cls._signed(body, reader), p, g, ys)


@frozen
class ServerKeyExchangeECDHE11(ServerKeyExchangeECDHE):
    """RFC 4492 §5.4: without an algorithm."""

    names_algorithm: ClassVar[bool] = False


@frozen
class ServerKeyExchangeDHE11(ServerKeyExchangeDHE):
    """RFC 4346 §7.4.3: without an algorithm."""

    names_algorithm: ClassVar[bool] = False


@frozen
class CertificateRequest(Message):
    """RFC 5246 §7.4.4.

    Attributes:
        algorithms: the signature schemes; None below TLS 1.2, where the kind of key decides.
        authorities: names in DER.
    """

    type: ClassVar[int] = 13
    max_length: ClassVar[int] = 2**17
    names_algorithms: ClassVar[bool] = True

    certificate_types: bytes
    algorithms: tuple[int, ...] | None
    authorities: tuple[bytes, ...]

    @classmethod
    def title(cls) -> str:
        """The RFCs have one name for both of its forms."""
        return "CertificateRequest"

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """The message in `body`."""
        reader = Reader(body, cls.title())
        types, algorithms = reader.vector8(1), None
        if cls.names_algorithms:
            algorithms = uint16s(reader.vector16(2), "supported_signature_algorithms of CertificateRequest")
        names = reader.inner(reader.vector16(), "certificate_authorities")
        reader.finish()
        authorities: list[bytes] = []
        while len(names):
            authorities.append(names.vector16(1))
        return cls(types, algorithms, tuple(authorities))


@frozen
class CertificateRequest11(CertificateRequest):
    """RFC 4346 §7.4.4: without algorithms."""

    names_algorithms: ClassVar[bool] = False


@frozen
class ServerHelloDone(Message):
    """RFC 5246 §7.4.5."""

    type: ClassVar[int] = 14
    max_length: ClassVar[int] = 0

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """The message in `body`, which is empty."""
        Reader(body, "ServerHelloDone").finish()
        return cls()


@frozen
class ClientKeyExchange:
    """RFC 5246 §7.4.7; RFC 8422 §5.7: what the kind of key exchange makes of it."""

    type: ClassVar[int] = 16

    exchange_keys: bytes

    def encode(self) -> bytes:
        """The message in wire form."""
        return encode_message(self.type, self.exchange_keys)


@frozen
class CertificateVerify11:
    """RFC 4346 §7.4.8: the client's signature, whose algorithm goes without saying."""

    type: ClassVar[int] = 15

    signature: bytes

    def encode(self) -> bytes:
        """The message in wire form."""
        return encode_message(self.type, vector16(self.signature))


@frozen
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
