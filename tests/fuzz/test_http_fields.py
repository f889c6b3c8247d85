"""Whatever a server writes into a field, parsing it ends soon, raises nothing, and gives what can be sent back.

Theory of operation: the parsers of the layers that follow are pure functions from text, as h11 lets it through, to
a value or nothing. Hypothesis writes the text: at random, and out of the pieces that the grammars are made of.
"""

from __future__ import annotations

import time

import h11
import pytest
from hypothesis import strategies as st

from fuzz.budget import fuzzed
from trio_https import URL, RedirectRefused
from trio_https._challenges import parse_challenges
from trio_https._cookie_syntax import cookie_date, parse_set_cookie
from trio_https._cookies import CookieJar
from trio_https._dates import parse_date
from trio_https._digest_fields import repr_digests
from trio_https._headers import Headers
from trio_https._outgoing import Outgoing
from trio_https._ranges import content_range, strong_validator, unsatisfied_range
from trio_https._redirects import Redirects, redirected
from trio_https._response import ResponseHead

_PIECES = (
    *("a", "=", ";", ",", " ", '"', "\\", "/", ":", "-", "*", "%", "\t", "\xe4", "0", "99", "bytes ", "W/"),
    *("Digest ", "Basic ", "realm", "nonce", "qop", "sha-256=:", "Domain=", "Path=", "Expires=", "Max-Age="),
    *("Secure", "__Host-", "Sun, 06 Nov 1994 08:49:37 GMT", "//", "http:", "https:", "@", "?", "#", ".."),
)
_fields = st.one_of(
    st.text(st.characters(max_codepoint=255, exclude_characters="\x00\r\n")),
    st.lists(st.sampled_from(_PIECES)).map("".join),
)
_URL = URL.parse("https://www.example.com/a/b")


@fuzzed(_fields, quick=60)
def test_nothing_is_raised(text: str) -> None:
    headers = Headers([(b"x", text.encode("latin-1"))])
    named = Headers(
        [
            (name, text.encode("latin-1"))
            for name in (b"etag", b"date", b"last-modified", b"content-range", b"retry-after")
        ]
    )
    assert len(headers) == 1
    parse_challenges([text, text])
    parse_date(text)
    cookie_date(text)
    repr_digests([text])
    strong_validator(named)
    content_range(named)
    unsatisfied_range(named)


@fuzzed(_fields, st.sampled_from(["", "a=b; ", "__Secure-a=b; Secure; "]), quick=60)
def test_a_cookie_that_is_kept_can_be_sent(text: str, start: str) -> None:
    jar = CookieJar(clock=lambda: 1e9)
    jar.store(_URL, [start + text])
    parse_set_cookie(start + text, 1e9)
    for cookie in jar:
        assert cookie.domain in {"www.example.com", "example.com"}
        value = f"{cookie.name}={cookie.value}".encode("latin-1")
        h11.Request(method="GET", target="/", headers=[(b"Host", b"h"), (b"Cookie", value)])


@fuzzed(_fields, quick=60)
def test_a_redirect_goes_to_an_https_url_or_nowhere(text: str) -> None:
    answer = ResponseHead(
        url=_URL,
        method="GET",
        status=302,
        reason="",
        http_version="1.1",
        headers=Headers([(b"location", text.encode("latin-1"))]),
    )
    request = Outgoing.of("GET", _URL, headers={"Authorization": "secret"})
    try:
        following = redirected(request, answer, Redirects())
    except RedirectRefused:
        return
    assert following is not None
    assert following.url.scheme == "https"
    kept = any(name == b"Authorization" for name, _ in following.headers)
    assert kept is (following.url.host == "www.example.com" and following.url.port == 443)


@pytest.mark.parametrize("piece", [*_PIECES, 'a="', ",a=", "a=b;", "Basic a,", 'Digest a="\\', "sha-256=:A"])
def test_length_costs_no_more_than_length(piece: str) -> None:
    text = (piece * 65_536)[:65_536]
    begin = time.process_time()
    parse_challenges([text])
    repr_digests([text])
    parse_set_cookie("a=" + text, 0.0)
    cookie_date(text)
    parse_date(text)
    content_range(Headers([(b"content-range", text.encode("latin-1"))]))
    assert time.process_time() - begin < 2
