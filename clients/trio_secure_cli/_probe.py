"""`trio-secure probe`: what a server negotiates, and who vouches for it.

Theory of operation: one handshake, with everything this client offers, and then what came of it in words.
What stands in the certificates was written by strangers, and is escaped; a certificate that cannot be read
(possible with `--insecure`) is said to be one.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any  # keyword arguments that are passed on

import trio
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from trio_secure import ConnectionInfo, SecureStream

from ._exit_codes import ExitCode
from ._options import ProbeOptions
from ._patience import patience
from ._secure import make_socket, secure_dictionary
from ._terminal import Terminal
from ._text import printable, seconds, version_name

_PROTOCOLS = ["h2", "http/1.1"]
_NAMES_SHOWN = 8


async def probe(options: ProbeOptions, terminal: Terminal, **socket_options: Any) -> ExitCode:
    """Make one handshake with a server and print what came of it.

    Args:
        options: what the command line says.
        terminal: the standard streams.
        **socket_options: passed on to `SecureSocket`, for instance another Socket factory below it.

    Raises:
        CommandError: the host's name cannot be one, or the server was too slow.
        Exception: what `SecureSocket` raises.
    """
    secure = await secure_dictionary(options.connection, terminal)
    secure["applicationLayerProtocolNegotiation"] = _PROTOCOLS
    socket = make_socket(options.host, options.port, secure, **socket_options)
    began = time.perf_counter()
    with patience(options.connection.timeout) as clock:
        clock.expect("connecting and shaking hands")
        async with socket as stream:
            took = time.perf_counter() - began
            clock.expect("closing the connection")
            for line in _describe(stream, options, took):
                terminal.print(line)
    return ExitCode.OK


def _describe(stream: SecureStream[trio.abc.Stream], options: ProbeOptions, took: float) -> Iterator[str]:
    info = stream.info
    yield f"{options.host} port {options.port}"
    yield from _aligned(
        {
            "address": _address(stream.transport_stream),
            "version": version_name(info.version),
            "cipher suite": info.cipher_suite,
            "group": info.group,
            "signature": info.signature_scheme,
            "ALPN": info.alpn or "none",
            "server name": info.server_name,
            "took": f"{seconds(took)} to connect and shake hands",
        }
    )
    yield ""
    yield "certificates, as the server sent them"
    for number, der in enumerate(info.peer_certificates, 1):
        yield from describe_certificate(number, der)
    yield ""
    yield f"vouched for by {_anchor(info, options)}"


def describe_certificate(number: int, der: bytes) -> Iterator[str]:
    """A certificate in a few lines, with its number in the chain."""
    try:
        certificate = x509.load_der_x509_certificate(der)
        facts = {
            "subject": certificate.subject.rfc4514_string() or "(empty)",
            "names": _names(certificate),
            "issuer": certificate.issuer.rfc4514_string() or "(empty)",
            "valid": _validity(certificate.not_valid_before_utc, certificate.not_valid_after_utc),
            "key": _key(certificate),
        }
    except ValueError as error:
        yield f"  {number}  unreadable, {len(der)} bytes: {printable(str(error), cap=200)}"
        return
    lines = list(_aligned(facts))
    yield f"  {number}{lines[0][3:]}"
    yield from lines[1:]


def _aligned(facts: dict[str, str | None]) -> Iterator[str]:
    for label, value in facts.items():
        if value:
            yield f"     {label:<13}{printable(value, cap=500)}"


def _address(transport: trio.abc.Stream) -> str | None:
    if not isinstance(transport, trio.SocketStream):
        return None
    host, port = transport.socket.getpeername()[:2]
    return f"{host} port {port}"


def _names(certificate: x509.Certificate) -> str | None:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return None
    names = [str(name.value) for name in found]
    more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
    return ", ".join(names[:_NAMES_SHOWN]) + more


def _validity(start: datetime, end: datetime) -> str:
    now = datetime.now(UTC)
    span = f"{start:%Y-%m-%d} to {end:%Y-%m-%d}"
    if now < start:
        return f"{span}, NOT YET VALID"
    if now > end:
        return f"{span}, EXPIRED"
    days = (end - now).days
    return f"{span}, {days} days left" if days > 1 else f"{span}, LESS THAN TWO DAYS LEFT"


def _key(certificate: x509.Certificate) -> str:
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        return f"RSA, {key.key_size} bits"
    if isinstance(key, ec.EllipticCurvePublicKey):
        return f"EC, {key.curve.name}"
    return type(key).__name__.removeprefix("_").removesuffix("PublicKey")


def _anchor(info: ConnectionInfo, options: ProbeOptions) -> str:
    if not info.verified_chain:
        return "NOBODY: --insecure, the certificate was not checked"
    subject = x509.load_der_x509_certificate(info.verified_chain[-1]).subject.rfc4514_string()
    if info.anchor_resource is not None:
        return f"{info.anchor_resource}, {printable(subject)}"
    return f"--ca {options.connection.ca}, {printable(subject)}"
