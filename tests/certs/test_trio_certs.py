"""The package as a whole."""

from __future__ import annotations

import subprocess
import sys

import trio_certs


def test_every_public_name_is_there_and_documented() -> None:
    assert list(trio_certs.__all__) == sorted(trio_certs.__all__)
    for name in trio_certs.__all__:
        assert getattr(trio_certs, name).__doc__


def test_importing_the_package_does_not_import_cryptography() -> None:
    program = """
import sys, trio, trio_certs

def imported(name):
    return any(module == name or module.startswith(name + ".") for module in sys.modules)

manifest = trio_certs.Manifest(["$(CERTS)/ca9"])
der = trio.run(trio_certs.Resource("ca9.der", manifest=manifest).read)
trust = trio_certs.Trust([der], manifest)
assert not imported("cryptography")
trio.run(trust.prepare)
assert imported("cryptography.x509")
"""
    subprocess.run([sys.executable, "-P", "-W", "error", "-c", program], check=True)
