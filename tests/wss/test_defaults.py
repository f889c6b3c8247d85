from __future__ import annotations

import subprocess
import sys
from functools import partial

import pytest
import trio

import trio_secure
from trio_https import URL, EnvironmentProxies, HTTPProxy
from trio_wss._defaults import chosen_socket, default_socket, is_broken_transport, speaks_tls

WS = URL.of("ws", "server.test", 80, "/")
WSS = URL.of("wss", "server.test", 443, "/")


def test_a_secure_url_gets_a_secure_socket() -> None:
    assert default_socket("wss") is trio_secure.SecureSocket
    assert default_socket("ws") is trio_secure.Socket


def test_trio_secure_is_not_imported_before_it_is_needed() -> None:
    code = "import sys, trio_wss; sys.exit('trio_secure' in sys.modules or 'trio_certs' in sys.modules)"
    assert subprocess.run([sys.executable, "-P", "-c", code], check=False).returncode == 0


def test_what_is_known_to_take_secure() -> None:
    assert speaks_tls(None)
    assert speaks_tls(trio_secure.SecureSocket)
    assert speaks_tls(HTTPProxy("http://proxy.example"))
    assert not speaks_tls(trio_secure.Socket)
    assert not speaks_tls(trio.open_tcp_stream)


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


def test_a_proxy_is_what_tls_runs_over() -> None:
    proxy = HTTPProxy("http://proxy.example:3128")
    chosen = chosen_socket(proxy, WSS)
    assert isinstance(chosen, partial)
    assert (chosen.func, chosen.keywords) == (trio_secure.SecureSocket, {"Socket": proxy})
    assert chosen_socket(proxy, WS) == proxy
    assert chosen_socket(None, WSS) is trio_secure.SecureSocket
    assert chosen_socket(trio.open_tcp_stream, WSS) is trio.open_tcp_stream


def test_the_environment_s_proxies_are_chosen_by_the_url() -> None:
    proxies = EnvironmentProxies({"HTTPS_PROXY": "http://proxy.example:3128"})
    assert isinstance(chosen_socket(proxies, WSS), partial)
    assert chosen_socket(proxies, WS) is trio_secure.Socket
