from __future__ import annotations

import sys
from pathlib import Path

import pytest

from trio_https._auth import Asked, BasicAuth
from trio_https._auth_netrc import NetrcAuth

FILE = "machine H.example login u password p\ndefault login d password d\n"


def asked(host: str, *, secure: bool = True) -> Asked:
    return Asked(f"https://{host}", host, secure=secure, method="GET", target="/")


def netrc(folder: Path, text: str | bytes = FILE, mode: int = 0o600) -> Path:
    path = folder / ".netrc"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    path.chmod(mode)
    return path


async def test_a_host_has_its_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = netrc(tmp_path)
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    expected = await BasicAuth("u", "p").up_front(asked("h.example"))
    for auth in (await NetrcAuth.load(), await NetrcAuth.load(path), await NetrcAuth.load(str(path))):
        assert await auth.up_front(asked("h.example")) == expected
        assert await auth.up_front(asked("other.example")) is None
        assert await auth.up_front(asked("h.example", secure=False)) is None
        assert auth.elsewhere is auth
    cleartext = await NetrcAuth.load(path, cleartext=True)
    assert await cleartext.up_front(asked("h.example", secure=False)) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mac h login", "line 1"),
        ("machine h\nsecret", r"\.netrc, line \d: this is not a netrc file"),
        (b"machine \xff login u password p", "UTF-8"),
        ("#" * ((1 << 20) + 1), "1 MiB"),
        ("machine h login u:v password p", "colon"),
    ],
)
async def test_what_is_no_netrc_file(tmp_path: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        await NetrcAuth.load(netrc(tmp_path, text))
    assert "secret" not in str(caught.value)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other permissions")
async def test_a_file_others_can_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="chmod 600"):
        await NetrcAuth.load(netrc(tmp_path, mode=0o640))
    with pytest.raises(FileNotFoundError):
        await NetrcAuth.load(tmp_path / "absent")
