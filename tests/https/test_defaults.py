from __future__ import annotations

import functools
import subprocess
import sys
from typing import cast

import trio_secure
import trio_secure.testing
from trio_https._defaults import anonymous, default_socket, is_secure, offering_http


def test_https_gets_tls() -> None:
    assert default_socket() is trio_secure.SecureSocket


def test_only_the_class_for_tls_and_those_made_from_it_are_known_to_be_secure() -> None:
    class Mine(trio_secure.SecureSocket):
        pass

    class SecureSocket:
        pass

    assert is_secure(trio_secure.SecureSocket)
    assert is_secure(Mine)
    assert not is_secure(trio_secure.Socket)
    assert not is_secure(SecureSocket)  # type: ignore[arg-type]  # a class of that name from elsewhere
    assert not is_secure(functools.partial(trio_secure.Socket))


def test_importing_the_client_does_not_import_tls() -> None:
    check = "import sys, trio_https; sys.exit('trio_secure' in sys.modules or 'trio_certs' in sys.modules)"
    assert subprocess.run([sys.executable, "-P", "-c", check], check=False).returncode == 0


def test_who_the_client_is_can_be_left_out() -> None:
    secure = {"verify": False, "clientCertificates": b"c", "clientKey": b"k"}
    assert anonymous(secure) == {"verify": False}
    assert anonymous({"clientKey": b"k"}) == {}
    shown = trio_secure.testing.Authority().identity("me@example")
    assert anonymous(shown) == {}
    certificates, key = cast("list[bytes]", [shown["clientCertificates"], shown["clientKey"]])
    identity = trio_secure.ClientIdentity.load(certificates, key)
    config = anonymous(trio_secure.TLSConfig(alpn="own", client_identities=identity))
    assert isinstance(config, trio_secure.TLSConfig)
    assert config.identities == ()
    assert list(config.alpn) == [b"own"]
    for given in (None, {"verify": False}, trio_secure.TLSConfig(), 7):
        assert anonymous(given) is given


def test_http_is_offered_unless_something_else_is() -> None:
    alpn = "applicationLayerProtocolNegotiation"
    assert offering_http(None) == {alpn: ("http/1.1",)}
    assert offering_http({"verify": False}) == {"verify": False, alpn: ("http/1.1",)}
    assert offering_http({alpn: ["own"]}) == {alpn: ["own"]}
    config = offering_http(trio_secure.TLSConfig())
    assert isinstance(config, trio_secure.TLSConfig)
    assert list(config.alpn) == [b"http/1.1"]
    own = trio_secure.TLSConfig(alpn="own")
    assert offering_http(own) is own
    assert offering_http(7) == 7
