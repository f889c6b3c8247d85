"""The handshake of TLS 1.3 with servers that break its rules, one at a time."""

from __future__ import annotations

import pytest

from support.alterations import append, become, flip, have, lack, overwrite, plain, record, shorten
from support.scripted_script import Alteration, ExtensionsAlteration, Script, leaf
from support.scripted_server import PLAIN, accepted, expect_refusal
from trio_secure import AlertDescription, TLSConfig
from trio_secure import _extensions as ext
from trio_secure._codec import vector16, vector24
from trio_secure._errors import AlertLevel

_ALERT = AlertDescription


def _altered(step: str, alteration: Alteration) -> Script:
    return Script(request=True, alter={step: alteration})


def _extended(step: str, alteration: ExtensionsAlteration) -> Script:
    return Script(request=True, extend={step: alteration})


_ANSWERS = ("ServerHello", "HelloRetryRequest", "EncryptedExtensions", "Certificate")
# An extension the client offers, for each message, that has no place in it.
_MISPLACED = {
    "ServerHello": (ext.SERVER_NAME, ext.ALPN, ext.SIGNATURE_ALGORITHMS, ext.COOKIE),
    "HelloRetryRequest": (ext.SERVER_NAME, ext.PRE_SHARED_KEY, ext.EXTENDED_MASTER_SECRET),
    "EncryptedExtensions": (
        ext.KEY_SHARE,
        ext.SUPPORTED_VERSIONS,
        ext.SIGNATURE_ALGORITHMS,
        ext.EXTENDED_MASTER_SECRET,
        ext.EC_POINT_FORMATS,
        ext.RENEGOTIATION_INFO,
        ext.COOKIE,
    ),
    "Certificate": (ext.SERVER_NAME, ext.KEY_SHARE, ext.ALPN),
    "CertificateRequest": (ext.KEY_SHARE, ext.ALPN, ext.SUPPORTED_VERSIONS, ext.SUPPORTED_GROUPS),
}
# ... and one that has, or is not known, and that it does not offer.
_NOT_OFFERED = {
    "ServerHello": (0x1234, ext.PRE_SHARED_KEY),
    "HelloRetryRequest": (0x1234,),
    "EncryptedExtensions": (0x1234, ext.ALPN, ext.EARLY_DATA, ext.MAX_FRAGMENT_LENGTH),
    "Certificate": (0x1234, ext.STATUS_REQUEST, ext.SIGNED_CERTIFICATE_TIMESTAMP),
}


def _with(step: str, code: int) -> Script:
    return Script(request=True, retry_group=0x17, extend={step: have(code, b"")})


@pytest.mark.parametrize(("step", "code"), [(step, code) for step in _MISPLACED for code in _MISPLACED[step]])
async def test_a_known_extension_in_the_wrong_message(step: str, code: int) -> None:
    await expect_refusal(_with(step, code), _ALERT.ILLEGAL_PARAMETER)


@pytest.mark.parametrize(("step", "code"), [(step, code) for step in _ANSWERS for code in _NOT_OFFERED[step]])
async def test_an_extension_that_answers_nothing(step: str, code: int) -> None:
    await expect_refusal(_with(step, code), _ALERT.UNSUPPORTED_EXTENSION)


async def test_an_unknown_extension_in_a_request_is_passed_over() -> None:
    await accepted(_extended("CertificateRequest", have(0x1234, b"whatever")))
    await accepted(_extended("CertificateRequest", have(ext.STATUS_REQUEST, b"")))


@pytest.mark.parametrize(
    ("step", "begin", "end"),
    [
        ("EncryptedExtensions", b"", b""),
        ("CertificateRequest", b"\x00", b""),
    ],
)
async def test_an_extension_twice(step: str, begin: bytes, end: bytes) -> None:
    entry = b"\x00\x0d" + vector16(b"\x00\x02\x04\x03")
    body = begin + vector16(entry + entry) + end
    await expect_refusal(_altered(step, become(body)), _ALERT.ILLEGAL_PARAMETER)


async def test_an_extension_twice_in_a_certificate_entry() -> None:
    entry = b"\x00\x05\x00\x00"
    body = b"\x00" + vector24(vector24(leaf().certificate_der) + vector16(entry + entry))
    await expect_refusal(_altered("Certificate", become(body)), _ALERT.ILLEGAL_PARAMETER)


# EncryptedExtensions


@pytest.mark.parametrize(
    ("code", "data", "description"),
    [
        (ext.ALPN, b"\x00\x09\x08http/0.9", _ALERT.ILLEGAL_PARAMETER),
        (ext.ALPN, b"\x00\x06\x02h2\x02h3", _ALERT.DECODE_ERROR),
        (ext.ALPN, b"\x00\x03\x02h2x", _ALERT.DECODE_ERROR),
        (ext.ALPN, b"\x00\x00", _ALERT.DECODE_ERROR),
        (ext.ALPN, b"\x00\x02\x00\x00", _ALERT.DECODE_ERROR),
        (ext.SERVER_NAME, b"x", _ALERT.DECODE_ERROR),
    ],
)
async def test_an_answer_that_may_not_be_so(code: int, data: bytes, description: AlertDescription) -> None:
    script = _extended("EncryptedExtensions", have(code, data))
    await expect_refusal(script, description, PLAIN.replace(alpn=["h2", "h3"]))


async def test_answers_that_may_be_so() -> None:
    for code, data in ((ext.SERVER_NAME, b""), (ext.SUPPORTED_GROUPS, b"\x00\x02\x00\x1d")):
        await accepted(_extended("EncryptedExtensions", have(code, data)))


# CertificateRequest, Certificate


async def test_a_request_with_a_context() -> None:
    wanted = b"\x00\x0d" + vector16(b"\x00\x02\x04\x03")
    script = _altered("CertificateRequest", become(b"\x01x" + vector16(wanted)))
    await expect_refusal(script, _ALERT.ILLEGAL_PARAMETER)


async def test_a_request_without_signature_algorithms() -> None:
    script = _extended("CertificateRequest", lack(ext.SIGNATURE_ALGORITHMS))
    await expect_refusal(script, _ALERT.MISSING_EXTENSION)


async def test_a_request_is_answered_with_an_empty_certificate() -> None:
    meeting = await accepted(Script(request=True))
    assert [seen.body for seen in meeting.server.messages if seen.type == 11] == [bytes(4)]


async def test_a_certificate_with_a_context() -> None:
    script = _altered("Certificate", lambda body: b"\x01x" + body[1:])
    await expect_refusal(script, _ALERT.ILLEGAL_PARAMETER)


async def test_an_empty_certificate() -> None:
    await expect_refusal(Script(chain=()), _ALERT.DECODE_ERROR)


async def test_an_extension_that_answers_nothing_in_the_second_certificate() -> None:
    certificate = leaf().certificate_der
    body = b"\x00" + vector24(
        vector24(certificate) + b"\x00\x00" + vector24(certificate) + vector16(b"\x12\x34\x00\x00")
    )
    await expect_refusal(_altered("Certificate", become(body)), _ALERT.UNSUPPORTED_EXTENSION)


@pytest.mark.parametrize(
    ("step", "alteration", "description"),
    [
        ("EncryptedExtensions", become(b""), _ALERT.DECODE_ERROR),
        ("EncryptedExtensions", append(b"x"), _ALERT.DECODE_ERROR),
        ("EncryptedExtensions", become(b"\x00\x03\x00\x00\x00"), _ALERT.DECODE_ERROR),
        ("CertificateRequest", append(b"x"), _ALERT.DECODE_ERROR),
        ("CertificateRequest", shorten(1), _ALERT.DECODE_ERROR),
        ("Certificate", append(b"x"), _ALERT.DECODE_ERROR),
        ("Certificate", shorten(1), _ALERT.DECODE_ERROR),
        ("Certificate", become(b"\x00" + vector24(b"\x00\x00\x00\x00\x00")), _ALERT.DECODE_ERROR),
        ("CertificateVerify", append(b"x"), _ALERT.DECODE_ERROR),
        ("CertificateVerify", become(b"\x08"), _ALERT.DECODE_ERROR),
        ("ServerHello", append(b"x"), _ALERT.DECODE_ERROR),
        ("ServerHello", shorten(1), _ALERT.DECODE_ERROR),
        ("ServerHello", become(b"\x03\x03" + bytes(32) + b"\x21" + bytes(40)), _ALERT.DECODE_ERROR),
    ],
)
async def test_a_malformed_message(step: str, alteration: Alteration, description: AlertDescription) -> None:
    await expect_refusal(_altered(step, alteration), description)


# CertificateVerify


@pytest.mark.parametrize("kind", ["p256", "p384", "p521", "ed25519", "rsa"])
async def test_a_forged_signature(kind: str) -> None:
    leaves = {"p256": leaf("p256"), "p384": leaf("p384"), "p521": leaf("p521"), "rsa": leaf("rsa")}
    script = Script(leaf=leaves.get(kind, leaf()), alter={"CertificateVerify": flip(-1)})
    meeting = await expect_refusal(script, _ALERT.DECRYPT_ERROR)
    assert meeting.alert == (AlertLevel.FATAL, _ALERT.DECRYPT_ERROR, True)


async def test_a_signature_by_another_key() -> None:
    """A certificate is public: whoever shows one that is not theirs cannot sign."""
    script = Script(chain=(leaf("p384").certificate_der,), leaf=leaf("p256"), scheme=0x0503)
    await expect_refusal(script, _ALERT.DECRYPT_ERROR)


async def test_a_signature_of_another_handshake() -> None:
    bodies: list[bytes] = []

    def keep(body: bytes) -> bytes:
        bodies.append(body)
        return bodies[0]

    await accepted(Script(alter={"CertificateVerify": keep}))
    await expect_refusal(Script(alter={"CertificateVerify": keep}), _ALERT.DECRYPT_ERROR)


@pytest.mark.parametrize("scheme", [0x0401, 0x0501, 0x0601])
async def test_pkcs1_may_not_sign_a_handshake(scheme: int) -> None:
    """It is offered, for the sake of certificates and of TLS 1.2, and the signature is good."""
    await expect_refusal(Script(leaf=leaf("rsa"), scheme=scheme), _ALERT.ILLEGAL_PARAMETER)


@pytest.mark.parametrize(
    ("kind", "scheme"),
    [
        ("p256", 0x0503),
        ("p384", 0x0403),
        ("p256", 0x0804),
        ("ed25519", 0x0403),
        ("rsa", 0x0403),
        ("rsa", 0x0807),
    ],
)
async def test_a_scheme_that_does_not_fit_the_key(kind: str, scheme: int) -> None:
    key = {"p256": leaf("p256"), "p384": leaf("p384"), "ed25519": leaf(), "rsa": leaf("rsa")}[kind]
    await expect_refusal(Script(leaf=key, scheme=scheme), _ALERT.ILLEGAL_PARAMETER)


@pytest.mark.parametrize("scheme", [0x0203, 0x0201, 0x0808, 0x1234])
async def test_a_scheme_that_nobody_offers(scheme: int) -> None:
    await expect_refusal(Script(scheme=scheme), _ALERT.ILLEGAL_PARAMETER)


async def test_a_scheme_that_this_configuration_does_not_offer() -> None:
    config = TLSConfig(verify=False, signature_algorithms=["ed25519"])
    await expect_refusal(Script(leaf=leaf("p256")), _ALERT.ILLEGAL_PARAMETER, config)


# Finished


@pytest.mark.parametrize("suite", ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384"])
@pytest.mark.parametrize(
    ("alteration", "description"),
    [
        pytest.param(flip(0), _ALERT.DECRYPT_ERROR, id="first-bit"),
        pytest.param(flip(-1), _ALERT.DECRYPT_ERROR, id="last-bit"),
        pytest.param(shorten(1), _ALERT.DECODE_ERROR, id="short"),
        pytest.param(append(b"x"), _ALERT.DECODE_ERROR, id="long"),
        pytest.param(become(b""), _ALERT.DECODE_ERROR, id="empty"),
        pytest.param(become(bytes(64)), _ALERT.DECODE_ERROR, id="of-another-hash"),
    ],
)
async def test_a_finished_that_does_not_match(
    alteration: Alteration, description: AlertDescription, suite: str
) -> None:
    await expect_refusal(Script(suite=suite, alter={"Finished": alteration}), description)


# Records under handshake keys


@pytest.mark.parametrize("step", ["EncryptedExtensions", "CertificateRequest", "Certificate", "Finished"])
async def test_a_flipped_bit_in_a_protected_record(step: str) -> None:
    for at in (5, -1):
        await expect_refusal(Script(request=True, corrupt={step: flip(at)}), _ALERT.BAD_RECORD_MAC)


@pytest.mark.parametrize("step", ["EncryptedExtensions", "Certificate", "Finished"])
async def test_nothing_goes_in_the_clear_once_there_are_keys(step: str) -> None:
    for content_type, content in ((22, b"\x08\x00\x00\x02\x00\x00"), (21, b"\x01\x00"), (21, b"\x02\x28")):
        script = Script(before={step: plain(content_type, content)})
        await expect_refusal(script, _ALERT.UNEXPECTED_MESSAGE)


@pytest.mark.parametrize("step", ["ServerHello", "EncryptedExtensions", "Certificate", "Finished"])
async def test_a_dummy_change_cipher_spec_is_dropped(step: str) -> None:
    await accepted(Script(before={step: plain(20, b"\x01")}))


async def test_a_protected_change_cipher_spec_is_unexpected() -> None:
    await expect_refusal(Script(before={"Certificate": record(20, b"\x01")}), _ALERT.UNEXPECTED_MESSAGE)


@pytest.mark.parametrize("step", ["ServerHello", "Finished", "HelloRetryRequest"])
async def test_a_message_reaches_across_a_change_of_keys(step: str) -> None:
    for rest in (b"\x08", b"\x08\x00\x00\x02\x00", b"\x08\x00\x00\x02\x00\x00"):
        script = Script(retry_group=0x17 if step == "HelloRetryRequest" else None, trail={step: rest})
        await expect_refusal(script, _ALERT.UNEXPECTED_MESSAGE)


# The share


@pytest.mark.parametrize(
    ("group", "share"),
    [
        ("x25519", bytes(32)),
        ("x25519", bytes(31)),
        ("x25519", bytes(33)),
        ("secp256r1", b"\x04" + bytes(64)),
        ("secp256r1", b"\x02" + bytes(64)),
        ("secp256r1", b"\x04" + bytes(63)),
        ("X25519MLKEM768", bytes(1088 + 32)),
        ("X25519MLKEM768", bytes(1088)),
    ],
)
async def test_a_share_that_is_no_good(group: str, share: bytes) -> None:
    config = TLSConfig(verify=False, key_shares=[group])
    await expect_refusal(Script(group=group, share=share), _ALERT.ILLEGAL_PARAMETER, config)


async def test_a_bad_hello_is_answered_in_the_clear() -> None:
    meeting = await expect_refusal(_altered("ServerHello", overwrite(69, b"\x01")), _ALERT.ILLEGAL_PARAMETER)
    assert meeting.alert == (AlertLevel.FATAL, _ALERT.ILLEGAL_PARAMETER, False)
