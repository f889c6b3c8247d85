from __future__ import annotations

import hashlib
import re
from collections.abc import Callable

import pytest

from trio_https._auth import Asked
from trio_https._auth_digest import DigestAuth
from trio_https._challenges import Challenge, parse_challenges

ASKED = Asked(
    "http://www.example.org", "www.example.org", secure=False, method="GET", target="/dir/index.html"
)


def challenge(**parameters: str) -> Challenge:
    return Challenge("digest", {"realm": "r", "nonce": "n", "qop": "auth", **parameters})


def same(cnonce: str) -> Callable[[int], str]:
    """A source of client nonces with one only."""

    def token(_size: int) -> str:
        return cnonce

    return token


def parameters_of(value: str | None) -> dict[str, str]:
    assert value is not None
    [parsed] = parse_challenges([value.replace("username*=UTF-8''", "username_=")])
    return parsed.parameters


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        # RFC 7616 §3.9.1.
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
async def test_the_examples_of_the_rfc(
    algorithm: str, response: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
    monkeypatch.setattr("secrets.token_hex", same(cnonce))
    auth = DigestAuth("Mufasa", "Circle of Life")
    given = {
        "realm": "http-auth@example.org",
        "qop": "auth, auth-int",
        "algorithm": algorithm,
        "nonce": "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
        "opaque": "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS",
    }
    assert parameters_of(await auth.answer(ASKED, [Challenge("digest", given)], None)) == {
        "username": "Mufasa",
        "realm": "http-auth@example.org",
        "uri": "/dir/index.html",
        "algorithm": algorithm,
        "nonce": given["nonce"],
        "nc": "00000001",
        "cnonce": cnonce,
        "qop": "auth",
        "response": response,
        "opaque": given["opaque"],
    }


async def test_sha_512_256_with_a_hashed_user(monkeypatch: pytest.MonkeyPatch) -> None:
    # RFC 7616 §3.9.2, with the digests that its erratum 4897 corrects.
    monkeypatch.setattr("secrets.token_hex", same("NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v"))
    auth = DigestAuth("J\u00e4s\u00f8n Doe", "Secret, or not?")
    given = {
        "realm": "api@example.org",
        "qop": "auth",
        "algorithm": "SHA-512-256",
        "nonce": "5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK",
        "opaque": "HRPCssKJSGjCrkzDg8OhwpzCiGPChXYjwrI2QmXDssOS",
        "charset": "UTF-8",
        "userhash": "true",
    }
    asked = Asked("http://api.example.org", "api.example.org", secure=False, method="GET", target="/doe.json")
    found = parameters_of(await auth.answer(asked, [Challenge("digest", given)], None))
    assert found["userhash"] == "true"
    assert found["username"] == "793263caabb707a56211940d90411ea4a575adeccb7e360aeb624ed06ece9b0b"
    assert found["response"] == "3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5"


async def test_it_goes_on_up_front_and_counts() -> None:
    auth = DigestAuth("u", "p")
    assert await auth.up_front(ASKED) is None
    first = parameters_of(await auth.answer(ASKED, [challenge()], None))
    second = parameters_of(await auth.up_front(ASKED))
    assert (first["nc"], second["nc"]) == ("00000001", "00000002")
    assert first["cnonce"] != second["cnonce"]
    other = Asked("http://other.example", "other.example", secure=False, method="GET", target="/")
    assert await auth.up_front(other) is None


async def test_a_refused_answer_is_not_repeated() -> None:
    auth = DigestAuth("u", "p")
    sent = await auth.answer(ASKED, [challenge()], None)
    assert await auth.answer(ASKED, [challenge()], sent) is None
    assert await auth.up_front(ASKED) is None  # and not sent up front any more
    assert await auth.answer(ASKED, [challenge()], "Digest of somebody else's") is None


async def test_a_new_nonce_is_answered() -> None:
    auth = DigestAuth("u", "p")
    sent = await auth.answer(ASKED, [challenge()], None)
    again = await auth.answer(ASKED, [challenge(nonce="m", stale="TRUE")], sent)
    assert parameters_of(again)["nonce"] == "m"
    assert parameters_of(again)["nc"] == "00000001"
    # Without `stale` a nonce that was good until now is not taken for a hint that the password is wrong.
    assert parameters_of(await auth.answer(ASKED, [challenge(nonce="o")], again))["nonce"] == "o"


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        (["MD5", "SHA-256"], "SHA-256"),
        (["sha-256-SESS", "SHA-512-256"], "SHA-512-256"),
        (["MD5-sess", "token"], "MD5-sess"),
    ],
)
async def test_the_strongest_is_answered_wherever_it_stands(offered: list[str], chosen: str) -> None:
    challenges = [Challenge("basic"), *(challenge(algorithm=name) for name in offered)]
    assert parameters_of(await DigestAuth("u", "p").answer(ASKED, challenges, None))["algorithm"] == chosen


async def test_a_session_variant() -> None:
    given = challenge(algorithm="MD5-sess")
    found = parameters_of(await DigestAuth("u", "p").answer(ASKED, [given], None))

    def md5(text: str) -> str:
        return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()

    a1 = md5(f"{md5('u:r:p')}:n:{found['cnonce']}")
    a2 = md5("GET:/dir/index.html")
    assert found["response"] == md5(f"{a1}:n:00000001:{found['cnonce']}:auth:{a2}")


@pytest.mark.parametrize(
    "given",
    [
        Challenge("digest", {"realm": "r", "nonce": "n"}),
        challenge(qop="other"),
        challenge(algorithm="SHA-1"),
        Challenge("digest", {"realm": "r", "qop": "auth"}),
        Challenge("digest", {"nonce": "n", "qop": "auth"}),
        Challenge("basic", {"realm": "r"}),
    ],
)
async def test_what_is_not_answered(given: Challenge) -> None:
    assert await DigestAuth("u", "p").answer(ASKED, [given], None) is None


async def test_md5_can_be_ruled_out() -> None:
    auth = DigestAuth("u", "p", md5=False)
    assert await auth.answer(ASKED, [challenge(), challenge(algorithm="MD5-sess")], None) is None
    assert await auth.answer(ASKED, [challenge(algorithm="SHA-256")], None) is not None


async def test_the_body_is_covered_if_nothing_else_is_offered() -> None:
    auth = DigestAuth("u", "p")
    given = challenge(qop="auth-int")

    async def response(body: bytes | None) -> str:
        asked = Asked("http://h", "h", secure=False, method="POST", target="/", body=body)
        value = await auth.answer(asked, [given], None)
        return re.sub(r'(cnonce|response)="\w+"', "", value or "")

    assert "qop=auth-int" in await response(b"x")
    assert await response(None) == ""
    await response(b"x")
    later = Asked("http://h", "h", secure=False, method="POST", target="/", body=None)
    assert await auth.up_front(later) is None
    assert "qop=auth," in (await auth.answer(later, [challenge(qop="auth-int,auth")], None) or "")


async def test_users_and_realms_of_any_kind() -> None:
    value = await DigestAuth('a"\\', "p").answer(ASKED, [challenge(realm='x"\xe4')], None)
    assert value is not None
    assert 'username="a\\"\\\\"' in value
    assert 'realm="x\\"\xe4"' in value
    value = await DigestAuth("\u00fc \x01a", "p").answer(ASKED, [challenge()], None)
    assert value is not None
    assert "username*=UTF-8''%C3%BC%20%01a," in value


async def test_it_remembers_a_hundred_servers() -> None:
    auth = DigestAuth("u", "p")
    servers = [
        Asked(f"http://h{number}", "h", secure=False, method="GET", target="/") for number in range(101)
    ]
    for asked in servers:
        await auth.answer(asked, [challenge()], None)
    assert await auth.up_front(servers[-1]) is not None
    assert await auth.up_front(servers[0]) is None


def test_the_password_is_not_shown() -> None:
    assert repr(DigestAuth("u", "secret")) == "<DigestAuth>"
