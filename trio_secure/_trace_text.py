"""How messages read: their fields as plain values, and what is shown of them in words.

Theory of operation
-------------------
A message's fields have the RFC's names, so a field is put into plain values by its name, whichever message it
stands in: codes become registered names, random values hexadecimal. What is long, or private to the peers such as
a ticket, becomes its length. `summary` picks what matters most for one line; `details` shows a line for each list
and each extension.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from typing import cast

from ._compression import COMPRESSION_ALGORITHMS
from ._errors import PeerMisbehaved
from ._extensions import Where
from ._messages import ClientHello, HelloRetryRequest, Message, ServerHello
from ._messages13 import (
    Certificate,
    CertificateEntry,
    CertificateRequest,
    CompressedCertificate,
    EncryptedExtensions,
    NewSessionTicket,
)
from ._trace_extensions import (
    Size,
    TraceExtension,
    compression_name,
    decode_extensions,
    group_name,
    scheme_name,
    suite_name,
    version_name,
)

Fields = Mapping[str, object]

_CODES: Mapping[str, Callable[[int], str]] = {
    "legacy_version": version_name,
    "cipher_suite": suite_name,
    "cipher_suites": suite_name,
    "named_curve": group_name,
    "algorithm": scheme_name,
    "algorithms": scheme_name,
    "CompressedCertificate.algorithm": compression_name,
}
# RFC 5246 §7.4.4 and RFC 8422 §5.5: one byte each.
_CERTIFICATE_TYPES = {1: "rsa_sign", 2: "dss_sign", 64: "ecdsa_sign"}
# What a peer would not want in a log, and what says nothing.
_ONLY_LENGTH = frozenset(
    {"ticket", "signature", "params", "exchange_keys", "response", "authorities", "dh_p", "dh_g", "dh_ys"}
)
# Of how many bytes a field is hexadecimal, and how many of those nobody understands are shown.
_LONGEST_HEX = 64
_LONGEST_SHOWN = 16
# In a line of `details`: where the value stands, and how wide it gets.
_COLUMN = 27
_WIDTH = 64

_PLACES: Mapping[type, Where] = {
    ClientHello: Where.CLIENT_HELLO,
    ServerHello: Where.SERVER_HELLO,
    HelloRetryRequest: Where.HELLO_RETRY_REQUEST,
    EncryptedExtensions: Where.ENCRYPTED_EXTENSIONS,
    CertificateRequest: Where.CERTIFICATE_REQUEST,
    NewSessionTicket: Where.NEW_SESSION_TICKET,
}


def title(message: object) -> str:
    """A message's name; the forms it has in older versions are classes of their own."""
    return message.title() if isinstance(message, Message) else type(message).__name__.removesuffix("11")


def fields(message: object) -> dict[str, object]:
    """A message's fields but for its extensions, in plain values.

    Codes are names, lengths are ints, certificates are DER, and other bytes are hexadecimal up to 64 of them and
    beyond that their length.
    """
    if not dataclasses.is_dataclass(message):
        return {}
    kind = type(message).__name__
    found = {
        row.name: _plain(kind, row.name, getattr(message, row.name))
        for row in dataclasses.fields(message)
        if row.name != "extensions"
    }
    inside = _decompressed(message) if isinstance(message, CompressedCertificate) else None
    return found if inside is None else found | fields(inside)


def _decompressed(message: CompressedCertificate) -> Certificate | None:
    """What a handshake makes of it; None for what it refuses, and soon says so."""
    try:
        return message.decompress(COMPRESSION_ALGORITHMS)
    except PeerMisbehaved:
        return None


def _plain(kind: str, name: str, value: object) -> object:
    if isinstance(value, CertificateEntry):
        return value.cert_data
    if isinstance(value, tuple):
        return tuple(_plain(kind, name, item) for item in cast("tuple[object, ...]", value))
    if isinstance(value, bytes):
        if name == "certificate_list":
            return value
        if name == "certificate_types":
            return tuple(_CERTIFICATE_TYPES.get(code, str(code)) for code in value)
        return Size(len(value)) if name in _ONLY_LENGTH or len(value) > _LONGEST_HEX else value.hex()
    naming = _CODES.get(f"{kind}.{name}") or _CODES.get(name)
    if isinstance(value, int) and naming is not None:
        return naming(value)
    return value


def extensions(message: object) -> tuple[TraceExtension, ...]:
    """All extensions of a message; those of a TLS 1.3 chain one certificate after the other."""
    if isinstance(message, Certificate):
        return tuple(
            extension
            for entry in message.certificate_list
            for extension in decode_extensions(entry.extensions.items(), Where.CERTIFICATE)
        )
    if isinstance(message, CompressedCertificate):
        inside = _decompressed(message)
        return () if inside is None else extensions(inside)
    if isinstance(message, ClientHello):
        return decode_extensions(message.extensions, Where.CLIENT_HELLO)
    if isinstance(message, ServerHello | EncryptedExtensions | CertificateRequest | NewSessionTicket):
        return decode_extensions(message.extensions.items(), _PLACES[type(message)])
    return ()


def words(value: object) -> str:
    """A plain value in words."""
    if value is None:
        return ""
    if isinstance(value, bytes):
        shown = value[:_LONGEST_SHOWN].hex()
        return f"{Size(len(value))}, {shown}{'...' if len(value) > _LONGEST_SHOWN else ''}"
    if isinstance(value, tuple):
        return ", ".join(map(words, cast("tuple[object, ...]", value)))
    if isinstance(value, Mapping):
        pairs = cast("Mapping[object, object]", value).items()
        return ", ".join(f"{name} ({words(item)})" for name, item in pairs)
    return str(value)


def summary(name: str, fields: Fields, extensions: Iterable[TraceExtension]) -> str:
    """One line on the message `name`; empty when its name says all."""
    said = {extension.name: extension.value for extension in extensions}
    describe = _SUMMARIES.get(name)
    return "" if describe is None else describe({**fields, **said})


def _picking(*names: str) -> Callable[[Fields], str]:
    def pick(said: Fields) -> str:
        return ", ".join(words(said[name]) for name in names if said.get(name) is not None)

    return pick


def _hello(said: Fields) -> str:
    version = "supported_versions" if "supported_versions" in said else "legacy_version"
    share = said.get("key_share")
    # A ServerHello has a share of one group, a HelloRetryRequest only the group.
    group = ", ".join(cast("Mapping[str, object]", share)) if isinstance(share, Mapping) else share
    return _picking(version, "cipher_suite", "group")({**said, "group": group})


def _chain(said: Fields) -> str:
    sizes = [str(len(der)) for der in cast("tuple[bytes, ...]", said["certificate_list"])]
    noun = "certificate" if len(sizes) == 1 else "certificates"
    return f"{len(sizes)} {noun} of {', '.join(sizes)} bytes" if sizes else "no certificate"


def _compressed(said: Fields) -> str:
    chain = _chain(said) if "certificate_list" in said else "what cannot be decompressed"
    return f"{said['algorithm']}, {chain}"


def _share(said: Fields) -> str:
    bits = f"a group of {8 * cast('int', said['dh_p'])} bits" if "dh_p" in said else None
    return _picking("named_curve", "bits", "algorithm")({**said, "bits": bits})


def _ticket(said: Fields) -> str:
    seconds = said["lifetime"] if "lifetime" in said else said["lifetime_hint"]
    return f"{said['ticket']}, good for {seconds} s"


_SUMMARIES: Mapping[str, Callable[[Fields], str]] = {
    "ClientHello": _picking("server_name", "supported_versions"),
    "ServerHello": _hello,
    "HelloRetryRequest": _hello,
    "EncryptedExtensions": _picking("application_layer_protocol_negotiation"),
    "Certificate": _chain,
    "CompressedCertificate": _compressed,
    "CertificateVerify": _picking("algorithm"),
    "CertificateStatus": _picking("response"),
    "ServerKeyExchange": _share,
    "NewSessionTicket": _ticket,
    "KeyUpdate": lambda said: "and asks for ours" if said["update_requested"] else "",
}


def details(fields: Fields, extensions: Iterable[TraceExtension]) -> tuple[str, ...]:
    """A line for each list among the fields and for each extension, with more lines for what is long."""
    lists = [(name, value) for name, value in fields.items() if _is_list(value)]
    rows = [*lists, *((extension.name, extension.value) for extension in extensions)]
    return tuple(line for name, value in rows for line in _row(name, value))


def _is_list(value: object) -> bool:
    """Whether there is something in it to read; a chain is summed up elsewhere."""
    items = cast("tuple[object, ...]", value) if isinstance(value, tuple) else ()
    return bool(items) and not isinstance(items[0], bytes)


def _row(name: str, value: object) -> list[str]:
    items = cast("tuple[object, ...]", value) if isinstance(value, tuple) else (value,)
    lines = [""]
    for item in map(words, items):
        if not lines[-1]:
            lines[-1] = item
        elif len(lines[-1]) + len(item) < _WIDTH:
            lines[-1] += f", {item}"
        else:
            lines[-1] += ","
            lines.append(item)
    names = [name, *[""] * (len(lines) - 1)]
    return [f"{name:<{_COLUMN - 1}} {line}".rstrip() for name, line in zip(names, lines, strict=True)]


def printable(text: str) -> str:
    """`text` with every character escaped that could do more to a terminal than show itself."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
