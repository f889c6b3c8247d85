"""Every suite with every kind of certificate, every group and every signature scheme, with every server."""

from __future__ import annotations

import pytest

from support.interop_cases import Case, group_cases, signature_cases, suite_cases
from support.interop_connection import Servers


@pytest.mark.parametrize("case", list(suite_cases()), ids=str)
async def test_a_suite(case: Case, servers: Servers) -> None:
    async with servers.connect(
        case.peer, case.version, case.certificate, cipher_suites=[case.what]
    ) as connection:
        await connection.check()
        info = connection.stream.info
    assert info.version == case.version
    assert info.cipher_suite == case.what
    assert info.peer_certificates[0] == servers.material.server(case.certificate).der
    assert not info.resumed


@pytest.mark.parametrize("case", list(group_cases()), ids=str)
async def test_a_group(case: Case, servers: Servers) -> None:
    """It is the only one offered."""
    async with servers.connect(case.peer, case.version, case.certificate, groups=[case.what]) as connection:
        await connection.check()
        info = connection.stream.info
    assert info.group == case.what


@pytest.mark.parametrize("case", list(signature_cases()), ids=str)
async def test_a_signature_scheme(case: Case, servers: Servers) -> None:
    """It is the only one offered but for the certificate itself, which is signed by another key."""
    async with servers.connect(
        case.peer,
        case.version,
        case.certificate,
        signature_algorithms=[case.what],
        certificate_signature_algorithms=[case.what, "ecdsa_secp256r1_sha256"],
    ) as connection:
        await connection.check()
        info = connection.stream.info
    assert info.signature_scheme == case.what
