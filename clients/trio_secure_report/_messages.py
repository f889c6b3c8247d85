"""The handshake messages, taken apart: each field beside the bytes it was sent in.

Theory of operation: a message that has been traced was parsed by the handshake before, so its form is known from
the fields the event has: a Certificate with a `context` is TLS 1.3's, one without is older. One function for each
message takes the fields in the order of the RFC.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from trio_secure import TraceMessage

from ._extensions import extension_block
from ._parts import Cursor, Misfit, Part, as_list, taken_apart

HEADER_LENGTH = 4


def message_parts(event: TraceMessage) -> tuple[Part, ...]:
    """The fields of a message, its header first."""

    def layout(cursor: Cursor) -> None:
        cursor.take("type", 1, f"{event.name} ({event.type})")
        cursor.number("length", 3, "bytes follow")
        body = _BODIES.get(event.name)
        if body is not None:
            body(cursor, event)

    try:
        return taken_apart(event.raw, layout)
    except Misfit:
        return (Part("message", event.raw),)


def _client_hello(cursor: Cursor, event: TraceMessage) -> None:
    cursor.take("legacy_version", 2, event.fields["legacy_version"])
    cursor.take("random", 32)
    cursor.opaque("session_id", 1)
    cursor.items("cipher_suites", 2, 2, event.fields["cipher_suites"], "suite")
    cursor.opaque("compression_methods", 1, "null")
    extension_block(cursor, event.name, iter(event.extensions))


def _server_hello(cursor: Cursor, event: TraceMessage) -> None:
    cursor.take("legacy_version", 2, event.fields["legacy_version"])
    retry = event.name == "HelloRetryRequest"
    cursor.take("random", 32, "the value that marks a HelloRetryRequest" if retry else "")
    cursor.opaque("session_id", 1)
    cursor.take("cipher_suite", 2, event.fields["cipher_suite"])
    cursor.take("compression_method", 1, "null")
    extension_block(cursor, event.name, iter(event.extensions))


def _encrypted_extensions(cursor: Cursor, event: TraceMessage) -> None:
    extension_block(cursor, event.name, iter(event.extensions))


def _certificate(cursor: Cursor, event: TraceMessage) -> None:
    new = "context" in event.fields
    decoded = iter(event.extensions)
    if new:
        cursor.opaque("certificate_request_context", 1)

    def entry(row: Cursor) -> None:
        row.opaque("certificate", 3, means="cert_data")
        if new:
            extension_block(row, event.name, decoded)

    cursor.vector("certificate_list", 3, lambda inside: inside.each("certificate", entry))


def _compressed_certificate(cursor: Cursor, event: TraceMessage) -> None:
    cursor.take("algorithm", 2, event.fields["algorithm"], means="compression algorithm")
    cursor.number("uncompressed_length", 3, "bytes")
    cursor.opaque("compressed_certificate_message", 3)


def _certificate_request(cursor: Cursor, event: TraceMessage) -> None:
    if "context" in event.fields:
        cursor.opaque("certificate_request_context", 1)
        extension_block(cursor, event.name, iter(event.extensions))
        return
    cursor.items("certificate_types", 1, 1, event.fields["certificate_types"], "kind")
    algorithms = event.fields["algorithms"]
    if algorithms is not None:
        cursor.items("supported_signature_algorithms", 2, 2, algorithms, "scheme")
    cursor.vector(
        "certificate_authorities",
        2,
        lambda inside: inside.each("authority", lambda row: row.opaque("authority", 2)),
    )


def _signed(cursor: Cursor, event: TraceMessage) -> None:
    """The end of what is signed: below TLS 1.2 nothing names the scheme."""
    if event.fields.get("algorithm") is not None:
        cursor.take("algorithm", 2, event.fields["algorithm"])
    cursor.opaque("signature", 2)


def _server_key_exchange(cursor: Cursor, event: TraceMessage) -> None:
    if "named_curve" in event.fields:
        cursor.take("curve_type", 1, "named_curve")
        cursor.take("named_curve", 2, event.fields["named_curve"])
        cursor.opaque("public", 1)
    else:
        cursor.opaque("dh_p", 2)
        cursor.opaque("dh_g", 2)
        cursor.opaque("dh_Ys", 2)
    _signed(cursor, event)


def _certificate_status(cursor: Cursor, event: TraceMessage) -> None:
    cursor.take("status_type", 1, "ocsp")
    cursor.opaque("response", 3)


def _client_key_exchange(cursor: Cursor, event: TraceMessage) -> None:
    cursor.rest("exchange_keys", event.fields["exchange_keys"])


def _finished(cursor: Cursor, event: TraceMessage) -> None:
    cursor.rest("verify_data")


def _new_session_ticket(cursor: Cursor, event: TraceMessage) -> None:
    if "age_add" not in event.fields:
        cursor.number("ticket_lifetime_hint", 4, "seconds")
        cursor.opaque("ticket", 2, secret=True)
        return
    cursor.number("ticket_lifetime", 4, "seconds")
    cursor.take("ticket_age_add", 4, secret=True)
    cursor.opaque("ticket_nonce", 1, secret=True)
    cursor.opaque("ticket", 2, secret=True)
    extension_block(cursor, event.name, iter(event.extensions))


def _key_update(cursor: Cursor, event: TraceMessage) -> None:
    asked = event.fields["update_requested"]
    cursor.take("request_update", 1, "update_requested" if asked else "update_not_requested")


_BODIES: Mapping[str, Callable[[Cursor, TraceMessage], None]] = {
    "ClientHello": _client_hello,
    "ServerHello": _server_hello,
    "HelloRetryRequest": _server_hello,
    "EncryptedExtensions": _encrypted_extensions,
    "Certificate": _certificate,
    "CompressedCertificate": _compressed_certificate,
    "CertificateRequest": _certificate_request,
    "CertificateVerify": _signed,
    "CertificateStatus": _certificate_status,
    "ServerKeyExchange": _server_key_exchange,
    "ClientKeyExchange": _client_key_exchange,
    "Finished": _finished,
    "NewSessionTicket": _new_session_ticket,
    "KeyUpdate": _key_update,
}


def certificates_of(event: TraceMessage) -> tuple[bytes, ...]:
    """The certificates in a Certificate or CompressedCertificate, as DER."""
    return tuple(der for der in as_list(event.fields.get("certificate_list")) if isinstance(der, bytes))
