"""Every way through a handshake, as the sequence of messages a server may send in it.

Theory of operation: a `Flow` is an honest script together with the grammar of what the RFCs allow its server to
say, optional messages included. From the grammar follows, for each moment of the script, which messages may come
then; so tests can send all the others. A flow that resumes is preceded by a connection that fills a cache.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from support.authority import KeyKind
from support.scripted_flights13 import send_ticket
from support.scripted_script import Script, echo, leaf
from support.scripted_server import PLAIN, accepted
from support.scripted_sessions import Memory
from support.scripted_wire import ServerWire
from trio_secure import MemoryCache, TLSConfig
from trio_secure._suites import SUITES_BY_NAME, KeyExchange
from trio_secure._versions import Version


class Step(NamedTuple):
    """A message that may come.

    Attributes:
        types: the types of which it may be; none for a change_cipher_spec.
        optional: whether the RFC lets a server leave it out here.
    """

    name: str
    types: frozenset[int]
    optional: bool = False


@dataclass(frozen=True)
class Flow:
    """One way through a handshake."""

    name: str
    script: Script
    config: TLSConfig
    grammar: tuple[Step, ...]
    resumes: bool = False

    def moments(self) -> Iterator[tuple[str, frozenset[int]]]:
        """The steps of the script, each with the types of the messages that may come in its place."""
        pending: set[int] = set()
        for at, step in enumerate(self.grammar):
            if not self._says(step):
                pending |= step.types
                continue
            allowed = pending | step.types
            for later in self.grammar[at + 1 :] if step.optional else ():
                allowed |= later.types
                if not later.optional:
                    break
            yield step.name, frozenset(allowed)
            pending = set()

    def _says(self, step: Step) -> bool:
        script = self.script
        says = {"CertificateRequest": script.request, "CertificateStatus": script.status is not None}
        return says.get(step.name, True)

    async def ready(self) -> tuple[Script, TLSConfig]:
        """Script and configuration for one meeting, sessions included."""
        if not self.resumes:
            return self.script, self.config
        memory, config = Memory(), self.config.replace(cache=MemoryCache())
        script = replace(self.script, memory=memory)
        await accepted(replace(script, then=_ticket_first) if self._is_13 else script, config)
        return script, config

    @property
    def _is_13(self) -> bool:
        return self.script.version >= Version.TLS13


async def _ticket_first(server: ServerWire) -> None:
    await send_ticket(server)
    await echo(server)


def _of(*types: int) -> frozenset[int]:
    return frozenset(types)


# RFC 5246 §7.4.1.1: a HelloRequest (0) is passed over as long as the handshake lasts.
_HELLO = Step("ServerHello", _of(2))
_FINISHED_12 = Step("Finished", _of(20, 0))
_CHANGE_CIPHER_SPEC = Step("ChangeCipherSpec", _of(0))
_TICKET = Step("NewSessionTicket", _of(4, 0))


def _full12(script: Script) -> tuple[Step, ...]:
    assert script.suite is not None
    exchange = SUITES_BY_NAME[script.suite].key_exchange
    steps = [_HELLO, Step("Certificate", _of(11, 0))]
    steps += [Step("CertificateStatus", _of(22, 0), optional=True)] if script.status is not None else []
    steps += [Step("ServerKeyExchange", _of(12, 0))] if exchange is not KeyExchange.RSA else []
    steps += [Step("CertificateRequest", _of(13, 0), optional=True), Step("ServerHelloDone", _of(14, 0))]
    steps += [_TICKET] if script.ticket is not None else []
    return (*steps, _CHANGE_CIPHER_SPEC, _FINISHED_12)


def _abbreviated12(script: Script) -> tuple[Step, ...]:
    steps = [_HELLO, *([_TICKET] if script.ticket is not None else [])]
    return (*steps, _CHANGE_CIPHER_SPEC, _FINISHED_12)


_FULL_13 = (
    _HELLO,
    Step("EncryptedExtensions", _of(8)),
    Step("CertificateRequest", _of(13), optional=True),
    Step("Certificate", _of(11, 25)),
    Step("CertificateVerify", _of(15)),
    Step("Finished", _of(20)),
)
_RESUMED_13 = (_HELLO, Step("EncryptedExtensions", _of(8)), Step("Finished", _of(20)))

_KEY: dict[str, KeyKind] = {"ECDSA": "p256", "RSA": "rsa"}


def _flow12(version: Version, suite: str, name: str = "", **choices: object) -> Flow:
    authentication = SUITES_BY_NAME[suite].authentication
    assert authentication is not None
    resumes = bool(choices.pop("resumes", False))
    # What is chosen differs from flow to flow; the script checks its own fields.
    script = Script(version=version, suite=suite, leaf=leaf(_KEY[authentication.value]), **choices)  # type: ignore[arg-type]
    config = PLAIN.replace(
        min_version=min(version, Version.TLS12), max_version=version, cipher_suites=[suite], cache=resumes
    )
    grammar = _abbreviated12(script) if resumes else _full12(script)
    if script.ticket is not None and not resumes:
        config = config.replace(cache=MemoryCache())
    return Flow(f"{version.name}-{suite}{name}", script, config, grammar, resumes)


def _flow13(name: str, *, resumes: bool = False, **choices: object) -> Flow:
    script = Script(**choices)  # type: ignore[arg-type]  # as above
    config = PLAIN.replace(cache=resumes)
    return Flow(f"TLS13{name}", script, config, _RESUMED_13 if resumes else _FULL_13, resumes)


_ECDHE, _DHE = "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", "TLS_DHE_RSA_WITH_AES_128_CBC_SHA"
_RSA, _ECDSA = "TLS_RSA_WITH_AES_128_CBC_SHA", "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA"
_GCM = "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"
_10, _11, _12 = Version.TLS10, Version.TLS11, Version.TLS12

FLOWS: tuple[Flow, ...] = (
    *(_flow12(version, suite) for version in (_10, _11, _12) for suite in (_ECDHE, _DHE, _RSA, _ECDSA)),
    _flow12(_12, _GCM, "-asked", request=True),
    _flow12(_12, _GCM, "-stapled", status=b"staple"),
    _flow12(_12, _GCM, "-all", request=True, status=b"staple", ticket=b"ticket"),
    _flow12(_10, _RSA, "-asked", request=True),
    _flow12(_11, _ECDHE, "-asked", request=True),
    _flow12(_12, _GCM, "-by-id", resumes=True, session_id=b"i" * 32),
    _flow12(_12, _GCM, "-by-ticket", resumes=True, ticket=b"ticket"),
    _flow12(_10, _RSA, "-by-id", resumes=True, session_id=b"i" * 32),
    _flow13(""),
    _flow13("-asked", request=True),
    _flow13("-resumed", resumes=True),
)
