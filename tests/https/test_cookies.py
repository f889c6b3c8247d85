from __future__ import annotations

import pytest

from trio_https import URL
from trio_https._cookies import Cookie, CookieJar, _suffixes, is_public_suffix, path_matches

NOW = 1_800_000_000.0


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


def jar_with(url: str, *fields: str) -> CookieJar:
    jar = CookieJar(clock=Clock())
    jar.store(URL.parse(url), fields)
    return jar


def sent(jar: CookieJar, url: str) -> str | None:
    return jar.header(URL.parse(url, schemes=("http", "https", "wss")))


def test_a_cookie_goes_back_to_the_host_that_set_it() -> None:
    jar = jar_with("https://www.example.com/a/b", "a=1", "b=2")
    assert sent(jar, "https://www.example.com/a/") == "a=1; b=2"
    assert sent(jar, "https://www.example.com/a/c?x=/z") == "a=1; b=2"
    assert sent(jar, "https://example.com/a/b") is None
    assert sent(jar, "https://x.www.example.com/a/b") is None
    assert sent(jar, "https://www.example.com/") is None
    assert sent(jar, "https://www.example.com/ab") is None


def test_with_a_domain_it_goes_to_the_hosts_below() -> None:
    jar = jar_with("https://www.example.com/", "a=1; Domain=example.com")
    assert sent(jar, "https://example.com/") == "a=1"
    assert sent(jar, "https://deep.www.example.com/") == "a=1"
    assert sent(jar, "wss://x.example.com/") == "a=1"
    assert sent(jar, "https://badexample.com/") is None
    same = jar_with("https://example.com/", "a=1; Domain=example.com")
    assert sent(same, "https://x.example.com/") == "a=1"


@pytest.mark.parametrize(
    ("url", "domain"),
    [
        ("https://www.example.com/", "com"),
        ("https://www.example.co.uk/", "co.uk"),
        ("https://me.github.io/", "github.io"),
        ("https://www.example.com/", "other.com"),
        ("https://www.example.com/", "w.example.com"),
        ("https://www.example.com/", "x.www.example.com"),
        ("https://1.2.3.4/", "3.4"),
        ("https://example.com/", "münchen.example"),
    ],
)
def test_a_domain_that_is_not_its_own_to_speak_for(url: str, domain: str) -> None:
    assert len(jar_with(url, f"a=1; Domain={domain}")) == 0


@pytest.mark.parametrize("host", ["localhost", "co.uk", "10.0.0.1", "[::1]"])
def test_a_public_suffix_or_an_address_speaks_for_itself_alone(host: str) -> None:
    jar = jar_with(f"https://{host}/", f"a=1; Domain={host.strip('[]')}")
    assert [cookie.host_only for cookie in jar] == [True]
    assert sent(jar, f"https://{host}/") == "a=1"


def test_secure_cookies_are_neither_set_nor_sent_in_the_clear() -> None:
    jar = jar_with("https://example.com/", "a=1; Secure", "b=2")
    assert sent(jar, "http://example.com/") == "b=2"
    assert sent(jar, "https://example.com/") == "a=1; b=2"
    assert len(jar_with("http://example.com/", "a=1; Secure")) == 0


def test_a_server_in_the_clear_does_not_stand_in_front_of_a_secure_cookie() -> None:
    jar = jar_with("https://www.example.com/", "a=1; Secure; Domain=example.com; Path=/x")
    for url in ("http://www.example.com/x/", "http://example.com/x/", "http://other.example.com/x/"):
        jar.store(URL.parse(url), ["a=evil; Path=/x", "a=evil; Path=/x/y; Domain=example.com"])
    assert [cookie.value for cookie in jar] == ["1"]
    jar.store(URL.parse("http://www.example.com/"), ["a=2; Path=/", "b=3; Path=/x"])
    assert sorted((sent(jar, "https://www.example.com/x") or "").split("; ")) == ["a=1", "a=2", "b=3"]


@pytest.mark.parametrize(
    ("field", "url", "kept"),
    [
        ("__Secure-a=1; Secure", "https://example.com/", True),
        ("__secure-a=1", "https://example.com/", False),
        ("__Secure-a=1", "http://example.com/", False),
        ("__Host-a=1; Secure; Path=/", "https://example.com/x/", True),
        ("__HOST-a=1; Secure; Path=/; Domain=example.com", "https://example.com/", False),
        ("__Host-a=1; Secure", "https://example.com/", False),
        ("__Host-a=1; Path=/", "https://example.com/", False),
        ("__Host-a=1; Path=/", "http://example.com/", False),
    ],
)
def test_prefixes_are_promises(field: str, url: str, kept: bool) -> None:
    assert len(jar_with(url, field)) == kept


def test_the_longest_path_comes_first_and_then_the_oldest() -> None:
    jar = CookieJar(clock=(clock := Clock()))
    url = URL.parse("https://example.com/x/y")
    jar.store(url, ["c=1; Path=/"])
    clock.now += 1
    jar.store(url, ["b=2; Path=/", "a=3; Path=/x"])
    clock.now += 1
    jar.store(url, ["c=4; Path=/"])
    assert jar.header(url) == "a=3; c=4; b=2"


@pytest.mark.parametrize(
    ("path", "below", "matches"),
    [
        ("/x", "/x", True),
        ("/x/y", "/x", True),
        ("/x/", "/x/", True),
        ("/xy", "/x", False),
        ("/", "/x", False),
    ],
)
def test_paths(path: str, below: str, matches: bool) -> None:
    assert path_matches(path, below) is matches


def test_the_default_path_is_the_folder() -> None:
    assert [cookie.path for cookie in jar_with("https://h.example/a/b?c=/d", "a=1; Path=x")] == ["/a"]
    assert [cookie.path for cookie in jar_with("https://h.example/a", "a=1")] == ["/"]


def test_it_expires() -> None:
    jar = CookieJar(clock=(clock := Clock()))
    url = URL.parse("https://example.com/")
    jar.store(url, ["a=1; Max-Age=10", "b=2", "c=3; Max-Age=1000000000000"])
    clock.now += 9.5
    assert jar.header(url) == "a=1; b=2; c=3"
    clock.now += 0.5
    assert jar.header(url) == "b=2; c=3"
    assert [cookie.name for cookie in jar] == ["b", "c"]
    clock.now += 400 * 86400
    assert jar.header(url) == "b=2"


def test_an_expired_one_takes_it_out() -> None:
    jar = jar_with("https://example.com/", "a=1", "b=2", "a=; Max-Age=0")
    assert sent(jar, "https://example.com/") == "b=2"
    jar.store(URL.parse("https://example.com/"), ["b=; Expires=Thu, 01 Jan 1970 00:00:00 GMT"])
    assert len(jar) == 0
    assert repr(jar) == "<CookieJar: 0 cookies of 0 domains>"


def test_one_domain_has_fifty_and_the_first_ones_go() -> None:
    jar = CookieJar(clock=(clock := Clock()))
    url = URL.parse("https://example.com/")
    for number in range(60):
        clock.now += 1
        jar.store(url, [f"n{number}=1" + ("; Max-Age=5" if number == 30 else "")])
    assert len(jar) == 50
    names = {cookie.name for cookie in jar}
    assert "n9" in names  # since n30 had expired
    assert "n8" not in names


def test_a_jar_has_three_thousand() -> None:
    jar = CookieJar(clock=(clock := Clock()))
    for number in range(3010):
        clock.now += 1
        jar.store(URL.parse(f"https://h{number}.example/"), ["a=1"])
    assert len(jar) == 3000
    assert sent(jar, "https://h9.example/") is None
    assert sent(jar, "https://h10.example/") == "a=1"


def test_a_large_one_is_ignored() -> None:
    assert len(jar_with("https://example.com/", "a=" + "x" * 4096)) == 0
    assert len(jar_with("https://example.com/", "a=" + "x" * 4095)) == 1


def test_a_jar_can_be_filled_and_cleared() -> None:
    jar = CookieJar()
    jar.add(Cookie("a", "secret", "example.com"))
    jar.add(Cookie("b", "2", "h.example", created=1.0))
    assert sent(jar, "http://example.com/") == "a=secret"
    assert [cookie.created for cookie in jar if cookie.name == "b"] == [1.0]
    assert "secret" not in repr(jar)
    jar.clear("Example.COM")
    jar.clear("absent.example")
    assert [cookie.name for cookie in jar] == ["b"]
    jar.clear()
    assert list(jar) == []


def test_suffixes() -> None:
    _suffixes.cache_clear()
    assert is_public_suffix("com")
    assert not is_public_suffix("example.com")
