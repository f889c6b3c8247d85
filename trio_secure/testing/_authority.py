"""`Authority`: a certificate authority that lives as long as a test.

Theory of operation: trustme makes keys and certificates. Faults of the certificate are made here, those of the
connection by the server.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

import trio
import trustme
from cryptography import x509
from OpenSSL import SSL

from ._faults import Fault
from ._server import Handler, Server, echo

_INSIST = SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT


class Authority:
    """A certificate authority to throw away.

    Making one takes a few milliseconds; one can serve all the tests of a session.
    """

    def __init__(self) -> None:
        self.ca = trustme.CA(organization_name="Throw-away authority")
        """trustme's own, for what is not offered here."""

    @property
    def certificate(self) -> bytes:
        """The authority's certificate, PEM: for the key `certificate` of a `secure` dictionary."""
        return self.ca.cert_pem.bytes()

    def identity(self, name: str) -> dict[str, object]:
        """A client certificate for `name` and its key, as entries of a `secure` dictionary."""
        leaf = self.ca.issue_cert(name)
        chain = b"".join(pem.bytes() for pem in leaf.cert_chain_pems)
        return {"clientCertificates": chain, "clientKey": leaf.private_key_pem.bytes()}

    @asynccontextmanager
    async def serve(
        self,
        *names: str,
        handler: Handler = echo,
        fault: Fault | None = None,
        alpn: Sequence[str] = (),
        ask_client: bool = False,
        version: int | None = None,
    ) -> AsyncGenerator[Server]:
        """A server with a certificate of this authority, for the length of an `async with` block.

        At the end of the block the handlers that still run are cancelled. An exception of a handler cancels the
        block and is raised from it; that a client went away is none.

        Args:
            *names: host names and IP addresses its certificate is for.
            handler: called with each connection; by default it echoes.
            fault: what is to go wrong.
            alpn: the protocols it speaks, best first.
            ask_client: whether it insists on a client certificate of this authority.
            version: the only version it speaks, 0x303 or 0x304; both by default.

        Raises:
            ValueError: no name was given.
        """
        if not names:
            raise ValueError("a server needs at least one name, such as 'example.com'")
        fault = fault or Fault()
        context = self._context(fault.issue(self.ca, names), alpn, version)
        if ask_client:
            self.ca.configure_trust(context)
            context.add_client_ca(x509.load_pem_x509_certificate(self.certificate))
            context.set_verify(_INSIST, lambda _connection, _certificate, _error, _depth, ok: bool(ok))
        fault.configure(context)
        failure: Exception | None = None
        async with trio.open_nursery() as nursery:
            server = Server(context, handler, fault, self.certificate, nursery)
            try:
                yield server
            except Exception as error:  # noqa: BLE001  # raised below, outside the nursery's group
                failure = error
            nursery.cancel_scope.cancel()
        failure = server.failure or failure
        if failure is not None:
            raise failure

    def _context(self, leaf: trustme.LeafCert, alpn: Sequence[str], version: int | None) -> SSL.Context:
        context = SSL.Context(SSL.TLS_SERVER_METHOD)
        context.set_min_proto_version(version or SSL.TLS1_2_VERSION)
        context.set_max_proto_version(version or SSL.TLS1_3_VERSION)
        context.set_session_id(b"trio_secure.testing")
        leaf.configure_cert(context)
        if alpn:
            ours = [protocol.encode("ascii") for protocol in alpn]
            context.set_alpn_select_callback(
                lambda _connection, theirs: next(
                    (protocol for protocol in ours if protocol in theirs), SSL.NO_OVERLAPPING_PROTOCOLS
                )
            )
        return context
