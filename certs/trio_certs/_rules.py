"""What a path has to satisfy beyond being verified.

Theory of operation: the verifier knows the certificates' own rules. What the root programmes and the user add to
them is about a whole path, so it is checked when there is one: limits on its root, pins, lists of revoked
certificates. A path that breaks one of these may not be the only one, so the search goes on without the
certificate at fault.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from trio_certs._certificate import CertificateFacts
from trio_certs._constraints import Constraint
from trio_certs._errors import CertificateError, Reason
from trio_certs._server_name import ServerName, SubjectNames
from trio_certs._text import describe_name

if TYPE_CHECKING:
    from trio_certs._crl import CRL
    from trio_certs._pins import Pin


class Rules(NamedTuple):
    """The rules for the paths of one server."""

    server: ServerName
    names: SubjectNames
    """What the server's certificate is valid for."""
    now: datetime
    constraints: Mapping[bytes, Sequence[Constraint]]
    pins: Sequence[Pin] = ()
    crls: Sequence[CRL] = ()

    def check(self, path: Sequence[CertificateFacts]) -> None:
        """Check a verified path, leaf first.

        Raises:
            CertificateError: it breaks a rule.
        """
        leaf, root = path[0], path[-1]
        for constraint in self.constraints.get(root.fingerprint, ()):
            violation = constraint.violation(self.names, self.server, leaf.not_before)
            if violation is not None:
                raise CertificateError(
                    Reason.CONSTRAINT,
                    f"The server's certificate is refused: of the CA {describe_name(root.subject)}, {violation} "
                    f"({constraint.why}). The server needs a certificate of another CA.",
                    leaf,
                )
        if self.pins:
            from trio_certs._pins import check_pins

            check_pins(self.pins, path)
        if self.crls:
            from trio_certs._revocation import check_revocation

            check_revocation(self.crls, path, self.now)
