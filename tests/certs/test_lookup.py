from __future__ import annotations

import hashlib

import pytest
import trio
from trio.testing import MockClock

from support.authority import Authority, self_signed
from trio_certs import Issuer, Lookup, SourceError
from trio_certs._certificate import CertificateFacts
from trio_certs._chain import Chain
from trio_certs._lookup import MAX_ANSWER
from trio_certs._source import Sought

ROOT, OTHER = Authority.make(name="Root"), Authority.make(name="Other")
LEAF = ROOT.intermediate(name="Middle").issue("h.test")


def sought(chain: list[bytes]) -> Sought:
    parsed = Chain.parse(chain)
    return Sought(parsed.leaf, parsed.issuers)


SOUGHT = sought(LEAF.chain_ders)


class Database:
    """A lookup of five seconds."""

    def __init__(self, *certificates: bytes, error: BaseException | None = None) -> None:
        self.certificates = certificates
        self.error = error
        self.asked: list[str] = []

    async def __call__(self, issuer: Issuer) -> tuple[bytes, ...]:
        self.asked.append(str(issuer))
        await trio.sleep(5)
        if self.error is not None:
            raise self.error
        return self.certificates


async def found(lookup: Lookup, what: Sought = SOUGHT) -> list[bytes]:
    return [certificate.der for certificate in (await lookup.find(what)).certificates]


async def test_it_is_asked_for_every_issuer_at_the_same_time(autojump_clock: MockClock) -> None:
    database = Database(ROOT.certificate_der)
    assert await found(Lookup(database)) == [ROOT.certificate_der]
    assert sorted(database.asked) == ["CN=Middle", "CN=Root"]
    assert trio.current_time() == pytest.approx(5)


async def test_what_does_not_fit_is_passed_over(autojump_clock: MockClock) -> None:
    assert await found(Lookup(Database(OTHER.certificate_pem + ROOT.certificate_pem))) == [
        ROOT.certificate_der
    ]
    assert await found(Lookup(Database())) == []
    device = self_signed("h.test")
    lookup = Lookup(Database(device.certificate_der, self_signed("i.test").certificate_der))
    assert await found(lookup, sought(device.chain_ders)) == [device.certificate_der]


async def test_it_can_be_cancelled_at_once(autojump_clock: MockClock) -> None:
    began = trio.current_time()
    with trio.move_on_after(1) as scope:
        await found(Lookup(Database()))
    assert scope.cancelled_caught
    assert trio.current_time() - began == pytest.approx(1)


async def test_two_who_need_the_same_share_one_call_and_later_ones_do_not(autojump_clock: MockClock) -> None:
    database = Database(ROOT.certificate_der)
    lookup = Lookup(database)
    answers: list[list[bytes]] = []

    async def ask() -> None:
        answers.append(await found(lookup, sought(ROOT.issue("h.test").chain_ders)))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask)
        nursery.start_soon(ask)
    assert answers == [[ROOT.certificate_der]] * 2
    assert database.asked == ["CN=Root"]
    await ask()
    assert database.asked == ["CN=Root"] * 2


async def test_what_it_raises_is_the_cause_of_one_error(autojump_clock: MockClock) -> None:
    broken = OSError("down\x1b[31m")
    with pytest.raises(
        SourceError, match=r"the lookup <.*> failed for CN=.*: OSError: down\\x1b\[31m"
    ) as info:
        await found(Lookup(Database(error=broken)))
    assert info.value.__cause__ is broken
    with pytest.raises(SourceError, match="ExceptionGroup"):
        await found(Lookup(Database(error=ExceptionGroup("two", [OSError(), ValueError()]))))


async def test_what_is_no_certificate_is_an_error(autojump_clock: MockClock) -> None:
    with pytest.raises(SourceError, match="ValueError: neither a certificate in DER"):
        await found(Lookup(Database(b"nonsense")))
    with pytest.raises(SourceError, match="TypeError: a certificate must be bytes, not str"):
        await found(Lookup(Database("text")))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    with pytest.raises(SourceError, match="65 certificates are more than one name has"):
        await found(Lookup(Database(*[ROOT.certificate_der] * (MAX_ANSWER + 1))))


async def test_what_ends_a_program_is_not_made_an_error_of_a_source(autojump_clock: MockClock) -> None:
    with pytest.raises(BaseExceptionGroup) as info:
        await found(Lookup(Database(error=KeyboardInterrupt())), sought(ROOT.issue("h.test").chain_ders))
    assert info.group_contains(KeyboardInterrupt)


def test_an_issuer_is_a_name_and_its_hash() -> None:
    der = ROOT.certificate.subject.public_bytes()
    issuer = Issuer(der)
    assert (issuer.der, issuer.sha256, str(issuer)) == (der, hashlib.sha256(der).digest(), "CN=Root")
    assert issuer == Issuer(CertificateFacts.parse(ROOT.certificate_der).subject)


def test_a_lookup_is_a_function() -> None:
    database = Database()
    assert repr(Lookup(database, tier="web")) == f"Lookup({database!r}, tier='web')"
    with pytest.raises(TypeError, match="a lookup is an asynchronous function, not dict"):
        Lookup({})  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
