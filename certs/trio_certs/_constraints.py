"""Limits that Mozilla puts on a root beyond what its certificate says.

Theory of operation: the list of roots that certifi distributes is flat; what a root may be used for is
known to Mozilla's own software and lost on the way. Today one such limit is in force on a root of the list,
a name constraint, and it is applied here as RFC 5280 §4.2.1.10 would: every DNS name of the server's
certificate must be below the suffix, not only the one connected to.
"""

from __future__ import annotations

from trio_certs._server_name import ServerName, SubjectNames

PERMITTED_SUFFIXES = {
    # TUBITAK Kamu SM SSL Kok Sertifikasi - Surum 1: Firefox and the webpki-roots list hold it to Turkish
    # names.
    bytes.fromhex("46edc3689046d53a453fb3104ab80dcaec658b2660ea1629dd7e867990648716"): "tr",
}
"""By the SHA-256 of a root: the only top-level domain it may vouch for."""


def permits(root: bytes, names: SubjectNames, server: ServerName) -> bool:
    """Whether the root of fingerprint `root` may vouch for a certificate with `names`, as `server`.

    A constrained root vouches for no IP address.
    """
    suffix = PERMITTED_SUFFIXES.get(root)
    if suffix is None:
        return True
    return server.address is None and all(name.endswith(f".{suffix}") for name in names.dns)
