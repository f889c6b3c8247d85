"""The options about trust, as the `secure` dictionary the clients take.

Theory of operation: the files named on the command line are read and checked here, before anything is
connected, so that what is wrong with them is said by name. What is not given is left out: the defaults are
the library's.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any  # keyword arguments that are passed on

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from trio_certs import Manifest
from trio_https import URL
from trio_secure import ClientIdentity, SecureSocket, TraceEvent

from ._failure import CommandError
from ._input_file import read_input
from ._options import ConnectionOptions
from ._terminal import Terminal

_ALERT = "\x1b[1;97;41m{}\x1b[0m"


async def secure_for_url(
    text: str, schemes: tuple[str, str], options: ConnectionOptions, terminal: Terminal
) -> dict[str, object] | None:
    """The `secure` dictionary for a connection to a URL; None if there is nothing to say.

    Args:
        text: the URL.
        schemes: the two accepted, the one without TLS first.
        options: what the command line says.
        terminal: is told of options that have no effect, and warned about `--insecure`.

    Raises:
        CommandError: the host's name cannot be one, or the CA file cannot be used.
        trio_https.InvalidURL: the URL cannot be used.
        trio_certs.ManifestError: the manifest cannot be used.
    """
    url = URL.parse(text, schemes)
    if url.scheme == schemes[0]:
        if options.ca or options.manifest or options.insecure or options.cert or options.trace:
            terminal.say(f"note: {url.scheme}: URLs have no TLS, so the options about it have no effect")
        return None
    secure = await secure_dictionary(options, terminal)
    make_socket(url.host, url.port, secure)
    return secure or None


def make_socket(host: str, port: int, secure: dict[str, object], **options: Any) -> SecureSocket:
    """The socket that will connect; making it already checks everything that can be.

    Raises:
        CommandError: the host's name cannot be one.
    """
    try:
        return SecureSocket(host, port, secure=secure, **options)
    except ValueError as error:
        raise CommandError(str(error)) from error


async def secure_dictionary(options: ConnectionOptions, terminal: Terminal) -> dict[str, object]:
    """The `secure` dictionary for the options; warns about `--insecure`.

    Raises:
        CommandError: the CA file cannot be read or holds no certificate, or a client's certificate and key cannot
            be used.
        trio_certs.ManifestError: the manifest cannot be used.
    """
    secure: dict[str, object] = {}
    if options.ca is not None:
        secure["certificate"] = read_certificates(options.ca)
    if options.manifest is not None:
        secure["manifest"] = await Manifest.load(options.manifest)
    if options.cert is not None:
        secure |= _client_certificate(options.cert, options.key)
    if options.insecure:
        secure["verify"] = False
        warn_insecure(terminal)
    if options.trace:
        secure["trace"] = partial(_show, terminal)
    return secure


def _client_certificate(cert: Path, key: Path | None) -> dict[str, object]:
    certificates = read_input(cert, f"the client's certificate {cert}")
    private = certificates if key is None else read_input(key, f"the client's key {key}")
    try:
        ClientIdentity.load(certificates, private)
    except ValueError as error:
        named = f"{cert}" if key is None else f"{cert} with the key {key}"
        hint = "name the file of its key with --key FILE" if key is None else None
        raise CommandError(f"the client's certificate {named} cannot be used: {error}", hint) from error
    return {"clientCertificates": certificates, "clientKey": private}


def _show(terminal: Terminal, event: TraceEvent) -> None:
    terminal.say(str(event))  # which has escapes for whatever a peer wrote


def warn_insecure(terminal: Terminal) -> None:
    """Say what `--insecure` means, where it cannot be overlooked."""
    warning = " WARNING: --insecure: the server's certificate is NOT checked. "
    terminal.say(_ALERT.format(warning) if terminal.talks_to_person else warning.strip())
    terminal.say(
        "Whoever is on the way can pose as the server, read everything and change it. Never send a secret so."
    )


def read_certificates(path: Path) -> list[bytes]:
    """The certificates in a file, as DER: a single one in DER, or any number in PEM.

    Raises:
        CommandError: the file cannot be read, is too large, or is neither.
    """
    data = read_input(path, f"the CA file {path}")
    try:
        return certificates_in(data)
    except ValueError as error:
        hint = "it must be a certificate in DER, or one or more in PEM (-----BEGIN CERTIFICATE-----)"
        if b"PRIVATE KEY-----" in data:
            hint = "it holds a private key; name the file with the certificate"
        raise CommandError(f"the CA file {path} holds no certificate that can be read", hint) from error


def certificates_in(data: bytes) -> list[bytes]:
    """The certificates in `data`, as DER: a single one in DER, or any number in PEM.

    Raises:
        ValueError: it is neither.
    """
    if b"-----BEGIN" in data:
        certificates = x509.load_pem_x509_certificates(data)
    else:
        certificates = [x509.load_der_x509_certificate(data)]
    return [certificate.public_bytes(Encoding.DER) for certificate in certificates]
