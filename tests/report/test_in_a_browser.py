"""The page in a real browser: rendered, clicked through, by keyboard, and as a screen reader is told of it."""

from __future__ import annotations

import os
import struct
from collections.abc import AsyncGenerator
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from support.authority import Authority
from support.chromium import Tab, chromium
from support.reports import refused, traced, write
from trio_secure import TraceEvent
from trio_secure_report import render_report

ATTACKS = (
    "<script>document.title='owned'</script>",
    "<img src=https://attacker.example/x onerror=\"document.title='owned'\">",
    "</style><style>*{display:none}</style>",
    "\u202egnp.exe\u202c \x1b[2J",
    "https://attacker.example/" + "A" * 5_000,
)
_OPEN = "[...document.querySelectorAll('details')].filter(one => one.open).length"
_OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
# WCAG 2.2 §1.4.3 asks for 4.5 to 1 between text and what is behind it.
_CONTRAST = """(() => {
  const parse = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
  const light = (rgb) => rgb.slice(0, 3).map((c) => c / 255)
    .map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (e) => { for (; e; e = e.parentElement) {
    const rgb = parse(getComputedStyle(e).backgroundColor);
    if (rgb.length === 3 || rgb[3] > 0) return rgb; } return [255, 255, 255]; };
  const poor = new Set();
  for (const e of document.body.querySelectorAll("*")) {
    if (![...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()) || e.tagName === "SCRIPT") continue;
    const [a, b] = [light(parse(getComputedStyle(e).color)), light(ground(e))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) poor.add(e.tagName + "." + e.className + " " + ratio.toFixed(2));
  }
  return [...poor];
})()"""


@pytest.fixture
async def tab(tmp_path: Path) -> AsyncGenerator[Tab]:
    async with chromium(tmp_path) as tab:
        yield tab


def size_of(png: bytes) -> tuple[int, int]:
    width, height = struct.unpack(">II", png[16:24])
    return width, height


def keep(name: str, png: bytes) -> None:
    """For whoever wants to look: SCREENSHOTS names a folder."""
    if folder := os.environ.get("SCREENSHOTS"):
        (Path(folder) / f"{name}.png").write_bytes(png)


async def test_the_page_is_clicked_through(tab: Tab, tmp_path: Path) -> None:
    await tab.show(write(tmp_path, render_report(await traced())))
    assert await tab.evaluate("document.title") == "TLS with server.test: established"
    assert await tab.evaluate(_OPEN) == 0
    count = await tab.evaluate("document.querySelectorAll('details').length")
    await tab.click("#m0 summary")
    assert await tab.evaluate(_OPEN) == 1
    shown = await tab.evaluate("document.querySelector('#m0 tbody').innerText")
    assert "cipher_suites" in shown
    assert "TLS_AES_128_GCM_SHA256" in shown
    assert "13 01" in shown
    await tab.click("#all")
    assert await tab.evaluate(_OPEN) == count
    assert await tab.evaluate("document.getElementById('all').textContent") == "Close all messages"
    await tab.click("#all")
    assert await tab.evaluate(_OPEN) == 0
    assert tab.complaints() == []
    assert [url for url in tab.requests() if not url.startswith("file:")] == []


async def test_it_can_be_used_by_keyboard(tab: Tab, tmp_path: Path) -> None:
    await tab.show(write(tmp_path, render_report(await traced())))
    await tab.press("Tab")
    assert await tab.evaluate("document.activeElement.textContent") == "Skip to the messages"
    assert await tab.evaluate("document.activeElement.getBoundingClientRect().left >= 0")
    await tab.press("Enter", "\r")
    assert await tab.evaluate("document.activeElement.id") == "messages"
    await tab.press("Tab")
    assert await tab.evaluate("document.activeElement.id") == "all"
    await tab.press("Tab")
    assert await tab.evaluate("document.activeElement.closest('li').id") == "m0"
    assert await tab.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    await tab.press("Enter", "\r")
    assert await tab.evaluate(_OPEN) == 1


async def test_a_screen_reader_is_told_what_it_is(tab: Tab, tmp_path: Path) -> None:
    # On a narrow screen, where the table is laid out as blocks.
    await tab.show(write(tmp_path, render_report(await traced())), width=390)
    await tab.click("#m0 summary")
    nodes: list[dict[str, Any]] = (await tab.order("Accessibility.getFullAXTree"))["nodes"]
    told = {
        # A name may be broken behind an underscore, which is told as a blank.
        (str(node["role"]["value"]), str(node.get("name", {}).get("value", "")).replace("_ ", "_"))
        for node in nodes
        if not node.get("ignored")
    }
    assert ("heading", "TLS with server.test") in told
    assert ("heading", "Certificates") in told
    assert ("button", "Open all messages") in told
    assert ("table", "The fields of ClientHello") in told
    assert ("rowheader", "cipher_suites") in told
    roles = {role for role, _ in told}
    assert {"main", "banner", "contentinfo", "region", "list", "columnheader", "cell", "status"} <= roles
    assert await tab.evaluate("document.documentElement.lang") == "en"


async def test_it_can_be_read_in_light_and_dark_on_wide_and_narrow(tab: Tab, tmp_path: Path) -> None:
    failed = await refused(Authority.make(name="Nobody's CA").issue("127.0.0.1", intermediate=True))
    pages = {
        "established": render_report(await traced()),
        "failed": render_report(failed),
        "nothing": render_report([], server="h.example port 443", error="the host was not found"),
    }
    grounds = {False: "rgb(251, 251, 249)", True: "rgb(20, 23, 26)"}
    for (name, text), width, dark in product(pages.items(), (1100, 390), grounds):
        await tab.show(write(tmp_path, text, f"{name}.html"), width=width, dark=dark)
        await tab.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
        assert await tab.evaluate(_OVERFLOW) <= 0, name
        assert await tab.evaluate(_CONTRAST) == [], name
        ground = await tab.evaluate("getComputedStyle(document.body).backgroundColor")
        assert ground == grounds[dark]
        png = await tab.screenshot()
        assert size_of(png)[0] == width
        keep(f"{name}-{width}-{'dark' if dark else 'light'}", png)


async def test_a_link_to_the_place_of_a_failure_leads_there(tab: Tab, tmp_path: Path) -> None:
    await tab.show(write(tmp_path, render_report(await refused(Authority.make().issue("127.0.0.1")))))
    assert "Failed at CertificateVerify" in await tab.evaluate("document.querySelector('.outcome').innerText")
    await tab.click(".outcome a")
    assert await tab.evaluate("document.querySelector(location.hash).innerText.startsWith('failed: ')")
    await tab.evaluate("location.hash = '#m1'")
    assert await tab.evaluate(
        "new Promise(done => setTimeout(() => done(document.querySelector('#m1 details').open)))"
    )


async def test_nothing_a_server_writes_runs_or_loads(tab: Tab, tmp_path: Path) -> None:
    leaf = Authority.make(name=ATTACKS[0][:60]).issue("127.0.0.1", common=ATTACKS[1][:60], intermediate=True)
    events: list[TraceEvent] = await refused(leaf)
    events += [TraceEvent(1, "received", attack, attack) for attack in ATTACKS]
    path = write(tmp_path, render_report(events, server=ATTACKS[1], error=ATTACKS[0], key_log=ATTACKS))
    await tab.show(path, width=390)
    assert str(await tab.evaluate("document.title")).startswith("TLS with <img src=https")
    assert await tab.evaluate("document.querySelectorAll('script, style, img, iframe').length") == 2
    assert await tab.evaluate(_OVERFLOW) <= 0
    assert [url for url in tab.requests() if not url.startswith("file:")] == []
    assert tab.complaints() == []


async def test_the_policy_would_stop_what_slipped_through(tab: Tab, tmp_path: Path) -> None:
    planted = render_report(await traced()).replace("</main>", f"{ATTACKS[0]}{ATTACKS[1]}</main>")
    await tab.show(write(tmp_path, planted))
    assert await tab.evaluate("document.title") == "TLS with server.test: established"
    stopped = " ".join(tab.complaints())
    assert "Content Security Policy" in stopped
    answers = [e for e in tab.events if e.get("method") == "Network.responseReceived"]
    assert not [e for e in answers if "attacker" in str(e["params"]["response"]["url"])]
