"""One row of work, and who does it: what suites are made of.

Theory of operation: a suite is a dictionary of cases. A case names the server it needs, how much work makes a
round, and its contestants, ours first: each a function that does the work in a process of its own and returns what
it cost. Costs are CPU seconds or KiB: less is better, and a ratio is always the peer's cost over ours.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal


@dataclass(frozen=True)
class Site:
    """A running server: its port, and the folder with what a client has to know.

    In the folder are `ca.der` and `ca.pem`, the authority that vouches for it as `SERVER_NAME`.
    """

    port: int
    folder: Path

    @property
    def authority(self) -> bytes:
        """The authority's certificate, DER."""
        return (self.folder / "ca.der").read_bytes()

    @property
    def ca_file(self) -> str:
        """The path of the authority's certificate, PEM."""
        return str(self.folder / "ca.pem")


SERVER_NAME = "localhost"
Serve = Callable[[Path], AbstractContextManager[Site]]
"""Runs a server that keeps its files in an empty folder."""
Measure = Callable[[Site, int], float]
"""Does an amount of work and returns its cost."""


@dataclass(frozen=True)
class Case:
    """One piece of work.

    Attributes:
        serve: the server.
        contestants: who does it, ours first.
        unit: what `amount` and `quick` count.
        amount: how much of it makes a round.
        quick: how much of it, in a run that only checks that it runs; 0 leaves the case out.
        goals: the least ratio aimed at, by peer.
        cost: what is measured.
        rounds: the most rounds, where one takes long.
    """

    serve: Serve
    contestants: Mapping[str, Measure]
    unit: str
    amount: int
    quick: int
    goals: Mapping[str, float] = field(default_factory=dict[str, float])
    cost: Literal["CPU", "KiB"] = "CPU"
    rounds: int = 99
