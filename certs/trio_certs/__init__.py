"""Certificates as resources, and trust: X.509 for Trio, without TLS.

`Trust` decides whether a server is the one it claims to be; `Resource` and `Manifest` are the public CAs by
name and the list of those a program includes. `index_store` and its kind are for who keeps a store.
"""

from trio_certs._certificate import CertificateFacts
from trio_certs._errors import CertificateError, ManifestError, Reason, ResourceNotFoundError, StoreError
from trio_certs._manifest import Manifest
from trio_certs._manifest_edit import add_entries
from trio_certs._path import VerifiedChain
from trio_certs._pem import pem_blocks
from trio_certs._resource import Resource
from trio_certs._store import BUNDLED, Entry, Store
from trio_certs._store_build import StoreChange, index_store
from trio_certs._store_check import check_store
from trio_certs._store_compare import compare_store
from trio_certs._store_date import store_date
from trio_certs._text import describe_name
from trio_certs._trust import Trust

__all__ = [
    "BUNDLED",
    "CertificateError",
    "CertificateFacts",
    "Entry",
    "Manifest",
    "ManifestError",
    "Reason",
    "Resource",
    "ResourceNotFoundError",
    "Store",
    "StoreChange",
    "StoreError",
    "Trust",
    "VerifiedChain",
    "add_entries",
    "check_store",
    "compare_store",
    "describe_name",
    "index_store",
    "pem_blocks",
    "store_date",
]
