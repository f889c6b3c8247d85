"""Every suite with every kind of certificate, in every version, with every server that has them; and every group."""

from __future__ import annotations

import pytest

from support.interop_cases import Case, group_cases, suite_cases
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
    async with servers.connect(
        case.peer, case.version, case.certificate, groups=[case.what]
    ) as connection:
        await connection.check()
        info = connection.stream.info
    assert info.group == case.what
