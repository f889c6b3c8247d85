from __future__ import annotations

from datetime import UTC, datetime

import pytest

from support.authority import Authority
from support.crl import revocation_list
from trio_certs import CertificateError, Pin, Reason
from trio_certs._certificate import CertificateFacts
from trio_certs._constraints import Constraint
from trio_certs._crl import CRL
from trio_certs._rules import Rules
from trio_certs._server_name import ServerName, SubjectNames

ROOT = Authority.make(name="Root")
LEAF = ROOT.issue("h.test")
PATH = [CertificateFacts.parse(der) for der in (LEAF.certificate_der, ROOT.certificate_der)]
NOW = datetime.now(UTC)


def rules(
    constraints: tuple[Constraint, ...] = (), pins: tuple[Pin, ...] = (), crls: tuple[bytes, ...] = ()
) -> Rules:
    return Rules(
        ServerName.parse("h.test"),
        SubjectNames(("h.test",)),
        NOW,
        {PATH[-1].fingerprint: constraints},
        pins,
        [CRL.parse(crl) for crl in crls],
    )


def test_a_path_that_keeps_to_all_passes() -> None:
    pins = (Pin.certificate(PATH[0].fingerprint),)
    rules((Constraint("why", suffix="test"),), pins, (revocation_list(ROOT),)).check(PATH)
    rules().check(PATH)


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (rules((Constraint("why", suffix="test"), Constraint("why", suffix="tr"))), Reason.CONSTRAINT),
        (rules((Constraint("why", last=datetime(2020, 1, 1, tzinfo=UTC)),)), Reason.CONSTRAINT),
        (rules(pins=(Pin.key(bytes(32)),)), Reason.PIN),
        (rules(crls=(revocation_list(ROOT, LEAF),)), Reason.REVOKED),
    ],
)
def test_a_path_that_breaks_one_is_refused(broken: Rules, reason: Reason) -> None:
    with pytest.raises(CertificateError) as info:
        broken.check(PATH)
    assert info.value.reason is reason
    assert info.value.certificate == PATH[0]


def test_a_constraint_says_whose_it_is() -> None:
    with pytest.raises(CertificateError, match=r"the CA CN=Root, .* below \.tr only.*\(Mozilla says so\)"):
        rules((Constraint("Mozilla says so", suffix="tr"),)).check(PATH)
