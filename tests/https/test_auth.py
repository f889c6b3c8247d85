from __future__ import annotations

import pytest

from trio_https import InvalidURL
from trio_https._auth import Asked, Auth, BasicAuth, BearerAuth
from trio_https._challenges import Challenge

ASKED = Asked("https://h.example", "h.example", secure=True, method="GET", target="/")


async def test_nothing_is_known_by_default() -> None:
    auth = Auth()
    assert await auth.up_front(ASKED) is None
    assert await auth.answer(ASKED, [Challenge("basic")], None) is None
    assert auth.elsewhere is None


async def test_basic_is_sent_up_front_and_once() -> None:
    # RFC 7617 §2 and §2.1.
    auth = BasicAuth("Aladdin", "open sesame")
    assert await auth.up_front(ASKED) == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
    assert await auth.answer(ASKED, [Challenge("basic")], "Basic …") is None
    assert auth.elsewhere is None
    assert await BasicAuth("test", "123£").up_front(ASKED) == "Basic dGVzdDoxMjPCow=="
    assert "sesame" not in repr(auth)


@pytest.mark.parametrize(("user", "password"), [("a:b", ""), ("a\n", ""), ("a", "b\x7f")])
def test_what_basic_cannot_carry(user: str, password: str) -> None:
    with pytest.raises(ValueError, match="which Basic authentication cannot carry"):
        BasicAuth(user, password)


@pytest.mark.parametrize(
    ("url", "rest", "user", "password"),
    [
        ("https://u:p@h.example/x", "https://h.example/x", "u", "p"),
        ("https://u%40x:p%3A@h.example", "https://h.example", "u@x", "p:"),
        ("https://u@h.example?q@", "https://h.example?q@", "u", ""),
    ],
)
def test_credentials_in_a_url(url: str, rest: str, user: str, password: str) -> None:
    found, auth = BasicAuth.from_url(url)
    assert found == rest
    assert auth is not None
    assert (auth.user, auth.password) == (user, password)


@pytest.mark.parametrize("url", ["https://h.example/", "https://h.example/x@y", "h.example@x"])
def test_a_url_without(url: str) -> None:
    assert BasicAuth.from_url(url) == (url, None)


@pytest.mark.parametrize("url", ["https://u%3Av:secret@h.example/", "https://u:secret%ff@h.example/"])
def test_credentials_that_are_no_good_are_not_shown(url: str) -> None:
    with pytest.raises(InvalidURL, match="not usable") as caught:
        BasicAuth.from_url(url)
    assert "secret" not in str(caught.value)


async def test_a_token() -> None:
    auth = BearerAuth("a.b-c==")
    assert await auth.up_front(ASKED) == "Bearer a.b-c=="
    assert await auth.answer(ASKED, [Challenge("bearer")], "Bearer a.b-c==") is None


async def test_tokens_that_are_fetched() -> None:
    tokens = iter(["old", "new", "new", "bad token"])

    async def fetch() -> str:
        return next(tokens)

    auth = BearerAuth(fetch)
    sent = await auth.up_front(ASKED)
    assert sent == "Bearer old"
    sent = await auth.answer(ASKED, [], sent)
    assert sent == "Bearer new"
    assert await auth.answer(ASKED, [], sent) is None
    with pytest.raises(ValueError, match="bearer token"):
        await auth.up_front(ASKED)


@pytest.mark.parametrize("token", ["", "a b", "a\r\nX: y", "=", "ä"])
def test_what_is_no_token(token: str) -> None:
    with pytest.raises(ValueError, match="bearer token"):
        BearerAuth(token)
