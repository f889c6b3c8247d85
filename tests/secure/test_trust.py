from __future__ import annotations

import dataclasses
import ssl
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import trio
from cryptography import x509
from trio.testing import MockClock, memory_stream_pair

from support import ocsp
from support.authority import CLIENT_AUTH, DAY, Authority, Leaf, key_usage, self_signed
from support.counting_stream import CountingStream
from support.crl import HOUR, NOW, revocation_list
from support.identities import identity
from support.openssl_peer import (
    NAME,
    OpenSSLPeer,
    authority,
    default_leaf,
    secure_pair,
    server_context,
    trusting,
)
from support.scripted_script import SERVER_NAME, Script, leaf
from support.scripted_script import authority as scripted_authority
from support.scripted_server import accepted, expect_refusal, serve
from support.scripted_wire import ServerWire
from support.store import make_store
from trio_certs import (
    CertificateError,
    CertificateFacts,
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
    Trust,
    VerifiedChain,
)
from trio_secure import (
    AlertDescription,
    CertificateRefused,
    ClientIdentity,
    LoadedIdentity,
    SecureStream,
    TLSConfig,
)
from trio_secure._identity import Claim, ProvenKey
from trio_secure._names import ServerName
from trio_secure._settings import CertificateVerifier, OCSPPolicy
from trio_secure._signatures import SCHEMES_BY_NAME
from trio_secure._trust import _ALERTS, lookup_for, trust_parts  # pyright: ignore[reportPrivateUsage]
from trio_secure._versions import Version

both_versions = pytest.mark.parametrize(
    "version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"]
)
PROVEN = ProvenKey((b"leaf", b"issuer"), SCHEMES_BY_NAME["ed25519"])
CLAIM = Claim(ServerName.parse(NAME))


class Verdicts:
    """Trust that always says the same."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    async def verify(self, chain: Sequence[bytes], server_name: str, /, **_: object) -> VerifiedChain:
        raise self.error


class Asked:
    """Trust that remembers what it was asked, and trusts everybody."""

    def __init__(self) -> None:
        self.asked: list[tuple[object, ...]] = []

    def __len__(self) -> int:
        return 0

    async def verify(
        self,
        chain: Sequence[bytes],
        server_name: str,
        /,
        *,
        key_usage: str = "digital_signature",
        ocsp_response: bytes | None = None,
    ) -> VerifiedChain:
        self.asked.append((*chain, server_name, key_usage, ocsp_response))
        return VerifiedChain(tuple(chain), None, "the CA")


async def refused(leaf: Leaf, config: TLSConfig, version: int) -> tuple[CertificateRefused, str]:
    """What our side raises, and what the server makes of our alert."""
    ours, theirs = memory_stream_pair()
    peer = OpenSSLPeer(theirs, server_context(leaf, version=version))
    seen: list[str] = []

    async def serve() -> None:
        with pytest.raises(ssl.SSLError) as caught:
            await peer.do_handshake()
        seen.append(caught.value.reason)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve)
        with pytest.raises(CertificateRefused) as caught:
            await SecureStream.wrap(CountingStream(ours), NAME, config)
    assert CountingStream.open_streams == 0
    return caught.value, seen[0]


CASES: dict[str, tuple[Callable[[], Leaf], Reason, AlertDescription, str]] = {
    "wrong name": (
        lambda: authority().issue("another.test"),
        Reason.WRONG_NAME,
        AlertDescription.BAD_CERTIFICATE,
        "SSLV3_ALERT_BAD_CERTIFICATE",
    ),
    "expired": (
        lambda: authority().issue(NAME, not_after=datetime.now(UTC) - DAY),
        Reason.EXPIRED,
        AlertDescription.CERTIFICATE_EXPIRED,
        "SSLV3_ALERT_CERTIFICATE_EXPIRED",
    ),
    "unknown CA": (
        lambda: Authority.make(name="Somebody Else").issue(NAME),
        Reason.UNKNOWN_ISSUER,
        AlertDescription.UNKNOWN_CA,
        "TLSV1_ALERT_UNKNOWN_CA",
    ),
    "self-signed": (
        lambda: self_signed(NAME),
        Reason.SELF_SIGNED,
        AlertDescription.UNKNOWN_CA,
        "TLSV1_ALERT_UNKNOWN_CA",
    ),
    "wrong purpose": (
        lambda: authority().issue(NAME, eku=CLIENT_AUTH),
        Reason.WRONG_PURPOSE,
        AlertDescription.UNSUPPORTED_CERTIFICATE,
        "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE",
    ),
}


@both_versions
@pytest.mark.parametrize("case", CASES)
async def test_a_certificate_that_is_no_good_is_refused_with_its_alert(case: str, version: int) -> None:
    make, reason, alert, seen_as = CASES[case]
    error, seen = await refused(make(), trusting(), version)
    assert error.alert is alert
    assert isinstance(error.__cause__, CertificateError)
    assert error.__cause__.reason is reason
    assert str(error.__cause__) in str(error)
    assert seen == seen_as


@both_versions
async def test_a_missing_resource_is_the_cause(tmp_path: Path, version: int) -> None:
    manifest = Manifest(store=make_store(tmp_path, authority()))
    error, seen = await refused(default_leaf(), TLSConfig(manifest=manifest), version)
    assert error.alert is AlertDescription.UNKNOWN_CA
    assert isinstance(error.__cause__, ResourceNotFoundError)
    assert error.__cause__.name == "ca0.der"
    assert "Resource not found: ca0.der" in str(error)
    assert seen == "TLSV1_ALERT_UNKNOWN_CA"


@both_versions
async def test_without_verification_anything_is_accepted(version: int) -> None:
    leaf = self_signed("another.test", not_after=datetime.now(UTC) - DAY)
    stream, _ = await secure_pair(server_context(leaf, version=version), config=TLSConfig(verify=False))
    assert stream.info.peer_certificates == (leaf.certificate_der,)
    assert stream.info.verified_chain == ()
    assert stream.info.anchor_resource is None


async def test_a_certificate_may_be_a_resource_of_a_store(tmp_path: Path) -> None:
    store = make_store(tmp_path, authority())
    manifest = Manifest(store=store)
    resource = Resource("ca0.der", store=store)
    stream, _ = await secure_pair(config=TLSConfig(certificate=resource, manifest=manifest))
    assert stream.info.verified_chain == (default_leaf().certificate_der, authority().certificate_der)


async def test_a_trust_of_the_users_decides_alone() -> None:
    trust = Trust([authority().certificate_der])
    stream, _ = await secure_pair(config=TLSConfig(trust=trust))
    assert stream.info.verified_chain[-1] == authority().certificate_der


@pytest.mark.parametrize("reason", Reason)
async def test_every_reason_has_its_alert(reason: Reason) -> None:
    look_up = lookup_for(TLSConfig(trust=Verdicts(CertificateError(reason, "no good."))))
    with pytest.raises(CertificateRefused, match="no good") as caught:
        await look_up(PROVEN, CLAIM)
    assert caught.value.alert is _ALERTS[reason]
    assert caught.value.certificate is None


async def test_a_refusal_has_the_certificate_at_fault() -> None:
    der = default_leaf().certificate_der
    verdict = CertificateError(Reason.EXPIRED, "no good.", CertificateFacts.parse(der))
    with pytest.raises(CertificateRefused) as caught:
        await lookup_for(TLSConfig(trust=Verdicts(verdict)))(PROVEN, CLAIM)
    assert caught.value.certificate == der


@pytest.mark.parametrize("kind", [SourceError, StoreError])
async def test_a_source_that_fails_is_not_the_servers_fault(kind: type[SourceError]) -> None:
    look_up = lookup_for(TLSConfig(trust=Verdicts(kind("ca0.der is damaged"))))
    with pytest.raises(CertificateRefused, match=r"source of certificates failed: ca0\.der is") as caught:
        await look_up(PROVEN, CLAIM)
    assert isinstance(caught.value.__cause__, kind)
    assert caught.value.alert is AlertDescription.INTERNAL_ERROR


async def test_a_name_is_needed() -> None:
    with pytest.raises(ValueError, match="a server name is needed"):
        await lookup_for(TLSConfig())(PROVEN, Claim(None))


class Stricter(Trust):
    """Trust with a demand of an application's own."""

    async def verify(self, chain: Sequence[bytes], server_name: str, **_: object) -> VerifiedChain:
        raise CertificateError(Reason.POLICY, "not today.")


async def test_what_a_derived_trust_adds_is_heeded() -> None:
    stricter = Stricter([authority().certificate_der], sources=[])
    with pytest.raises(CertificateRefused, match="not today"):
        await lookup_for(TLSConfig(trust=stricter))(PROVEN, CLAIM)


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("Server.Test", "server.test"),
        ("127.0.0.1", "127.0.0.1"),
        ("::1", "::1"),
        # The zone is this machine's business (RFC 4007 §11).
        ("fe80::1%eth0", "fe80::1"),
    ],
)
async def test_it_is_asked_for_the_name_and_told_what_was_shown(name: str, asked: str) -> None:
    trust = Asked()
    look_up = lookup_for(TLSConfig(trust=trust))
    await look_up(PROVEN, Claim(ServerName.parse(name), b"a staple"))
    await look_up(PROVEN, Claim(ServerName.parse(name)))
    assert trust.asked == [
        (b"leaf", b"issuer", asked, "digital_signature", b"a staple"),
        (b"leaf", b"issuer", asked, "digital_signature", None),
    ]


@pytest.mark.parametrize("usage", ["key_encipherment", "digital_signature"])
async def test_a_key_that_has_not_signed_has_to_be_one_to_encrypt_to(usage: str) -> None:
    """RFC 5246 §7.4.2, with RSA key transport."""
    trust = Asked()
    scheme = PROVEN.scheme if usage == "digital_signature" else None
    await lookup_for(TLSConfig(trust=trust))(ProvenKey(PROVEN.chain, scheme), CLAIM)
    assert [asked[-2] for asked in trust.asked] == [usage]


@pytest.mark.parametrize("usages", [["key_encipherment"], ["digital_signature", "key_encipherment"]])
async def test_a_certificate_for_encryption_alone_is_good_for_key_transport_alone(usages: list[str]) -> None:
    certificate = scripted_authority().issue(SERVER_NAME, key="rsa", extensions=[(key_usage(*usages), True)])
    transport = Script(version=Version.TLS12, suite="TLS_RSA_WITH_AES_128_GCM_SHA256", leaf=certificate)
    config = VERIFYING.replace(cipher_suites=["TLS_RSA_WITH_AES_128_GCM_SHA256"])
    await accepted(transport, config)
    if "digital_signature" in usages:
        await accepted(Script(leaf=certificate), VERIFYING)
    else:
        await expect_refusal(Script(leaf=certificate), AlertDescription.ILLEGAL_PARAMETER, VERIFYING)


# What the server stapled

VERIFYING = TLSConfig(
    certificate=scripted_authority().certificate_der,
    groups=["x25519", "secp256r1"],
    key_shares=["x25519"],
    cache=False,
)
MUST_STAPLE = (x509.TLSFeature([x509.TLSFeatureType.status_request]), False)
new_and_old = pytest.mark.parametrize("stapled_in", [Version.TLS12, Version.TLS13])


def _stapling(version: Version, staple: bytes | None, certificate: Leaf | None = None) -> Script:
    return Script(version=version, leaf=certificate or leaf("p256"), status=staple)


def _staples() -> dict[str, bytes]:
    server, issuer = leaf("p256"), scripted_authority()
    past = ocsp.NOW - 48 * ocsp.HOUR
    stale = ocsp.status(server, issuer, this_update=past, next_update=past + ocsp.HOUR)
    other = scripted_authority().issue(SERVER_NAME)
    return {
        "revoked": ocsp.respond(ocsp.status(server, issuer, ocsp.revoked()), by=issuer),
        "unknown": ocsp.respond(ocsp.status(server, issuer, ocsp.UNKNOWN), by=issuer),
        "stale": ocsp.respond(stale, by=issuer),
        "of another": ocsp.respond(ocsp.status(other, issuer), by=issuer),
        "by another": ocsp.respond(ocsp.status(server, issuer), by=Authority.make()),
        "no response": b"no response",
    }


@new_and_old
@pytest.mark.parametrize("policy", ["if_present", "require"])
async def test_a_good_staple_is_taken_and_told(stapled_in: Version, policy: OCSPPolicy) -> None:
    staple = ocsp.good(leaf("p256"), scripted_authority())
    meeting = await accepted(_stapling(stapled_in, staple), VERIFYING.replace(ocsp=policy))
    assert meeting.info is not None
    assert meeting.info.ocsp_response == staple


@new_and_old
@pytest.mark.parametrize("policy", ["if_present", "require"])
@pytest.mark.parametrize("fault", _staples())
async def test_a_staple_that_is_not_good_is_refused(
    stapled_in: Version, policy: OCSPPolicy, fault: str
) -> None:
    """RFC 6066 §8."""
    alert = AlertDescription.BAD_CERTIFICATE_STATUS_RESPONSE
    if fault == "revoked":
        alert = AlertDescription.CERTIFICATE_REVOKED
    script = _stapling(stapled_in, _staples()[fault])
    await expect_refusal(script, alert, VERIFYING.replace(ocsp=policy), error=CertificateRefused)


@new_and_old
async def test_no_staple_is_refused_where_one_is_required(stapled_in: Version) -> None:
    script, alert = _stapling(stapled_in, None), AlertDescription.BAD_CERTIFICATE_STATUS_RESPONSE
    await accepted(script, VERIFYING)
    await expect_refusal(script, alert, VERIFYING.replace(ocsp="require"), error=CertificateRefused)


@new_and_old
async def test_no_staple_is_refused_where_the_certificate_promises_one(stapled_in: Version) -> None:
    certificate = scripted_authority().issue(SERVER_NAME, extensions=[MUST_STAPLE])
    script, alert = _stapling(stapled_in, None, certificate), AlertDescription.BAD_CERTIFICATE_STATUS_RESPONSE
    for policy in ("if_present", "require"):
        await expect_refusal(script, alert, VERIFYING.replace(ocsp=policy), error=CertificateRefused)
    await accepted(script, VERIFYING.replace(ocsp="ignore"))
    promised = _stapling(stapled_in, ocsp.good(certificate, scripted_authority()), certificate)
    await accepted(promised, VERIFYING)


@new_and_old
async def test_a_staple_that_was_not_asked_for(stapled_in: Version) -> None:
    staple = ocsp.good(leaf("p256"), scripted_authority())
    await expect_refusal(
        _stapling(stapled_in, staple),
        AlertDescription.UNSUPPORTED_EXTENSION,
        VERIFYING.replace(ocsp="ignore"),
    )


# Every reason, on the wire


def _chain(*authorities: Authority, **fields: Any) -> Script:
    """A server whose chain goes through `authorities`, the lowest last."""
    return Script(leaf=authorities[-1].issue(SERVER_NAME, **fields))


def _reasons() -> dict[Reason, tuple[Script, dict[str, Any]]]:
    """For each reason a server that deserves it, and what is trusted."""
    ca, server = scripted_authority(), leaf("p256")
    rsa = Authority.make("rsa")
    sha256, sha1 = bytes.fromhex("2a864886f70d01010b"), bytes.fromhex("2a864886f70d010105")
    old = rsa.intermediate(name="Old").issue(SERVER_NAME)
    unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")
    childless = ca.intermediate(extensions=[(x509.BasicConstraints(True, 0), True)])
    day = datetime.now(UTC)
    stale = revocation_list(ca, this_update=NOW - 2 * HOUR, next_update=NOW - HOUR)
    weak = rsa.intermediate("rsa1024")
    return {
        Reason.MALFORMED: (Script(leaf=server, chain=(server.certificate_der, b"\x30\x00")), {}),
        Reason.LIMIT: (
            Script(leaf=server, chain=(server.certificate_der, *[ca.certificate_der] * 10)),
            {},
        ),
        Reason.EXPIRED: (_chain(ca, not_after=day - DAY), {}),
        Reason.NOT_YET_VALID: (_chain(ca, not_before=day + DAY), {}),
        Reason.WRONG_NAME: (Script(leaf=ca.issue("another.test")), {}),
        Reason.WRONG_PURPOSE: (_chain(ca, eku=CLIENT_AUTH), {}),
        Reason.WEAK_KEY: (_chain(rsa, weak), {"anchors": [rsa.certificate_der]}),
        Reason.WEAK_SIGNATURE: (
            Script(
                leaf=old,
                chain=(old.certificate_der, old.chain_ders[1].replace(sha256, sha1)),
            ),
            {"anchors": [rsa.certificate_der]},
        ),
        Reason.BAD_SIGNATURE: (_chain(Authority.make()), {}),
        Reason.UNKNOWN_ISSUER: (_chain(Authority.make(name="Unknown")), {}),
        Reason.SELF_SIGNED: (Script(leaf=self_signed(SERVER_NAME)), {}),
        Reason.CONSTRAINT: (_chain(childless, childless.intermediate(name="Lower")), {}),
        Reason.POLICY: (_chain(ca, extensions=[(unknown, True)]), {}),
        Reason.PIN: (Script(leaf=server), {"pins": [Pin.key(bytes(32))]}),
        Reason.REVOKED: (Script(leaf=server), {"crls": [revocation_list(ca, server)]}),
        Reason.BAD_CRL: (Script(leaf=server), {"crls": [stale]}),
        Reason.BAD_STAPLE: (Script(leaf=server, status=b"none"), {}),
        Reason.NO_STAPLE: (Script(leaf=server), {"ocsp": "require"}),
    }


@pytest.mark.parametrize("spoken", [Version.TLS12, Version.TLS13])
@pytest.mark.parametrize("reason", Reason)
async def test_every_reason_reaches_the_server_as_its_alert(reason: Reason, spoken: Version) -> None:
    script, fields = _reasons()[reason]
    trusted: dict[str, Any] = {"anchors": [scripted_authority().certificate_der], "sources": []}
    trust = Trust(**{**trusted, **fields})
    config = VERIFYING.replace(trust=trust)
    script = dataclasses.replace(script, version=spoken)
    meeting = await expect_refusal(script, _ALERTS[reason], config, error=CertificateRefused)
    assert meeting.error is not None
    cause = meeting.error.__cause__
    assert isinstance(cause, CertificateError)
    assert cause.reason is reason
    # Somebody is at fault, and something can be done about it.
    assert cause.certificate is not None or reason in (Reason.MALFORMED, Reason.LIMIT)
    if cause.certificate is not None:
        assert all(part in str(meeting.error) for part in ("Certificate: ", "; serial ", "; valid "))
    assert str(meeting.error).isprintable()


@pytest.mark.parametrize("spoken", [Version.TLS12, Version.TLS13])
async def test_a_failing_source_reaches_the_server_as_an_internal_error(spoken: Version) -> None:
    async def broken(_: object) -> list[bytes]:
        raise OSError("the database is down")

    config = VERIFYING.replace(trust=Trust(sources=[Lookup(broken)]))
    meeting = await expect_refusal(
        Script(version=spoken, leaf=leaf("p256")),
        AlertDescription.INTERNAL_ERROR,
        config,
        error=CertificateRefused,
    )
    assert "the database is down" in str(meeting.error)
    assert meeting.error is not None
    assert isinstance(meeting.error.__cause__, SourceError)


async def test_a_certificate_may_be_a_path(tmp_path: Path) -> None:
    path = scripted_authority().write(tmp_path)
    for certificate in (path, str(path), [path]):
        await accepted(Script(leaf=leaf("p256")), VERIFYING.replace(certificate=certificate))
    path.unlink()
    await expect_refusal(
        Script(leaf=leaf("p256")),
        AlertDescription.INTERNAL_ERROR,
        VERIFYING.replace(certificate=str(tmp_path / "missing.pem")),
        error=CertificateRefused,
    )


async def _ready(trust: Trust) -> Trust:
    """With the files read that are always read: a virtual clock jumps while a thread does that."""
    await trust.prepare()
    return trust


async def test_a_lookup_is_asked_in_the_middle_of_the_handshake_and_can_be_cancelled(
    autojump_clock: MockClock,
) -> None:
    asked: list[str] = []

    async def slow(issuer: Issuer) -> list[bytes]:
        asked.append(str(issuer))
        await trio.sleep(5)
        return [scripted_authority().certificate_der]

    config = VERIFYING.replace(trust=await _ready(Trust(sources=[Lookup(slow)])))
    script = Script(leaf=leaf("p256"))
    began = trio.current_time()
    await accepted(script, config)
    assert trio.current_time() - began == pytest.approx(5)
    ours, theirs = memory_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve, ServerWire(theirs, script))
        began = trio.current_time()
        with trio.move_on_after(1) as scope:
            await SecureStream.wrap(ours, SERVER_NAME, config)
    assert scope.cancelled_caught
    assert trio.current_time() - began == pytest.approx(1)
    assert len(asked) == 2


@pytest.mark.parametrize("first_gives_up", [False, True])
async def test_two_handshakes_that_need_the_same_authority_share_one_lookup(
    first_gives_up: bool, autojump_clock: MockClock
) -> None:
    asked: list[str] = []

    async def slow(issuer: Issuer) -> list[bytes]:
        asked.append(str(issuer))
        await trio.sleep(5)
        return [scripted_authority().certificate_der]

    config = VERIFYING.replace(trust=await _ready(Trust(sources=[Lookup(slow)])))
    done: list[float] = []

    async def first() -> None:
        ours, theirs = memory_stream_pair()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(serve, ServerWire(theirs, Script(leaf=leaf("p256"))))
            with trio.move_on_after(2 if first_gives_up else 60) as scope:
                await (await SecureStream.wrap(ours, SERVER_NAME, config)).aclose()
        assert scope.cancelled_caught is first_gives_up

    async def second() -> None:
        await trio.sleep(1)
        await accepted(Script(leaf=leaf("p256")), config)
        done.append(trio.current_time())

    began = trio.current_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(first)
        nursery.start_soon(second)
    assert len(asked) == (2 if first_gives_up else 1)
    assert done[0] - began == pytest.approx(7 if first_gives_up else 5)


@pytest.mark.parametrize("spoken", [Version.TLS12, Version.TLS13])
async def test_nobody_without_the_key_can_have_anything_looked_up(spoken: Version) -> None:
    async def lookup(issuer: Issuer) -> list[bytes]:
        raise AssertionError(f"asked for {issuer}")

    def forge(body: bytes) -> bytes:
        return body[:-1] + bytes([body[-1] ^ 1])

    step = "CertificateVerify" if spoken is Version.TLS13 else "ServerKeyExchange"
    script = Script(version=spoken, leaf=leaf("p256"), alter={step: forge})
    config = VERIFYING.replace(trust=Trust(sources=[Lookup(lookup)]))
    await expect_refusal(script, AlertDescription.DECRYPT_ERROR, config)


# What decides about trust; `test_session_keeper` goes through every field


def test_a_trust_that_is_empty_is_a_trust() -> None:
    """It may have a length, and decides all the same."""
    lookup_for(TLSConfig(trust=Asked(), certificate=b"not looked at"))


def test_what_decides_is_described_by_what_it_holds() -> None:
    def parts(**fields: Any) -> list[bytes | str]:
        return trust_parts(TLSConfig(**fields))

    assert parts() == parts()
    assert parts(certificate=b"x") == parts(certificate=[b"x"]) != parts(certificate=[b"x", b"x"])
    assert parts(certificate=Resource("ca1.der")) == parts(certificate=Resource("ca1.der"))
    assert parts(manifest=Manifest(["$(CERTS)/ca1"])) == parts(manifest=Manifest(["$(CERTS)/ca1"]))
    assert parts(client_identities=identity()) == parts(client_identities=[identity()])


def test_what_does_not_say_what_it_holds_is_described_by_being_itself() -> None:
    def parts(trust: CertificateVerifier) -> list[bytes | str]:
        return trust_parts(TLSConfig(trust=trust))

    one, other = Asked(), Asked()
    assert parts(one) == parts(one) != parts(other)
    # One that takes no weak reference is not even itself.
    bare = Bare()
    assert parts(bare) != parts(bare)


def test_a_selection_or_an_identity_of_the_users_own_is_described_by_being_itself() -> None:
    class Selection:
        config: Mapping[str, Mapping[str, bool]] = {}

        def includes(self, name: str, /) -> bool:
            return True

    class Vault(ClientIdentity):
        async def ready(self) -> LoadedIdentity:
            raise AssertionError("nobody asks")

    one, other = TLSConfig(manifest=Selection()), TLSConfig(manifest=Selection())
    assert trust_parts(one) == trust_parts(one) != trust_parts(other)
    one, other = TLSConfig(client_identities=Vault()), TLSConfig(client_identities=Vault())
    assert trust_parts(one) == trust_parts(one) != trust_parts(other)


def test_a_store_is_what_its_object_has_read_of_the_folder(tmp_path: Path) -> None:
    """A CA taken out of the folder is not trusted by who reads it again, nor is what was resumed by it."""

    def parts(store: Store, *, as_resource: bool) -> list[bytes | str]:
        if as_resource:
            return trust_parts(TLSConfig(certificate=Resource("ca0.der", store=store)))
        return trust_parts(TLSConfig(manifest=Manifest(store=store)))

    one = make_store(tmp_path, authority())
    for as_resource in (False, True):
        assert parts(one, as_resource=as_resource) == parts(one, as_resource=as_resource)
        assert parts(one, as_resource=as_resource) != parts(Store(one.folder), as_resource=as_resource)


class Bare:
    """Trust of which nothing can be remembered."""

    __slots__ = ()

    async def verify(self, chain: Sequence[bytes], server_name: str, /, **_: object) -> VerifiedChain:
        raise AssertionError("nobody asks")


def test_what_only_looks_like_trust_is_refused_at_once() -> None:
    class Lookalike:
        async def read(self) -> bytes:
            return b""

        def includes(self, name: str, /) -> bool:
            return True

        @property
        def config(self) -> dict[str, dict[str, bool]]:
            return {}

    with pytest.raises(TypeError, match="certificate must be bytes, a path or a Resource, not Lookalike"):
        lookup_for(TLSConfig(certificate=Lookalike()))
    with pytest.raises(TypeError, match="manifest must be a Manifest, not Lookalike"):
        lookup_for(TLSConfig(manifest=Lookalike()))
    with pytest.raises(ValueError, match="is not a certificate"):
        lookup_for(TLSConfig(certificate=b"not a certificate"))
