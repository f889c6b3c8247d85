"""The package as a whole: what it costs whoever does not use it, and what it gives away."""

from __future__ import annotations

import subprocess
import sys

import pytest

import trio_secure_report
from support.openssl_peer import secure_pair, server_context, trusting
from trio_secure import MemoryCache, TraceEvent, TraceMessage
from trio_secure._messages13 import NewSessionTicket
from trio_secure_report import render_report


@pytest.mark.parametrize("package", ["trio_secure", "trio_https", "trio_secure_cli._get"])
def test_nobody_else_loads_it(package: str) -> None:
    code = f"import sys, {package}; sys.exit('trio_secure_report' in sys.modules)"
    subprocess.run([sys.executable, "-P", "-c", code], check=True)


def test_its_names_are_public() -> None:
    assert all(hasattr(trio_secure_report, name) for name in trio_secure_report.__all__)


async def test_with_the_pages_of_two_connections_nobody_can_make_a_third() -> None:
    cache, context = MemoryCache(8), server_context(tickets=2)
    events: list[list[TraceEvent]] = [[], []]
    for kept in events:
        stream, peer = await secure_pair(context, config=trusting(trace=kept.append, cache=cache))
        await peer.send_all(b"!")
        await stream.receive_some(1)
        await stream.aclose()
    assert any(event.name == "session" and event.summary == "resumed" for event in events[1])
    tickets = [
        NewSessionTicket.parse(event.raw[4:])
        for event in (*events[0], *events[1])
        if isinstance(event, TraceMessage) and event.name == "NewSessionTicket"
    ]
    assert len(tickets) >= 3
    for kept in events:
        page = bytes_on(render_report(kept))
        for ticket in tickets:
            assert not any(ticket.ticket[at : at + 8].hex() in page for at in range(len(ticket.ticket) - 8))
    # The test would notice: asked for secrets, the page of the second connection has the ticket it used.
    assert any(
        ticket.ticket[:8].hex() in bytes_on(render_report(events[1], secrets=True)) for ticket in tickets
    )


def bytes_on(page: str) -> str:
    """The bytes that a page shows, without the blanks between them."""
    return page.replace("&ensp;<wbr>", "").replace(" ", "")
