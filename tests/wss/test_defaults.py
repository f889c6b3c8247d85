from __future__ import annotations

import subprocess
import sys
from functools import partial

import trio_secure
from trio_https import HTTPProxy
from trio_wss._defaults import chosen_socket, default_socket


def test_a_secure_url_gets_a_secure_socket() -> None:
    assert default_socket("wss") is trio_secure.SecureSocket
    assert default_socket("ws") is trio_secure.Socket


def test_trio_secure_is_not_imported_before_it_is_needed() -> None:
    code = "import sys, trio_wss; sys.exit('trio_secure' in sys.modules or 'trio_certs' in sys.modules)"
    assert subprocess.run([sys.executable, "-P", "-c", code], check=False).returncode == 0


def test_a_proxy_is_what_tls_runs_over() -> None:
    proxy = HTTPProxy("http://proxy.example:3128")
    chosen = chosen_socket(proxy, "wss")
    assert isinstance(chosen, partial)
    assert (chosen.func, chosen.keywords) == (trio_secure.SecureSocket, {"Socket": proxy})
    assert chosen_socket(proxy, "ws") == proxy
    assert chosen_socket(None, "wss") is trio_secure.SecureSocket
