"""What the messages, extensions and fields are for, and where that is written.

Theory of operation: a table for each kind of thing, from its name to a sentence or two and a clause. Who reads them
knows what a connection is and not what TLS does, so they say why a thing is there before they say what it is. A
clause is an RFC's number and a section, kept apart so that a page can make a link of it.
"""

# ruff: noqa: E501  # tables of sentences, one row to a line
from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Clause(NamedTuple):
    """A section of an RFC."""

    rfc: int
    section: str

    def __str__(self) -> str:
        return f"RFC {self.rfc} §{self.section}"

    @property
    def url(self) -> str:
        """Where it can be read."""
        kind = "section" if self.section[0].isdigit() else "appendix"
        return f"https://www.rfc-editor.org/rfc/rfc{self.rfc}#{kind}-{self.section}"


class Meaning(NamedTuple):
    """What something is for, and where that is written."""

    text: str
    clause: Clause | None = None


def _table(*rows: tuple[str, str, int, str]) -> dict[str, Meaning]:
    return {name: Meaning(text, Clause(rfc, section) if rfc else None) for name, text, rfc, section in rows}


# fmt: off
_TLS13 = _table(
    ("ClientHello", "The client opens: what it can do, in its own order of preference, and its halves of the key exchange for the groups it expects the server to choose.", 9846, "4.2.2"),
    ("ServerHello", "The server chooses one of each thing offered and sends its half of the key exchange. From here on both sides can compute keys, so everything after it is encrypted.", 9846, "4.2.3"),
    ("HelloRetryRequest", "The server wants a share of another group, or its cookie back: the client has to say hello again. It has the form of a ServerHello with one fixed random value.", 9846, "4.2.4"),
    ("EncryptedExtensions", "The server's answers to what need not be known before there are keys, such as the application's protocol.", 9846, "4.4.1"),
    ("CertificateRequest", "The server asks who the client is, and says whose signatures it accepts.", 9846, "4.4.2"),
    ("Certificate", "The sender's certificate, and those that lead from it towards an authority the receiver knows. That a certificate is shown proves nothing yet: anyone can copy one.", 9846, "4.5.1"),
    ("CompressedCertificate", "A Certificate message, compressed. What is below is what came out of it.", 8879, "4"),
    ("CertificateVerify", "The proof that the sender has the key of its certificate: a signature over everything said so far, which fits this one connection only.", 9846, "4.5.2"),
    ("Finished", "A keyed hash over everything said so far. It shows that both sides saw the same messages and have the same keys: nobody in between has changed a byte.", 9846, "4.5.3"),
    ("EndOfEarlyData", "The client's early data ends here; what follows is under the handshake's keys.", 9846, "4.6"),
    ("NewSessionTicket", "Something to come back with: shown in a later ClientHello, it stands for the certificates and saves half of the work.", 9846, "4.7.1"),
    ("KeyUpdate", "The sender changes its key, so that no single key protects too much.", 9846, "4.7.3"),
)

_TLS12 = _table(
    ("ClientHello", "The client opens: what it can do, in its own order of preference.", 5246, "7.4.1.2"),
    ("ServerHello", "The server chooses one of each thing offered. Keys come later: in TLS 1.2 the rest of the handshake can be read by anyone on the way.", 5246, "7.4.1.3"),
    ("HelloRequest", "The server would like to negotiate anew, which this client never does.", 5246, "7.4.1.1"),
    ("Certificate", "The sender's certificate, and those that lead from it towards an authority the receiver knows. That a certificate is shown proves nothing yet: anyone can copy one.", 5246, "7.4.2"),
    ("CertificateStatus", "A statement of the authority, hours or days old, that the certificate has not been revoked.", 6066, "8"),
    ("ServerKeyExchange", "The server's half of the key exchange, signed with the key of its certificate: it proves who sends it, for this connection only.", 5246, "7.4.3"),
    ("CertificateRequest", "The server asks who the client is, and says whose signatures it accepts.", 5246, "7.4.4"),
    ("ServerHelloDone", "The server has said all it has to say, and waits.", 5246, "7.4.5"),
    ("ClientKeyExchange", "The client's half of the key exchange. Now both can compute the keys.", 5246, "7.4.7"),
    ("CertificateVerify", "The proof that the client has the key of its certificate.", 5246, "7.4.8"),
    ("Finished", "A keyed hash over everything said so far, and the first thing under the new keys. It shows that nobody in between has changed a byte.", 5246, "7.4.9"),
    ("NewSessionTicket", "Something to come back with: shown in a later ClientHello, it saves most of the handshake.", 5077, "3.3"),
)

_EXTENSIONS = _table(
    ("server_name", "Which of the sites behind this address is wanted. It is sent in the clear: who watches learns the name.", 6066, "3"),
    ("max_fragment_length", "Records no longer than this, for those who have little memory.", 6066, "4"),
    ("status_request", "Asks for, or brings, the authority's word that the certificate has not been revoked (an OCSP staple).", 6066, "8"),
    ("supported_groups", "The groups in which keys can be exchanged, the preferred one first.", 9846, "4.3.7"),
    ("ec_point_formats", "How points on curves are written. Only one way is left.", 8422, "5.1.2"),
    ("signature_algorithms", "How handshakes may be signed.", 9846, "4.3.3"),
    ("signature_algorithms_cert", "How certificates may be signed.", 9846, "4.3.3"),
    ("application_layer_protocol_negotiation", "What will be spoken over the connection (ALPN); the server picks one.", 7301, "3.1"),
    ("signed_certificate_timestamp", "Proof that the certificate stands in public logs.", 6962, "3.3"),
    ("padding", "Bytes that mean nothing, so that the length says less.", 7685, "3"),
    ("encrypt_then_mac", "Records are to be encrypted first and authenticated after, which is the right way round.", 7366, "2"),
    ("extended_master_secret", "The keys are to depend on the whole handshake, so that no two connections can be made to share them.", 7627, "5.1"),
    ("compress_certificate", "The certificate may come compressed.", 8879, "3"),
    ("record_size_limit", "The largest record the sender wants to receive.", 8449, "4"),
    ("session_ticket", "A ticket from an earlier connection, or the wish for one.", 5077, "3.2"),
    ("pre_shared_key", "A session from before to go on with, and proof of having its secret.", 9846, "4.3.11"),
    ("early_data", "Data sent along with the first message, before the server has said anything. It can be replayed.", 9846, "4.3.10"),
    ("supported_versions", "The versions of TLS that are offered, or the one that is chosen. It stands here since old servers stumble over new numbers in the old place.", 9846, "4.3.1"),
    ("cookie", "Something of the server's to be sent back.", 9846, "4.3.2"),
    ("psk_key_exchange_modes", "Whether a resumed session makes fresh keys as well.", 9846, "4.3.9"),
    ("certificate_authorities", "The authorities whose certificates are wanted.", 9846, "4.3.4"),
    ("oid_filters", "What has to stand in the client's certificate.", 9846, "4.3.5"),
    ("post_handshake_auth", "The server may ask later who the client is.", 9846, "4.3.6"),
    ("key_share", "One side's half of the key exchange. Who sees both halves still cannot compute the secret.", 9846, "4.3.8"),
    ("renegotiation_info", "Ties a new handshake to the one before; empty at the first.", 5746, "3.2"),
)

_FIELDS = _table(
    ("GREASE", "A value that means nothing, sent so that servers stay used to what they do not know.", 8701, "2"),
    ("type", "Which message this is.", 9846, "4"),
    ("legacy_version", "What used to be the version. It has said TLS 1.2 ever since, for the sake of old servers and of what stands in the way.", 9846, "4.2.2"),
    ("random", "32 bytes of chance, so that no two handshakes are alike.", 9846, "4.2.2"),
    ("session_id", "In TLS 1.3 it only makes the handshake look like a resumed one of TLS 1.2.", 9846, "E.4"),
    ("cipher_suites", "The ways to encrypt, the preferred one first.", 9846, "B.4"),
    ("cipher_suite", "How it will be encrypted.", 9846, "B.4"),
    ("compression_methods", "Only none is left: compressing before encrypting gives secrets away.", 9846, "4.2.2"),
    ("certificate_request_context", "Ties an answer to the request; empty in a handshake.", 9846, "4.5.1"),
    ("cert_data", "A certificate in DER. What it says is told below.", 9846, "4.5.1"),
    ("algorithm", "How it is signed.", 9846, "4.3.3"),
    ("compression algorithm", "How it is compressed.", 8879, "3"),
    ("verify_data", "The keyed hash itself.", 9846, "4.5.3"),
    ("named_curve", "The group of the exchange, one of those offered.", 8422, "5.4"),
    ("public", "The server's half of the key exchange.", 8422, "5.4"),
    ("dh_p", "The prime of the group, of the server's own choice.", 5246, "7.4.3"),
    ("dh_g", "The generator of the group.", 5246, "7.4.3"),
    ("dh_Ys", "The server's half of the key exchange.", 5246, "7.4.3"),
    ("exchange_keys", "The client's half of the key exchange, or the secret encrypted to the server's key.", 5246, "7.4.7"),
    ("ticket_lifetime", "For how long the ticket is good.", 9846, "4.7.1"),
    ("ticket_age_add", "Hides how old the ticket is when it is used.", 9846, "4.7.1"),
    ("ticket_nonce", "Makes this ticket's key unlike those of others.", 9846, "4.7.1"),
    ("ticket", "What is shown to come back.", 9846, "4.7.1"),
    ("binders", "Proof of having the secret of each session offered.", 9846, "4.3.11.2"),
    ("request_update", "Whether the other side is to change its key too.", 9846, "4.7.3"),
)

_ALERTS = _table(
    ("close_notify", "That was all: what was received is complete.", 9846, "6.1"),
    ("unexpected_message", "A message came that may not come here.", 9846, "6.2"),
    ("bad_record_mac", "A record was not what the other side sealed: it was changed on the way, or the keys differ.", 9846, "6.2"),
    ("record_overflow", "A record was longer than it may be.", 9846, "6.2"),
    ("handshake_failure", "There is no set of parameters that both sides accept.", 9846, "6.2"),
    ("bad_certificate", "The certificate breaks a rule, or is not for this name.", 9846, "6.2"),
    ("unsupported_certificate", "The certificate is of a kind that is not accepted.", 9846, "6.2"),
    ("certificate_revoked", "The authority has taken the certificate back.", 9846, "6.2"),
    ("certificate_expired", "The certificate is out of date, or not valid yet; or a clock is wrong.", 9846, "6.2"),
    ("certificate_unknown", "Something else is wrong with the certificate.", 9846, "6.2"),
    ("illegal_parameter", "A value contradicts others, or is not one that was offered.", 9846, "6.2"),
    ("unknown_ca", "No path leads from the certificate to an authority that is trusted.", 9846, "6.2"),
    ("access_denied", "The certificate is good, and its holder is not welcome.", 9846, "6.2"),
    ("decode_error", "A message could not be read.", 9846, "6.2"),
    ("decrypt_error", "A signature or a keyed hash is wrong.", 9846, "6.2"),
    ("protocol_version", "There is no version of TLS that both sides accept.", 9846, "6.2"),
    ("insufficient_security", "What was offered is weaker than the other side accepts.", 9846, "6.2"),
    ("internal_error", "Something went wrong that is not the peer's fault.", 9846, "6.2"),
    ("user_canceled", "Somebody changed their mind.", 9846, "6.1"),
    ("missing_extension", "An extension is missing that has to be there.", 9846, "6.2"),
    ("unsupported_extension", "An extension came that nobody asked for.", 9846, "6.2"),
    ("unrecognized_name", "There is no site of this name.", 9846, "6.2"),
    ("bad_certificate_status_response", "The staple is missing, or not good.", 9846, "6.2"),
    ("certificate_required", "A client certificate is wanted, and none came.", 9846, "6.2"),
    ("no_application_protocol", "There is no application protocol that both sides speak.", 9846, "6.2"),
)

_NOTES = _table(
    ("ChangeCipherSpec", "In TLS 1.2 it says that the sender's new keys hold from here on. In TLS 1.3 it means nothing and is there for what stands in the way.", 9846, "5"),
    ("certificate lookup", "The path from the server's certificate to an authority is built and checked, while the handshake waits.", 9846, "4.5.1.3"),
    ("established", "Both sides have proven what they had to. Data can flow.", 0, ""),
    ("session", "A session from before is offered, or what became of it.", 9846, "2.2"),
    ("early data", "Data sent before the server has answered.", 9846, "2.3"),
    ("record limits", "How long records may be.", 8449, "4"),
)
# fmt: on

_NOTHING = Meaning("")


def of_message(name: str, version: str | None) -> Meaning:
    """What a message is for, in the version of TLS that was negotiated."""
    tables = (_TLS13, _TLS12) if version in {None, "TLS 1.3"} else (_TLS12, _TLS13)
    return next((table[name] for table in tables if name in table), _NOTHING)


def of_part(key: str) -> Meaning:
    """What a field or an extension is for."""
    kind, _, name = key.partition(" ")
    if kind == "extension":
        return _EXTENSIONS.get(name, _NOTHING)
    return _FIELDS.get(key, _NOTHING)


def of_alert(name: str) -> Meaning:
    """What an alert says."""
    return _ALERTS.get(name, _NOTHING)


def of_note(name: str) -> Meaning:
    """What a note is about."""
    return _NOTES.get(name, _NOTHING)


TABLES: Mapping[str, Mapping[str, Meaning]] = {
    "messages of TLS 1.3": _TLS13,
    "messages of TLS 1.2": _TLS12,
    "extensions": _EXTENSIONS,
    "fields": _FIELDS,
    "alerts": _ALERTS,
    "notes": _NOTES,
}
