"""A TLS 1.2 connection of OpenSSL with itself, taken down byte by byte.

Theory of operation: Python's `ssl` plays both sides over memory. What passes between them is kept, and so is the
master secret, which OpenSSL writes to a key log. The tests then read with this library what it had no part in.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from support.authority import Authority, KeyKind
from trio_secure._protection import ContentType
from trio_secure._reassembly import Reassembly
from trio_secure._suites import SUITES_BY_NAME, Authentication, CipherSuite

REQUEST, RESPONSE = b"a request", b"and its response"


@dataclass(frozen=True)
class Connection12:
    """What was seen of it.

    Attributes:
        messages: the handshake messages in wire form, in order, until the client's change_cipher_spec.
        client: the client's protected records: Finished, REQUEST, close_notify.
        ticket: the server's NewSessionTicket in wire form.
        server: the server's protected records: Finished, RESPONSE, close_notify.
    """

    suite: CipherSuite
    master_secret: bytes
    messages: tuple[bytes, ...]
    client: tuple[bytes, ...]
    ticket: bytes
    server: tuple[bytes, ...]

    def body(self, message_type: int) -> bytes:
        """The body of the one message of this type."""
        (message,) = [message for message in (*self.messages, self.ticket) if message[0] == message_type]
        return message[4:]

    @property
    def client_random(self) -> bytes:
        """ClientHello.random."""
        return self.body(1)[2:34]

    @property
    def server_random(self) -> bytes:
        """ServerHello.random."""
        return self.body(2)[2:34]


class _Flow(NamedTuple):
    """What one side said in one go."""

    by_client: bool
    data: bytes


def records_of(flow: bytes) -> Iterator[bytes]:
    """The records of a flow, headers included."""
    while flow:
        end = 5 + int.from_bytes(flow[3:5], "big")
        yield flow[:end]
        flow = flow[end:]


def connection12(suite: CipherSuite) -> Connection12:
    """One connection under `suite`, in which the server asks for a certificate and the client has none."""
    return _connection12(suite.name)


@cache
def _connection12(name: str) -> Connection12:
    with TemporaryDirectory() as folder:
        return _run(SUITES_BY_NAME[name], Path(folder))


def _contexts(suite: CipherSuite, folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    authority = Authority.make()
    kind: KeyKind = "rsa" if suite.authentication is Authentication.RSA else "ec"
    leaf = authority.issue("localhost", key=kind)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(*leaf.write(folder))
    server.load_verify_locations(authority.write(folder))
    server.verify_mode = ssl.CERT_OPTIONAL
    client = ssl.create_default_context(cafile=str(authority.write(folder)))
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    client.keylog_filename = str(folder / "keys")
    client.set_ciphers(next(row["name"] for row in client.get_ciphers() if row["id"] & 0xFFFF == suite.code))
    return client, server


def _run(suite: CipherSuite, folder: Path) -> Connection12:
    client_context, server_context = _contexts(suite, folder)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client_out, server_out = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_context.wrap_bio(to_client, client_out, server_hostname="localhost")
    server = server_context.wrap_bio(to_server, server_out, server_side=True)
    flows: list[_Flow] = []

    def pass_on() -> None:
        for by_client, out, to in ((True, client_out, to_server), (False, server_out, to_client)):
            flows.append(_Flow(by_client, out.read()))
            to.write(flows[-1].data)

    for step in (client.do_handshake, server.do_handshake, client.do_handshake, server.do_handshake):
        with suppress(ssl.SSLWantReadError):
            step()
        pass_on()
    client.do_handshake()
    client.write(REQUEST)
    pass_on()
    server.read()
    server.write(RESPONSE)
    pass_on()
    client.read()
    for step in (client.unwrap, server.unwrap):
        with suppress(ssl.SSLWantReadError):
            step()
        pass_on()
    master = (folder / "keys").read_text().split()[-1]
    return _sorted(suite, bytes.fromhex(master), flows)


def _sorted(suite: CipherSuite, master_secret: bytes, flows: list[_Flow]) -> Connection12:
    messages, ticket = Reassembly(), Reassembly()
    protected: dict[bool, list[bytes]] = {True: [], False: []}
    changed = {True: False, False: False}
    for by_client, data in flows:
        for record in records_of(data):
            if record[0] == ContentType.CHANGE_CIPHER_SPEC:
                changed[by_client] = True
            elif changed[by_client]:
                protected[by_client].append(record)
            else:
                (ticket if changed[True] else messages).feed(record[5:])
    return Connection12(
        suite,
        master_secret,
        tuple(_messages(messages)),
        tuple(protected[True]),
        next(_messages(ticket)),
        tuple(protected[False]),
    )


def _messages(reassembly: Reassembly) -> Iterator[bytes]:
    while header := reassembly.begin():
        if message := reassembly.take(header.length):
            yield message
