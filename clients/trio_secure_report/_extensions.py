"""The extensions, taken apart: one row for each form an extension has.

Theory of operation: an event says what an extension means; here the bytes it says it with are found. Names of
codes come from the event, so that there is one table of names. What is in no row, or not in its form, stays the
bytes that came.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from trio_secure import TraceExtension

from ._parts import Cursor, Misfit, Part, as_list, keys, size, taken_apart, words

_HELLO = "ClientHello"
_SECRET = frozenset({"session_ticket", "pre_shared_key"})


def extension_block(cursor: Cursor, message: str, decoded: Iterator[TraceExtension]) -> None:
    """A message's extensions, behind their length, if it has any."""
    if not len(cursor):
        return  # RFC 5246: before TLS 1.3 they may be left out altogether

    def one(inside: Cursor) -> None:
        said = next(decoded, None)
        head = inside.bytes(4)
        data = inside.bytes(int.from_bytes(head[2:], "big"))
        inside.parts.append(_extension(message, said, head, data))

    cursor.vector("extensions", 2, lambda inside: inside.each("extensions", one))


def _extension(message: str, said: TraceExtension | None, head: bytes, data: bytes) -> Part:
    name = said.name if said else f"extension {int.from_bytes(head[:2], 'big')}"
    value = said.value if said else None
    means = "GREASE" if name.startswith("GREASE") else f"extension {name}"
    layout = _LAYOUTS.get((name, message)) or _LAYOUTS.get((name, ""))
    if layout is not None and data:
        try:
            parts = taken_apart(data, lambda inside: layout(inside, value))
        except Misfit:
            pass
        else:
            return Part(name, head, size(len(data)), parts, means=means)
    inside = (Part("data", data, words(value), secret=name in _SECRET),) if data else ()
    return Part(name, head, size(len(data)) if data else "empty", inside, means=means)


# Layouts: each is given the cursor and what the extension was decoded to.


Layout = Callable[[Cursor, object], None]


def _codes(width: int, each: int, item: str) -> Layout:
    return lambda cursor, value: cursor.items("list", width, each, value, item)


def _code(name: str) -> Layout:
    return lambda cursor, value: cursor.take(name, 2, value)


def _number(name: str, width: int, unit: str) -> Layout:
    return lambda cursor, value: cursor.number(name, width, unit)


def _names(width: int, item: str) -> Layout:
    def layout(cursor: Cursor, value: object) -> None:
        said = iter(as_list(value))
        cursor.vector(
            "list", 2, lambda inside: inside.each(item, lambda row: row.opaque(item, width, next(said, "")))
        )

    return layout


def _host(cursor: Cursor, value: object) -> None:
    def one(row: Cursor) -> None:
        row.take("name_type", 1, "host_name")
        row.opaque("host_name", 2, value)

    cursor.vector("server_name_list", 2, lambda inside: inside.each("server_name", one))


def _status_request(cursor: Cursor, value: object) -> None:
    cursor.take("status_type", 1, value)
    cursor.opaque("responder_id_list", 2)
    cursor.opaque("request_extensions", 2)


def _status(cursor: Cursor, value: object) -> None:
    cursor.take("status_type", 1, next(iter(keys(value)), ""))
    cursor.opaque("response", 3)


def _shares(cursor: Cursor, value: object) -> None:
    groups = iter(keys(value))
    cursor.vector("client_shares", 2, lambda inside: inside.each("share", lambda row: _share(row, groups)))


def _share(cursor: Cursor, groups: Iterator[str]) -> None:
    cursor.take("group", 2, next(groups, ""))
    cursor.opaque("key_exchange", 2)


def _identities(cursor: Cursor, value: object) -> None:
    def identity(row: Cursor) -> None:
        row.opaque("identity", 2, secret=True)
        row.number("obfuscated_ticket_age", 4, "ms, obfuscated")

    cursor.vector("identities", 2, lambda inside: inside.each("identity", identity))
    cursor.vector("binders", 2, lambda inside: inside.each("binder", lambda row: row.opaque("binder", 1)))


_ROWS: Sequence[tuple[str, str, Layout]] = (
    ("server_name", _HELLO, _host),
    ("max_fragment_length", "", lambda cursor, value: cursor.take("length", 1, value)),
    ("status_request", _HELLO, _status_request),
    ("status_request", "Certificate", _status),
    ("supported_groups", "", _codes(2, 2, "group")),
    ("ec_point_formats", "", _codes(1, 1, "format")),
    ("signature_algorithms", "", _codes(2, 2, "scheme")),
    ("signature_algorithms_cert", "", _codes(2, 2, "scheme")),
    ("application_layer_protocol_negotiation", "", _names(1, "protocol")),
    ("signed_certificate_timestamp", "", _names(2, "SCT")),
    ("certificate_authorities", "", _names(2, "authority")),
    ("compress_certificate", "", _codes(1, 2, "algorithm")),
    ("record_size_limit", "", _number("limit", 2, "bytes")),
    ("early_data", "NewSessionTicket", _number("max_early_data_size", 4, "bytes")),
    ("supported_versions", _HELLO, _codes(1, 2, "version")),
    ("supported_versions", "", _code("selected_version")),
    ("cookie", "", lambda cursor, value: cursor.opaque("cookie", 2)),
    ("psk_key_exchange_modes", "", _codes(1, 1, "mode")),
    ("key_share", _HELLO, _shares),
    ("key_share", "ServerHello", lambda cursor, value: _share(cursor, iter(keys(value)))),
    ("key_share", "HelloRetryRequest", _code("selected_group")),
    ("pre_shared_key", _HELLO, _identities),
    ("pre_shared_key", "ServerHello", _number("selected_identity", 2, "")),
    ("renegotiation_info", "", lambda cursor, value: cursor.opaque("renegotiated_connection", 1)),
)

_LAYOUTS: Mapping[tuple[str, str], Layout] = {(name, message): layout for name, message, layout in _ROWS}
