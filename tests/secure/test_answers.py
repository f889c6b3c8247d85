"""What a server's extensions settle."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from trio_secure import AlertDescription, PeerMisbehaved, TLSConfig
from trio_secure import _extensions as ext
from trio_secure._answers import Answers, answers12, answers13
from trio_secure._messages import ServerHello
from trio_secure._messages13 import EncryptedExtensions
from trio_secure._names import ServerName
from trio_secure._offer import Offer
from trio_secure._suites import SUITES_BY_NAME
from trio_secure._versions import Version
from trio_secure._wire import RecordLimits

_ALERT = AlertDescription
_NAME = ServerName.parse("scripted.test")
_CBC, _GCM = "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"
_ASKS = TLSConfig(
    alpn=["h2"], cipher_suites=[_CBC, _GCM, "TLS_AES_128_GCM_SHA256"], signed_certificate_timestamps=True
)


def _of_13(extensions: Mapping[int, bytes], config: TLSConfig = _ASKS) -> Answers:
    return answers13(EncryptedExtensions(extensions), Offer.fresh(config, _NAME))


def _of_12(extensions: Mapping[int, bytes], config: TLSConfig = _ASKS, suite: str = _GCM) -> Answers:
    hello = ServerHello(0x0303, bytes(32), b"", 0, 0, extensions)
    return answers12(hello, Offer.fresh(config, _NAME), Version.TLS12, SUITES_BY_NAME[suite])


_Read = Callable[..., Answers]
BOTH = pytest.mark.parametrize("answers", [_of_12, _of_13])


@BOTH
def test_a_server_need_not_answer(answers: _Read) -> None:
    settled = answers({})
    assert settled.alpn is None
    assert settled.limits == RecordLimits()
    assert not settled.session_ticket


def test_of_tls13_secrets_are_always_bound_to_the_handshake() -> None:
    assert _of_13({}).extended_master_secret
    assert not _of_12({}).extended_master_secret
    assert _of_12({ext.EXTENDED_MASTER_SECRET: b""}).extended_master_secret


def test_what_tls12_answers() -> None:
    settled = _of_12(
        {
            ext.SERVER_NAME: b"",
            ext.SESSION_TICKET: b"",
            ext.STATUS_REQUEST: b"",
            ext.SIGNED_CERTIFICATE_TIMESTAMP: b"\0\5\0\3sct",
            ext.EC_POINT_FORMATS: b"\2\1\0",
            ext.RENEGOTIATION_INFO: b"\0",
        }
    )
    assert settled.session_ticket
    assert settled.status_request
    assert settled.scts == (b"sct",)


# ALPN


@BOTH
def test_the_protocol_is_one_of_those_offered(answers: _Read) -> None:
    assert answers({ext.ALPN: b"\0\3\2h2"}).alpn == b"h2"
    with pytest.raises(PeerMisbehaved, match="b'h3', which was not offered") as caught:
        answers({ext.ALPN: b"\0\3\2h3"})
    assert caught.value.alert == _ALERT.ILLEGAL_PARAMETER


@BOTH
@pytest.mark.parametrize(
    "data",
    [b"", b"\0\0", b"\0\1\0", b"\0\3\3h2", b"\0\6\2h2\2h2", b"\0\3\2h2x", b"\0\4\2h2x", b"\0\2\2h2"],
)
def test_the_protocol_is_exactly_one(answers: _Read, data: bytes) -> None:
    with pytest.raises(PeerMisbehaved) as caught:
        answers({ext.ALPN: data})
    assert caught.value.alert == _ALERT.DECODE_ERROR


# Empty ones


@pytest.mark.parametrize(
    "code",
    [
        ext.SERVER_NAME,
        ext.EXTENDED_MASTER_SECRET,
        ext.ENCRYPT_THEN_MAC,
        ext.SESSION_TICKET,
        ext.STATUS_REQUEST,
    ],
)
def test_what_has_to_be_empty_in_tls12(code: int) -> None:
    with pytest.raises(PeerMisbehaved) as caught:
        _of_12({code: b"x"}, suite=_CBC)
    assert caught.value.alert == _ALERT.DECODE_ERROR


def test_what_has_to_be_empty_in_tls13() -> None:
    with pytest.raises(PeerMisbehaved) as caught:
        _of_13({ext.SERVER_NAME: b"x"})
    assert caught.value.alert == _ALERT.DECODE_ERROR


# What was not asked for, or stands in the wrong place


@pytest.mark.parametrize("code", [ext.ALPN, ext.EARLY_DATA, ext.RECORD_SIZE_LIMIT, 0x1234])
def test_an_answer_to_nothing_in_tls13(code: int) -> None:
    with pytest.raises(PeerMisbehaved) as caught:
        _of_13({code: b""}, TLSConfig())
    assert caught.value.alert == _ALERT.UNSUPPORTED_EXTENSION


@pytest.mark.parametrize(
    "code",
    [
        ext.ALPN,
        ext.MAX_FRAGMENT_LENGTH,
        ext.ENCRYPT_THEN_MAC,
        ext.KEY_SHARE,
        ext.SUPPORTED_VERSIONS,
        ext.PADDING,
        0x1234,
    ],
)
def test_an_answer_to_nothing_in_tls12(code: int) -> None:
    with pytest.raises(PeerMisbehaved) as caught:
        _of_12({code: b""}, TLSConfig(max_version=Version.TLS12))
    assert caught.value.alert == _ALERT.UNSUPPORTED_EXTENSION


@pytest.mark.parametrize("code", [ext.KEY_SHARE, ext.EXTENDED_MASTER_SECRET, ext.STATUS_REQUEST])
def test_an_answer_in_the_wrong_message(code: int) -> None:
    with pytest.raises(PeerMisbehaved) as caught:
        _of_13({code: b""})
    assert caught.value.alert == _ALERT.ILLEGAL_PARAMETER


# CBC, renegotiation, point formats, timestamps


def test_encrypt_then_mac_needs_a_mac() -> None:
    assert _of_12({ext.ENCRYPT_THEN_MAC: b""}, suite=_CBC).encrypt_then_mac
    with pytest.raises(PeerMisbehaved, match="which has no MAC") as caught:
        _of_12({ext.ENCRYPT_THEN_MAC: b""})
    assert caught.value.alert == _ALERT.ILLEGAL_PARAMETER


@pytest.mark.parametrize(
    ("data", "alert"),
    [
        (b"\1x", _ALERT.HANDSHAKE_FAILURE),
        (b"\14" + bytes(12), _ALERT.HANDSHAKE_FAILURE),
        (b"", _ALERT.DECODE_ERROR),
        (b"\0x", _ALERT.DECODE_ERROR),
        (b"\2x", _ALERT.DECODE_ERROR),
    ],
)
def test_there_is_no_earlier_handshake(data: bytes, alert: AlertDescription) -> None:
    with pytest.raises(PeerMisbehaved) as caught:
        _of_12({ext.RENEGOTIATION_INFO: data})
    assert caught.value.alert == alert


@pytest.mark.parametrize(
    ("data", "alert"),
    [(b"\1\1", _ALERT.ILLEGAL_PARAMETER), (b"\0", _ALERT.DECODE_ERROR), (b"\1\0\0", _ALERT.DECODE_ERROR)],
)
def test_points_may_be_uncompressed(data: bytes, alert: AlertDescription) -> None:
    with pytest.raises(PeerMisbehaved) as caught:
        _of_12({ext.EC_POINT_FORMATS: data})
    assert caught.value.alert == alert


@pytest.mark.parametrize("data", [b"", b"\0\0", b"\0\2\0\0", b"\0\1x"])
def test_timestamps_are_a_list_of_some(data: bytes) -> None:
    with pytest.raises(PeerMisbehaved) as caught:
        _of_12({ext.SIGNED_CERTIFICATE_TIMESTAMP: data})
    assert caught.value.alert == _ALERT.DECODE_ERROR


# Limits


@BOTH
def test_the_fragment_length_asked_for(answers: _Read) -> None:
    config = TLSConfig(max_fragment_length=1024, cipher_suites=[_GCM, "TLS_AES_128_GCM_SHA256"])
    assert answers({ext.MAX_FRAGMENT_LENGTH: b"\2"}, config).limits == RecordLimits(fragment=1024)
    for data, alert in (
        (b"\1", _ALERT.ILLEGAL_PARAMETER),
        (b"\3", _ALERT.ILLEGAL_PARAMETER),
        (b"\0", _ALERT.ILLEGAL_PARAMETER),
        (b"", _ALERT.DECODE_ERROR),
        (b"\2\2", _ALERT.DECODE_ERROR),
    ):
        with pytest.raises(PeerMisbehaved) as caught:
            answers({ext.MAX_FRAGMENT_LENGTH: data}, config)
        assert caught.value.alert == alert


@pytest.mark.parametrize(
    ("limit", "in_12", "in_13"),
    [
        (0, False, False),
        (63, False, False),
        (64, True, True),
        (16384, True, True),
        (16385, False, True),
        (16386, False, False),
    ],
)
def test_a_record_size_limit_has_its_bounds(limit: int, in_12: bool, in_13: bool) -> None:
    config = TLSConfig(record_size_limit=1000, cipher_suites=[_GCM, "TLS_AES_128_GCM_SHA256"])
    answer = {ext.RECORD_SIZE_LIMIT: limit.to_bytes(2, "big")}
    for answers, good in ((_of_12, in_12), (_of_13, in_13)):
        if good:
            assert answers(answer, config).limits == RecordLimits(receive=1000, send=limit)
        else:
            with pytest.raises(PeerMisbehaved) as caught:
                answers(answer, config)
            assert caught.value.alert == _ALERT.ILLEGAL_PARAMETER


@pytest.mark.parametrize(("asked", "in_12", "in_13"), [(16384, 16384, 16384), (16385, 16384, 16385)])
def test_what_was_asked_for_is_no_more_than_the_version_allows(asked: int, in_12: int, in_13: int) -> None:
    config = TLSConfig(record_size_limit=asked, cipher_suites=[_GCM, "TLS_AES_128_GCM_SHA256"])
    for answers, ours in ((_of_12, in_12), (_of_13, in_13)):
        assert answers({ext.RECORD_SIZE_LIMIT: b"\1\0"}, config).limits.receive == ours


@pytest.mark.parametrize("offered", [{"max_fragment_length": 512}, {"record_size_limit": 1000}, {}])
def test_the_two_kinds_of_limit_exclude_each_other(offered: dict[str, int]) -> None:
    config = TLSConfig(cipher_suites=[_GCM, "TLS_AES_128_GCM_SHA256"]).replace(**offered)
    both = {ext.MAX_FRAGMENT_LENGTH: b"\1", ext.RECORD_SIZE_LIMIT: b"\x10\0"}
    for answers in (_of_12, _of_13):
        with pytest.raises(PeerMisbehaved, match="both max_fragment_length and record_size_limit") as caught:
            answers(both, config)
        assert caught.value.alert == _ALERT.ILLEGAL_PARAMETER


@pytest.mark.parametrize("data", [b"", b"\1", b"\1\0\0"])
def test_a_record_size_limit_is_one_number(data: bytes) -> None:
    with pytest.raises(PeerMisbehaved) as caught:
        _of_13({ext.RECORD_SIZE_LIMIT: data}, TLSConfig(record_size_limit=1000))
    assert caught.value.alert == _ALERT.DECODE_ERROR
