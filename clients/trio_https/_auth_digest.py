"""Digest authentication: the server gets to know that the client has the password, and not the password.

Theory of operation: RFC 7616. A challenge is kept for its server, and answered up front from then on with a nonce
count that grows, until the server calls the nonce stale. Of several challenges the strongest counts,
whatever their order. One without `qop` is the scheme of 1997, in which the client adds nothing of its own to
what the server wants hashed; it is not answered.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ._auth import Asked, Auth
from ._challenges import Challenge

# The strongest first. RFC 7616 §6.1 registers these; each has a -sess variant.
_HASHES = ("sha-512-256", "sha-256", "md5")
_MOST_SERVERS = 100


@dataclass(slots=True)
class _Known:
    """What a server wants, and how often it got it."""

    realm: str
    nonce: str
    algorithm: str | None
    opaque: str | None
    qop: str
    userhash: bool
    count: int = 0


class DigestAuth(Auth):
    """User and password, proven with SHA-512/256, SHA-256 or MD5 (RFC 7616).

    The first request to a server is refused, and repeated with the answer, so its body has to be one that can be
    sent again. Over `http:` it keeps the password from who listens, but does not protect what is exchanged.

    Args:
        user: the name.
        password: the password.
        md5: whether to answer a server that knows nothing better than MD5, as most do.
    """

    def __init__(self, user: str, password: str, *, md5: bool = True) -> None:
        self._user = user
        self._password = password
        self._hashes = [name for name in _HASHES if md5 or name != "md5"]
        self._known: dict[str, _Known] = {}

    async def up_front(self, asked: Asked) -> str | None:
        """The answer to what the server asked before, if it did."""
        known = self._known.get(asked.origin)
        return None if known is None else self._credentials(known, asked)

    async def answer(self, asked: Asked, challenges: Sequence[Challenge], sent: str | None) -> str | None:
        """The answer to the strongest challenge, unless the server has just refused one to the same nonce."""
        found = self._strongest(challenges, asked)
        before = self._known.pop(asked.origin, None)
        if found is None:
            return None
        known, stale = found
        # RFC 7616 §3.3: stale means that the digest was right, and the nonce is used up.
        if (
            sent is not None
            and not stale
            and (before is None or before.nonce == known.nonce or before.count > 1)
        ):
            return None
        while len(self._known) >= _MOST_SERVERS:
            del self._known[next(iter(self._known))]
        self._known[asked.origin] = known
        return self._credentials(known, asked)

    def _strongest(self, challenges: Sequence[Challenge], asked: Asked) -> tuple[_Known, bool] | None:
        for wanted in self._hashes:
            for challenge in challenges:
                given = challenge.parameters
                algorithm = given.get("algorithm")
                if (
                    challenge.scheme != "digest"
                    or (algorithm or "md5").lower().removesuffix("-sess") != wanted
                ):
                    continue
                qop = _chosen_qop(given.get("qop", ""), asked)
                if qop is None or "nonce" not in given or "realm" not in given:
                    continue
                known = _Known(
                    given["realm"],
                    given["nonce"],
                    algorithm,
                    given.get("opaque"),
                    qop,
                    given.get("userhash", "").lower() == "true",
                )
                return known, given.get("stale", "").lower() == "true"
        return None

    def _credentials(self, known: _Known, asked: Asked) -> str | None:
        if known.qop == "auth-int" and asked.body is None:
            return None
        known.count += 1
        count = f"{known.count:08x}"
        cnonce = secrets.token_hex(16)
        algorithm = (known.algorithm or "MD5").lower()
        digest = _hash(algorithm.removesuffix("-sess"))
        # RFC 7616 §3.4.2 and §3.4.3.
        # The realm as the server sent it, in whatever charset: fields are read as ISO 8859-1.
        realm = known.realm.encode("latin-1")
        a1 = digest(b":".join([self._user.encode(), realm, self._password.encode()]))
        if algorithm.endswith("-sess"):
            a1 = digest(f"{a1}:{known.nonce}:{cnonce}".encode())
        a2 = f"{asked.method}:{asked.target}"
        if known.qop == "auth-int":
            a2 += ":" + digest(bytes(asked.body or b""))
        proof = digest(f"{a1}:{known.nonce}:{count}:{cnonce}:{known.qop}:{digest(a2.encode())}".encode())
        user = digest(b":".join([self._user.encode(), realm])) if known.userhash else self._user
        fields = [
            _named_user(user),
            f"realm={_quoted(known.realm)}",
            f"nonce={_quoted(known.nonce)}",
            f"uri={_quoted(asked.target)}",
            f'response="{proof}"',
            *([] if known.algorithm is None else [f"algorithm={known.algorithm}"]),
            *([] if known.opaque is None else [f"opaque={_quoted(known.opaque)}"]),
            f"qop={known.qop}",
            f"nc={count}",
            f'cnonce="{cnonce}"',
            *(["userhash=true"] if known.userhash else []),
        ]
        return "Digest " + ", ".join(fields)


def _chosen_qop(offered: str, asked: Asked) -> str | None:
    options = {option.strip().lower() for option in offered.split(",")}
    if "auth" in options:
        return "auth"
    # It protects the body too, which TLS does better; so it is used only if nothing else is offered.
    return "auth-int" if "auth-int" in options and asked.body is not None else None


def _hash(name: str) -> Callable[[bytes], str]:
    # MD5 is what the RFC names for old servers; nothing here relies on it where something better is offered.
    algorithm = {"sha-512-256": "sha512_256", "sha-256": "sha256", "md5": "md5"}[name]
    return lambda data: hashlib.new(algorithm, data, usedforsecurity=False).hexdigest()


def _named_user(user: str) -> str:
    # RFC 7616 §3.4: "username*" for what a quoted string cannot hold.
    if user.isascii() and user.isprintable():
        return f"username={_quoted(user)}"
    encoded = "".join(
        chr(byte) if byte < 128 and chr(byte).isalnum() else f"%{byte:02X}" for byte in user.encode()
    )
    return f"username*=UTF-8''{encoded}"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
