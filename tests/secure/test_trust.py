from __future__ import annotations

import ssl
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trio
from trio.testing import memory_stream_pair

from support.authority import CLIENT_AUTH, DAY, Authority, Leaf, self_signed
from support.counting_stream import CountingStream
from support.openssl_peer import (
    NAME,
    OpenSSLPeer,
    authority,
    default_leaf,
    secure_pair,
    server_context,
    trusting,
)
from support.store import make_store
from trio_certs import (
    CertificateError,
    Manifest,
    Reason,
    Resource,
    ResourceNotFoundError,
    StoreError,
    Trust,
    VerifiedChain,
)
from trio_secure import AlertDescription, CertificateRefused, SecureStream, TLSConfig
from trio_secure._names import ServerName
from trio_secure._trust import _ALERTS, lookup_for  # pyright: ignore[reportPrivateUsage]

both_versions = pytest.mark.parametrize(
    "version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"]
)
SERVER = ServerName.parse(NAME)


class Verdicts:
    """Trust that always says the same."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    async def verify(self, chain: Sequence[bytes], server_name: str, /) -> VerifiedChain:
        raise self.error


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
        await look_up([b"leaf"], SERVER)
    assert caught.value.alert is _ALERTS[reason]


async def test_a_store_that_cannot_be_read_is_not_the_servers_fault() -> None:
    look_up = lookup_for(TLSConfig(trust=Verdicts(StoreError("ca0.der is damaged"))))
    with pytest.raises(CertificateRefused, match=r"store cannot be read: ca0\.der is damaged") as caught:
        await look_up([b"leaf"], SERVER)
    assert caught.value.alert is AlertDescription.INTERNAL_ERROR


async def test_a_name_is_needed() -> None:
    with pytest.raises(ValueError, match="a server name is needed"):
        await lookup_for(TLSConfig())([b"leaf"], None)


def test_a_manifest_that_switches_something_off_is_refused() -> None:
    """A setting that this version cannot honour is refused."""
    lookup_for(TLSConfig(manifest=Manifest(config={"tls": {"DHE_RSA": True}})))
    with pytest.raises(ValueError, match=r"manifest: config\.tls\.DHE_RSA cannot be switched off"):
        lookup_for(TLSConfig(manifest=Manifest(config={"tls": {"DHE_RSA": False}})))


def test_what_only_looks_like_trust_is_refused_at_once() -> None:
    class Lookalike:
        async def read(self) -> bytes:
            return b""

        def includes(self, name: str, /) -> bool:
            return True

    with pytest.raises(TypeError, match="certificate must be bytes or a Resource, not Lookalike"):
        lookup_for(TLSConfig(certificate=Lookalike()))
    with pytest.raises(TypeError, match="manifest must be a Manifest, not Lookalike"):
        lookup_for(TLSConfig(manifest=Lookalike()))
    with pytest.raises(ValueError, match="is not a certificate"):
        lookup_for(TLSConfig(certificate=b"not a certificate"))
