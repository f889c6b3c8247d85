"""What each of the three policies accepts and refuses."""

from __future__ import annotations

import dataclasses
import threading
import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from support.authority import CLIENT_AUTH, DAY, Authority, Leaf, common_name, key_usage, self_signed
from trio_certs import _verifier as verifier
from trio_certs._certificate import REMEMBERED, CertificateFacts
from trio_certs._der import DERError
from trio_certs._server_name import ServerName
from trio_certs._store import BUNDLED
from trio_certs._verifier import PINNED, PRIVATE, WEB, PathError, Tier, Unreadable, load, verify

ROOT = Authority.make()
NOW = datetime.now(UTC)
HOST = ServerName.parse("h.test")
CRITICAL = True
POLICIES = x509.CertificatePolicies([x509.PolicyInformation(x509.ObjectIdentifier("1.2.3"), None)])
MUST_STAPLE = x509.TLSFeature([x509.TLSFeatureType.status_request])
ONLY_TEST = x509.NameConstraints([x509.DNSName("test")], None)
UNKNOWN_EXTENSION = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")


Facts = tuple[CertificateFacts, ...]


def attempt(
    tier: Tier, leaf: Leaf, *anchors: Authority | Leaf, host: ServerName = HOST, when: datetime = NOW
) -> list[bytes]:
    sent = [CertificateFacts.parse(der) for der in leaf.chain_ders]
    trusted = [CertificateFacts.parse(anchor.certificate_der) for anchor in anchors]
    return [certificate.der for certificate in verify(tier, trusted, sent, host, when)]


def accepted_by(leaf: Leaf, anchor: Authority | Leaf) -> set[str]:
    """The names of the tiers that find a path."""
    found: set[str] = set()
    for tier in (WEB, PRIVATE, PINNED):
        try:
            attempt(tier, leaf, anchor)
        except PathError:
            continue
        found.add(tier.name)
    return found


EVERY = {"web", "private", "pinned"}
RELAXED = {"private", "pinned"}
NOBODY: set[str] = set()


def below(root: Authority) -> tuple[Leaf, Authority]:
    return root.issue("h.test"), root


def through(middle: Authority) -> tuple[Leaf, Authority]:
    return middle.issue("h.test"), ROOT


AKI_BY_NAME = x509.AuthorityKeyIdentifier(
    None, [x509.DirectoryName(common_name("Throw-away Root CA"))], ROOT.certificate.serial_number
)
CASES: dict[str, tuple[Leaf, Authority | Leaf, set[str]]] = {
    "a normal chain": (ROOT.issue("h.test", intermediate=True), ROOT, EVERY),
    "a root without keyUsage, as openssl req makes it": (
        *below(Authority.make(omit=[x509.KeyUsage])),
        RELAXED,
    ),
    "an intermediate without keyUsage": (*through(ROOT.intermediate(omit=[x509.KeyUsage])), RELAXED),
    "a CA whose keyUsage lacks keyCertSign": (
        *through(ROOT.intermediate(extensions=[(key_usage("crl_sign"), CRITICAL)])),
        NOBODY,
    ),
    "a root whose basicConstraints are not critical": (
        *below(Authority.make(extensions=[(x509.BasicConstraints(True, None), False)])),
        RELAXED,
    ),
    "an intermediate that is no CA": (
        *through(ROOT.intermediate(extensions=[(x509.BasicConstraints(False, None), CRITICAL)])),
        NOBODY,
    ),
    "a root without basicConstraints": (*below(Authority.make(omit=[x509.BasicConstraints])), NOBODY),
    "a root that names its issuer by serial number": (
        *below(Authority.make(extensions=[(AKI_BY_NAME, False)])),
        RELAXED,
    ),
    "a leaf without authority key identifier": (
        ROOT.issue("h.test", omit=[x509.AuthorityKeyIdentifier]),
        ROOT,
        RELAXED,
    ),
    "an intermediate without authority key identifier": (
        *through(ROOT.intermediate(omit=[x509.AuthorityKeyIdentifier])),
        EVERY,
    ),
    "a root without subject key identifier": (
        *below(Authority.make(omit=[x509.SubjectKeyIdentifier])),
        EVERY,
    ),
    "an authority key identifier that is not the issuer's": (
        ROOT.issue("h.test", extensions=[(x509.AuthorityKeyIdentifier(b"x" * 20, None, None), False)]),
        ROOT,
        EVERY,
    ),
    "a critical subjectAltName beside a subject": (
        ROOT.issue("h.test", extensions=[(x509.SubjectAlternativeName([x509.DNSName("h.test")]), CRITICAL)]),
        ROOT,
        RELAXED,
    ),
    "a critical extendedKeyUsage": (
        ROOT.issue(
            "h.test", extensions=[(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), CRITICAL)]
        ),
        ROOT,
        RELAXED,
    ),
    "critical certificate policies": (ROOT.issue("h.test", extensions=[(POLICIES, CRITICAL)]), ROOT, RELAXED),
    "certificate policies": (ROOT.issue("h.test", extensions=[(POLICIES, False)]), ROOT, EVERY),
    "a CA with critical certificate policies": (
        *through(ROOT.intermediate(extensions=[(POLICIES, CRITICAL)])),
        RELAXED,
    ),
    "critical policy constraints": (
        *through(ROOT.intermediate(extensions=[(x509.PolicyConstraints(0, None), CRITICAL)])),
        NOBODY,
    ),
    "a critical TLS feature": (ROOT.issue("h.test", extensions=[(MUST_STAPLE, CRITICAL)]), ROOT, RELAXED),
    "name constraints on a leaf": (
        ROOT.issue("h.test", extensions=[(x509.NameConstraints([x509.DNSName("h.test")], None), CRITICAL)]),
        ROOT,
        NOBODY,
    ),
    "a wildcard where a name below it is excluded": (
        Authority.make(
            ROOT.key, extensions=[(x509.NameConstraints(None, [x509.DNSName("x.h.test")]), CRITICAL)]
        ).issue("h.test", "*.h.test"),
        Authority.make(
            ROOT.key, extensions=[(x509.NameConstraints(None, [x509.DNSName("x.h.test")]), CRITICAL)]
        ),
        NOBODY,
    ),
    "a name constraint with a leading dot": (
        *through(
            ROOT.intermediate(extensions=[(x509.NameConstraints([x509.DNSName(".test")], None), CRITICAL)])
        ),
        NOBODY,
    ),
    "a constraint on directory names": (
        *through(
            ROOT.intermediate(
                extensions=[(x509.NameConstraints(None, [x509.DirectoryName(common_name("x"))]), CRITICAL)]
            )
        ),
        NOBODY,
    ),
    "a date beyond 2050": (
        ROOT.issue("h.test", not_after=datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ROOT,
        EVERY,
    ),
    "a CA with a key on another curve": (*through(ROOT.intermediate("secp256k1")), NOBODY),
    "a CA with an ML-DSA-65 key": (*through(ROOT.intermediate("mldsa65")), EVERY),
    "no extendedKeyUsage": (ROOT.issue("h.test", eku=None), ROOT, EVERY),
    "any purpose, but not serverAuth": (
        ROOT.issue("h.test", eku=[ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE]),
        ROOT,
        NOBODY,
    ),
    "a client's certificate": (ROOT.issue("h.test", eku=CLIENT_AUTH), ROOT, NOBODY),
    "an intermediate for clients only": (
        *through(ROOT.intermediate(extensions=[(x509.ExtendedKeyUsage(CLIENT_AUTH), False)])),
        NOBODY,
    ),
    "a CA certificate on a server": (ROOT.issue("h.test", ca=True), ROOT, {"pinned"}),
    "a name in the subject only": (ROOT.issue(common="h.test"), ROOT, NOBODY),
    "another name": (ROOT.issue("i.test"), ROOT, NOBODY),
    "an expired leaf": (ROOT.issue("h.test", not_after=NOW - DAY), ROOT, NOBODY),
    "a leaf of the future": (ROOT.issue("h.test", not_before=NOW + DAY), ROOT, NOBODY),
    "an expired root": (*below(Authority.make(not_after=NOW - DAY)), NOBODY),
    "an unknown critical extension": (
        ROOT.issue("h.test", extensions=[(UNKNOWN_EXTENSION, CRITICAL)]),
        ROOT,
        NOBODY,
    ),
    "an unknown extension": (ROOT.issue("h.test", extensions=[(UNKNOWN_EXTENSION, False)]), ROOT, EVERY),
    "a path longer than a CA allows": (
        *through(
            ROOT.intermediate(extensions=[(x509.BasicConstraints(True, 0), CRITICAL)]).intermediate(name="I2")
        ),
        NOBODY,
    ),
    "a name outside a CA's constraints": (
        *through(
            ROOT.intermediate(extensions=[(x509.NameConstraints([x509.DNSName("i.test")], None), CRITICAL)])
        ),
        NOBODY,
    ),
    "a name outside the root's constraints": (
        *below(Authority.make(extensions=[(x509.NameConstraints([x509.DNSName("i.test")], None), CRITICAL)])),
        NOBODY,
    ),
    "a name inside a CA's constraints": (
        *through(
            ROOT.intermediate(extensions=[(x509.NameConstraints([x509.DNSName("h.test")], None), CRITICAL)])
        ),
        EVERY,
    ),
    "a CA with a small RSA key": (*through(ROOT.intermediate("rsa1024")), NOBODY),
    "a CA with an Ed25519 key": (*through(ROOT.intermediate("ed25519")), NOBODY),
    "a CA with a P-521 key": (*through(ROOT.intermediate("p521")), EVERY),
    "the root of another key": (ROOT.issue("h.test"), Authority.make(), NOBODY),
    "the root of another name": (ROOT.issue("h.test"), Authority.make(ROOT.key, name="Other"), NOBODY),
    "a re-issued root": (ROOT.issue("h.test"), Authority.make(ROOT.key), EVERY),
}


@pytest.mark.parametrize("case", CASES)
def test_a_policy_accepts_what_it_should_and_nothing_else(case: str) -> None:
    leaf, anchor, tiers = CASES[case]
    assert accepted_by(leaf, anchor) == tiers


def test_a_self_signed_leaf_is_accepted_where_it_is_pinned() -> None:
    device = self_signed("h.test")
    assert accepted_by(device, device) == EVERY
    without_identifier = self_signed("h.test", omit=[x509.AuthorityKeyIdentifier])
    assert accepted_by(without_identifier, without_identifier) == RELAXED
    openssl_req = self_signed("h.test", ca=True, ku=["digital_signature", "key_cert_sign"], eku=None)
    assert accepted_by(openssl_req, openssl_req) == {"pinned"}
    assert accepted_by(openssl_req, self_signed("h.test", ca=True)) == NOBODY


def test_a_pinned_leaf_must_still_be_for_the_host_and_in_date() -> None:
    for device in (self_signed("i.test", ca=True), self_signed("h.test", ca=True, not_after=NOW - DAY)):
        assert accepted_by(device, device) == NOBODY


def test_a_sha1_signature_is_refused() -> None:
    signer = Authority.make("rsa")
    sha256, sha1 = bytes.fromhex("2a864886f70d01010b"), bytes.fromhex("2a864886f70d010105")
    # The signature is wrong then, but the algorithm is refused before it is looked at.
    leaf = CertificateFacts.parse(signer.issue("h.test").certificate_der.replace(sha256, sha1))
    with pytest.raises(PathError, match="Forbidden signature algorithm"):
        verify(PRIVATE, [CertificateFacts.parse(signer.certificate_der)], [leaf], HOST, NOW)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_addresses_match_address_entries(address: str) -> None:
    leaf = ROOT.issue(address)
    path = attempt(WEB, leaf, ROOT, host=ServerName.parse(address))
    assert path == [leaf.certificate_der, ROOT.certificate_der]
    with pytest.raises(PathError):
        attempt(WEB, leaf, ROOT, host=ServerName.parse("127.0.0.2"))


def test_the_path_is_the_certificates_byte_for_byte() -> None:
    leaf = ROOT.issue("h.test", intermediate=True)
    assert attempt(PRIVATE, leaf, ROOT) == [*leaf.chain_ders, ROOT.certificate_der]


def test_every_bundled_ca_is_loaded_without_a_warning() -> None:
    entries = BUNDLED.index().entries.values()
    bundled = [CertificateFacts.parse((BUNDLED.folder / entry.resource).read_bytes()) for entry in entries]
    assert any(facts.serial == 0 for facts in bundled)  # which cryptography warns of
    for facts in bundled:
        # A path is given in the bytes that `cryptography` writes, and its end is looked up by them.
        assert load(facts).public_bytes(Encoding.DER) == facts.der


def test_what_cryptography_refuses_is_unreadable() -> None:
    facts = CertificateFacts.parse(
        ROOT.certificate_der.replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x05", 1)
    )
    with pytest.raises(Unreadable) as info:
        load(facts)
    assert info.value.certificate is facts


def test_a_verified_path_is_remembered_for_as_long_as_all_on_it_are_valid() -> None:
    root = Authority.make(not_after=NOW + 3 * DAY)
    leaf = root.issue("h.test", not_before=NOW - DAY, not_after=NOW + 9 * DAY)
    for when in (NOW, NOW + DAY, NOW + 2 * DAY):
        assert attempt(WEB, leaf, root, when=when)
    for when in (NOW - 2 * DAY, NOW + 4 * DAY):
        with pytest.raises(PathError, match="validation time"):
            attempt(WEB, leaf, root, when=when)
    assert attempt(WEB, leaf, root)


def test_what_is_remembered_is_so_for_that_question_alone() -> None:
    root, stranger = Authority.make(), Authority.make()
    leaf = root.issue("h.test", "i.test", omit=[x509.AuthorityKeyIdentifier])
    assert attempt(PRIVATE, leaf, root)
    assert attempt(PRIVATE, leaf, root, host=ServerName.parse("i.test"))
    for tier, anchor, host in (
        (WEB, root, "h.test"),
        (PRIVATE, stranger, "h.test"),
        (PRIVATE, root, "j.test"),
    ):
        with pytest.raises(PathError):
            attempt(tier, leaf, anchor, host=ServerName.parse(host))
    other = Authority.make(root.key).issue("h.test", omit=[x509.AuthorityKeyIdentifier])
    assert attempt(PRIVATE, other, root)


def test_no_more_is_remembered_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verifier, "_verified", {})
    monkeypatch.setattr(verifier, "_issuers", {})
    for _ in range(REMEMBERED + 5):
        attempt(WEB, ROOT.intermediate().issue("h.test"), ROOT)
    assert len(verifier._verified) == len(verifier._issuers) == REMEMBERED


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """How many anchors and certificates each verification was of, from nothing remembered on."""
    monkeypatch.setattr(verifier, "_verified", {})
    monkeypatch.setattr(verifier, "_issuers", {})
    seen: list[tuple[int, int]] = []
    inner = verifier._verify

    def counted(tier: Tier, anchors: Facts, sent: Facts, server: ServerName, now: datetime) -> object:
        seen.append((len(anchors), len(sent)))
        return inner(tier, anchors, sent, server, now)

    monkeypatch.setattr(verifier, "_verify", counted)
    return seen


def test_of_another_leaf_below_the_same_issuer_one_step_is_verified(steps: list[tuple[int, int]]) -> None:
    middle = ROOT.intermediate()
    for name in ("h.test", "i.test"):
        leaf = middle.issue(name)
        path = attempt(WEB, leaf, ROOT, host=ServerName.parse(name))
        assert path == [*leaf.chain_ders, ROOT.certificate_der]
    assert steps == [(1, 2), (1, 1)]


def test_what_is_remembered_of_an_issuer_is_so_for_that_question_alone(steps: list[tuple[int, int]]) -> None:
    middle = ROOT.intermediate(omit=[x509.KeyUsage])
    assert attempt(PRIVATE, middle.issue("h.test"), ROOT)
    other = dataclasses.replace(middle.issue("h.test"), issuers=(ROOT.intermediate().certificate,))
    for tier, leaf, anchor in (
        (WEB, middle.issue("h.test"), ROOT),
        (PRIVATE, middle.issue("h.test"), Authority.make()),
        (PRIVATE, other, ROOT),
    ):
        del steps[:]
        with pytest.raises(PathError):
            attempt(tier, leaf, anchor)
        assert steps[0] == (1, 2)


UNDER_A_KNOWN_ISSUER: dict[str, tuple[Callable[[Authority], Leaf], str]] = {
    "a signature by another key": (
        lambda middle: dataclasses.replace(
            Authority.make(name="Throw-away Intermediate CA").issue("h.test"), issuers=middle.issuers
        ),
        "signature",
    ),
    "another name": (lambda middle: middle.issue("i.test"), "subjectAltName"),
    "a leaf that has expired": (
        lambda middle: middle.issue("h.test", not_before=NOW - 2 * DAY, not_after=NOW - DAY),
        "validation time",
    ),
    "a leaf that is no server's": (
        lambda middle: middle.issue("h.test", eku=[ExtendedKeyUsageOID.CLIENT_AUTH]),
        "EKU",
    ),
    "a CA certificate": (
        lambda middle: middle.issue("h.test", extensions=[(x509.BasicConstraints(True, None), CRITICAL)]),
        "basicConstraints.cA",
    ),
    "names that its own constraints forbid": (
        lambda middle: middle.issue("h.test", "i.example"),
        "name constraint",
    ),
}


@pytest.mark.parametrize("case", UNDER_A_KNOWN_ISSUER)
def test_a_known_issuer_vouches_for_no_less_than_an_unknown_one(
    case: str, steps: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    middle = ROOT.intermediate(extensions=[(ONLY_TEST, CRITICAL)])
    make, complaint = UNDER_A_KNOWN_ISSUER[case]
    leaf = make(middle)
    with pytest.raises(PathError, match=complaint) as unknown:
        attempt(PRIVATE, leaf, ROOT)
    assert attempt(PRIVATE, middle.issue("h.test"), ROOT)
    del steps[:]
    with pytest.raises(PathError, match=complaint) as known:
        attempt(PRIVATE, leaf, ROOT)
    assert steps[0] == (1, 1)
    assert (str(known.value), known.value.certificate) == (str(unknown.value), unknown.value.certificate)


@pytest.mark.parametrize("above", [1, 2])
def test_names_are_held_to_the_constraints_of_every_ca_above_a_known_issuer(
    above: int, steps: list[tuple[int, int]]
) -> None:
    root = Authority.make(extensions=[(ONLY_TEST, CRITICAL)])
    middle = root.intermediate(name="Middle 1")
    if above == 2:
        root = Authority.make()
        upper = root.intermediate(name="Middle 1", extensions=[(ONLY_TEST, CRITICAL)])
        middle = upper.intermediate(name="Middle 2")
    assert attempt(WEB, middle.issue("h.test"), root)
    del steps[:]
    with pytest.raises(PathError, match="name constraint"):
        attempt(WEB, middle.issue("h.example"), root, host=ServerName.parse("h.example"))
    assert steps[0] == (1, len(middle.issuers) + 1)


def test_an_issuer_is_known_for_as_long_as_all_above_it_are_valid(steps: list[tuple[int, int]]) -> None:
    root = Authority.make(not_after=NOW + 3 * DAY)
    middle = root.intermediate()
    assert attempt(WEB, middle.issue("h.test"), root)
    del steps[:]
    with pytest.raises(PathError, match=r"validation time|no interior errors"):
        attempt(WEB, middle.issue("h.test"), root, when=NOW + 4 * DAY)
    assert steps[0] == (1, 2)


def test_of_a_ca_that_cannot_be_read_here_nothing_is_kept(
    steps: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_certificate: CertificateFacts) -> dict[bytes, bytes]:
        raise DERError("malformed")

    middle = ROOT.intermediate()
    monkeypatch.setattr(CertificateFacts, "extensions", refuse)
    for _ in range(2):
        assert attempt(WEB, middle.issue("h.test"), ROOT)
    assert (1, 1) not in steps


def test_threads_remember_without_getting_into_each_others_way(monkeypatch: pytest.MonkeyPatch) -> None:
    reached = threading.Event()
    failures: list[BaseException] = []

    class Slow(dict[object, object]):
        """While one thread looks for the oldest, the other has all the time it wants."""

        def __iter__(self) -> Iterator[object]:
            found = super().__iter__()
            if threading.current_thread() is first:
                reached.set()
                second.join(timeout=0.5)
            return found

    monkeypatch.setattr(verifier, "_verified", Slow.fromkeys(range(REMEMBERED + 5)))

    def ask(leaf: Leaf) -> None:
        try:
            attempt(WEB, leaf, ROOT)
        except BaseException as error:  # noqa: BLE001  # whatever it is, it is looked at below
            failures.append(error)

    def ask_second(leaf: Leaf) -> None:
        reached.wait(timeout=10)
        ask(leaf)

    first = threading.Thread(target=ask, args=[ROOT.issue("h.test")])
    second = threading.Thread(target=ask_second, args=[ROOT.issue("h.test")])
    for thread in (second, first):
        thread.start()
    for thread in (second, first):
        thread.join(timeout=10)
    assert not failures
    assert len(verifier._verified) == REMEMBERED


WEAK = ROOT.intermediate("rsa1024", name="Weak")
HALF = ROOT.intermediate(name="Half", extensions=[(x509.BasicConstraints(True, 0), CRITICAL)])
AT_FAULT: dict[str, tuple[Leaf, bytes | None]] = {
    "the leaf": (ROOT.issue("h.test", extensions=[(UNKNOWN_EXTENSION, CRITICAL)]), None),
    "the leaf's signature": (
        dataclasses.replace(
            Authority.make(name="Throw-away Intermediate CA").issue("h.test"),
            issuers=ROOT.intermediate().issuers,
        ),
        None,
    ),
    "a CA with a weak key": (WEAK.issue("h.test"), WEAK.certificate_der),
    "a CA above another": (WEAK.intermediate(name="Strong").issue("h.test"), WEAK.certificate_der),
    "a CA that may not have one below": (
        HALF.intermediate(name="Lower").issue("h.test"),
        HALF.certificate_der,
    ),
    "nobody's below an unknown one": (Authority.make(name="Unknown").issue("h.test"), None),
}


@pytest.mark.parametrize("case", AT_FAULT)
def test_the_certificate_at_fault_is_named(case: str) -> None:
    leaf, at_fault = AT_FAULT[case]
    with pytest.raises(PathError) as info:
        attempt(WEB, leaf, ROOT)
    assert info.value.certificate is not None
    assert info.value.certificate.der == (at_fault or leaf.certificate_der)


def test_what_a_peer_wrote_is_never_warned_of() -> None:
    """Warnings are errors here, and would be of another kind than a path that is not there."""
    with warnings.catch_warnings(action="ignore"):
        nameless = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "", _validate=False)])
        issuer = Authority.make(name=nameless)
        unknown = [(UNKNOWN_EXTENSION, CRITICAL)]
        leaf = issuer.intermediate(name=nameless).issue("h.test", extensions=unknown)
        odd = self_signed("h.test", common=" ", extensions=[(UNKNOWN_EXTENSION, CRITICAL)])
        empty = CertificateFacts.parse(odd.certificate_der.replace(b"\x0c\x01 ", b"\x0c\x01\x00"))
    for chain in ([CertificateFacts.parse(der) for der in leaf.chain_ders], [empty]):
        with pytest.raises(PathError):
            verify(WEB, [CertificateFacts.parse(issuer.certificate_der)], chain, HOST, NOW)


def test_no_anchors_are_no_path() -> None:
    with pytest.raises(PathError, match="empty store"):
        attempt(WEB, ROOT.issue("h.test"))
