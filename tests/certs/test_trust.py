from __future__ import annotations

import dataclasses
import random
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
import trio
from cryptography import x509
from cryptography.x509.name import _ASN1Type
from cryptography.x509.oid import NameOID

from support.authority import CLIENT_AUTH, DAY, Authority, Leaf, self_signed
from support.crl import revocation_list
from support.ocsp import good, respond, revoked, status
from support.store import make_store
from trio_certs import (
    CertificateError,
    File,
    Folder,
    Issuer,
    Lookup,
    Manifest,
    Pin,
    Reason,
    Resource,
    ResourceNotFoundError,
    SourceError,
    Store,
    StoreError,
    SystemStore,
    Trust,
    VerifiedChain,
)
from trio_certs import _constraints as constraints
from trio_certs._certificate import CertificateFacts
from trio_certs._constraints import Constraint
from trio_certs._ocsp import OCSPPolicy
from trio_certs._shared import Shared

NOW = datetime.now(UTC)
ROOT = Authority.make(name="Root")
OTHER = Authority.make(name="Other")
PRIVATE = Authority.make(name="Private", omit=[x509.KeyUsage])
LEAF = ROOT.issue("h.test", "10.0.0.1", intermediate=True)

MakeStore = Callable[..., Store]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Root is ca0, Other is ca1."""
    return make_store(tmp_path, ROOT, OTHER)


@pytest.fixture
def store_of(tmp_path: Path) -> MakeStore:
    return lambda *authorities: make_store(tmp_path, *authorities)


async def verify(trust: Trust, leaf: Leaf, *further: Authority | Leaf, host: str = "h.test") -> VerifiedChain:
    return await trust.verify([*leaf.chain_ders, *(one.certificate_der for one in further)], host)


async def refused(
    trust: Trust, leaf: Leaf, *further: Authority | Leaf, host: str = "h.test"
) -> CertificateError:
    with pytest.raises(CertificateError) as info:
        await verify(trust, leaf, *further, host=host)
    return info.value


class TestPublicCAs:
    async def test_a_chain_to_a_ca_of_the_store_is_verified(self, store: Store) -> None:
        found = await verify(Trust(store=store), LEAF)
        assert found.chain == (*LEAF.chain_ders, ROOT.certificate_der)
        assert (found.resource, found.authority) == ("ca0.der", "Root")

    @pytest.mark.parametrize("host", ["H.TEST", "h.test.", "10.0.0.1"])
    async def test_the_host_may_be_written_in_several_ways(self, store: Store, host: str) -> None:
        await verify(Trust(store=store), LEAF, host=host)

    async def test_the_bundled_store_is_the_default(self) -> None:
        assert (await refused(Trust(), LEAF)).reason is Reason.UNKNOWN_ISSUER

    async def test_only_the_files_needed_are_read(self, store: Store) -> None:
        (store.folder / "ca1.der").unlink()
        await verify(Trust(store=store), LEAF)
        (store.folder / "ca0.der").unlink()
        await verify(Trust(store=store), LEAF)

    async def test_a_hopeless_chain_opens_no_file(self, tmp_path: Path) -> None:
        nothing = Trust(store=Store(tmp_path / "missing"))
        assert (await refused(nothing, LEAF, host="other.test")).reason is Reason.WRONG_NAME
        with pytest.raises(StoreError):
            await verify(nothing, LEAF)

    async def test_what_the_first_verification_needs_may_be_made_ready(self, store: Store) -> None:
        trust = Trust(store=store)
        with trio.testing.assert_checkpoints():
            await trust.prepare()
        (store.folder / "index").unlink()
        await verify(trust, LEAF)

    async def test_a_damaged_store_is_reported(self, store: Store) -> None:
        (store.folder / "ca0.der").write_bytes(b"")
        with pytest.raises(StoreError, match=r"ca0\.der is not the certificate"):
            await verify(Trust(store=store), LEAF)

    async def test_judging_is_a_checkpoint_only_where_it_waits(self, store: Store) -> None:
        trust = Trust(store=store)
        with trio.testing.assert_checkpoints():
            first = await trust.judge(LEAF.chain_ders, "h.test")
        with trio.testing.assert_no_checkpoints():
            assert await trust.judge(LEAF.chain_ders, "h.test") == first
        with pytest.raises(CertificateError), trio.testing.assert_no_checkpoints():
            await trust.judge(LEAF.chain_ders, "other.test")

    async def test_verifying_is_a_checkpoint_and_can_be_cancelled(self, store: Store) -> None:
        trust = Trust(store=store)
        for _ in range(2):
            with trio.CancelScope() as scope:
                scope.cancel()
                await verify(trust, LEAF)
            assert scope.cancelled_caught
            with trio.testing.assert_checkpoints():
                await verify(trust, LEAF)


class TestPathsThatServersSend:
    """What a server may send along, and which of it leads to a trusted root."""

    async def test_a_cross_signed_copy_of_the_root(self, store: Store) -> None:
        gone = Authority.make(name="Gone")
        crossed = gone.intermediate(ROOT.key, name="Root")
        found = await verify(Trust(store=store), LEAF, crossed)
        assert found.chain[-1] == ROOT.certificate_der

    async def test_an_expired_cross_signed_copy(self, store: Store) -> None:
        crossed = OTHER.intermediate(ROOT.key, name="Root", not_after=NOW - DAY)
        assert (await verify(Trust(store=store), LEAF, crossed)).resource == "ca0.der"

    async def test_an_expired_root_beside_its_successor(self, store_of: MakeStore) -> None:
        expired = Authority.make(ROOT.key, name="Root", not_after=NOW - DAY)
        store = store_of(expired, ROOT)
        assert (await verify(Trust(store=store), LEAF)).resource == "ca1.der"

    async def test_an_expired_root_alone_counts_for_nothing(self, store_of: MakeStore) -> None:
        expired = Authority.make(ROOT.key, name="Root", not_after=NOW - DAY)
        error = await refused(Trust(store=store_of(expired)), LEAF)
        assert error.reason is Reason.EXPIRED
        assert "A trusted certificate above it expired" in str(error)

    async def test_an_expired_root_with_a_live_cross_sign_to_a_root_nobody_has(
        self, store_of: MakeStore
    ) -> None:
        expired = Authority.make(ROOT.key, name="Root", not_after=NOW - DAY)
        crossed = Authority.make(name="Gone").intermediate(ROOT.key, name="Root")
        assert (await refused(Trust(store=store_of(expired)), LEAF, crossed)).reason is Reason.EXPIRED

    @pytest.mark.parametrize("omit", [[], [x509.AuthorityKeyIdentifier]])
    async def test_two_roots_of_one_name(
        self, store_of: MakeStore, omit: list[type[x509.ExtensionType]]
    ) -> None:
        namesake = Authority.make(name="Root")
        store = store_of(namesake, ROOT)
        leaf = ROOT.intermediate(omit=omit).issue("h.test")
        assert (await verify(Trust(store=store), leaf)).resource == "ca1.der"

    async def test_an_authority_key_identifier_that_is_not_the_issuers(self, store: Store) -> None:
        wrong = x509.AuthorityKeyIdentifier(b"x" * 20, None, None)
        await verify(Trust(store=store), ROOT.issue("h.test", extensions=[(wrong, False)]))

    async def test_the_root_itself_duplicates_and_strangers_in_any_order(self, store: Store) -> None:
        leaf, middle = LEAF.chain_ders
        stranger = Authority.make(name="Stranger").certificate_der
        for extra in ([ROOT.certificate_der], [ROOT.certificate_der] * 2, [stranger, middle], [middle] * 7):
            found = await Trust(store=store).verify([leaf, *extra, middle], "h.test")
            assert found.chain == (leaf, middle, ROOT.certificate_der)

    async def test_an_old_copy_of_a_reissued_root(self, store: Store) -> None:
        old = Authority.make(ROOT.key, name="Root", not_after=NOW + DAY)
        assert (await verify(Trust(store=store), LEAF, old)).chain[-1] == ROOT.certificate_der

    async def test_a_missing_intermediate_is_named(self, store: Store) -> None:
        leaf = dataclasses.replace(LEAF, issuers=())
        for error in (await refused(Trust(store=store), leaf), await refused(Trust(store=store), leaf, ROOT)):
            assert error.reason is Reason.UNKNOWN_ISSUER
            assert "ends at a certificate issued by CN=Throw-away Intermediate CA" in str(error)

    @pytest.mark.parametrize(
        ("text", "kind"), [("Root", _ASN1Type.PrintableString), ("ROOT", _ASN1Type.UTF8String)]
    )
    async def test_names_are_compared_byte_for_byte(
        self, store_of: MakeStore, text: str, kind: _ASN1Type
    ) -> None:
        written = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text, kind)])
        store = store_of(Authority.make(ROOT.key, name=written))
        assert (await refused(Trust(store=store), LEAF)).reason is Reason.UNKNOWN_ISSUER


class TestAnchorsOfTheUser:
    async def test_a_private_ca_is_trusted_beside_the_store(self, store: Store) -> None:
        trust = Trust([PRIVATE.certificate_der], store=store)
        leaf = PRIVATE.issue("h.test")
        found = await verify(trust, leaf)
        assert found.chain == (leaf.certificate_der, PRIVATE.certificate_der)
        assert (found.resource, found.authority) == (None, "CN=Private")
        assert (await verify(trust, LEAF)).resource == "ca0.der"

    async def test_an_empty_manifest_leaves_the_users_anchors_alone(self, store: Store) -> None:
        trust = Trust([PRIVATE.certificate_der], Manifest(store=store), store=store)
        await verify(trust, PRIVATE.issue("h.test"))
        with pytest.raises(ResourceNotFoundError):
            await verify(trust, LEAF)

    @pytest.mark.parametrize("wrap", [bytes, bytearray, memoryview])
    async def test_anchors_may_be_any_bytes_and_pem(self, wrap: Callable[[bytes], bytes]) -> None:
        bundle = OTHER.certificate_pem + PRIVATE.certificate_pem
        for anchors in ([wrap(bundle)], [wrap(PRIVATE.certificate_der)]):
            assert (await verify(Trust(anchors), PRIVATE.issue("h.test"))).authority == "CN=Private"

    async def test_a_root_of_the_store_stays_public_when_given_as_an_anchor(
        self, store_of: MakeStore
    ) -> None:
        store = store_of(PRIVATE, ROOT)
        nothing = Manifest(store=store)
        for anchor in (ROOT.certificate_der, Resource("ca1.der", store=store)):
            found = await verify(Trust([anchor], nothing, store=store), LEAF)
            assert (found.resource, found.authority) == ("ca1.der", "Root")
        # The public policy refuses what the private one would let through.
        for anchor in (PRIVATE.certificate_der, Resource("ca0.der", store=store)):
            trust = Trust([anchor], nothing, store=store)
            assert (await refused(trust, PRIVATE.issue("h.test"))).reason is Reason.POLICY

    async def test_a_resource_that_is_not_there_is_reported(self, store: Store) -> None:
        with pytest.raises(ResourceNotFoundError, match="ca7"):
            await verify(Trust([Resource("ca7.der", store=store)], store=store), LEAF)

    @pytest.mark.parametrize("sent", [True, False])
    async def test_an_intermediate_may_be_an_anchor(self, sent: bool) -> None:
        middle = Authority.make(name="Unknown").intermediate(name="Middle")
        leaf = middle.issue("h.test")
        leaf = leaf if sent else dataclasses.replace(leaf, issuers=())
        found = await verify(Trust([middle.certificate_der]), leaf)
        assert found.chain == (leaf.certificate_der, middle.certificate_der)

    async def test_an_intermediate_as_anchor_below_an_expired_root(self) -> None:
        root = Authority.make(name="Unknown", not_after=NOW - DAY)
        middle = root.intermediate(name="Middle")
        assert len((await verify(Trust([middle.certificate_der]), middle.issue("h.test"), root)).chain) == 2

    @pytest.mark.parametrize("ca", [True, False])
    async def test_a_leaf_may_be_pinned(self, ca: bool) -> None:
        device = self_signed("h.test", ca=ca)
        assert (await verify(Trust([device.certificate_der]), device)).chain == (device.certificate_der,)
        issued = Authority.make(name="Unknown").issue("h.test")
        assert (await verify(Trust([issued.certificate_der]), issued)).chain == (issued.certificate_der,)

    async def test_a_pin_is_for_that_certificate_only(self) -> None:
        device, other = self_signed("h.test", ca=True), self_signed("h.test", ca=True)
        assert (await refused(Trust([device.certificate_der]), other)).reason is Reason.SELF_SIGNED

    async def test_the_refusal_by_the_users_ca_comes_before_that_by_a_public_one(self, store: Store) -> None:
        forged = Authority.make(name="Private").issue("h.test")
        error = await refused(Trust([PRIVATE.certificate_der], store=store), forged, LEAF)
        assert error.reason is Reason.BAD_SIGNATURE

    async def test_a_public_ca_may_vouch_where_the_users_does_not(self, store: Store) -> None:
        namesake = Authority.make(name="Root", omit=[x509.KeyUsage])
        assert (await verify(Trust([namesake.certificate_der], store=store), LEAF)).resource == "ca0.der"


class TestSources:
    """Where trusted certificates come from, one source after the other."""

    async def test_they_are_asked_in_their_order(self, store: Store, tmp_path: Path) -> None:
        asked: list[str] = []

        async def lookup(issuer: Issuer) -> list[bytes]:
            asked.append(str(issuer))
            return [PRIVATE.certificate_der]

        folder = tmp_path / "folder"
        folder.mkdir()
        trust = Trust(sources=[store, Folder(OTHER.write(folder).parent), Lookup(lookup)], store=store)
        assert (await verify(trust, LEAF)).resource == "ca0.der"
        assert asked == []
        assert (await verify(trust, PRIVATE.issue("h.test"))).authority == "CN=Private"
        assert asked == ["CN=Private"]

    async def test_with_sources_the_store_is_one_of_them_or_not_trusted(self, store: Store) -> None:
        assert (await refused(Trust(sources=[], store=store), LEAF)).reason is Reason.UNKNOWN_ISSUER
        alone = Trust([PRIVATE.certificate_der], sources=[], store=store)
        assert (await verify(alone, PRIVATE.issue("h.test"))).authority == "CN=Private"
        assert (await refused(alone, LEAF)).reason is Reason.UNKNOWN_ISSUER
        assert (await verify(Trust(sources=[store]), LEAF)).resource == "ca0.der"

    async def test_the_bundled_store_may_be_named(self) -> None:
        assert (await refused(Trust(sources=[Store()]), LEAF)).reason is Reason.UNKNOWN_ISSUER

    async def test_a_manifest_is_a_source(self, store: Store) -> None:
        manifest = Manifest(["$(CERTS)/ca0"], store=store)
        trust = Trust(sources=[manifest, File(OTHER.write(store.folder))])
        assert (await verify(trust, LEAF)).resource == "ca0.der"
        assert (await verify(trust, OTHER.issue("h.test"))).authority == "CN=Other"
        with pytest.raises(ResourceNotFoundError, match=r"ca1\.der"):
            await verify(Trust(sources=[manifest]), OTHER.issue("h.test"))

    async def test_the_systems_store_is_a_source(self, tmp_path: Path) -> None:
        system = SystemStore(environment={"SSL_CERT_FILE": str(PRIVATE.write(tmp_path))})
        assert (await verify(Trust(sources=[system]), PRIVATE.issue("h.test"))).authority == "CN=Private"

    async def test_an_anchor_may_be_a_file(self, tmp_path: Path) -> None:
        path = PRIVATE.write(tmp_path)
        assert (await verify(Trust([path]), PRIVATE.issue("h.test"))).authority == "CN=Private"

    async def test_a_source_that_fails_is_an_error_and_nobody_is_trusted(self, store: Store) -> None:
        async def broken(_: Issuer) -> list[bytes]:
            raise OSError("down")

        trust = Trust(sources=[Lookup(broken), store], store=store)
        with pytest.raises(SourceError, match="down"):
            await verify(trust, LEAF)
        assert await verify(Trust(sources=[store, Lookup(broken)], store=store), LEAF)

    async def test_nothing_is_asked_for_a_server_that_is_refused_anyway(self) -> None:
        async def lookup(_: Issuer) -> list[bytes]:
            raise AssertionError

        error = await refused(Trust(sources=[Lookup(lookup)]), LEAF, host="i.test")
        assert error.reason is Reason.WRONG_NAME


class TestRules:
    """What a verified path has to satisfy besides."""

    async def test_a_pin_has_to_be_on_the_path(self, store: Store) -> None:
        pin = Pin.certificate(CertificateFacts.parse(ROOT.certificate_der).fingerprint)
        assert await verify(Trust(store=store, pins=[pin]), LEAF)
        assert (await refused(Trust(store=store, pins=[Pin.key(bytes(32))]), LEAF)).reason is Reason.PIN

    async def test_a_list_revokes(self, store: Store) -> None:
        leaf = ROOT.issue("h.test")
        assert await verify(Trust(store=store, crls=[revocation_list(ROOT)]), leaf)
        error = await refused(Trust(store=store, crls=[revocation_list(ROOT, leaf)]), leaf)
        assert error.reason is Reason.REVOKED

    async def test_a_root_is_held_to_its_constraints_wherever_it_comes_from(
        self, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        root = CertificateFacts.parse(ROOT.certificate_der).fingerprint
        table = {root: (Constraint("Somebody says so", suffix="tr"),)}
        monkeypatch.setattr(constraints, "_TABLES", Shared(_always(table), keep=True))
        for trust in (Trust(store=store), Trust([ROOT.certificate_der], sources=[])):
            error = await refused(trust, LEAF)
            assert error.reason is Reason.CONSTRAINT
            assert "Somebody says so" in str(error)
        chain = ROOT.issue("kamu.gov.tr").chain_ders
        assert await Trust(store=store).verify(chain, "kamu.gov.tr")


def _always(value: object) -> Callable[[object], Awaitable[Any]]:
    async def load(_: object) -> object:
        return value

    return load


class TestManifests:
    async def test_an_included_ca_verifies(self, store: Store) -> None:
        await verify(Trust(manifest=Manifest(["$(CERTS)/ca0"], store=store), store=store), LEAF)

    async def test_a_ca_left_out_is_named_with_the_line_to_add(self, store: Store) -> None:
        manifest = Manifest(["$(CERTS)/ca1"], path="app.json", store=store)
        with pytest.raises(ResourceNotFoundError) as info:
            await verify(Trust(manifest=manifest, store=store), LEAF)
        assert str(info.value).startswith(
            "Resource not found: ca0.der. It is the certificate of Root, which the man"
        )
        assert info.value.manifest_line == '"$(CERTS)/ca0"'
        assert info.value.__cause__ is None

    async def test_another_path_that_is_included_counts(self, store: Store) -> None:
        crossed = OTHER.intermediate(ROOT.key, name="Root")
        manifest = Manifest(["$(CERTS)/ca1"], store=store)
        assert (await verify(Trust(manifest=manifest, store=store), LEAF, crossed)).resource == "ca1.der"

    async def test_a_ca_left_out_that_would_not_verify_either_is_not_the_answer(self, store: Store) -> None:
        forged = Authority.make(name="Root").issue("h.test")
        manifest = Manifest(["$(CERTS)/ca1"], store=store)
        assert (await refused(Trust(manifest=manifest, store=store), forged)).reason is Reason.BAD_SIGNATURE
        crossed = OTHER.intermediate(Authority.make().key, name="Root")
        trust = Trust(manifest=manifest, store=store)
        assert (await refused(trust, forged, crossed)).reason is Reason.BAD_SIGNATURE

    async def test_why_the_included_cas_did_not_verify_is_kept(self, store_of: MakeStore) -> None:
        namesake = Authority.make(name="Root")
        store = store_of(namesake, ROOT)
        trust = Trust(manifest=Manifest(["$(CERTS)/ca0"], store=store), store=store)
        with pytest.raises(ResourceNotFoundError, match="ca1") as info:
            await verify(trust, LEAF)
        assert isinstance(info.value.__cause__, CertificateError)


class TestRefusals:
    @pytest.mark.parametrize(
        ("leaf", "reason"),
        [
            (ROOT.issue("i.test"), Reason.WRONG_NAME),
            (ROOT.issue(common="h.test"), Reason.WRONG_NAME),
            (ROOT.issue("h.test", not_after=NOW - DAY), Reason.EXPIRED),
            (ROOT.issue("h.test", not_before=NOW + DAY), Reason.NOT_YET_VALID),
            (ROOT.issue("h.test", eku=CLIENT_AUTH), Reason.WRONG_PURPOSE),
            (ROOT.issue("h.test", ku=["key_encipherment"]), Reason.WRONG_PURPOSE),
            (ROOT.issue("h.test", ca=True), Reason.WRONG_PURPOSE),
            (ROOT.issue("h.test", key="rsa1024"), Reason.WEAK_KEY),
            (ROOT.issue("h.test", key="secp256k1"), Reason.WEAK_KEY),
            (ROOT.issue("h.test", key="ed25519"), Reason.WEAK_KEY),
            (ROOT.intermediate("rsa1024").issue("h.test"), Reason.WEAK_KEY),
            (ROOT.intermediate(not_after=NOW - DAY).issue("h.test"), Reason.EXPIRED),
            (Authority.make(name="Root").issue("h.test"), Reason.BAD_SIGNATURE),
            (Authority.make(name="Unknown").issue("h.test"), Reason.UNKNOWN_ISSUER),
            (self_signed("h.test"), Reason.SELF_SIGNED),
        ],
    )
    async def test_a_defect_has_its_reason(self, store: Store, leaf: Leaf, reason: Reason) -> None:
        error = await refused(Trust(store=store), leaf)
        assert error.reason is reason
        assert error.certificate is not None

    @pytest.mark.parametrize("host", ["", "a_b.test", "bücher.test", "h.test:443", "127.1"])
    async def test_a_host_that_no_certificate_can_have_is_a_wrong_name(self, store: Store, host: str) -> None:
        error = await refused(Trust(store=store), LEAF, host=host)
        assert error.reason is Reason.WRONG_NAME
        assert error.certificate is None

    @pytest.mark.parametrize(
        ("chain", "reason"),
        [
            ([], Reason.MALFORMED),
            ([b""], Reason.MALFORMED),
            ([LEAF.certificate_der, b"\x30\x03\x02\x01\x05"], Reason.MALFORMED),
            ([*LEAF.chain_ders, *[ROOT.certificate_der] * 9], Reason.LIMIT),
        ],
    )
    async def test_a_chain_that_cannot_be_read_is_refused(
        self, store: Store, chain: Sequence[bytes], reason: Reason
    ) -> None:
        with pytest.raises(CertificateError) as info:
            await Trust(store=store).verify(chain, "h.test")
        assert info.value.reason is reason

    async def test_rsa_key_transport_asks_for_another_usage(self, store: Store) -> None:
        leaf = ROOT.issue("h.test", key="rsa", ku=["key_encipherment"])
        await Trust(store=store).verify(leaf.chain_ders, "h.test", key_usage="key_encipherment")
        assert (await refused(Trust(store=store), leaf)).reason is Reason.WRONG_PURPOSE

    async def test_hostile_names_are_harmless_in_messages(self, store: Store) -> None:
        leaf = Authority.make(name="\x1b[2J\u202e\n" + "x" * 50).issue(
            "h.test", common="evil\r\n\x1b]0;title\x07"
        )
        error = await refused(Trust(store=store), leaf)
        assert str(error).isprintable()

    async def test_a_damaged_chain_is_never_more_than_a_refusal(self, store: Store) -> None:
        """Every byte of the chain is altered once, at random; the seed makes failures repeatable."""
        choice = random.Random(20)  # noqa: S311
        trust = Trust([PRIVATE.certificate_der], store=store)
        for _ in range(500):
            chain = [bytearray(der) for der in [*LEAF.chain_ders, ROOT.certificate_der]]
            victim = choice.choice(chain[:2])
            victim[choice.randrange(len(victim))] ^= 1 << choice.randrange(8)
            with pytest.raises(CertificateError):
                await trust.verify([bytes(der) for der in chain], "h.test")

    async def test_a_certificate_cut_anywhere_is_never_more_than_a_refusal(self, store: Store) -> None:
        leaf, middle = LEAF.chain_ders
        for size in range(len(middle)):
            with pytest.raises(CertificateError):
                await Trust(store=store).verify([leaf, middle[:size]], "h.test")


class TestStaples:
    """What a server staples is checked against the issuer on the verified path."""

    async def test_a_good_one_shows_in_the_result(self, store: Store) -> None:
        issuer = OTHER.intermediate()
        leaf = issuer.issue("h.test")
        staple = good(leaf, issuer)
        found = await Trust(store=store).verify(leaf.chain_ders, "h.test", ocsp_response=staple)
        assert found.ocsp_status == "good"
        assert (await verify(Trust(store=store), leaf)).ocsp_status is None
        own = Trust([OTHER.certificate_der], store=store)
        assert (await own.verify(leaf.chain_ders, "h.test", ocsp_response=staple)).ocsp_status == "good"

    async def test_the_issuer_is_the_verified_one_not_one_that_was_sent(self, store: Store) -> None:
        leaf, impostor = ROOT.issue("h.test"), Authority.make(name="Root")
        forged = respond(status(leaf, ROOT), by=impostor, certificates=[impostor.certificate])
        with pytest.raises(CertificateError, match="is refused: ") as info:
            await Trust(store=store).verify(
                [leaf.certificate_der, impostor.certificate_der], "h.test", ocsp_response=forged
            )
        assert info.value.reason is Reason.BAD_STAPLE

    @pytest.mark.parametrize("policy", ["if_present", "require"])
    async def test_a_revoked_certificate_is_refused(self, store: Store, policy: OCSPPolicy) -> None:
        leaf = ROOT.issue("h.test")
        staple = respond(status(leaf, ROOT, revoked()), by=ROOT)
        with pytest.raises(CertificateError, match="was revoked") as info:
            await Trust(store=store, ocsp=policy).verify(leaf.chain_ders, "h.test", ocsp_response=staple)
        assert info.value.reason is Reason.REVOKED
        ignoring = Trust(store=store, ocsp="ignore")
        assert (await ignoring.verify(leaf.chain_ders, "h.test", ocsp_response=staple)).ocsp_status is None

    async def test_a_missing_one_is_refused_where_it_is_required(self, store: Store) -> None:
        error = await refused(Trust(store=store, ocsp="require"), LEAF)
        assert error.reason is Reason.NO_STAPLE

    async def test_who_is_not_trusted_is_not_asked_for_a_staple(self, store: Store) -> None:
        stranger = Authority.make(name="Stranger").issue("h.test")
        assert (await refused(Trust(store=store, ocsp="require"), stranger)).reason is Reason.UNKNOWN_ISSUER

    async def test_it_is_checked_at_the_time_of_the_trust(self, store: Store) -> None:
        leaf = ROOT.issue("h.test")
        later = Trust(store=store, clock=lambda: NOW + DAY)
        with pytest.raises(CertificateError, match="it counted until"):
            await later.verify(leaf.chain_ders, "h.test", ocsp_response=good(leaf, ROOT))


class TestArguments:
    async def test_the_moment_may_be_given(self, store: Store) -> None:
        moments = [NOW, NOW + timedelta(days=365)]
        trust = Trust(store=store, clock=lambda: moments.pop(0))
        assert (await verify(trust, LEAF)).resource == "ca0.der"
        assert (await refused(trust, LEAF)).reason is Reason.EXPIRED

    @pytest.mark.parametrize("moment", [datetime(2026, 1, 1), 0, None])  # noqa: DTZ001
    async def test_a_clock_without_a_time_zone_is_refused(self, moment: object) -> None:
        def clock() -> datetime:
            return cast("datetime", moment)

        with pytest.raises(TypeError, match="clock must give a datetime with a time zone"):
            await verify(Trust(clock=clock), LEAF)

    def test_a_policy_for_staples_is_one_of_three(self) -> None:
        with pytest.raises(ValueError, match="ocsp must be one of ignore, if_present, require, not 'always'"):
            Trust(ocsp="always")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

    @pytest.mark.parametrize("anchors", [b"x", bytearray(), memoryview(b""), "x", Resource("ca9.der")])
    def test_a_single_anchor_goes_into_a_list(self, anchors: object) -> None:
        with pytest.raises(TypeError, match="put a single one into a list"):
            Trust(anchors)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

    def test_an_anchor_of_another_type_is_refused_with_its_place(self) -> None:
        with pytest.raises(TypeError, match="anchor 2 must be bytes, a path or a Resource, not int"):
            Trust([ROOT.certificate_der, 9])  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]

    def test_an_anchor_that_is_no_certificate_is_refused_with_its_place(self) -> None:
        with pytest.raises(ValueError, match="anchor 2 is not a certificate: neither a certificate in DER"):
            Trust([ROOT.certificate_der, b"nonsense"])

    @pytest.mark.parametrize(
        ("fields", "error", "message"),
        [
            (
                {"sources": ["ca.pem"]},
                TypeError,
                "source 1 must be a Store, Manifest, SystemStore, File, Folder",
            ),
            ({"sources": [], "manifest": Manifest()}, ValueError, "with sources, a manifest is one of them"),
            ({"pins": [bytes(32)]}, TypeError, "pin 1 must be a Pin, not bytes"),
            ({"crls": b"x"}, TypeError, "crls must be a sequence of lists: put a single one into a list"),
            ({"crls": ["crl.pem"]}, TypeError, "CRL 1 must be bytes, not str"),
            (
                {"crls": [revocation_list(ROOT), b"x"]},
                ValueError,
                "CRL 2 cannot be used: the list is missing",
            ),
            ({"clock": NOW}, TypeError, "clock must be a function that gives a datetime, not datetime"),
        ],
    )
    def test_an_argument_that_makes_no_sense_is_refused(
        self, fields: dict[str, Any], error: type[Exception], message: str
    ) -> None:
        with pytest.raises(error, match=message):
            Trust(**fields)

    def test_a_manifest_of_another_type_is_refused(self) -> None:
        with pytest.raises(TypeError, match="manifest must be a Manifest, not str"):
            Trust(manifest="manifest.json")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

    def test_trust_is_a_value(self) -> None:
        assert Trust([ROOT.certificate_der]) == Trust((ROOT.certificate_der,))
        assert hash(Trust([ROOT.certificate_der], Manifest())) == hash(
            Trust([ROOT.certificate_der], Manifest())
        )
        with pytest.raises(AttributeError):
            Trust().anchors = ()  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
