"""Certificates as resources, and trust: X.509 for Trio, without TLS.

`Trust` decides whether a server is the one it claims to be. What it trusts comes from sources: the `Store` of
public CAs, a `Manifest`'s selection of it, the `SystemStore`, a `File`, a `Folder`, or a `Lookup` of your own.
`Resource` is a CA of the store by name. `index_store` and its kind are for who keeps a store.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trio_certs._errors import (
    CertificateError,
    ManifestError,
    Reason,
    ResourceNotFoundError,
    SourceError,
    StoreError,
)

if TYPE_CHECKING:
    from trio_certs._certificate import CertificateFacts
    from trio_certs._folder import File, Folder
    from trio_certs._lookup import Issuer, Lookup
    from trio_certs._manifest import Manifest
    from trio_certs._manifest_edit import add_entries
    from trio_certs._path import VerifiedChain
    from trio_certs._pem import pem_blocks
    from trio_certs._pins import Pin
    from trio_certs._resource import Resource
    from trio_certs._source import Source
    from trio_certs._store import BUNDLED, Entry, Store
    from trio_certs._store_build import StoreChange, index_store
    from trio_certs._store_check import check_store
    from trio_certs._store_compare import compare_store
    from trio_certs._store_date import store_date
    from trio_certs._system import SystemStore
    from trio_certs._text import describe_name
    from trio_certs._trust import Trust

__all__ = [
    "BUNDLED",
    "CertificateError",
    "CertificateFacts",
    "Entry",
    "File",
    "Folder",
    "Issuer",
    "Lookup",
    "Manifest",
    "ManifestError",
    "Pin",
    "Reason",
    "Resource",
    "ResourceNotFoundError",
    "Source",
    "SourceError",
    "Store",
    "StoreChange",
    "StoreError",
    "SystemStore",
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

# Where the names are that are imported when they are first used: whoever verifies a server needs half of these
# modules, and whoever asks for one resource needs few (PEP 562).
_LATER = {
    "CertificateFacts": "_certificate",
    "File": "_folder",
    "Folder": "_folder",
    "Issuer": "_lookup",
    "Lookup": "_lookup",
    "Manifest": "_manifest",
    "add_entries": "_manifest_edit",
    "VerifiedChain": "_path",
    "pem_blocks": "_pem",
    "Pin": "_pins",
    "Resource": "_resource",
    "Source": "_source",
    "BUNDLED": "_store",
    "Entry": "_store",
    "Store": "_store",
    "StoreChange": "_store_build",
    "index_store": "_store_build",
    "check_store": "_store_check",
    "compare_store": "_store_compare",
    "store_date": "_store_date",
    "SystemStore": "_system",
    "describe_name": "_text",
    "Trust": "_trust",
}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name not in _LATER:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        import importlib

        value = globals()[name] = getattr(importlib.import_module(f"{__name__}.{_LATER[name]}"), name)
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
