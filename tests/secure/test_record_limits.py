"""Record sizes as agreed on (RFC 6066 §4, RFC 8449), and padding: both ways, in each version."""

from __future__ import annotations

import dataclasses
import time
from typing import Any

import pytest

from support.alterations import have, several
from support.identities import identity
from support.scripted_flows import Shelf, known
from support.scripted_script import Act, Script, echo, leaf
from support.scripted_server import PLAIN, accepted, expect_refusal, met
from support.scripted_sessions import Memory
from support.scripted_wire import DATA, ServerWire
from support.sessions import session12
from trio_secure import AlertDescription, TLSConfig
from trio_secure import _extensions as ext
from trio_secure._keys12 import MasterSecret
from trio_secure._protection13 import Sealer13
from trio_secure._settings import FRAGMENT_LENGTHS
from trio_secure._versions import Version

_OVERFLOW = AlertDescription.RECORD_OVERFLOW
_VERSIONS = pytest.mark.parametrize(
    "version", [Version.TLS13, Version.TLS12, Version.TLS11], ids=lambda version: version.label
)
_LENGTHS = pytest.mark.parametrize("length", FRAGMENT_LENGTHS)
# What is sent there and back: more than any of the limits here.
_DATA = bytes(range(256)) * 40


def _script(version: Version, code: int, answer: bytes, **fields: Any) -> Script:
    """A server that answers an extension."""
    step = "EncryptedExtensions" if version >= Version.TLS13 else "ServerHello"
    script = Script(version=version, leaf=leaf("p256"), extend={step: have(code, answer)})
    return dataclasses.replace(script, **fields)


def _config(version: Version, **fields: object) -> TLSConfig:
    return PLAIN.replace(min_version=min(version, Version.TLS12), **fields)


def _in_pieces(size: int) -> Act:
    """What a server does that keeps to a limit: it sends data back so much at a time."""

    async def act(server: ServerWire) -> None:
        while True:
            data = await server.receive_data()
            for start in range(0, len(data), size):
                server.send_record(DATA, data[start : start + size])
            await server.flush()

    return act


def _one_record(size: int) -> Act:
    async def act(server: ServerWire) -> None:
        server.send_record(DATA, bytes(size))

    return several(act, echo)


# max_fragment_length


@_VERSIONS
@_LENGTHS
async def test_both_keep_to_a_fragment_length(version: Version, length: int) -> None:
    code = bytes([FRAGMENT_LENGTHS[length]])
    script = _script(
        version, ext.MAX_FRAGMENT_LENGTH, code, fragment=length, request=True, then=_in_pieces(length)
    )
    config = _config(version, max_fragment_length=length, client_identities=[identity("rsa")])
    meeting = await accepted(
        dataclasses.replace(script, schemes=(0x0804, 0x0401), types=b"\x01"), config, data=_DATA
    )
    assert meeting.info is not None
    assert meeting.info.max_fragment_length == length
    assert meeting.server.client_chain
    # The first record is the ClientHello, before anything is agreed on.
    assert max(meeting.server.sizes[1:]) == length


@_VERSIONS
@_LENGTHS
async def test_a_longer_fragment_is_refused(version: Version, length: int) -> None:
    code = bytes([FRAGMENT_LENGTHS[length]])
    config = _config(version, max_fragment_length=length)
    script = _script(version, ext.MAX_FRAGMENT_LENGTH, code, fragment=length)
    await expect_refusal(
        dataclasses.replace(script, then=_one_record(length + 1)), _OVERFLOW, config, talk=True
    )


@_VERSIONS
async def test_a_longer_fragment_is_refused_in_the_handshake_too(version: Version) -> None:
    """RFC 6066 §4: "immediately begin fragmenting messages (including handshake messages)"."""
    config = _config(version, max_fragment_length=512)
    chain = (leaf("p256").certificate_der,) * 2
    await expect_refusal(_script(version, ext.MAX_FRAGMENT_LENGTH, b"\x01", chain=chain), _OVERFLOW, config)


@_VERSIONS
async def test_a_fragment_length_that_is_not_answered_is_none(version: Version) -> None:
    script = Script(version=version, leaf=leaf("p256"))
    meeting = await accepted(script, _config(version, max_fragment_length=512), data=bytes(2**14))
    assert meeting.info is not None
    assert meeting.info.max_fragment_length is None
    assert max(meeting.server.sizes) == 2**14


@pytest.mark.parametrize("version", [Version.TLS12, Version.TLS11])
async def test_a_fragment_length_lasts_as_long_as_its_session(version: Version) -> None:
    """RFC 6066 §4: "for the duration of the session including session resumptions"."""
    script = Script(version=version, leaf=leaf("p256"))
    memory, now = Memory(), time.time()
    memory.masters[b"ticket"] = MasterSecret(script.suite_row, version, bytes(48))
    session = session12(
        suite=script.suite_row,
        version=version,
        session_id=b"",
        ticket=b"ticket",
        master_secret=bytes(48),
        known=known(now),
        created=now,
        max_fragment_length=512,
    )
    config = _config(version, max_fragment_length=512, cache=Shelf(session))
    resuming = dataclasses.replace(script, memory=memory, then=_in_pieces(512))
    meeting = await accepted(resuming, config, data=_DATA)
    assert meeting.info is not None
    assert meeting.info.resumed
    assert meeting.info.max_fragment_length == 512
    assert max(meeting.server.sizes[1:]) == 512
    await expect_refusal(dataclasses.replace(resuming, then=_one_record(513)), _OVERFLOW, config, talk=True)


# record_size_limit


def _content(version: Version, limit: int) -> int:
    """How much content a record may hold: in TLS 1.3 the limit counts the content type (RFC 8449 §4)."""
    return limit - 1 if version >= Version.TLS13 else limit


@_VERSIONS
@pytest.mark.parametrize(("ours", "theirs"), [(64, 64), (100, 1000), (1000, 100), (2**14, 64)])
async def test_each_keeps_to_the_others_limit(version: Version, ours: int, theirs: int) -> None:
    script = _script(
        version,
        ext.RECORD_SIZE_LIMIT,
        theirs.to_bytes(2, "big"),
        fragment=_content(version, 64),
        request=True,
        then=_in_pieces(_content(version, ours)),
    )
    config = _config(version, record_size_limit=ours, client_identities=[identity("p256")])
    meeting = await accepted(script, config, data=_DATA)
    assert meeting.info is not None
    assert meeting.info.record_size_limit == theirs
    assert meeting.server.client_chain
    # In TLS 1.2 the client's first messages are not protected yet, and no limit is for them.
    last = meeting.server.sizes[-50:]
    assert max(last) == _content(version, theirs)
    if version >= Version.TLS13:
        assert max(meeting.server.sizes[1:]) == _content(version, theirs)


@_VERSIONS
@pytest.mark.parametrize("limit", [64, 1000, 2**14])
async def test_a_record_above_our_limit_is_refused(version: Version, limit: int) -> None:
    most = _content(version, limit)
    config = _config(version, record_size_limit=limit)
    script = _script(version, ext.RECORD_SIZE_LIMIT, b"\x10\x00", fragment=_content(version, 64))
    await expect_refusal(
        dataclasses.replace(script, then=_one_record(most + 1)), _OVERFLOW, config, talk=True
    )
    fits = dataclasses.replace(script, then=_in_pieces(most))
    await accepted(fits, config, data=bytes(most))


@pytest.mark.parametrize("version", [Version.TLS12, Version.TLS11])
async def test_what_only_tls13_allows_does_not_stretch_the_limit_of_older_versions(version: Version) -> None:
    config = _config(version, record_size_limit=2**14 + 1)
    script = _script(version, ext.RECORD_SIZE_LIMIT, b"\x40\x00", then=_one_record(2**14 + 1))
    await expect_refusal(script, _OVERFLOW, config, talk=True)


@_VERSIONS
@pytest.mark.parametrize("offered", [{"max_fragment_length": 512}, {"record_size_limit": 1000}, {}])
async def test_the_two_kinds_of_limit_exclude_each_other(version: Version, offered: dict[str, int]) -> None:
    """RFC 8449 §5: receipt of both is an illegal_parameter, whichever was offered."""
    step = "EncryptedExtensions" if version >= Version.TLS13 else "ServerHello"
    both = {ext.MAX_FRAGMENT_LENGTH: b"\x01", ext.RECORD_SIZE_LIMIT: b"\x10\x00"}
    script = Script(version=version, leaf=leaf("p256"), extend={step: lambda answers: {**answers, **both}})
    await expect_refusal(script, AlertDescription.ILLEGAL_PARAMETER, _config(version, **offered))


async def test_padding_counts() -> None:
    """RFC 8449 §4: "The value includes the content type and padding added in TLS 1.3"."""

    def padded(padding: int) -> Act:
        async def act(server: ServerWire) -> None:
            assert isinstance(server.sealer, Sealer13)
            out = memoryview(bytearray(500))
            server.send_bytes(out[: server.sealer.seal(DATA, b"data", out, padding)].tobytes())

        return act

    config = PLAIN.replace(record_size_limit=100)
    script = _script(Version.TLS13, ext.RECORD_SIZE_LIMIT, b"\x10\x00", fragment=63)
    await expect_refusal(
        dataclasses.replace(script, then=several(padded(96), echo)), _OVERFLOW, config, talk=True
    )
    async with met(dataclasses.replace(script, then=several(padded(95), echo)), config) as (stream, _):
        assert await stream.receive_some() == b"data"


async def test_a_protected_handshake_message_is_a_record_too() -> None:
    chain = (leaf("p256").certificate_der,) * 2
    script = _script(Version.TLS13, ext.RECORD_SIZE_LIMIT, b"\x10\x00", chain=chain)
    await expect_refusal(script, _OVERFLOW, PLAIN.replace(record_size_limit=500))


async def test_unprotected_messages_are_not_subject_to_the_limit() -> None:
    """RFC 8449 §4: so the handshake of TLS 1.2 is free to be as it is."""
    chain = (leaf("p256").certificate_der,) * 4
    script = _script(Version.TLS12, ext.RECORD_SIZE_LIMIT, b"\x00\x40", chain=chain, then=_in_pieces(64))
    await accepted(script, PLAIN.replace(record_size_limit=64))


@_VERSIONS
async def test_a_limit_that_is_not_answered_is_none(version: Version) -> None:
    script = Script(version=version, leaf=leaf("p256"))
    meeting = await accepted(script, _config(version, record_size_limit=64), data=bytes(2**14))
    assert meeting.info is not None
    assert meeting.info.record_size_limit is None


# Padding


@pytest.mark.parametrize("multiple", [1, 2, 16, 512, 1000, 2**14])
async def test_what_is_sent_is_padded(multiple: int) -> None:
    """Every protected record of TLS 1.3, its content type counted, and none beyond what a record may hold."""
    script = Script(leaf=leaf("p256"), request=True)
    config = PLAIN.replace(record_padding=multiple, client_identities=[identity("p256")])
    meeting = await accepted(script, config, data=_DATA + bytes(2**14))
    server = meeting.server
    protected = [
        length - 16 for kind, length in zip(server.records, server.lengths, strict=True) if kind == DATA
    ]
    assert protected
    assert all(length % multiple == 0 or length == 2**14 + 1 for length in protected)


async def test_padding_keeps_to_the_servers_limit() -> None:
    script = _script(Version.TLS13, ext.RECORD_SIZE_LIMIT, b"\x00\x64", then=_in_pieces(2**14))
    config = PLAIN.replace(record_padding=64, record_size_limit=2**14 + 1)
    meeting = await accepted(script, config, data=_DATA)
    server = meeting.server
    lengths = {
        length - 16 for kind, length in zip(server.records, server.lengths, strict=True) if kind == DATA
    }
    assert lengths == {64, 100}


async def test_below_tls13_nothing_is_padded() -> None:
    script = Script(version=Version.TLS12, leaf=leaf("p256"))
    plain = await accepted(script, PLAIN)
    padded = await accepted(script, PLAIN.replace(record_padding=512))
    assert padded.server.lengths[-2:] == plain.server.lengths[-2:]
