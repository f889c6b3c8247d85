from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from support.refusals import refused
from support.rfc8448 import RESUMED, SUITE, TRACES
from support.sessions import KNOWN, NAME, NOW, PEER, session12, session13
from trio_secure import _extensions as ext
from trio_secure import _messages12 as m12
from trio_secure import _messages13 as m13
from trio_secure._config import TLSConfig
from trio_secure._errors import AlertDescription
from trio_secure._keys13 import ResumptionSecret
from trio_secure._messages import ServerHello
from trio_secure._names import ServerName
from trio_secure._resumption import (
    ID_LIFETIME,
    allows_early_data,
    check_resumed,
    max_early_data,
    session_from_handshake12,
    session_from_ticket13,
    usable,
)
from trio_secure._sessions import MAX_LIFETIME, KnownPeer, Session, Session12
from trio_secure._suites import CIPHER_SUITES, SUITES_BY_NAME
from trio_secure._versions import Version

_12, _13 = Version.TLS12, Version.TLS13
_CBC = SUITES_BY_NAME["TLS_RSA_WITH_AES_128_CBC_SHA"]


def _rows(*names: str) -> list[Any]:
    return [SUITES_BY_NAME[name] for name in names]


@pytest.mark.parametrize("session", [session12(), session13()], ids=["12", "13"])
def test_a_session_is_for_the_name_it_was_made_for(session: Any) -> None:
    """RFC 9846 §4.7.1 [8446 §4.6.1], RFC 6066 §3."""
    assert usable(session, NAME, CIPHER_SUITES, _12, _13)
    assert not usable(session, ServerName("other.example", False), CIPHER_SUITES, _12, _13)
    assert not usable(session, None, CIPHER_SUITES, _12, _13)


@pytest.mark.parametrize(
    ("suites", "highest", "expected"),
    [
        (["TLS_AES_128_GCM_SHA256"], _13, True),
        (["TLS_CHACHA20_POLY1305_SHA256"], _13, True),
        (["TLS_AES_256_GCM_SHA384", "TLS_AES_128_CCM_SHA256"], _13, True),
        (["TLS_AES_256_GCM_SHA384"], _13, False),
        # The hash is right, the version is not.
        (["TLS_AES_256_GCM_SHA384", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"], _13, False),
        (["TLS_AES_128_GCM_SHA256"], _12, False),
        ([], _13, False),
    ],
)
def test_a_ticket_needs_a_suite_of_its_hash(suites: Sequence[str], highest: Version, expected: bool) -> None:
    """RFC 9846 §4.7.1 [8446 §4.6.1]."""
    assert usable(session13(), NAME, _rows(*suites), _12, highest) is expected


@pytest.mark.parametrize(
    ("lowest", "highest", "expected"),
    [
        (_12, _12, True),
        (_12, _13, True),
        (Version.TLS10, _13, True),
        (_13, _13, False),
        (Version.TLS10, Version.TLS11, False),
    ],
)
def test_a_session_of_tls12_needs_its_version(lowest: Version, highest: Version, expected: bool) -> None:
    assert usable(session12(), NAME, CIPHER_SUITES, lowest, highest) is expected


def test_a_session_of_tls12_needs_its_suite() -> None:
    """RFC 5246 §7.4.1.2."""
    session = session12()
    assert usable(session, NAME, [session.suite], _12, _13)
    others = [suite for suite in CIPHER_SUITES if suite is not session.suite]
    assert not usable(session, NAME, others, _12, _13)


def test_a_session_without_extended_master_secret_is_not_offered() -> None:
    """RFC 7627 §5.3."""
    assert not usable(session12(extended_master_secret=False), NAME, CIPHER_SUITES, _12, _13)


def _hello(session: Session12, *, extended: bool = True, suite: int | None = None) -> ServerHello:
    extensions = {ext.EXTENDED_MASTER_SECRET: b""} if extended else {}
    code = session.suite.code if suite is None else suite
    return ServerHello(session.version, bytes(32), session.session_id, code, 0, extensions)


def test_an_answer_that_resumes_a_session_as_it_was() -> None:
    session = session12()
    check_resumed(session, _hello(session), _12)
    legacy = session12(extended_master_secret=False)
    check_resumed(legacy, _hello(legacy, extended=False), _12)


def test_an_answer_with_another_suite() -> None:
    session = session12()
    with refused(AlertDescription.ILLEGAL_PARAMETER, "with suite 0xc02f"):
        check_resumed(session, _hello(session, suite=0xC02F), _12)


def test_an_answer_in_another_version() -> None:
    session = session12(suite=_CBC, version=Version.TLS11)
    with refused(AlertDescription.ILLEGAL_PARAMETER, "a session of TLS 1.1 in TLS 1.2"):
        check_resumed(session, _hello(session), _12)


@pytest.mark.parametrize("before", [True, False])
def test_an_answer_with_another_word_on_extended_master_secret(before: bool) -> None:
    """RFC 7627 §5.3."""
    session = session12(extended_master_secret=before)
    with refused(AlertDescription.HANDSHAKE_FAILURE, "another word on extended_master_secret"):
        check_resumed(session, _hello(session, extended=not before), _12)


def _from_handshake(**changes: Any) -> Session12 | None:
    session = session12()
    facts: dict[str, Any] = {
        "version": session.version,
        "suite": session.suite,
        "master_secret": session.master_secret,
        "extended_master_secret": True,
        "max_fragment_length": 1024,
        "session_id": b"id",
        "ticket": None,
        "resumed": None,
        "known": KNOWN,
        "now": NOW,
    }
    return session_from_handshake12(**(facts | changes))


def test_a_full_handshake_leaves_its_session_id() -> None:
    """RFC 5246 §F.1.4: for a day."""
    assert ID_LIFETIME == 24 * 60 * 60
    expected = session12(session_id=b"id", lifetime=ID_LIFETIME, max_fragment_length=1024)
    assert _from_handshake() == expected


@pytest.mark.parametrize(
    ("hint", "lifetime"), [(0, ID_LIFETIME), (1, 1), (300, 300), (MAX_LIFETIME + 1, MAX_LIFETIME)]
)
@pytest.mark.parametrize("resumed", [None, session12()], ids=["full", "resumed"])
def test_a_ticket_stands_in_for_the_session_id(hint: int, lifetime: int, resumed: Session12 | None) -> None:
    """RFC 5077 §3.3, §3.4."""
    session = _from_handshake(ticket=m12.NewSessionTicket(hint, b"ticket"), resumed=resumed)
    expected = session12(session_id=b"", ticket=b"ticket", lifetime=lifetime, max_fragment_length=1024)
    assert session == expected


def test_an_empty_ticket_is_none() -> None:
    """RFC 5077 §3.3."""
    empty = m12.NewSessionTicket(300, b"")
    assert _from_handshake(ticket=empty) == _from_handshake()
    assert _from_handshake(ticket=empty, session_id=b"") is None


def test_a_server_that_wants_to_see_no_session_again() -> None:
    assert _from_handshake(session_id=b"") is None


def test_a_resumed_session_without_a_new_ticket_goes_on_as_it_is() -> None:
    """The session id may be one that the client made up to recognize the resumption by (RFC 5077 §3.4)."""
    assert _from_handshake(resumed=session12()) is None


_SECRET = ResumptionSecret(SUITE, TRACES[0].secret("res master"))


def _ticket(
    lifetime: int = 3600, *, nonce: bytes = b"\0\0", extensions: dict[int, bytes] | None = None
) -> m13.NewSessionTicket:
    return m13.NewSessionTicket(lifetime, 0x12345678, nonce, b"ticket", extensions or {})


def test_the_ticket_of_rfc_8448() -> None:
    (sent,) = (message for message in TRACES[0].messages if message.name == "NewSessionTicket")
    message = m13.NewSessionTicket.parse(sent.body)
    session = session_from_ticket13(message, _SECRET, KNOWN, b"h2", NOW)
    assert session is not None
    assert session.psk == RESUMED.value("client", 'extract secret "early"', "IKM")
    assert session.lifetime == 30
    assert session.max_early_data == 1024
    assert session.suite is SUITE
    assert session.alpn == b"h2"
    # RFC 8448 §4 offers it six milliseconds after it came.
    age = session.obfuscated_age(NOW + 0.0065)
    assert session.ticket + age.to_bytes(4, "big") in RESUMED.messages[0].wire


@pytest.mark.parametrize(
    ("lifetime", "expected"), [(1, 1), (MAX_LIFETIME, MAX_LIFETIME), (2**32 - 1, MAX_LIFETIME)]
)
def test_no_ticket_lives_longer_than_seven_days(lifetime: int, expected: int) -> None:
    session = session_from_ticket13(_ticket(lifetime), _SECRET, KNOWN, None, NOW)
    assert session is not None
    assert session.lifetime == expected
    assert session.created == NOW


def test_a_ticket_without_lifetime_is_discarded() -> None:
    assert session_from_ticket13(_ticket(0), _SECRET, KNOWN, None, NOW) is None


def test_tickets_of_one_connection_have_different_keys() -> None:
    tickets = [_ticket(nonce=nonce) for nonce in (b"", b"\0", b"\1")]
    sessions = [session_from_ticket13(ticket, _SECRET, KNOWN, None, NOW) for ticket in tickets]
    assert len({session.psk for session in sessions if session is not None}) == 3


def test_a_ticket_of_a_resumed_connection_keeps_the_peer_of_the_first() -> None:
    known = KnownPeer.met(PEER, NOW - 6 * 86400)
    session = session_from_ticket13(_ticket(MAX_LIFETIME), _SECRET, known, None, NOW)
    assert session is not None
    assert session.known is known
    assert session.expires == NOW + 86400


@pytest.mark.parametrize("lifetime", [0, 3600])
@pytest.mark.parametrize("data", [b"", b"\0", bytes(3), bytes(5)])
def test_early_data_of_another_length_does_not_parse(lifetime: int, data: bytes) -> None:
    message = _ticket(lifetime, extensions={ext.EARLY_DATA: data})
    with refused(AlertDescription.DECODE_ERROR, "^malformed early_data of NewSessionTicket"):
        session_from_ticket13(message, _SECRET, KNOWN, None, NOW)


def test_how_much_early_data_a_ticket_allows() -> None:
    assert max_early_data(_ticket()) == 0
    assert max_early_data(_ticket(extensions={ext.EARLY_DATA: b"\0\0\x40\0"})) == 2**14
    assert max_early_data(_ticket(extensions={ext.EARLY_DATA: b"\xff" * 4})) == 2**32 - 1
    assert max_early_data(_ticket(extensions={0x7A7A: b"unknown"})) == 0


_EARLY = session13(max_early_data=5, alpn=b"h2")


@pytest.mark.parametrize(
    ("session", "config", "data", "allowed"),
    [
        (_EARLY, TLSConfig(alpn="h2"), b"hello", True),
        (_EARLY, TLSConfig(alpn="h2"), b"hello!", False),
        (_EARLY, TLSConfig(alpn="h2"), b"", False),
        (_EARLY, TLSConfig(alpn="http/1.1"), b"hello", False),
        (_EARLY, TLSConfig(alpn="h2", cipher_suites=["TLS_CHACHA20_POLY1305_SHA256"]), b"hello", False),
        (session13(max_early_data=5), TLSConfig(), b"hello", True),
        (session13(), TLSConfig(), b"hello", False),
        (session12(), TLSConfig(), b"hello", False),
        (None, TLSConfig(), b"hello", False),
    ],
)
def test_which_early_data_may_be_sent(
    session: Session | None, config: TLSConfig, data: bytes, allowed: bool
) -> None:
    """RFC 9846 §4.3.10 [8446 §4.2.10]: under the session's suite and protocol, as much as the ticket allows."""
    assert allows_early_data(session, config, data) is allowed
