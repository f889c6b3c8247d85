"""Certificates and private keys from the forms they are kept in: DER, PEM, PKCS#12.

Theory of operation
-------------------
Everything comes from memory, since where a secret is kept is not the business of a TLS client. `cryptography`
parses it. What it says of material that it cannot use is for programmers; the errors here are for whoever has
the file and asks what to do. Nothing of a key or a password is ever part of an error.
"""

from __future__ import annotations

import warnings
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Protocol, TypeAlias, cast, runtime_checkable

from cryptography.exceptions import UnsupportedAlgorithm

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

PrivateKey: TypeAlias = "PrivateKeyTypes"
Password = str | bytes | None


@runtime_checkable
class Readable(Protocol):
    """What may stand for bytes: a `trio_certs.Resource`, or anything that reads like one."""

    def read(self) -> Awaitable[bytes]:
        """The bytes."""
        ...


Data = bytes | Readable

#: The largest file that is parsed, in bytes. Real ones have a few thousand.
MAX_BYTES = 2**20

_BEGIN = b"-----BEGIN "


def material(what: str, value: object) -> bytes:
    """Bytes given by the user.

    Raises:
        TypeError: they are something else.
        ValueError: they are none, or too many.
    """
    if not isinstance(value, (bytes, bytearray, memoryview)):
        raise TypeError(f"{what} must be bytes in DER or PEM, not {type(value).__name__}")
    data = bytes(cast("bytes | bytearray | memoryview[int]", value))
    if not data:
        raise ValueError(f"{what} is empty")
    if len(data) > MAX_BYTES:
        raise ValueError(f"{what} has {len(data)} bytes; at most {MAX_BYTES} are read")
    return data


def password_bytes(password: object) -> bytes | None:
    """A password as bytes.

    Raises:
        TypeError: it is neither str nor bytes nor None.
    """
    if isinstance(password, str):
        return password.encode()
    if password is None or isinstance(password, bytes):
        return password
    raise TypeError(f"password must be str or bytes, not {type(password).__name__}")


def load_certificates(certificates: object) -> tuple[bytes, ...]:
    """The certificates in bytes, or in a sequence of bytes, as DER and in order.

    Raises:
        TypeError: there is something else than bytes.
        ValueError: there is something else than certificates.
    """
    return tuple(der for item in one_or_more(certificates) for der in _certificates(item))


def one_or_more(value: object) -> tuple[object, ...]:
    """The items of a list or tuple, or the one thing that is neither."""
    return tuple(cast("Iterable[object]", value)) if isinstance(value, (list, tuple)) else (value,)


def _certificates(item: object) -> tuple[bytes, ...]:
    # Imported when the first certificate is there: it costs more time than the whole rest of this package.
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    data = material("a client certificate", item)
    if _BEGIN not in data:
        return (data,)
    try:
        with unusual_serials():
            found = x509.load_pem_x509_certificates(data)
    except (ValueError, x509.InvalidVersion) as error:
        raise ValueError(
            "the PEM text has no readable certificate, which begins with -----BEGIN CERTIFICATE-----: "
            f"{error}"
        ) from error
    return tuple(certificate.public_bytes(Encoding.DER) for certificate in found)


def unusual_serials() -> warnings.catch_warnings[None]:
    """Keep `cryptography` from warning of serial numbers that are not positive: nobody here can change them."""
    from cryptography.utils import CryptographyDeprecationWarning

    return warnings.catch_warnings(action="ignore", category=CryptographyDeprecationWarning)


def load_key(key: object, password: Password = None) -> PrivateKey:
    """A private key: PKCS#8, encrypted or not, PKCS#1 or SEC1, in DER or PEM.

    Raises:
        TypeError: the key is not bytes, or the password neither str nor bytes.
        ValueError: there is no such key in the bytes, or the password is not the right one.
    """
    from cryptography.hazmat.primitives.serialization import load_der_private_key, load_pem_private_key

    # No key is encrypted with an empty password; PKCS#12 files are.
    data, secret = material("the private key", key), password_bytes(password) or None
    load = cast(
        "Callable[[bytes, bytes | None], PrivateKey]",
        load_pem_private_key if _BEGIN in data else load_der_private_key,
    )
    try:
        return load(data, secret)
    except TypeError as error:
        # That is how `cryptography` says that key and password do not go together.
        advice = (
            "is encrypted: give its password"
            if secret is None
            else "is not encrypted: leave the password out"
        )
        raise ValueError(f"the private key {advice}") from error
    except UnsupportedAlgorithm as error:
        raise ValueError(f"the private key is of a kind that is not supported: {error}") from error
    except ValueError as error:
        raise ValueError(f"the private key cannot be read: {error}") from error


def load_pkcs12(data: object, password: Password = None) -> tuple[PrivateKey, tuple[bytes, ...]]:
    """The key of a PKCS#12 file, and its certificates: the key's own first, the others as they come.

    Raises:
        TypeError: the file is not bytes, or the password neither str nor bytes.
        ValueError: the file cannot be read with this password, or lacks the key or its certificate.
    """
    from cryptography.hazmat.primitives.serialization import Encoding, pkcs12

    file, secret = material("the PKCS#12 file", data), password_bytes(password)
    try:
        with unusual_serials():
            contents = pkcs12.load_pkcs12(file, secret)
    except UnsupportedAlgorithm as error:
        raise ValueError(f"the PKCS#12 file uses an algorithm that is not supported: {error}") from error
    except ValueError as error:
        raise ValueError(
            f"the PKCS#12 file cannot be read: either the password is wrong or it is no PKCS#12 file ({error})"
        ) from error
    if contents.key is None:
        raise ValueError("the PKCS#12 file holds no private key: export it with the key")
    # `cryptography` has looked for it by the key, whatever the file's attributes say.
    if contents.cert is None:
        raise ValueError("the PKCS#12 file holds no certificate for its private key: export it with one")
    certificates = [entry.certificate for entry in (contents.cert, *contents.additional_certs)]
    return contents.key, tuple(certificate.public_bytes(Encoding.DER) for certificate in certificates)
