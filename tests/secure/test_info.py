from __future__ import annotations

import dataclasses

import pytest

from trio_secure import ConnectionInfo
from trio_secure._groups import GROUPS_BY_NAME
from trio_secure._identity import VerifiedPeer
from trio_secure._names import ServerName
from trio_secure._signatures import SCHEMES_BY_NAME
from trio_secure._suites import SUITES_BY_NAME
from trio_secure._versions import Version
from trio_secure._wire import Established

ESTABLISHED = Established(
    version=Version.TLS13,
    suite=SUITES_BY_NAME["TLS_AES_128_GCM_SHA256"],
    group=GROUPS_BY_NAME["x25519mlkem768"],
    peer=VerifiedPeer((b"leaf",), SCHEMES_BY_NAME["ed25519"], (b"leaf", b"root"), "ca7.der"),
    alpn=b"h2",
    extended_master_secret=True,
)


def test_it_holds_what_was_settled() -> None:
    assert ConnectionInfo.of(ESTABLISHED, ServerName.parse("Example.com")) == ConnectionInfo(
        version=0x0304,
        cipher_suite="TLS_AES_128_GCM_SHA256",
        group="X25519MLKEM768",
        signature_scheme="ed25519",
        alpn="h2",
        server_name="example.com",
        peer_certificates=(b"leaf",),
        verified_chain=(b"leaf", b"root"),
        anchor_resource="ca7.der",
        extended_master_secret=True,
        resumed=False,
    )


def test_it_is_one_line_for_people() -> None:
    info = ConnectionInfo.of(ESTABLISHED, None)
    assert str(info) == "TLS 1.3, TLS_AES_128_GCM_SHA256, X25519MLKEM768, ed25519, anchored by ca7.der"
    assert str(dataclasses.replace(info, anchor_resource=None)).endswith("X25519MLKEM768, ed25519")


@pytest.mark.parametrize(("alpn", "text"), [(None, None), (b"h2", "h2"), (b"\xff", "\udcff")])
def test_a_protocol_is_text_and_comes_back_as_it_went_in(alpn: bytes | None, text: str | None) -> None:
    info = ConnectionInfo.of(dataclasses.replace(ESTABLISHED, alpn=alpn), None)
    assert info.alpn == text
    assert info.server_name is None
