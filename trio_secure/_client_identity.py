"""Who this client is: a certificate chain, and something that signs with its key.

Theory of operation
-------------------
A `ClientIdentity` is what a configuration holds; awaiting `ready` gives the `LoadedIdentity` that a handshake
uses. Mostly they are one and the same object, made and checked at once from bytes in memory. When a part of it
has to be read first, from a vault or a device, it is read when a server asks for a certificate, and not before.

A local key and a signer of the user's are one to the handshake: it awaits a signature. Whoever made it, it is
checked under the certificate's key before it is sent: a signature gone wrong through a fault of the hardware
may give away the key that made it, and would otherwise be explained by an alert of the peer's at best.
"""

from __future__ import annotations

import abc
import inspect
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import cast

from cryptography.exceptions import InvalidSignature

from ._client_certificates import ClientCertificates
from ._client_keys import (
    Data,
    Password,
    PrivateKey,
    Readable,
    load_certificates,
    load_key,
    load_pkcs12,
    material,
    one_or_more,
    password_bytes,
)
from ._errors import AlertDescription, TLSError
from ._signatures import SignatureScheme

Sign = Callable[[str, bytes], Awaitable[bytes]]
"""A signer of the user's: the scheme's registered name, and what to sign (the message, not its hash)."""


class ClientIdentity(abc.ABC):
    """A certificate that this client can prove to be its own.

    `load` and `from_pkcs12` take the private key, `signing` takes something that signs with it, `of` takes
    material that may have to be read first; all of them take it from memory. Wherever a key is kept that none
    of these reaches, a subclass can make the identity when it is asked for, in its `ready`.

    Identities are equal when their certificates are. What they print of themselves holds no secret.
    """

    __slots__ = ("__weakref__",)

    @abc.abstractmethod
    async def ready(self) -> LoadedIdentity:
        """The identity, once everything it needs is there.

        Called in the middle of a handshake, each time that a server's request comes to this identity; what it
        raises ends the handshake and reaches the user as it is.
        """
        ...

    @staticmethod
    def load(
        certificates: bytes | Sequence[bytes], key: bytes, *, password: Password = None
    ) -> LoadedIdentity:
        """An identity with a private key at hand.

        Args:
            certificates: the client's own certificate, then its issuer's, and so on; the root may be left out.
                It is bytes, or a list of bytes: one certificate in DER, or PEM text with one or more.
            key: the private key in DER or PEM: PKCS#8, encrypted or not, PKCS#1 or SEC1. It may be the same PEM
                text that the certificates are in.
            password: what the key is encrypted with; str stands for its UTF-8 bytes.

        Raises:
            ValueError: the material cannot be used; the message says why, and what to do.
            TypeError: an argument is of the wrong type.
        """
        return _local(ClientCertificates.parse(load_certificates(certificates)), load_key(key, password))

    @staticmethod
    def from_pkcs12(data: bytes, password: Password = None) -> LoadedIdentity:
        """An identity from a PKCS#12 file (.p12, .pfx): its key, that key's certificate and those of its issuers.

        Certificates that do not lead up from the key's own are left out, and so is the root.

        Args:
            data: the file's bytes.
            password: what it is encrypted with.

        Raises:
            ValueError: the password is wrong, or the file has no key or no certificate for it, or they cannot be
                used; the message says which.
            TypeError: an argument is of the wrong type.
        """
        key, certificates = load_pkcs12(data, password)
        return _local(ClientCertificates.sort(certificates), key)

    @staticmethod
    def signing(
        certificates: bytes | Sequence[bytes], sign: Sign, *, schemes: Iterable[str] | None = None
    ) -> LoadedIdentity:
        """An identity whose key is elsewhere: in an HSM, a KMS, an agent.

        Args:
            certificates: as for `load`.
            sign: `async def sign(scheme: str, data: bytes) -> bytes`. The scheme is a registered name such as
                "ecdsa_secp256r1_sha256". The data is the message itself, to be hashed as the scheme says: 130 to
                150 bytes in TLS 1.3, all of the handshake so far below it. Below TLS 1.2 there are two further
                schemes, "ecdsa_sha1" and "rsa_pkcs1_md5_sha1": the latter is PKCS#1 over the MD5 and the SHA-1
                of the data, one after the other, without a DigestInfo. What `sign` raises ends the handshake and
                reaches the user as it is.
            schemes: the names of the schemes it can sign with, the preferred first; None for all that fit the
                certificate's key.

        Raises:
            ValueError: the certificates cannot be used, or a scheme is unknown or does not fit their key.
            TypeError: an argument is of the wrong type.
        """
        if not callable(sign):
            raise TypeError(f"sign must be an async function, not {type(sign).__name__}")

        async def through(scheme: SignatureScheme, data: bytes) -> object:
            answer: object = sign(scheme.name, data)
            if not inspect.isawaitable(answer):
                raise TypeError(f"sign must be an async function; it returned {type(answer).__name__}")
            return await answer

        chain = ClientCertificates.parse(load_certificates(certificates))
        return LoadedIdentity(
            chain, chain.schemes if schemes is None else _named(schemes, chain.schemes), through
        )

    @staticmethod
    def of(certificates: Data | Sequence[Data], key: Data, *, password: Password = None) -> ClientIdentity:
        """An identity from bytes and from things that read like a `trio_certs.Resource`: `await thing.read()`.

        What is to be read is read when a server asks for a certificate, and again at the next request, so that
        a renewed certificate is used without a new configuration; it is parsed anew only if it has changed.
        When everything is bytes this is `load`.

        Raises:
            ValueError: as `load`, here or when it has been read.
            TypeError: as `load`.
        """
        parts = [_part("a client certificate", item) for item in one_or_more(certificates)]
        secret = _part("the private key", key)
        ready_parts = [part for part in parts if isinstance(part, bytes)]
        if isinstance(secret, bytes) and len(ready_parts) == len(parts):
            return ClientIdentity.load(ready_parts, secret, password=password)
        return _PendingIdentity(tuple(parts), secret, password_bytes(password))


@dataclass(frozen=True, slots=True, repr=False)
class LoadedIdentity(ClientIdentity):
    """A `ClientIdentity` that is ready.

    Attributes:
        certificates: its chain, taken apart.
        schemes: what its key can sign with, in order of preference.
    """

    certificates: ClientCertificates
    schemes: tuple[SignatureScheme, ...] = field(compare=False)
    _sign: Callable[[SignatureScheme, bytes], Awaitable[object]] = field(compare=False)

    @property
    def chain(self) -> tuple[bytes, ...]:
        """The certificates in DER, the client's own first."""
        return self.certificates.chain

    async def ready(self) -> LoadedIdentity:
        """This very identity."""
        return self

    async def sign(self, scheme: SignatureScheme, data: bytes) -> bytes:
        """A signature over `data` that is good under the certificate's key.

        Raises:
            TypeError: the user's signer returned something else than bytes.
            TLSError: what was returned is no such signature.
            Exception: whatever the user's signer raises.
        """
        signature = await self._sign(scheme, data)
        if not isinstance(signature, bytes):
            raise TypeError(
                f"the signer of {self!r} must return the signature as bytes, not {type(signature).__name__}"
            )
        try:
            scheme.algorithm.verify(self.certificates.key.key, signature, data)
        except (InvalidSignature, ValueError) as error:
            raise TLSError(
                f"the signer of {self!r} returned a {scheme.name} signature that is wrong under the certificate's "
                "key; it was not sent",
                AlertDescription.INTERNAL_ERROR,
            ) from error
        return signature

    def __repr__(self) -> str:
        count = len(self.chain)
        return (
            f"<ClientIdentity {self.certificates.subject!r}: {count} certificate{'s' if count > 1 else ''}>"
        )


@dataclass(frozen=True, slots=True, repr=False)
class _PendingIdentity(ClientIdentity):
    """An identity of which something has to be read first."""

    certificates: tuple[Data, ...]
    key: Data
    password: bytes | None
    # What was read last, and what came of it; at most one entry.
    _last: dict[tuple[bytes, ...], LoadedIdentity] = field(
        default_factory=dict[tuple[bytes, ...], LoadedIdentity], compare=False
    )

    async def ready(self) -> LoadedIdentity:
        """The identity made of what is read now."""
        certificates = tuple([await _read(part) for part in self.certificates])
        read = (*certificates, await _read(self.key))
        if read not in self._last:
            identity = ClientIdentity.load(certificates, read[-1], password=self.password)
            self._last.clear()
            self._last[read] = identity
        return self._last[read]

    def __repr__(self) -> str:
        count = len(self.certificates)
        return f"<ClientIdentity to be read: {count} part{'s' if count > 1 else ''} and a key>"


def _part(what: str, value: object) -> Data:
    if isinstance(value, Readable):
        return value
    return material(what, value)


async def _read(part: Data) -> bytes:
    if isinstance(part, bytes):
        return part
    return material("what was read for a client identity", await part.read())


def _local(chain: ClientCertificates, key: PrivateKey) -> LoadedIdentity:
    """The identity of a chain and the private key of its first certificate."""
    if key.public_key() != chain.key.key:
        raise ValueError(
            f"the private key is not that of the client certificate ({chain.subject}): put the certificate that "
            "belongs to the key first, or give the key that belongs to it"
        )

    async def sign(scheme: SignatureScheme, data: bytes) -> bytes:
        return scheme.sign(key, data)

    return LoadedIdentity(chain, chain.schemes, sign)


def _named(schemes: object, usable: Sequence[SignatureScheme]) -> tuple[SignatureScheme, ...]:
    """The rows of these names, in their order."""
    if isinstance(schemes, str) or not isinstance(schemes, Iterable):
        raise TypeError(f"schemes must be a list of names, not {type(schemes).__name__}")
    rows = {row.name: row for row in usable}
    found: dict[str, SignatureScheme] = {}
    for name in cast("Iterable[object]", schemes):
        if not isinstance(name, str) or name not in rows:
            raise ValueError(
                f"schemes has {name!r}, which does not fit the certificate's key; {', '.join(rows)} do"
            )
        found[name] = rows[name]
    if not found:
        raise ValueError(f"schemes is empty; {', '.join(rows)} fit the certificate's key")
    return tuple(found.values())
