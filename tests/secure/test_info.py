from __future__ import annotations

import dataclasses

import pytest

from support.identities import client, identity
from support.scripted_flows import EVERYTHING, FLOWS, Flow
from support.scripted_script import SERVER_NAME
from support.sessions import session13
from trio_secure import ConnectionInfo
from trio_secure._identity import Claim, VerifiedPeer
from trio_secure._names import ServerName
from trio_secure._signatures import SCHEMES_BY_NAME
from trio_secure._suites import SUITES_BY_NAME
from trio_secure._versions import Version
from trio_secure._wire import Established, RecordLimits

NAME = ServerName.parse("Example.com")
ESTABLISHED = Established(
    version=Version.TLS13,
    suite=SUITES_BY_NAME["TLS_AES_128_GCM_SHA256"],
    group="X25519MLKEM768",
    peer=VerifiedPeer(
        (b"leaf",),
        SCHEMES_BY_NAME["ed25519"],
        (b"leaf", b"root"),
        "ca7.der",
        Claim(NAME, b"a staple", (b"a timestamp",)),
    ),
    alpn=b"h2",
    extended_master_secret=True,
    encrypt_then_mac=True,
    limits=RecordLimits(512, 1000, 2000),
    resumed=session13(),
    early_data=False,
    client_chain=(b"client", b"its issuer"),
)


def test_it_holds_what_was_settled() -> None:
    assert ConnectionInfo.of(ESTABLISHED, NAME) == ConnectionInfo(
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
        encrypt_then_mac=True,
        resumed=True,
        early_data_accepted=False,
        max_fragment_length=512,
        record_size_limit=2000,
        client_certificates=(b"client", b"its issuer"),
        ocsp_response=b"a staple",
        signed_certificate_timestamps=(b"a timestamp",),
    )


def test_of_a_plain_connection_it_holds_little() -> None:
    plain = Established(
        version=Version.TLS12,
        suite=SUITES_BY_NAME["TLS_RSA_WITH_AES_128_GCM_SHA256"],
        group=None,
        peer=VerifiedPeer((b"leaf",), None, (), None),
    )
    assert ConnectionInfo.of(plain, None) == ConnectionInfo(
        version=0x0303,
        cipher_suite="TLS_RSA_WITH_AES_128_GCM_SHA256",
        group=None,
        signature_scheme=None,
        alpn=None,
        server_name=None,
        peer_certificates=(b"leaf",),
        verified_chain=(),
        anchor_resource=None,
        extended_master_secret=True,
    )


def test_it_is_one_line_for_people() -> None:
    info = ConnectionInfo.of(ESTABLISHED, None)
    settled = "TLS 1.3, TLS_AES_128_GCM_SHA256, X25519MLKEM768, ed25519"
    assert str(info) == f"{settled}, resumed, anchored by ca7.der"
    assert str(dataclasses.replace(info, anchor_resource=None)) == f"{settled}, resumed"
    assert str(dataclasses.replace(info, resumed=False, anchor_resource=None)) == settled
    assert str(dataclasses.replace(info, group=None, signature_scheme=None)).startswith(
        "TLS 1.3, TLS_AES_128_GCM_SHA256, resumed"
    )


@pytest.mark.parametrize(("alpn", "text"), [(None, None), (b"h2", "h2"), (b"\xff", "\udcff")])
def test_a_protocol_is_text_and_comes_back_as_it_went_in(alpn: bytes | None, text: str | None) -> None:
    info = ConnectionInfo.of(dataclasses.replace(ESTABLISHED, alpn=alpn), None)
    assert info.alpn == text
    assert info.server_name is None


@pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: flow.name)
async def test_it_tells_what_each_handshake_came_to(flow: Flow) -> None:
    meeting = await flow.run(EVERYTHING.replace(client_identities=[identity("p256")]))
    info, script = meeting.info, flow.script
    assert info is not None
    full = flow.resumes is None
    exchanges = full or flow.version >= Version.TLS13
    assert info.version == flow.version
    assert info.cipher_suite == script.suite_row.name
    assert info.server_name == SERVER_NAME
    assert info.resumed is not full
    transports = "TLS_RSA" in info.cipher_suite
    assert (info.group is None) is (transports or not exchanges)
    assert (info.signature_scheme is None) is transports
    assert info.extended_master_secret is script.extended
    assert info.encrypt_then_mac is script.encrypt_then_mac
    assert info.early_data_accepted is (True if flow.early_data else None)
    shown = script.request and full
    assert info.client_certificates == (tuple(client("p256").chain_ders) if shown else ())
    assert info.ocsp_response == script.status
    assert info.verified_chain == ()
