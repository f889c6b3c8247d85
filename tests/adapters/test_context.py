from __future__ import annotations

import pytest

from trio_secure import TLSConfig
from trio_secure_adapters._context import SecureContext

_ALPN = "tls_application_layer_protocol_negotiation"


def test_what_the_library_offers_replaces_what_the_settings_say() -> None:
    context = SecureContext({"verify": False, "applicationLayerProtocolNegotiation": ["smtp"]})
    assert context.settings() == {"verify": False, "applicationLayerProtocolNegotiation": ["smtp"]}
    context.set_alpn_protocols(["h2", "http/1.1"])
    assert context.settings() == {"verify": False, _ALPN: ["h2", "http/1.1"]}


def test_a_configuration_is_replaced_alike() -> None:
    context = SecureContext(TLSConfig(verify=False, alpn=["smtp"]))
    context.set_alpn_protocols(["http/1.1"])
    settings = context.settings()
    assert isinstance(settings, TLSConfig)
    assert not settings.verify
    assert tuple(settings.alpn) in (("http/1.1",), (b"http/1.1",))


def test_without_settings_there_is_alpn_alone() -> None:
    context = SecureContext()
    context.set_alpn_protocols(["http/1.1"])
    assert context.settings() == {_ALPN: ["http/1.1"]}


def test_bad_settings_are_told_of_at_once() -> None:
    with pytest.raises(ValueError, match="unknown key 'verfy'"):
        SecureContext({"verfy": False})


def test_it_passes_for_a_context() -> None:
    context = SecureContext()
    assert context.as_ssl_context() is context
