from __future__ import annotations

from trio_secure_report._html import Html, breakable, escaped, joined, octets, peer, shortened, tag, visible

ATTACK = '<script>alert("1")</script>&\x1b[2J\u202e'


def test_text_is_never_markup() -> None:
    safe = "&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;\\x1b[2J\\u202e"
    assert escaped(ATTACK) == safe
    assert tag("p", ATTACK, title=ATTACK) == f'<p title="{safe}">{safe}</p>'
    assert joined(ATTACK, Html("<br>")) == f"{safe}<br>"
    assert peer(ATTACK) == f"<bdi>{safe}</bdi>"


def test_elements_have_attributes_and_contents() -> None:
    inner = tag("b", "x", class_="a", aria_label="y", hidden=None)
    assert inner == '<b class="a" aria-label="y">x</b>'
    assert tag("p", inner, None, "") == f"<p>{inner}</p>"
    assert tag("meta", charset="utf-8") == '<meta charset="utf-8">'


def test_what_cannot_be_seen_is_made_visible() -> None:
    assert visible("Grüße 漢字") == "Grüße 漢字"
    assert visible("a\0b\ud800\u200b") == r"a\x00b\ud800\u200b"


def test_long_texts_are_cut() -> None:
    assert shortened("x" * 310) == "x" * 300 + "… (10 more characters)"
    assert shortened("x" * 300) == "x" * 300
    assert breakable("TLS_AES") == "TLS_<wbr>AES"


def test_bytes_are_hexadecimal_in_groups() -> None:
    assert octets(bytes(range(9))) == "<code>00 01 02 03 04 05 06 07&ensp;<wbr>08</code>"
    assert octets(bytes(50)).endswith('<span class="more"> … 2 more bytes</span>')
