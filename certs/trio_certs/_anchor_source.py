"""The certificates that the user gives one by one: bytes, paths and resources.

Theory of operation: bytes are checked when they are given; a file or a resource is read when the first chain is
verified, once.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from trio_certs._certificate import CertificateFacts
from trio_certs._resource import Resource
from trio_certs._source import Anchors, Found, Sought, Source

if TYPE_CHECKING:
    from trio_certs._folder import File

Anchor = bytes | str | os.PathLike[str] | Resource


class GivenAnchors(Source):
    """Certificates trusted by themselves.

    Raises:
        TypeError: one is of a type that no certificate has.
        ValueError: one is not a certificate.
    """

    tier = "private"
    label = "the given certificates"

    def __init__(self, anchors: Sequence[Anchor]) -> None:
        self.anchors: tuple[Anchor, ...] = tuple(
            _anchor(anchor, place) for place, anchor in enumerate(anchors, 1)
        )
        given: list[CertificateFacts] = []
        for place, anchor in enumerate(self.anchors, 1):
            if isinstance(anchor, bytes):
                from trio_certs._anchors import parse_anchors

                try:
                    given += parse_anchors(anchor)
                except ValueError as error:
                    raise ValueError(f"anchor {place} is not a certificate: {error}") from error
        self._given = Anchors(given)
        self.files = [_file(anchor) for anchor in self.anchors if isinstance(anchor, str | os.PathLike)]
        self._resources = [anchor for anchor in self.anchors if isinstance(anchor, Resource)]

    async def find(self, sought: Sought, /) -> Found:
        """Those that `sought` could lead to."""
        found = self._given.find(sought)
        for file in self.files:
            found += (await file.find(sought)).certificates
        for resource in self._resources:
            certificate = CertificateFacts.parse(await resource.read())
            if sought.fits(certificate):
                found.append(certificate)
        return Found(list(dict.fromkeys(found)))


def _file(path: str | os.PathLike[str]) -> File:
    from trio_certs._folder import File

    return File(path)


def _anchor(value: object, place: int) -> Anchor:
    if isinstance(value, Resource | bytes | os.PathLike):
        return cast("Anchor", value)
    if isinstance(value, bytearray):
        return bytes(value)
    if isinstance(value, memoryview):
        return cast("memoryview[int]", value).tobytes()
    if isinstance(value, str):
        if "-----BEGIN" in value:
            raise ValueError(
                f"anchor {place} is text of a certificate: a str is the path of a file, encode() the text"
            )
        return value
    raise TypeError(f"anchor {place} must be bytes, a path or a Resource, not {type(value).__name__}")
