from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.properties import bounded
from support.sessions import KNOWN, NAME, NOW, PEER, session12, session13
from trio_secure._identity import Claim, VerifiedPeer
from trio_secure._names import ServerName
from trio_secure._sessions import MAX_LIFETIME, KnownPeer, Session, Session12, Session13, SessionCache
from trio_secure._signatures import SCHEMES_BY_NAME, legacy_scheme
from trio_secure._suites import CIPHER_SUITES, SUITES_BY_NAME, Authentication
from trio_secure._versions import Version

_both = pytest.mark.parametrize("session", [session12(), session13()], ids=["12", "13"])
_SHA384 = SUITES_BY_NAME["TLS_AES_256_GCM_SHA384"]
_CBC = SUITES_BY_NAME["TLS_RSA_WITH_AES_128_CBC_SHA"]


@_both
def test_a_session_is_fresh_for_its_lifetime(session: Session) -> None:
    assert session.expires == NOW + 3600
    assert session.is_fresh(NOW)
    assert session.is_fresh(NOW + 3600)
    assert not session.is_fresh(NOW + 3600.001)


@_both
def test_a_session_made_in_what_is_now_the_future_is_not_fresh(session: Session) -> None:
    assert not session.is_fresh(NOW - 0.001)


@pytest.mark.parametrize(
    ("expires_by", "until"),
    [(math.inf, NOW + MAX_LIFETIME), (NOW + 10**9, NOW + MAX_LIFETIME), (NOW + 60, NOW + 60)],
)
def test_a_peer_is_relied_on_for_seven_days_or_until_its_certificates_expire(
    expires_by: float, until: float
) -> None:
    known = KnownPeer.met(PEER, NOW, expires_by)
    assert known.until == until
    for session in (
        session12(known=known, lifetime=MAX_LIFETIME),
        session13(known=known, lifetime=MAX_LIFETIME),
    ):
        assert session.expires == until
        assert not session.is_fresh(until + 1)


def test_resuming_again_and_again_does_not_make_a_peer_known_for_longer() -> None:
    """RFC 9846 §4.7.1 [8446 §4.6.1]: the limit takes into account "the time since the peer's online signature"."""
    later = NOW + 6 * 86400
    renewed = session13(known=KNOWN, created=later, lifetime=MAX_LIFETIME)
    assert renewed.expires == NOW + MAX_LIFETIME


def test_the_age_is_obfuscated() -> None:
    session = session13(age_add=0)
    assert session.obfuscated_age(NOW) == 0
    assert session.obfuscated_age(NOW + 1.5) == 1500
    assert session.obfuscated_age(NOW + MAX_LIFETIME) == MAX_LIFETIME * 1000
    assert session13(age_add=2**32 - 1).obfuscated_age(NOW + 0.5) == 499


def test_an_age_is_never_below_zero() -> None:
    assert session13(age_add=7).obfuscated_age(NOW - 3600) == 7


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"lifetime": 0}, "a lifetime of 0 seconds"),
        ({"lifetime": MAX_LIFETIME + 1}, "a lifetime of 604801 seconds"),
        ({"created": math.nan}, "its time is not finite"),
        ({"known": KnownPeer(PEER, math.inf)}, "its time is not finite"),
    ],
)
def test_what_no_session_is(changes: dict[str, Any], complaint: str) -> None:
    for make in (session12, session13):
        with pytest.raises(ValueError, match=f"^not a session: {complaint}"):
            make(**changes)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"version": Version.TLS13}, "an old one of TLS 1.3"),
        ({"suite": _SHA384}, "TLS_AES_256_GCM_SHA384 in TLS 1.2"),
        ({"version": Version.TLS11}, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 in TLS 1.1"),
        ({"session_id": bytes(33)}, "an id of 33 bytes"),
        ({"ticket": bytes(2**16)}, "a ticket of 65536 bytes"),
        ({"session_id": b""}, "neither id nor ticket"),
        ({"master_secret": bytes(47)}, "a master secret of another length"),
        ({"max_fragment_length": 2**16}, "a fragment length out of range"),
        ({"max_fragment_length": -1}, "a fragment length out of range"),
    ],
)
def test_what_no_session_of_tls12_is(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=f"^not a session: {complaint}$"):
        session12(**changes)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"suite": _CBC}, "TLS_RSA_WITH_AES_128_CBC_SHA in TLS 1.3"),
        ({"suite": _SHA384}, "a PSK of 32 bytes"),
        ({"ticket": b""}, "a ticket of 0 bytes"),
        ({"ticket": bytes(2**16)}, "a ticket of 65536 bytes"),
        ({"age_add": -1}, "age_add is no uint32"),
        ({"age_add": 2**32}, "age_add is no uint32"),
        ({"max_early_data": 2**32}, "max_early_data is no uint32"),
        ({"alpn": b""}, "a protocol name of another length"),
        ({"alpn": bytes(256)}, "a protocol name of another length"),
    ],
)
def test_what_no_session_of_tls13_is(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=f"^not a session: {complaint}$"):
        session13(**changes)


def test_size_counts_what_is_kept() -> None:
    claim = Claim(NAME, bytes(1000), (bytes(100), bytes(100)))
    peer = VerifiedPeer((bytes(3000),), None, (bytes(3000), bytes(2000)), None, claim)
    known = KnownPeer.met(peer, NOW)
    for session in (session12(known=known, ticket=bytes(500)), session13(known=known, ticket=bytes(500))):
        assert 9700 <= session.size <= 11000


@_both
def test_no_secret_shows_in_a_traceback(session: Session) -> None:
    assert "\\x1f" not in repr(session)
    assert type(session).__name__ in repr(session)


def test_the_form_of_an_encoded_session() -> None:
    """Format, version, suite, times; name, scheme, anchor; chains, staple, timestamps; and what is its own."""
    texts = b"\0\x0eserver.example" + b"\0\x16ecdsa_secp256r1_sha256" + b"\0\x07ca9.der"
    sent = b"\0\0\x04leaf" + b"\0\0\x0cintermediate"
    chains = b"\0\0\x16" + sent + b"\0\0\x1f" + sent + b"\0\0\x06anchor"
    # IEEE 754 doubles of 1700000000 and 1700604800 around the lifetime, 3600.
    times = bytes.fromhex("41d954fc4000000000000e1041d9574ae0000000")
    rest = times + texts + chains + b"\0\0\0" + b"\0\0"
    own12 = b"\x20" + bytes(range(32)) + b"\0\0" + bytes(range(48)) + b"\x01" + b"\0\0"
    assert session12().encode() == b"\x01\x03\x03\xc0\x2b" + rest + own12
    own13 = b"\0\x08ticket 0" + b"\x20" + bytes(32) + b"\x12\x34\x56\x78" + b"\0\0\0\0" + b"\0"
    assert session13().encode() == b"\x01\x03\x04\x13\x01" + rest + own13


_MORE = [
    session12(session_id=b"", ticket=bytes(2**16 - 1), extended_master_secret=False, max_fragment_length=512),
    session12(suite=_CBC, version=Version.TLS10, known=KnownPeer.met(replace(PEER, scheme=None), NOW)),
    *(
        session12(
            suite=_CBC,
            version=Version.TLS11,
            known=KnownPeer.met(replace(PEER, scheme=legacy_scheme(authentication)), NOW),
        )
        for authentication in Authentication
    ),
    session13(max_early_data=2**32 - 1, alpn=b"h2", age_add=2**32 - 1, created=NOW + 0.123456),
    session13(suite=_SHA384, psk=bytes(48)),
    session13(
        known=KnownPeer.met(
            VerifiedPeer(
                (bytes(70000),), SCHEMES_BY_NAME["ed25519"], (), None, Claim(None, b"staple", (b"1", b"22"))
            ),
            NOW,
        )
    ),
    session13(known=KnownPeer.met(replace(PEER, claim=Claim(ServerName("2001:db8::1", True))), NOW)),
    session13(known=KnownPeer.met(replace(PEER, anchor_resource="größte.der"), NOW)),
]


@pytest.mark.parametrize("session", [session12(), session13(), *_MORE])
def test_a_session_survives_being_encoded(session: Session) -> None:
    assert Session.decode(session.encode()) == session


_bytes = st.binary(max_size=100)
_names = st.sampled_from(
    [None, NAME, ServerName("192.0.2.1", True), ServerName("xn--bcher-kva.example", False)]
)
_peers = st.builds(
    VerifiedPeer,
    st.lists(st.binary(min_size=1, max_size=100), max_size=3).map(tuple),
    st.sampled_from([None, *SCHEMES_BY_NAME.values()]),
    st.lists(st.binary(min_size=1, max_size=100), max_size=3).map(tuple),
    st.none() | st.text(st.characters(codec="utf-8"), min_size=1, max_size=100),
    st.builds(
        Claim,
        _names,
        st.none() | st.binary(min_size=1, max_size=100),
        st.lists(st.binary(min_size=1, max_size=20), max_size=3).map(tuple),
    ),
)
_times = st.floats(0, 2**40)
_common_fields: dict[str, st.SearchStrategy[Any]] = {
    "known": st.builds(KnownPeer, _peers, _times),
    "created": _times,
    "lifetime": st.integers(1, MAX_LIFETIME),
    "ticket": st.binary(min_size=1, max_size=100),
}
_sessions13 = st.sampled_from([s for s in CIPHER_SUITES if s.fits(Version.TLS13)]).flatmap(
    lambda suite: st.builds(
        Session13,
        suite=st.just(suite),
        psk=st.binary(min_size=suite.hash.length, max_size=suite.hash.length),
        age_add=st.integers(0, 2**32 - 1),
        max_early_data=st.integers(0, 2**32 - 1),
        alpn=st.none() | st.binary(min_size=1, max_size=255),
        **_common_fields,
    )
)
_sessions12 = st.sampled_from(
    [(suite, version) for suite in CIPHER_SUITES for version in list(Version)[:3] if suite.fits(version)]
).flatmap(
    lambda row: st.builds(
        Session12,
        suite=st.just(row[0]),
        version=st.just(row[1]),
        session_id=st.binary(max_size=32),
        master_secret=st.binary(min_size=48, max_size=48),
        extended_master_secret=st.booleans(),
        max_fragment_length=st.sampled_from([None, 512, 1024, 2048, 4096]),
        **_common_fields,
    )
)


@bounded
@given(_sessions12 | _sessions13)
def test_any_session_survives_being_encoded(session: Session) -> None:
    assert Session.decode(session.encode()) == session


@_both
def test_an_encoded_session_is_whole(session: Session) -> None:
    data = session.encode()
    for length in range(len(data)):
        with pytest.raises(ValueError, match="not a session"):
            Session.decode(data[:length])
    with pytest.raises(ValueError, match="1 bytes too many"):
        Session.decode(data + b"\0")


@bounded
@given(st.sampled_from([session12().encode(), session13().encode()]), st.data())
def test_an_altered_session_is_refused_or_another(data: bytes, draw: st.DataObject) -> None:
    at = draw.draw(st.integers(0, len(data) - 1))
    altered = data[:at] + bytes([data[at] ^ draw.draw(st.integers(1, 255))]) + data[at + 1 :]
    try:
        session = Session.decode(altered)
    except ValueError:
        return
    assert session.encode() == altered


@bounded
@given(_bytes)
def test_anything_else_is_no_session(data: bytes) -> None:
    with pytest.raises(ValueError, match="not a session"):
        Session.decode(b"\x01" + data)


def _altered(old: bytes, new: bytes) -> bytes:
    data = session12().encode()
    assert data.count(old) == 1
    return data.replace(old, new)


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"", "malformed session: 1 bytes announced, 0 left"),
        (b"\x02" + session12().encode()[1:], "layout 2"),
        (_altered(b"\x01\x03\x03", b"\x01\x03\x05"), "version 0x0305"),
        (_altered(b"\x03\x03\xc0\x2b", b"\x03\x03\xc0\x00"), "suite 0xc000"),
        (_altered(b"server.example", b"SERVER.EXAMPLE"), "a name in another form"),
        (_altered(b"ecdsa_secp256r1", b"ecdsa_secp256r2"), "signed with 'ecdsa_secp256r2_sha256'"),
        (_altered(b"\x2f\x01\0\0", b"\x2f\x02\0\0"), "extended_master_secret is 2"),
        (_altered(b"\0\0\x16\0", b"\x02\0\1\0"), "outside <0..131072>"),
        (bytes(2**19 + 2**17), "655360 bytes"),
    ],
)
def test_what_is_wrong_with_an_encoded_session(data: bytes, complaint: str) -> None:
    with pytest.raises(ValueError, match=f"^not a session: .*{re.escape(complaint)}"):
        Session.decode(data)


@pytest.mark.parametrize("old", [b"server.example", b"ca9.der"])
def test_text_that_is_none(old: bytes) -> None:
    with pytest.raises(ValueError, match=r"server name|decode"):
        Session.decode(_altered(old, b"\xff" * len(old)))


def test_what_is_a_cache() -> None:
    class Cache:
        async def get(self, key: str, /) -> Session | None:
            return None

        async def put(self, key: str, session: Session | None, /) -> None:
            pass

    assert isinstance(Cache(), SessionCache)
    assert not isinstance(dict[str, Session](), SessionCache)
