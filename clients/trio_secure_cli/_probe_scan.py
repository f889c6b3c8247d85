"""What a server accepts of all that this client knows: a connection for each question.

Theory of operation: a question is a configuration that leaves the server one choice, and the answer is what its
hello chose; whether the handshake is finished afterwards does not matter. Of suites the whole list is offered,
then the list without what was chosen, until nothing is: that takes as many connections as there are suites
accepted and one more, and gives them in the server's order. Nothing is sent but handshakes, a few at a time,
each for a limited time. The certificate is not verified, for nothing is believed.
"""

from __future__ import annotations

import warnings
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast  # Any: keyword arguments that are passed on

import trio

from trio_secure import (
    AlertDescription,
    AlertReceived,
    LegacyTLSWarning,
    SecureSocket,
    TLSConfig,
    TLSError,
    TraceEvent,
    TraceMessage,
    Truncated,
)

from ._failure import CommandError
from ._probe_options import ProbeOptions
from ._text import version_name

T = TypeVar("T")
R = TypeVar("R")

AT_A_TIME = 3
VERSIONS = (0x0304, 0x0303, 0x0302, 0x0301)
_TLS13 = 0x0304


@dataclass(frozen=True)
class Answer:
    """Whether a server accepts something.

    Attributes:
        name: what it is.
        accepted: None when that is not known: there was no connection, or nothing came.
        detail: what was chosen with it, or why it is not accepted.
    """

    name: str
    accepted: bool | None
    detail: str = ""


Answers = tuple[Answer, ...]


@dataclass(frozen=True)
class Scans:
    """What was found out; None for what was not asked."""

    versions: Answers | None = None
    suites: Mapping[str, Answers] | None = None
    """By the name of the version."""
    groups: Answers | None = None
    signatures: Answers | None = None


NOTHING_ASKED = Scans()


@dataclass(frozen=True)
class Heard:
    """What a server said to one ClientHello."""

    version: str = ""
    suite: str = ""
    group: str = ""
    scheme: str = ""
    trouble: str = ""
    """What ended it early; empty if nothing did."""
    certain: bool = True
    """Whether the trouble is the server's refusal, not that nobody answered."""

    def answer(self, name: str, chosen: str, detail: str = "") -> Answer:
        """What it says about `name`, where the server has chosen `chosen`."""
        if chosen == name:
            return Answer(name, True, detail)
        if chosen:
            return Answer(name, False, f"the server chose {chosen}")
        return Answer(name, False if self.certain else None, self.trouble)


@dataclass
class _Ear:
    """Takes down what a server says, event by event."""

    version: str = ""
    suite: str = ""
    group: str = ""
    scheme: str = ""

    def __call__(self, event: TraceEvent) -> None:
        if not isinstance(event, TraceMessage) or event.direction != "received":
            return
        said = {extension.name: extension.value for extension in event.extensions}
        if event.name == "ServerHello":
            self.version = str(said.get("supported_versions") or event.fields["legacy_version"])
            self.suite = str(event.fields["cipher_suite"])
            share = said.get("key_share")
            # The group of the share; in a hello of TLS 1.2 there is none.
            groups = list(cast("Mapping[str, object]", share)) if isinstance(share, Mapping) else []
            self.group = groups[0] if groups else ""
        elif event.name == "ServerKeyExchange":
            self.group = str(event.fields.get("named_curve", ""))
            self.scheme = str(event.fields["algorithm"] or "")
        elif event.name == "CertificateVerify":
            self.scheme = str(event.fields["algorithm"])


class Scanner:
    """Asks one server."""

    def __init__(self, options: ProbeOptions, **socket_options: Any) -> None:
        self._host, self._port = options.host, options.port
        self._patience = options.connection.timeout
        self._socket_options = socket_options
        self._limit = trio.CapacityLimiter(AT_A_TIME)

    async def ask(self, config: TLSConfig) -> Heard:
        """Make one connection and hear what the server says."""
        ear = _Ear()
        config = config.replace(verify=False, cache=False, ocsp="ignore", trace=ear)
        trouble, certain = "", True
        async with self._limit:
            with trio.move_on_after(self._patience) as scope:
                try:
                    socket = SecureSocket(self._host, self._port, secure=config, **self._socket_options)
                    async with socket as stream:
                        ear.group = stream.info.group or ear.group
                except AlertReceived as error:
                    trouble = _alert(error.alert)
                except Truncated as error:
                    trouble = error.message if ear.version else "the server hung up"
                except TLSError as error:
                    trouble = error.message
                except (CommandError, OSError, trio.BrokenResourceError) as error:
                    trouble, certain = str(error) or "the connection broke", False
        if scope.cancelled_caught:
            trouble, certain = f"nothing came for {self._patience:g} s", False
        return Heard(ear.version, ear.suite, ear.group, ear.scheme, trouble, certain)

    async def versions(self) -> Answers:
        """Whether each version is accepted."""

        async def one(version: int) -> Answer:
            heard = await self.ask(_only(version))
            return heard.answer(version_name(version), heard.version, heard.suite)

        return await _all(one, VERSIONS)

    async def suites(self, version: int) -> Answers:
        """The suites of one version, as the server prefers them; then those it does not accept."""
        config = _only(version)
        left = [row.name for row in config.suite_rows]
        found: list[Answer] = []
        while left:
            heard = await self.ask(config.replace(cipher_suites=left))
            if heard.suite not in left:
                return (*found, *(heard.answer(name, "") for name in left))
            left.remove(heard.suite)
            found.append(Answer(heard.suite, True, heard.group))
        return tuple(found)

    async def groups(self, version: int) -> Answers:
        """Whether each group is accepted."""

        async def one(name: str) -> Answer:
            config = TLSConfig(min_version=version, max_version=version, groups=[name], key_shares=[name])
            heard = await self.ask(config)
            return heard.answer(name, heard.group, heard.suite)

        known = TLSConfig.choices("groups")
        return await _all(one, [name for name in known if _fits(version, groups=[name])])

    async def signatures(self, version: int) -> Answers:
        """Whether the server signs with each scheme."""
        everything = TLSConfig.choices("signature_algorithms")

        async def one(name: str) -> Answer:
            config = TLSConfig(
                min_version=version,
                max_version=version,
                signature_algorithms=[name],
                certificate_signature_algorithms=everything,
            )
            heard = await self.ask(config)
            return heard.answer(name, heard.scheme)

        return await _all(one, [name for name in everything if _fits(version, signature_algorithms=[name])])


async def scan(options: ProbeOptions, **socket_options: Any) -> Scans:
    """Find out what was asked for.

    The groups and the schemes are those of the highest version the server accepts.

    Args:
        options: what the command line says.
        **socket_options: passed on to `SecureSocket`.
    """
    wanted = options.scan
    scanner = Scanner(options, **socket_options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LegacyTLSWarning)  # to find them is the point
        versions = await scanner.versions()
        accepted = [v for v, answer in zip(VERSIONS, versions, strict=True) if answer.accepted]
        suites: dict[str, Answers] | None = None
        if wanted.suites:
            found = await _all(scanner.suites, accepted)
            suites = dict(zip(map(version_name, accepted), found, strict=True))
        best = [version for version in accepted[:1] if version > 0x0302]
        return Scans(
            versions if wanted.versions else None,
            suites,
            await scanner.groups(best[0]) if wanted.groups and best else None,
            await scanner.signatures(best[0]) if wanted.signatures and best else None,
        )


def _alert(code: AlertDescription | int | None) -> str:
    return f"alert {code.name.lower() if isinstance(code, AlertDescription) else code}"


def _only(version: int) -> TLSConfig:
    """This version and no other, with everything that may be offered in it."""
    config = TLSConfig(min_version=version, max_version=version)
    return config if version == _TLS13 else config.replace(cipher_suites=TLSConfig.choices("cipher_suites"))


def _fits(version: int, **settings: Any) -> bool:
    """Whether there is anything of this in a version."""
    try:
        TLSConfig(min_version=version, max_version=version, **settings)
    except ValueError:
        return False
    return True


async def _all(work: Callable[[T], Awaitable[R]], items: Sequence[T]) -> tuple[R, ...]:
    """What `work` makes of each item, all at the same time, in their order."""
    results: dict[int, R] = {}

    async def one(place: int, item: T) -> None:
        results[place] = await work(item)

    async with trio.open_nursery() as nursery:
        for place, item in enumerate(items):
            nursery.start_soon(one, place, item)
    return tuple(results[place] for place in range(len(items)))
