from __future__ import annotations

import dataclasses
import ssl
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from support.authority import Authority
from support.openssl_peer import secure_pair, server_context, trusting
from support.reports import refused, traced
from trio_secure import AlertReceived, TraceEvent, TraceNote
from trio_secure_report._page import page
from trio_secure_report._story import Story

NOW = datetime.now(UTC)


def shown(events: list[TraceEvent], **changes: Any) -> str:
    settings: dict[str, Any] = {
        "server": "",
        "error": "",
        "hint": "",
        "secrets": False,
        "key_log": (),
        "now": NOW,
    }
    return page(Story.of(events), **{**settings, **changes})


async def with_info(**changes: Any) -> list[TraceEvent]:
    """A trace whose connection was established with other facts."""
    events = await traced()
    at = next(n for n, event in enumerate(events) if event.name == "established")
    event = events[at]
    assert isinstance(event, TraceNote)
    info: Any = event.facts["info"]
    events[at] = dataclasses.replace(event, facts={"info": dataclasses.replace(info, **changes)})
    return events


async def test_what_was_settled_stands_on_top() -> None:
    html = shown(await traced())
    head = html.partition("<section")[0]
    for said in ("Established", "TLS 1.3", "server.test", "x25519", "ecdsa_<wbr>secp256r1_<wbr>sha256"):
        assert said in head
    assert "a certificate that was given as trusted, CN=Throw-away Root CA" in head
    assert "<title>TLS with server.test: established</title>" in html


async def test_the_store_s_file_that_anchors_the_chain_is_named() -> None:
    html = shown(await with_info(anchor_resource="ca9.der"))
    assert "ca9.der of the certificate store, CN=Throw-away Root CA" in html
    assert "Trusted: ca9.der, from the certificate store" in html
    assert "no: it was on this side already" in html


async def test_without_verification_nobody_vouches() -> None:
    html = shown(await with_info(verified_chain=(), group=None))
    assert "nobody: verification is off" in html
    assert "None of this has been verified" in html
    assert "RSA key transport" in html
    assert "leads to one that is trusted" not in html


async def test_a_resumed_session_says_where_its_certificates_come_from() -> None:
    assert "verified in an earlier handshake" in shown(await with_info(resumed=True, group=None))


async def test_a_failure_has_its_place_and_its_reason_on_top() -> None:
    html = shown(await refused(Authority.make(name="Nobody").issue("127.0.0.1")), server="h port 1")
    head = html.partition("<section")[0]
    assert "Failed at CertificateVerify: " in head
    assert "issued by CN=Nobody" in head
    assert "No path leads from the certificate" in head
    assert "Here this client refused to go on." in head
    assert 'href="#m' in head
    assert "<h3>The server&#x27;s certificate: this is the one that was refused</h3>" in html
    assert "TLS with <bdi>h port 1</bdi>" in head


def test_what_can_be_done_is_said_where_something_failed() -> None:
    assert "What to do: </b><bdi>try &lt;again&gt;" in shown([], hint="try <again>")


async def test_what_worked_needs_no_hint() -> None:
    assert "What to do" not in shown(await traced(), hint="try again")


async def test_a_server_that_refuses_is_told_from_this_client_refusing() -> None:
    events: list[TraceEvent] = []
    with suppress(AlertReceived, ssl.SSLError, ExceptionGroup):
        context = server_context(version=ssl.TLSVersion.TLSv1_2)
        await secure_pair(context, config=trusting(min_version=0x0304, trace=events.append))
    head = shown(events).partition("<section")[0]
    assert "Failed at ServerHello" in head
    assert "Alert protocol_<wbr>version" in head or "Alert protocol_version: " in head
    assert "Here the other side, or something on the way, ended it." in head


def test_a_failure_of_the_other_side_is_told_from_ours() -> None:
    note = TraceNote(0, "note", "failed", "", {"message": "cut short", "phase": "", "alert": None})
    html = shown([note])
    assert "<strong>Failed: </strong>" in html
    assert "the other side, or something on the way, ended it" in html


def test_what_was_not_finished_says_what_was_waited_for() -> None:
    hello = TraceEvent(0, "sent", "ClientHello", "")
    assert "nothing was sent" in shown([], error="the host was not found")
    assert "the host was not found" in shown([], error="the host was not found")
    assert "has not said a word" in shown([hello])
    assert "was ServerHello; then" in shown([hello, TraceEvent(0, "received", "ServerHello", "")])
    assert "TLS with <bdi>an unnamed server</bdi>" in shown([])


async def test_warnings_come_before_notes() -> None:
    html = shown(await traced(), now=NOW + timedelta(days=85))
    assert html.index("<b>Warning:</b>The server") < html.index("<b>Note:</b>The key exchange")
    assert "<h2" in html.partition("Worth knowing")[0]


async def test_certificates_are_shown_with_what_is_wrong_with_them() -> None:
    leaf = Authority.make().issue(*(f"h{n}.example" for n in range(30)))
    html = shown(
        await with_info(peer_certificates=(b"junk",), verified_chain=(b"junk", leaf.certificate_der))
    )
    assert "Unreadable" in html
    assert "and 10 more" in html
    assert "EXPIRED" in shown(await traced(), now=NOW + timedelta(days=9999))


async def test_the_policy_allows_what_is_there_and_nothing_else() -> None:
    html = shown(await traced())
    (policy,) = [line for line in html.split("<meta ") if "Content-Security-Policy" in line]
    assert "default-src 'none'; style-src 'sha256-" in policy
    assert "unsafe" not in policy
    assert html.count("<script>") == html.count("<style>") == 1
    assert " style=" not in html
    assert " on" not in "".join(
        part.partition(">")[0] for part in html.split("<")[1:] if "script" not in part
    )


async def test_a_key_log_is_shown_when_it_is_given() -> None:
    html = shown(await traced(), key_log=["CLIENT_RANDOM 00 11"], secrets=True)
    assert "CLIENT_RANDOM 00 11" in html
    assert "take care where this page goes" in html
    assert "have been left out" in shown(await traced())


def test_a_long_life_is_cut() -> None:
    html = shown([TraceEvent(n, "note", "tick", "") for n in range(600)])
    assert "More happened after this" in html
