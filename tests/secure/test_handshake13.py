"""The handshake of TLS 1.3 with honest servers, and with servers that break its rules, one at a time.

What is particular to resumed sessions stands in `test_resumed13`, what is to early data in `test_early_data`.
"""

from __future__ import annotations

import dataclasses
import zlib
from collections.abc import Callable
from importlib import import_module

import pytest

from support.alterations import append, become, flip, have, lack, overwrite, plain, record, shorten
from support.identities import client, identity
from support.scripted_flows import FLOWS, Flow
from support.scripted_script import Alteration, ExtensionsAlteration, Script, leaf
from support.scripted_server import PLAIN, accepted, expect_refusal
from support.scripted_wire import ServerWire
from trio_secure import AlertDescription, TLSConfig
from trio_secure import _extensions as ext
from trio_secure._codec import vector16, vector24
from trio_secure._errors import AlertLevel
from trio_secure._messages13 import Certificate
from trio_secure._versions import Version

_ALERT = AlertDescription


def _altered(step: str, alteration: Alteration) -> Script:
    return Script(request=True, alter={step: alteration})


def _extended(step: str, alteration: ExtensionsAlteration) -> Script:
    return Script(request=True, extend={step: alteration})


_flows = pytest.mark.parametrize(
    "flow", [flow for flow in FLOWS if flow.version >= Version.TLS13], ids=lambda flow: flow.name
)


@_flows
@pytest.mark.parametrize("trickle", [False, True])
async def test_an_honest_server_is_understood(flow: Flow, trickle: bool) -> None:
    meeting = await flow.run(trickle=trickle)
    assert meeting.info is not None
    assert meeting.info.version == Version.TLS13
    assert meeting.info.resumed is meeting.server.resumed is (flow.resumes is not None)
    assert meeting.info.early_data_accepted is (True if flow.early_data else None)
    assert meeting.server.early_data == flow.early_data
    assert meeting.info.peer_certificates[0] == flow.script.leaf.certificate_der


@_flows
async def test_a_change_cipher_spec_goes_before_the_second_flight(flow: Flow) -> None:
    """RFC 9846 §E.4 [8446 §D.4], for the sake of middleboxes: once, wherever that flight begins."""
    meeting = await flow.run()
    assert meeting.server.records.count(20) == 1
    assert meeting.server.records[:2] == [22, 20]


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
    await expect_refusal(_with(step, code), _ALERT.UNSUPPORTED_EXTENSION, PLAIN.replace(ocsp="ignore"))


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


@pytest.mark.parametrize(
    ("alteration", "description"),
    [
        (lack(ext.SIGNATURE_ALGORITHMS), _ALERT.MISSING_EXTENSION),
        (have(ext.SIGNATURE_ALGORITHMS, b"\0\0"), _ALERT.DECODE_ERROR),
        (have(ext.KEY_SHARE, b""), _ALERT.ILLEGAL_PARAMETER),
        (have(ext.CERTIFICATE_AUTHORITIES, b"\0\0"), _ALERT.DECODE_ERROR),
        (have(ext.OID_FILTERS, b"\0\1"), _ALERT.DECODE_ERROR),
    ],
)
async def test_what_is_wrong_with_a_request_is_told_at_once(
    alteration: ExtensionsAlteration, description: AlertDescription
) -> None:
    """The server says nothing more."""

    async def listen(server: ServerWire) -> None:
        await server.receive_record()

    script = dataclasses.replace(
        _extended("CertificateRequest", alteration), after={"CertificateRequest": listen}
    )
    await expect_refusal(script, description)


async def test_a_request_is_answered_with_an_empty_certificate() -> None:
    meeting = await accepted(Script(request=True))
    assert [seen.body for seen in meeting.server.messages if seen.type == 11] == [bytes(4)]


async def test_a_request_is_answered_with_the_identity_that_fits() -> None:
    config = PLAIN.replace(client_identities=[identity("rsa"), identity("p256")])
    script = Script(request=True, schemes=[0x0403])
    meeting = await accepted(script, config)
    assert meeting.info is not None
    assert (
        meeting.info.client_certificates == tuple(meeting.server.client_chain) == tuple(client().chain_ders)
    )
    assert [seen.type for seen in meeting.server.messages] == [1, 11, 15, 20]
    # Nobody asks in a connection that is resumed, and nobody is shown.
    meeting = await accepted(Script(), config)
    assert meeting.info is not None
    assert meeting.info.client_certificates == ()


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


# CompressedCertificate

_COMPRESS: dict[int, Callable[[bytes], bytes]] = {
    1: zlib.compress,
    2: import_module("brotli").compress,
    3: import_module("zstandard").compress,
}


def _announcing(length: int) -> Alteration:
    return overwrite(2, length.to_bytes(3, "big"))


def _content(change: Alteration) -> Alteration:
    """Behind the algorithm and the announced length."""
    return lambda body: body[:5] + vector24(change(body[8:]))


@pytest.mark.parametrize("code", _COMPRESS)
async def test_a_compressed_certificate(code: int) -> None:
    meeting = await accepted(Script(compress=(code, _COMPRESS[code])))
    assert meeting.info is not None
    assert meeting.info.peer_certificates == (leaf().certificate_der,)


@pytest.mark.parametrize("code", _COMPRESS)
@pytest.mark.parametrize(
    ("alteration", "description"),
    [
        pytest.param(_announcing(0), _ALERT.BAD_CERTIFICATE, id="nothing-announced"),
        pytest.param(_announcing(100), _ALERT.BAD_CERTIFICATE, id="shorter-announced"),
        pytest.param(_announcing(60_000), _ALERT.BAD_CERTIFICATE, id="longer-announced"),
        pytest.param(_announcing(Certificate.max_length + 1), _ALERT.BAD_CERTIFICATE, id="too-long"),
        pytest.param(_content(shorten(4)), _ALERT.BAD_CERTIFICATE, id="ends-in-the-middle"),
        pytest.param(_content(overwrite(0, b"\xff")), _ALERT.BAD_CERTIFICATE, id="damaged"),
        pytest.param(append(b"x"), _ALERT.DECODE_ERROR, id="one-byte-more"),
        pytest.param(shorten(1), _ALERT.DECODE_ERROR, id="one-byte-less"),
        pytest.param(_content(become(b"")), _ALERT.DECODE_ERROR, id="nothing-in-it"),
        pytest.param(overwrite(0, b"\x12\x34"), _ALERT.ILLEGAL_PARAMETER, id="another-algorithm"),
    ],
)
async def test_a_compressed_certificate_that_is_no_good(
    code: int, alteration: Alteration, description: AlertDescription
) -> None:
    script = Script(compress=(code, _COMPRESS[code]), alter={"CompressedCertificate": alteration})
    await expect_refusal(script, description)


@pytest.mark.parametrize("code", _COMPRESS)
async def test_a_bomb_is_not_unpacked(code: int) -> None:
    """RFC 8879 §5: it is given up once more comes out than was announced."""

    def bomb(content: bytes) -> bytes:
        return _COMPRESS[code](content + bytes(2**20))

    await expect_refusal(Script(compress=(code, bomb)), _ALERT.BAD_CERTIFICATE)


async def test_what_is_compressed_is_parsed_like_any_certificate() -> None:
    def compress(content: bytes) -> bytes:
        return zlib.compress(content[:-1] + b"x")

    await expect_refusal(Script(compress=(1, compress), chain=()), _ALERT.DECODE_ERROR)


async def test_a_compression_that_was_not_offered() -> None:
    script = Script(compress=(1, zlib.compress))
    await expect_refusal(script, _ALERT.ILLEGAL_PARAMETER, PLAIN.replace(certificate_compression=["zstd"]))
    await expect_refusal(script, _ALERT.UNEXPECTED_MESSAGE, PLAIN.replace(certificate_compression=()))


# What is stapled


@pytest.mark.parametrize("compress", [None, (1, zlib.compress)])
async def test_what_is_stapled_is_told(compress: tuple[int, Callable[[bytes], bytes]] | None) -> None:
    script = Script(
        status=b"an OCSP response", scts=vector16(vector16(b"one") + vector16(b"two")), compress=compress
    )
    meeting = await accepted(script, PLAIN.replace(signed_certificate_timestamps=True))
    assert meeting.info is not None
    assert meeting.info.ocsp_response == b"an OCSP response"
    assert meeting.info.signed_certificate_timestamps == (b"one", b"two")


@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize(
    ("code", "data"),
    [
        (ext.STATUS_REQUEST, b""),
        (ext.STATUS_REQUEST, b"\x02\0\0\x01x"),
        (ext.STATUS_REQUEST, b"\x01\0\0\0"),
        (ext.STATUS_REQUEST, b"\x01\0\0\x01xx"),
        (ext.SIGNED_CERTIFICATE_TIMESTAMP, b""),
        (ext.SIGNED_CERTIFICATE_TIMESTAMP, b"\0\0"),
        (ext.SIGNED_CERTIFICATE_TIMESTAMP, b"\0\x02\0\0"),
        (ext.SIGNED_CERTIFICATE_TIMESTAMP, b"\0\x03\0\x01xx"),
    ],
)
async def test_what_is_stapled_has_to_parse(place: int, code: int, data: bytes) -> None:
    blocks = [b"\0\0", b"\0\0"]
    blocks[place] = vector16(code.to_bytes(2, "big") + vector16(data))
    body = b"\0" + vector24(b"".join(vector24(leaf().certificate_der) + block for block in blocks))
    config = PLAIN.replace(signed_certificate_timestamps=True)
    await expect_refusal(_altered("Certificate", become(body)), _ALERT.DECODE_ERROR, config)


async def test_what_is_stapled_to_an_issuer_is_not_the_servers() -> None:
    staple = vector16(b"\0\x05" + vector16(b"\x01" + vector24(b"of the issuer")))
    der = vector24(leaf().certificate_der)
    meeting = await accepted(
        Script(alter={"Certificate": become(b"\0" + vector24(der + b"\0\0" + der + staple))})
    )
    assert meeting.info is not None
    assert meeting.info.ocsp_response is None
    assert len(meeting.info.peer_certificates) == 2


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


# Early data, of which there is more in `test_early_data`

_EARLY = next(flow for flow in FLOWS if flow.early_data)


async def test_early_data_that_is_not_taken() -> None:
    meeting = await _EARLY.run(early_data=False)
    assert meeting.info is not None
    assert meeting.info.early_data_accepted is False
    assert meeting.info.resumed


async def test_early_data_that_is_taken_without_its_session() -> None:
    script, config, early_data = _EARLY.part(extend={"EncryptedExtensions": have(ext.EARLY_DATA, b"")})
    script = dataclasses.replace(script, memory=None)
    await expect_refusal(script, _ALERT.ILLEGAL_PARAMETER, config, early_data=early_data)
