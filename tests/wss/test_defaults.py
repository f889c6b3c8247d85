from __future__ import annotations

import subprocess
import sys

import pytest
import trio

import trio_secure
from trio_wss._defaults import default_socket, is_broken_transport, is_secure


def test_a_secure_url_gets_a_secure_socket() -> None:
    assert default_socket("wss") is trio_secure.SecureSocket
    assert default_socket("ws") is trio_secure.Socket


def test_trio_secure_is_not_imported_before_it_is_needed() -> None:
    code = "import sys, trio_wss; sys.exit('trio_secure' in sys.modules or 'trio_certs' in sys.modules)"
    assert subprocess.run([sys.executable, "-P", "-c", code], check=False).returncode == 0


def test_a_secure_socket_is_known_by_its_class() -> None:
    class Mine(trio_secure.SecureSocket):
        pass

    assert is_secure(trio_secure.SecureSocket)
    assert is_secure(Mine)
    assert not is_secure(trio_secure.Socket)
    assert not is_secure(trio.open_tcp_stream)


@pytest.mark.parametrize(
    ("error", "broken"),
    [
        (trio.BrokenResourceError("reset"), True),
        (trio_secure.Truncated("in the handshake"), True),
        (trio_secure.CertificateRefused(trio_secure.AlertDescription.UNKNOWN_CA, "of a stranger"), False),
        (ValueError("x"), False),
    ],
)
def test_a_transport_that_broke_is_told_from_one_that_was_refused(error: Exception, broken: bool) -> None:
    assert is_broken_transport(error) is broken
