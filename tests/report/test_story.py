from __future__ import annotations

import ssl

import pytest

from support.authority import Authority
from support.openssl_peer import default_leaf
from support.reports import refused, traced
from trio_secure import TraceEvent, TraceNote
from trio_secure_report._story import MOST_EVENTS, Story


@pytest.mark.parametrize(
    ("version", "name"), [(ssl.TLSVersion.TLSv1_3, "TLS 1.3"), (ssl.TLSVersion.TLSv1_2, "TLS 1.2")]
)
async def test_an_established_connection_is_known_by_its_facts(version: int, name: str) -> None:
    story = Story.of(iter(await traced(version)))
    assert story.outcome == "established"
    assert story.info is not None
    assert story.info.alpn == "h2"
    assert (story.server_name, story.version) == ("server.test", name)
    assert story.chain == (default_leaf().certificate_der,)
    assert not story.more
    assert story.failure is None


async def test_a_refusal_has_its_place_and_its_reason() -> None:
    leaf = Authority.make(name="Nobody").issue("127.0.0.1", intermediate=True)
    story = Story.of(await refused(leaf))
    assert story.outcome == "failed"
    failure = story.failure
    assert failure is not None
    assert failure.ours
    assert (failure.phase, failure.alert) == ("CertificateVerify", "unknown_ca")
    assert "issued by CN=Nobody" in failure.message
    assert failure.certificate in leaf.chain_ders
    assert story.events[failure.place].name == "failed"
    assert story.chain == tuple(leaf.chain_ders)
    assert story.info is None


async def test_what_fails_later_does_not_undo_the_handshake() -> None:
    events = [*await traced(), TraceNote(9, "note", "failed", "cut", {"message": "cut"})]
    story = Story.of(events)
    assert story.outcome == "established"
    assert story.failure is None


def test_a_trace_that_just_ends_is_of_a_connection_that_was_given_up() -> None:
    story = Story.of([TraceEvent(0, "received", "ServerHello", "")])
    assert story.outcome == "unfinished"
    assert story.last_received == "ServerHello"
    assert Story.of([]).last_received is None


def test_notes_made_by_others_need_no_facts() -> None:
    story = Story.of(
        [TraceNote(0, "note", "established", "", {}), TraceNote(0, "note", "failed", "broken", {})]
    )
    assert story.info is None
    assert story.failure is not None
    assert (story.failure.message, story.failure.alert, story.failure.phase) == ("broken", None, "")
    assert not story.failure.ours


def test_of_a_long_life_the_beginning_is_kept() -> None:
    story = Story.of(TraceEvent(n, "note", "tick", "") for n in range(MOST_EVENTS + 1))
    assert len(story.events) == MOST_EVENTS
    assert story.more


def test_what_went_wrong_is_told_to_the_end() -> None:
    message = "x" * 900 + " the end"
    failure = Story.of([TraceNote(0, "note", "failed", "", {"message": message})]).failure
    assert failure is not None
    assert failure.message == message
