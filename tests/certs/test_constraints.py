from __future__ import annotations

import pytest

from trio_certs._constraints import PERMITTED_SUFFIXES, permits
from trio_certs._server_name import ServerName, SubjectNames
from trio_certs._store import BUNDLED

TUBITAK = next(iter(PERMITTED_SUFFIXES))


def allowed(host: str, *dns: str) -> bool:
    return permits(TUBITAK, SubjectNames(dns), ServerName.parse(host))


def test_the_constrained_root_is_the_one_in_the_store() -> None:
    entry = BUNDLED.index().entries[BUNDLED.index().by_fingerprint[TUBITAK]]
    assert entry.name.startswith("TUBITAK Kamu SM SSL Kok Sertifikasi - Surum 1")


def test_names_below_the_suffix_are_permitted() -> None:
    assert allowed("kamu.gov.tr", "kamu.gov.tr", "*.kamu.gov.tr")


@pytest.mark.parametrize(
    ("host", "dns"),
    [
        ("h.test", ("h.test",)),
        ("a.gov.tr", ("a.gov.tr", "h.test")),  # every name counts, not only the one connected to
        ("atr", ("atr",)),
        ("tr", ("tr",)),
        ("10.0.0.1", ()),
    ],
)
def test_anything_else_is_not(host: str, dns: tuple[str, ...]) -> None:
    assert not allowed(host, *dns)


def test_other_roots_are_not_constrained() -> None:
    assert permits(bytes(32), SubjectNames(("h.test",)), ServerName.parse("h.test"))
