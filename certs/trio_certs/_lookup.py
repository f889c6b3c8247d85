"""A lookup of the user's own: a database, a remote store, an HSM.

Theory of operation: the function is asked for every issuer that the chain names, for all at the same time, and
once for handshakes that ask at the same time. What it gives is used for this verification only: how long an
answer is good for, only the function knows. Nobody can have it asked who has not proven to hold the key of the
certificate shown.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import cast

import trio

from trio_certs._anchors import parse_anchors
from trio_certs._certificate import CertificateFacts
from trio_certs._errors import SourceError
from trio_certs._shared import Shared
from trio_certs._source import Found, Sought, Source, TierName, check_tier
from trio_certs._text import describe_name, printable

MAX_ANSWER = 64
"""The certificates of one answer. They all have one name, so one or two are usual."""


@dataclass(frozen=True, slots=True)
class Issuer:
    """The name of an issuer that a certificate was sent of."""

    der: bytes = field(repr=False)
    """The raw DER of the Name. Names are equal when these bytes are."""

    @property
    def sha256(self) -> bytes:
        """SHA-256 of the name: a key to look it up by."""
        return hashlib.sha256(self.der).digest()

    def __str__(self) -> str:
        return describe_name(self.der)


LookupFunction = Callable[[Issuer], Awaitable[Iterable[bytes]]]


class Lookup(Source):
    """Certificates that an asynchronous function gives, one issuer at a time.

    Args:
        function: takes an `Issuer` and gives the certificates trusted under that name, each DER or PEM; none if
            there is none. It may be cancelled. What it raises is the cause of a `SourceError`.
        tier: how far its certificates are trusted: `"web"`, `"private"` or `"pinned"`.
    """

    label = "the lookup"

    def __init__(self, function: LookupFunction, *, tier: TierName = "private") -> None:
        if not callable(cast("object", function)):
            raise TypeError(f"a lookup is an asynchronous function, not {type(function).__name__}")
        check_tier(tier)
        self.function = function
        self.tier = tier
        self._answers = Shared(self._ask, keep=False)

    def __repr__(self) -> str:
        return f"Lookup({self.function!r}, tier={self.tier!r})"

    async def find(self, sought: Sought, /) -> Found:
        """What the function gives for the issuers of `sought`, as far as it could be led to."""
        answers: dict[bytes, list[CertificateFacts]] = {}
        failures: list[SourceError] = []

        async def ask(issuer: bytes) -> None:
            try:
                answers[issuer] = await self._answers.get(issuer)
            except SourceError as error:
                # One failure is one exception, not a group of one.
                failures.append(error)
                nursery.cancel_scope.cancel()

        async with trio.open_nursery() as nursery:
            for issuer in sought.issuers:
                nursery.start_soon(ask, issuer)
        if failures:
            raise failures[0]
        given = [one for issuer in sought.issuers for one in answers[issuer] if sought.fits(one)]
        return Found(list(dict.fromkeys(given)))

    async def _ask(self, issuer: bytes) -> list[CertificateFacts]:
        name = Issuer(issuer)
        try:
            answer = list(await self.function(name))
            if len(answer) > MAX_ANSWER:
                raise ValueError(
                    f"{len(answer)} certificates are more than one name has (at most {MAX_ANSWER})"
                )
            return [certificate for data in answer for certificate in parse_anchors(_bytes(data))]
        except Exception as error:  # whatever the user's code raises
            detail = printable(f"{type(error).__name__}: {error}")
            raise SourceError(f"{self.label} {self.function!r} failed for {name}: {detail}") from error


def _bytes(data: object) -> bytes:
    if isinstance(data, bytes | bytearray | memoryview):
        return bytes(cast("bytes", data))
    raise TypeError(f"a certificate must be bytes, not {type(data).__name__}")
