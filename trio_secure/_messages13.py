"""The handshake messages of TLS 1.3 that its server sends after the hello, and the few a client answers with."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Self

from ._codec import Reader, vector8, vector24
from ._compression import CompressionAlgorithm
from ._errors import AlertDescription, PeerMisbehaved
from ._extensions import MAX_BLOCK, Extensions, Where, check_requests, read_extensions
from ._frozen import frozen
from ._messages import Message, encode_message


@frozen
class EncryptedExtensions(Message):
    """RFC 9846 §4.4.1 [8446 §4.3.1]."""

    type: ClassVar[int] = 8
    max_length: ClassVar[int] = MAX_BLOCK

    extensions: Extensions

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """The message in `body`."""
        reader = Reader(body, "EncryptedExtensions")
        block = reader.vector16()
        reader.finish()
        return cls(read_extensions(block, "EncryptedExtensions"))


@frozen
class CertificateRequest(Message):
    """RFC 9846 §4.4.2 [8446 §4.3.2]."""

    type: ClassVar[int] = 13
    max_length: ClassVar[int] = 1 + 255 + MAX_BLOCK

    context: bytes
    extensions: Extensions

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """The message in `body`."""
        reader = Reader(body, "CertificateRequest")
        context, block = reader.vector8(), reader.vector16()
        reader.finish()
        return cls(context, read_extensions(block, "CertificateRequest"))


@frozen
class CertificateEntry:
    """One certificate of a chain, with the extensions that speak of it."""

    cert_data: bytes
    extensions: Extensions


@frozen
class Certificate(Message):
    """RFC 9846 §4.5.1 [8446 §4.4.2]."""

    type: ClassVar[int] = 11
    max_length: ClassVar[int] = 2**17

    context: bytes
    certificate_list: tuple[CertificateEntry, ...]

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """The message in `body`."""
        reader = Reader(body, "Certificate")
        context, block = reader.vector8(), reader.vector24()
        reader.finish()
        entries: list[CertificateEntry] = []
        entry = reader.inner(block, "certificate_list")
        while len(entry):
            cert_data = entry.vector24(1)
            entries.append(CertificateEntry(cert_data, read_extensions(entry.vector16(), "Certificate")))
        return cls(context, tuple(entries))

    def encode(self) -> bytes:
        """The message in wire form, without extensions: a client has been asked for none."""
        block = b"".join(vector24(entry.cert_data) + b"\x00\x00" for entry in self.certificate_list)
        return encode_message(self.type, vector8(self.context) + vector24(block))


@frozen
class CompressedCertificate(Message):
    """RFC 8879 §4: a Certificate, compressed."""

    type: ClassVar[int] = 25
    max_length: ClassVar[int] = 2**17

    algorithm: int
    uncompressed_length: int
    compressed_certificate_message: bytes

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """The message in `body`."""
        reader = Reader(body, "CompressedCertificate")
        message = cls(reader.uint16(), reader.uint24(), reader.vector24(1))
        reader.finish()
        return message

    def decompress(self, offered: Iterable[CompressionAlgorithm]) -> Certificate:
        """The Certificate in it, given the algorithms that were offered."""
        algorithm = next((row for row in offered if row.code == self.algorithm), None)
        # RFC 8879 §4: "The algorithm MUST be one of the algorithms listed in the peer's compress_certificate
        # extension."
        if algorithm is None:
            raise PeerMisbehaved(
                AlertDescription.ILLEGAL_PARAMETER,
                f"the certificate is compressed with algorithm {self.algorithm}, which was not offered",
            )
        # RFC 8879 §5: "implementations MAY impose a limit that is lower than that; in both cases, they MUST apply
        # the same limit as if no compression were used."
        if self.uncompressed_length > Certificate.max_length:
            raise PeerMisbehaved(
                AlertDescription.BAD_CERTIFICATE,
                f"a compressed Certificate of {self.uncompressed_length} bytes, above {Certificate.max_length}",
            )
        # RFC 8879 §5: "After decompression, the Certificate message MUST be processed as if it were encoded
        # without being compressed."
        return Certificate.parse(
            algorithm.decompress(self.compressed_certificate_message, self.uncompressed_length)
        )


@frozen
class NewSessionTicket(Message):
    """RFC 9846 §4.7.1 [8446 §4.6.1]."""

    type: ClassVar[int] = 4
    max_length: ClassVar[int] = 4 + 4 + 1 + 255 + 2 + 2**16 - 1 + MAX_BLOCK

    lifetime: int
    age_add: int
    nonce: bytes
    ticket: bytes
    extensions: Extensions

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """The message in `body`."""
        reader = Reader(body, "NewSessionTicket")
        lifetime, age_add = reader.uint32(), reader.uint32()
        nonce, ticket, block = reader.vector8(), reader.vector16(1), reader.vector16()
        reader.finish()
        extensions = read_extensions(block, "NewSessionTicket")
        check_requests(extensions, Where.NEW_SESSION_TICKET, "NewSessionTicket")
        return cls(lifetime, age_add, nonce, ticket, extensions)


@frozen
class KeyUpdate(Message):
    """RFC 9846 §4.7.3 [8446 §4.6.3]."""

    type: ClassVar[int] = 24
    max_length: ClassVar[int] = 1

    update_requested: bool

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """The message in `body`."""
        reader = Reader(body, "KeyUpdate")
        request = reader.uint8()
        reader.finish()
        # RFC 9846 §4.7.3 [8446 §4.6.3]: "If an implementation receives any other value, it MUST terminate the
        # connection with an 'illegal_parameter' alert."
        if request > 1:
            raise PeerMisbehaved(
                AlertDescription.ILLEGAL_PARAMETER, f"KeyUpdate.request_update is {request}, neither 0 nor 1"
            )
        return cls(bool(request))

    def encode(self) -> bytes:
        """The message in wire form."""
        return encode_message(self.type, bytes([self.update_requested]))


@frozen
class EndOfEarlyData:
    """RFC 9846 §4.6 [8446 §4.5]: what follows is protected by the handshake's keys."""

    type: ClassVar[int] = 5

    def encode(self) -> bytes:
        """The message in wire form, which is empty."""
        return encode_message(self.type, b"")
