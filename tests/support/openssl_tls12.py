"""A connection of OpenSSL with itself, of TLS 1.2 or older, taken down byte by byte.

Theory of operation: Python's `ssl` plays both sides over memory. What passes between them is kept, and so is the
master secret, which OpenSSL writes to a key log. The tests then read with this library what it had no part in, and
may go on with the client's side of a connection in place of OpenSSL.
"""

from __future__ import annotations

import base64
import ssl
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from support.authority import Authority, KeyKind
from support.der import element, integer
from trio_secure._finite_field import FiniteField
from trio_secure._protection import ContentType
from trio_secure._reassembly import Reassembly
from trio_secure._suites import SUITES_BY_NAME, Authentication, CipherSuite
from trio_secure._versions import Version

# SSL_OP_NO_ENCRYPT_THEN_MAC, which Python's `ssl` has no name for.
_NO_ENCRYPT_THEN_MAC = 1 << 19

REQUEST, RESPONSE = b"a request", b"and its response"


@dataclass(frozen=True)
class Connection12:
    """What was seen of it.

    Attributes:
        messages: the handshake messages in wire form, in order, until the client's change_cipher_spec.
        client: the client's protected records: Finished, REQUEST, close_notify. With CBC in TLS 1.0, there is an
            empty record before the REQUEST.
        ticket: the server's NewSessionTicket in wire form.
        server: the server's protected records: Finished, RESPONSE, close_notify; as before.
    """

    suite: CipherSuite
    version: Version
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


def connection12(
    suite: CipherSuite, version: Version = Version.TLS12, *, encrypt_then_mac: bool = True
) -> Connection12:
    """One connection under `suite`, in which the server asks for a certificate and the client has none."""
    return _connection12(suite.name, version, encrypt_then_mac=encrypt_then_mac)


@cache
def _connection12(name: str, version: Version, *, encrypt_then_mac: bool) -> Connection12:
    pair = _Pair(SUITES_BY_NAME[name], version, encrypt_then_mac=encrypt_then_mac)
    pair.client.write(REQUEST)
    pair.pass_on()
    pair.server.read()
    pair.server.write(RESPONSE)
    pair.pass_on()
    pair.client.read()
    for step in (pair.client.unwrap, pair.server.unwrap):
        with suppress(ssl.SSLWantReadError):
            step()
        pair.pass_on()
    return pair.connection()


def server12(
    suite: CipherSuite, version: Version, *, encrypt_then_mac: bool
) -> tuple[Connection12, Callable[[bytes], bytes]]:
    """A connection as far as its handshake goes, and what the server reads when it is given a client's records."""
    pair = _Pair(suite, version, encrypt_then_mac=encrypt_then_mac)

    def read(records: bytes) -> bytes:
        pair.to_server.write(records)
        return pair.server.read()

    return pair.connection(), read


def _contexts(
    suite: CipherSuite, version: Version, folder: Path, *, encrypt_then_mac: bool
) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    authority = Authority.make()
    kind: KeyKind = "rsa" if suite.authentication is Authentication.RSA else "ec"
    leaf = authority.issue("localhost", key=kind)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(*leaf.write(folder))
    server.load_verify_locations(authority.write(folder))
    server.verify_mode = ssl.CERT_OPTIONAL
    client = ssl.create_default_context(cafile=str(authority.write(folder)))
    (folder / "dh.pem").write_text(_dh_parameters())
    server.load_dh_params(str(folder / "dh.pem"))
    client.keylog_filename = str(folder / "keys")
    for context in (client, server):
        with warnings.catch_warnings():
            # Whoever sets an old version is told that it is old.
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = context.maximum_version = ssl.TLSVersion(version)
        context.set_ciphers("ALL:@SECLEVEL=0")
        if not encrypt_then_mac:
            context.options |= _NO_ENCRYPT_THEN_MAC
    name = next(row["name"] for row in client.get_ciphers() if row["id"] & 0xFFFF == suite.code)
    client.set_ciphers(f"{name}:@SECLEVEL=0")
    return client, server


@cache
def _dh_parameters() -> str:
    """Those of ffdhe2048, in PEM: two numbers in a SEQUENCE (PKCS #3)."""
    field = FiniteField.named("ffdhe2048")
    text = base64.encodebytes(element(0x30, integer(field.p), integer(field.g))).decode()
    return f"-----BEGIN DH PARAMETERS-----\n{text}-----END DH PARAMETERS-----\n"


class _Pair:
    """Both ends of a connection that has been made, and what passed between them."""

    def __init__(self, suite: CipherSuite, version: Version, *, encrypt_then_mac: bool) -> None:
        self._suite, self._version = suite, version
        self._flows: list[_Flow] = []
        self.to_server, self._to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._client_out, self._server_out = ssl.MemoryBIO(), ssl.MemoryBIO()
        with TemporaryDirectory() as folder:
            client, server = _contexts(suite, version, Path(folder), encrypt_then_mac=encrypt_then_mac)
            self.client = client.wrap_bio(self._to_client, self._client_out, server_hostname="localhost")
            self.server = server.wrap_bio(self.to_server, self._server_out, server_side=True)
            for end in (self.client, self.server, self.client, self.server):
                with suppress(ssl.SSLWantReadError):
                    end.do_handshake()
                self.pass_on()
            self.client.do_handshake()
            self._master_secret = bytes.fromhex((Path(folder) / "keys").read_text().split()[-1])

    def pass_on(self) -> None:
        """Give each end what the other one said."""
        for by_client, out, to in (
            (True, self._client_out, self.to_server),
            (False, self._server_out, self._to_client),
        ):
            self._flows.append(_Flow(by_client, out.read()))
            to.write(self._flows[-1].data)

    def connection(self) -> Connection12:
        """What has been seen so far."""
        messages, ticket = Reassembly(), Reassembly()
        protected: dict[bool, list[bytes]] = {True: [], False: []}
        changed = {True: False, False: False}
        for by_client, data in self._flows:
            for record in records_of(data):
                if record[0] == ContentType.CHANGE_CIPHER_SPEC:
                    changed[by_client] = True
                elif changed[by_client]:
                    protected[by_client].append(record)
                else:
                    (ticket if changed[True] else messages).feed(record[5:])
        return Connection12(
            self._suite,
            self._version,
            self._master_secret,
            tuple(_messages(messages)),
            tuple(protected[True]),
            next(_messages(ticket)),
            tuple(protected[False]),
        )


def _messages(reassembly: Reassembly) -> Iterator[bytes]:
    while header := reassembly.begin():
        if message := reassembly.take(header.length):
            yield message
