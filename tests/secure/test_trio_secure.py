from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import trio_certs
import trio_secure

NAMES = """
AlertDescription AlertReceived CertificateRefused ClientIdentity ConnectionInfo LegacyTLSWarning LoadedIdentity
Manifest MemoryCache PeerIncompatible PeerMisbehaved Resource ResourceNotFoundError SecureSocket SecureStream
Session SessionCache Socket TLSConfig TLSError TraceAlert TraceEvent TraceExtension TraceKeyChange TraceMessage
TraceNote Truncated
"""
_REPORT = """
import sys
import trio
before = set(sys.modules)
import trio_secure
print(*sorted(set(sys.modules) - before))
"""


def test_the_public_names_are_these() -> None:
    assert sorted(trio_secure.__all__) == NAMES.split()
    assert all(hasattr(trio_secure, name) for name in trio_secure.__all__)
    assert trio_secure.Resource is trio_certs.Resource


def test_importing_it_loads_no_ssl_and_no_verification_of_certificates() -> None:
    done = subprocess.run([sys.executable, "-c", _REPORT], capture_output=True, text=True, check=True)
    loaded = done.stdout.split()
    assert "trio_secure._stream" in loaded
    assert not [name for name in loaded if name.split(".")[0] in {"ssl", "_ssl"}]
    assert not [name for name in loaded if name.startswith("cryptography.x509")]


def test_no_module_of_ours_imports_ssl() -> None:
    """Trio has imported it already, so this is a matter of what stands in our files."""
    for package in (trio_secure, trio_certs):
        for path in Path(package.__path__[0]).glob("*.py"):
            imported = {
                name
                for node in ast.walk(ast.parse(path.read_text()))
                for name in (
                    [alias.name for alias in node.names]
                    if isinstance(node, ast.Import)
                    else [node.module]
                    if isinstance(node, ast.ImportFrom)
                    else []
                )
            }
            assert not imported & {"ssl", "_ssl"}, path
