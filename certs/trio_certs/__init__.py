"""Certificates as resources, and trust: X.509 for Trio, without TLS.

`Trust` decides whether a server is the one it claims to be; `Resource` and `Manifest` are the public CAs by
name and the list of those a program includes.
"""

from trio_certs._certificate import CertificateFacts
from trio_certs._errors import CertificateError, ManifestError, Reason, ResourceNotFoundError, StoreError
from trio_certs._manifest import Manifest
from trio_certs._path import VerifiedChain
from trio_certs._resource import Resource
from trio_certs._store import Store
from trio_certs._trust import Trust

__all__ = [
    "CertificateError",
    "CertificateFacts",
    "Manifest",
    "ManifestError",
    "Reason",
    "Resource",
    "ResourceNotFoundError",
    "Store",
    "StoreError",
    "Trust",
    "VerifiedChain",
]
