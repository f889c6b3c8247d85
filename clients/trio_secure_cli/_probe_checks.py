"""Whether a server is what it has to be: what monitoring asks.

Theory of operation: each demand on the command line becomes a check with a verdict in words. A server whose
certificate is refused never gets here: that is the failure of the connection, with its own exit code.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from trio_secure import ConnectionInfo
from trio_secure_report import CertificateView

from ._probe_options import DemandOptions
from ._probe_scan import VERSIONS, Scans
from ._text import version_name


@dataclass(frozen=True)
class Check:
    """A demand and whether it is met.

    Attributes:
        name: the option that makes it, without dashes.
        passed: whether the server is as demanded.
        text: what was found.
    """

    name: str
    passed: bool
    text: str


def checks(
    demand: DemandOptions, info: ConnectionInfo | None, scans: Scans, now: datetime
) -> tuple[Check, ...]:
    """The verdict on each demand; none where there is no connection to judge."""
    if info is None:
        return ()
    return (*_expiry(demand, info, now), *_version(demand, info, scans), *_anchor(demand, info))


def _expiry(demand: DemandOptions, info: ConnectionInfo, now: datetime) -> Iterator[Check]:
    if demand.expires_within is None:
        return
    # How long an anchor is good for is the business of who trusts it; a lone certificate is its own anchor.
    chain = info.verified_chain[:-1] or info.verified_chain or info.peer_certificates[:1]
    ends = [(view.not_after, view) for view in map(CertificateView.of, chain) if view.not_after]
    if not ends:
        yield Check("expires-within", False, "the server's certificate cannot be read")
        return
    end, first = min(ends, key=lambda one: one[0])
    days = (end - now).days
    passed = end - now > timedelta(days=demand.expires_within)
    yield Check(
        "expires-within", passed, f"{first.subject} expires on {end:%Y-%m-%d %H:%M} UTC, in {days} days"
    )


def _version(demand: DemandOptions, info: ConnectionInfo, scans: Scans) -> Iterator[Check]:
    least = demand.min_version
    if least is None:
        return
    passed, text = info.version >= least, f"the connection has {version_name(info.version)}"
    if scans.versions is not None:
        below = [
            answer
            for version, answer in zip(VERSIONS, scans.versions, strict=True)
            if version < least and answer.accepted is not False
        ]
        accepted = ", ".join(answer.name for answer in below if answer.accepted)
        unknown = ", ".join(answer.name for answer in below if answer.accepted is None)
        text += f"; the server accepts {accepted} too" if accepted else ""
        text += f"; of {unknown} nothing is known" if unknown else ""
        passed = passed and not below
    yield Check("min-version", passed, text)


def _anchor(demand: DemandOptions, info: ConnectionInfo) -> Iterator[Check]:
    if demand.anchor is not None:
        found = info.anchor_resource or "a certificate given with --ca"
        yield Check("anchor", info.anchor_resource == demand.anchor, f"the path leads to {found}")
