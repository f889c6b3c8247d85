from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.openssl_tls12 import connection12
from support.properties import bounded, survives
from support.record_keys import SUITES_12
from support.refusals import check_damage_refused, refused
from support.rfc8448 import TRACES, Trace
from trio_secure._codec import Reader, uint16s
from trio_secure._errors import AlertDescription
from trio_secure._extensions import read_extensions
from trio_secure._messages import (
    RETRY_RANDOM,
    CertificateVerify,
    ClientHello,
    Finished,
    HelloRequest,
    HelloRetryRequest,
    ServerHello,
    encode_message,
)
from trio_secure._suites import CipherSuite

_SHARED = {kind.__name__: kind for kind in (ServerHello, HelloRetryRequest, CertificateVerify, Finished)}
_RECORDED = [
    pytest.param(_SHARED[message.name], message.body, id=f"{trace.name}-{message.who}-{message.name}")
    for trace in TRACES
    for message in trace.messages
    if message.name in _SHARED
]
_traces = pytest.mark.parametrize("trace", TRACES, ids=lambda trace: trace.name)
_Kind = type[ServerHello | CertificateVerify | Finished]


def _complete_at(kind: _Kind, body: bytes) -> set[int]:
    """Where a body is whole, though cut short: a hello before its extensions, a Finished anywhere."""
    if kind is Finished:
        return set(range(len(body) + 1))
    return {38 + body[34]} if issubclass(kind, ServerHello) else set()


@pytest.mark.parametrize(("kind", "body"), [row for row in _RECORDED if row.values[0] is not Finished])
def test_a_damaged_message_is_refused(kind: _Kind, body: bytes) -> None:
    check_damage_refused(kind.parse, body, _complete_at(kind, body))


@pytest.mark.parametrize(("kind", "body"), _RECORDED)
def test_a_recorded_message_is_within_the_largest_accepted(kind: _Kind, body: bytes) -> None:
    assert kind.admits(body)
    assert len(body) <= kind.max_length


def test_a_hello_request_is_empty() -> None:
    assert HelloRequest.parse(b"") == HelloRequest()
    with refused(AlertDescription.DECODE_ERROR, "^malformed HelloRequest: 1 bytes too many$"):
        HelloRequest.parse(b"\0")


def _read_client_hello(wire: bytes) -> ClientHello:
    reader = Reader(wire, "ClientHello")
    assert (reader.uint8(), reader.uint24()) == (ClientHello.type, len(reader))
    assert reader.uint16() == 0x0303
    random, session_id = reader.opaque(32), reader.vector8(0, 32)
    suites = uint16s(reader.vector16(2), "cipher_suites")
    assert reader.vector8() == b"\0"
    extensions = read_extensions(reader.vector16(), "ClientHello")
    reader.finish()
    return ClientHello(0x0303, random, session_id, suites, tuple(extensions.items()))


@_traces
def test_the_client_hellos_of_rfc_8448_are_written_byte_for_byte(trace: Trace) -> None:
    hellos = [message.wire for message in trace.messages if message.name == "ClientHello"]
    assert hellos
    for wire in hellos:
        assert _read_client_hello(wire).encode() == wire


@_traces
def test_the_server_hellos_of_rfc_8448(trace: Trace) -> None:
    (message,) = [message for message in trace.messages if message.name == "ServerHello"]
    hello = ServerHello.parse(message.body)
    client_hello = _read_client_hello(trace.hellos[0].wire)
    assert hello.legacy_version == 0x0303
    assert hello.random == message.body[2:34]
    assert hello.session_id == client_hello.session_id
    assert (hello.cipher_suite, hello.compression_method) == (0x1301, 0)
    _, public = trace.key_pair("server")
    share = trace.group.code.to_bytes(2, "big") + len(public).to_bytes(2, "big") + public
    assert hello.extensions == {51: share, 43: b"\x03\x04"}
    assert not HelloRetryRequest.admits(message.body)


def test_the_hello_retry_request_of_rfc_8448() -> None:
    (message,) = [m for trace in TRACES for m in trace.messages if m.name == "HelloRetryRequest"]
    retry = HelloRetryRequest.parse(message.body)
    assert isinstance(retry, HelloRetryRequest)
    assert retry.random == RETRY_RANDOM
    assert retry.extensions.keys() == {51, 44, 43}
    assert retry.extensions[51] == b"\0\x17"
    assert not ServerHello.admits(message.body)


def test_a_damaged_hello_retry_request_names_itself() -> None:
    with refused(AlertDescription.DECODE_ERROR, "^malformed HelloRetryRequest: "):
        HelloRetryRequest.parse(b"")


@pytest.mark.parametrize("suite", SUITES_12, ids=lambda suite: suite.name)
def test_a_server_hello_of_openssl_in_tls_1_2(suite: CipherSuite) -> None:
    connection = connection12(suite)
    body = connection.body(ServerHello.type)
    hello = ServerHello.parse(body)
    assert (hello.legacy_version, hello.cipher_suite) == (0x0303, connection.suite.code)
    assert 23 in hello.extensions
    check_damage_refused(ServerHello.parse, body, _complete_at(ServerHello, body))


def test_a_tls_1_2_server_hello_may_leave_out_its_extensions() -> None:
    body = b"\x03\x03" + bytes(32) + b"\1\xaa" + b"\xc0\x2f" + b"\0"
    hello = ServerHello.parse(body)
    assert hello == ServerHello(0x0303, bytes(32), b"\xaa", 0xC02F, 0, {})


def test_a_session_id_of_more_than_32_bytes_is_refused() -> None:
    with refused(AlertDescription.DECODE_ERROR, r"outside <0\.\.32>"):
        ServerHello.parse(b"\x03\x03" + bytes(32) + b"\x21" + bytes(33) + b"\x13\1\0")


@_traces
def test_the_certificate_verifies_of_rfc_8448(trace: Trace) -> None:
    for message in trace.messages:
        if message.name == "CertificateVerify":
            verify = CertificateVerify.parse(message.body)
            assert message.body[:2] == verify.algorithm.to_bytes(2, "big")
            assert message.body[4:] == verify.signature
            assert CertificateVerify.admits(message.body)


@_traces
def test_the_finisheds_of_rfc_8448_come_back(trace: Trace) -> None:
    for message in trace.messages:
        if message.name == "Finished":
            assert Finished.parse(message.body).encode() == message.wire


def test_the_wire_form_has_a_type_and_a_three_byte_length() -> None:
    assert encode_message(20, b"abc") == b"\x14\0\0\3abc"


@bounded
@given(st.sampled_from(list(_SHARED.values())), st.binary(max_size=96))
def test_any_bytes_are_parsed_or_refused(kind: _Kind, body: bytes) -> None:
    survives(kind.parse, body)
    survives(kind.parse, b"\x03\x03" + bytes(32) + body)


def test_a_message_has_the_name_of_its_class() -> None:
    assert ServerHello.title() == "ServerHello"


def test_a_hello_may_be_given_other_extensions() -> None:
    first = ClientHello(0x0303, bytes(32), b"", (0x1301,), ((0, b"one"),))
    second = first.with_extensions([(1, b"two")])
    assert second.extensions == ((1, b"two"),)
    assert second.encode()[4:38] == first.encode()[4:38]


@pytest.mark.parametrize(("count", "room"), [(0, 65528), (65528, 0), (65529, -1)])
def test_a_hello_has_only_so_much_room(count: int, room: int) -> None:
    hello = ClientHello(0x0303, bytes(32), b"", (0x1301,), ((0, b"one"),))
    full = hello.with_extensions([(0, b"one"), (1, bytes(count - 4))] if count else [(0, b"one")])
    assert full.room == room
    assert room < 0 or full.encode()


def test_a_proof_of_the_key_comes_back() -> None:
    message = CertificateVerify(0x0403, b"signature")
    assert CertificateVerify.parse(message.encode()[4:]) == message
    assert message.encode()[:1] == b"\x0f"
