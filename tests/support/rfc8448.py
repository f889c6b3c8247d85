"""The TLS 1.3 traces of RFC 8448, as its text gives them.

`tests/secure/vectors/rfc8448.json` holds sections 3 to 7 step by step, under the RFC's own words for each step and
value; what a step derives from values given elsewhere (salts, infos, repetitions "same as") is left out.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from trio_secure._groups import GROUPS_BY_CODE, NamedGroup
from trio_secure._keys13 import ApplicationSecrets, EarlySecrets, HandshakeSecrets
from trio_secure._messages import RETRY_RANDOM
from trio_secure._protection import ContentType
from trio_secure._suites import SHA256, SUITES_BY_NAME
from trio_secure._transcript import Transcript

_FILE = Path(__file__).parents[1] / "secure" / "vectors" / "rfc8448.json"
#: Every trace settles on this suite.
SUITE = SUITES_BY_NAME["TLS_AES_128_GCM_SHA256"]

Who = Literal["client", "server"]
Stage = Literal["handshake", "application"]


class Sent(NamedTuple):
    """A handshake message in wire form, header included."""

    who: Who
    name: str
    wire: bytes

    @property
    def body(self) -> bytes:
        """The message without its header."""
        return self.wire[4:]


class Protected(NamedTuple):
    """A protected record, and the key it was sealed with."""

    who: Who
    stage: Stage
    content_type: ContentType
    payload: bytes
    record: bytes


@dataclass(frozen=True)
class Step:
    """What one side does next."""

    who: Who
    does: str
    values: dict[str, bytes]


@dataclass(frozen=True)
class Trace:
    """One section."""

    name: str
    steps: tuple[Step, ...]

    def value(self, who: Who, does: str, key: str) -> bytes:
        """The value named `key` of the last step whose description begins with `does`."""
        return [step.values[key] for step in self.steps if step.who == who and step.does.startswith(does)][-1]

    def secret(self, label: str) -> bytes:
        """What Derive-Secret gives for a label."""
        who: Who = "client" if label == "res master" else "server"
        return self.value(who, f'derive secret "tls13 {label}"', "expanded")

    def transcript_hash(self, label: str) -> bytes:
        """The transcript hash that goes into Derive-Secret for a label."""
        who: Who = "client" if label == "res master" else "server"
        return self.value(who, f'derive secret "tls13 {label}"', "hash")

    @property
    def shared_secret(self) -> bytes:
        """What the key exchange agrees on."""
        return self.value("server", 'extract secret "handshake"', "IKM")

    @property
    def group(self) -> NamedGroup:
        """The group of the key exchange."""
        return GROUPS_BY_CODE[0x0017 if len(self._public("server")) == 65 else 0x001D]

    def _public(self, who: Who) -> bytes:
        return self.value(who, "create an ephemeral", "public key")

    def key_pair(self, who: Who) -> tuple[bytes, bytes]:
        """The private and the public key that made the shared secret."""
        return self.value(who, "create an ephemeral", "private key"), self._public(who)

    @property
    def messages(self) -> tuple[Sent, ...]:
        """Every handshake message, in order; the HelloRetryRequest under its own name."""
        sent = [
            Sent(step.who, name, self._whole(wire))
            for step in self.steps
            if step.does.startswith("construct ")
            for name, wire in step.values.items()
        ]
        return tuple(
            message._replace(name="HelloRetryRequest") if message.wire[6:38] == RETRY_RANDOM else message
            for message in sent
        )

    def _whole(self, wire: bytes) -> bytes:
        """A message as it is sent: the RFC constructs the ClientHello that resumes without its binders."""
        missing = int.from_bytes(wire[1:4], "big") + 4 - len(wire)
        if not missing:
            return wire
        binder = self.value("client", "calculate PSK binder", "finished")
        return wire + (missing - 2).to_bytes(2, "big") + bytes([len(binder)]) + binder

    @property
    def hellos(self) -> tuple[Sent, ...]:
        """The messages up to the ServerHello."""
        names = [message.name for message in self.messages]
        return self.messages[: names.index("ServerHello") + 1]

    @property
    def protected(self) -> tuple[Protected, ...]:
        """Every protected record, in order."""
        stages: dict[Who, Stage] = {"client": "handshake", "server": "handshake"}
        records: list[Protected] = []
        for step in self.steps:
            if step.does == "derive write traffic keys for application data":
                stages[step.who] = "application"
            record = step.values.get("complete record", b"")
            if record[:1] == b"\x17":
                kind = ContentType[step.does.split()[1].upper()]
                records.append(Protected(step.who, stages[step.who], kind, step.values["payload"], record))
        return tuple(records)

    def transcript_before(self, name: str, who: Who) -> Transcript:
        """The transcript of everything ahead of the message `name` of `who`."""
        names = [(message.who, message.name) for message in self.messages]
        before = self.messages[names.index((who, name)) - 1]
        return self.transcript_until(before.name, before.who)

    def transcript_until(self, name: str, who: Who = "server") -> Transcript:
        """The transcript from the first ClientHello to and with the message `name` of `who`."""
        transcript = Transcript()
        for at, message in enumerate(self.messages):
            transcript.add(message.wire)
            if message.name == "HelloRetryRequest":
                transcript.use_after_retry(SHA256)
            if (message.who, message.name) == (who, name):
                break
            # Settling the hash early or late must come to the same.
            if at == len(self.hellos) - 1:
                transcript.use(SHA256)
        transcript.use(SHA256)
        return transcript

    @property
    def early_secrets(self) -> EarlySecrets | None:
        """The stage before the ServerHello, where there is a PSK."""
        psks = [
            step.values["IKM"]
            for step in self.steps
            if step.does == 'extract secret "early"' and "IKM" in step.values
        ]
        return EarlySecrets.derive(SHA256, psks[0]) if psks else None

    @property
    def handshake_secrets(self) -> HandshakeSecrets:
        """The stage after the ServerHello."""
        hellos = self.transcript_until("ServerHello").digest()
        return HandshakeSecrets.derive(SUITE, self.shared_secret, hellos, self.early_secrets)

    @property
    def application_secrets(self) -> ApplicationSecrets:
        """The stage after the server's Finished."""
        return ApplicationSecrets.derive(self.handshake_secrets, self.transcript_until("Finished").digest())


def _load() -> dict[str, Trace]:
    traces: dict[str, Trace] = {}
    for name, steps in json.loads(_FILE.read_text()).items():
        traces[name] = Trace(
            name,
            tuple(
                Step(
                    step["who"],
                    step["does"],
                    {key: bytes.fromhex(value) for key, value in step.items() if key not in {"who", "does"}},
                )
                for step in steps
            ),
        )
    return traces


_TRACES = _load()
#: Section 4: it resumes section 3, and sends data before the ServerHello.
RESUMED = _TRACES.pop("resumed_0rtt")
#: Sections 3, 5, 6 and 7: full handshakes.
TRACES = tuple(_TRACES.values())
