from __future__ import annotations

import dataclasses

import pytest

from support.authority import Authority
from support.reports import refused, traced
from trio_secure import TraceEvent, TraceKeyChange, TraceMessage
from trio_secure._protection import Epoch
from trio_secure_report import _steps
from trio_secure_report._steps import steps
from trio_secure_report._story import Story


async def shown(*, secrets: bool = False) -> str:
    return steps(Story.of(await traced()), secrets=secrets)


async def test_every_event_has_an_item_with_who_and_when() -> None:
    events = await traced()
    html = steps(Story.of(events), secrets=False)
    assert html.count("<li ") == len(events)
    for place, event in enumerate(events):
        assert f'id="m{place}"' in html
        assert f"{event.at * 1000:.1f} ms" in html
    assert "Client → server" in html
    assert "Server → client" in html


async def test_a_field_stands_beside_its_bytes_and_what_it_means() -> None:
    html = await shown()
    row = html.partition('role="rowheader">cipher_<wbr>suite</th>')[2].partition("</tr>")[0]
    assert "<code>13 02</code>" in row
    assert "TLS_<wbr>AES_<wbr>256_<wbr>GCM_<wbr>SHA384" in row
    assert "RFC 9846 §B.4" in row


async def test_it_is_told_where_keys_change() -> None:
    html = await shown()
    assert "from here on what the server sends is encrypted with the handshake keys, TLS_AES_256" in html
    assert "from here on what the client sends is encrypted with the application keys" in html
    assert ", generation 1." in html
    assert "under handshake keys" in html
    assert "in the clear" in html


@pytest.mark.parametrize(
    ("epoch", "said"),
    [
        (Epoch.PLAINTEXT, "what the client sends is not encrypted."),
        (Epoch.EARLY_DATA, "early data keys."),
    ],
)
def test_a_key_without_a_suite_is_told_too(epoch: Epoch, said: str) -> None:
    change = TraceKeyChange(0, "note", "write key", "", "sent", epoch, None, 0)
    assert said in steps(Story.of([change]), secrets=False)


async def test_secrets_are_left_out_unless_asked_for() -> None:
    events = await traced()
    (ticket,) = [e for e in events if isinstance(e, TraceMessage) and e.name == "NewSessionTicket"]
    beginning = ticket.raw[-100:-92].hex(" ")
    assert beginning not in steps(Story.of(events), secrets=False)
    assert "left out: " in steps(Story.of(events), secrets=False)
    full = steps(Story.of(events), secrets=True)
    assert "left out: " not in full
    secret = ticket.raw[4 + 4 + 4 :][:9]  # the nonce and the head of the ticket behind it
    assert secret[:8].hex(" ")[:11] in full


async def test_the_place_of_a_failure_is_marked() -> None:
    events = await refused(Authority.make().issue("127.0.0.1"))
    story = Story.of(events)
    assert story.failure is not None
    html = steps(story, secrets=False)
    item = html.partition(f'id="m{story.failure.place}"')[2].partition("</li>")[0]
    assert 'class="happening wrong"' in item
    assert "Alert unknown_ca" in html


async def test_a_message_of_very_many_fields_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_steps, "MOST_ROWS", 10)
    html = await shown()
    assert "more fields.</p>" in html
    assert max(part.count('role="rowheader"') for part in html.split("<details")) == 10


async def test_a_page_of_very_many_fields_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_steps, "MOST_ROWS_IN_ALL", 100)
    html = await shown()
    assert html.count('role="rowheader"') == 100
    assert html.count("more fields.</p>") >= 5


async def test_what_a_peer_wrote_is_no_markup() -> None:
    attack = "<img src=x onerror=alert(1)>\u202e"
    events: list[TraceEvent] = [TraceEvent(0, "received", attack, attack)]
    events += [
        dataclasses.replace(event, summary=attack, name=attack)
        for event in await traced()
        if isinstance(event, TraceMessage)
    ]
    html = steps(Story.of(events), secrets=False)
    assert "<img" not in html
    assert "\u202e" not in html
    assert "&lt;img" in html
