"""A scripted server that follows a plan, and a client that meets it.

Theory of operation: the script's own hooks change what is said and add to it; the wire changes records as
it seals them; a stream under the wire changes what it sends. The server waits for a while, and then lets
the client go, so that a client that waits for more is told that nothing comes. Whatever the server runs
into is its own fault.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import trio
from trio.testing import memory_stream_pair

from fuzz import corpus
from fuzz.hostile_plans import Act, Acted, Alteration, Altered, Passage, Passed, Plan
from fuzz.mutations import Mutation, mutate, mutated_bytes
from fuzz.trees import read_message
from support import scripted_script as script_of
from support.scripted_flights13 import request_body
from support.scripted_flows import Flow, Shelf
from support.scripted_script import SERVER_NAME, Script
from support.scripted_server import serve, wrap
from support.scripted_wire import ALERT, CCS, DATA, HANDSHAKE, ServerWire
from trio_secure import ConnectionInfo, SecureStream, TLSConfig, TLSError
from trio_secure._messages import encode_message
from trio_secure._protection import HEADER_LENGTH, MAX_CONTENT, Sealer
from trio_secure._rooms import ROOM
from trio_secure._versions import Version

# How long the server waits for a client that waits for it, in seconds of a clock that jumps.
_PATIENCE = 5
_HELLO_REQUEST = bytes(4)
# What a server runs into that has told its client other things than it believes itself.
_OWN_FAULTS = (AssertionError, LookupError, ValueError, TLSError)


class HostileWire(ServerWire):
    """A server's wire that changes the content of records before it protects them."""

    def __init__(self, transport: trio.abc.Stream, script: Script, altered: Mapping[int, Altered]) -> None:
        super().__init__(transport, script)
        self.gone = b""
        """The handshake messages that went into records."""
        self._altered = altered
        self._number = 0
        self._late = b""

    def _sealed(self, sealer: Sealer, content_type: int, content: bytes) -> bytes:
        change = self._altered.get(self._number)
        self._number += 1
        late, self._late = self._late, b""
        sealed = b""
        for kind, part in (
            [(content_type, content)] if change is None else _altered(change, content_type, content)
        ):
            part = part[:MAX_CONTENT]
            self.gone += part if kind == HANDSHAKE else b""
            sealed += super()._sealed(sealer, kind, part)
        if change is not None and change.what is Alteration.LATE:
            self._late, sealed = sealed, b""
        return sealed + late

    @property
    def is_as_meant(self) -> bool:
        """Whether what was sent begins with the script's messages, but for what a client is to pass over."""
        meant = b"".join(encode_message(*self.said[step]) for step in self.steps if step in self.said)
        sent = self.gone
        if self.script.version < Version.TLS13:
            sent = b"".join(message for message in _messages(sent) if message != _HELLO_REQUEST)
        return sent.startswith(meant)


def _messages(flow: bytes) -> Iterator[bytes]:
    while flow:
        end = 4 + int.from_bytes(flow[1:4])
        yield flow[:end]
        flow = flow[end:]


def _altered(change: Altered, content_type: int, content: bytes) -> list[tuple[int, bytes]]:
    how, record = change.how, (content_type, content)
    if change.what is Alteration.CONTENT:
        return [(content_type, mutated_bytes(how, content, corpus.pool()))]
    if change.what is Alteration.TYPE:
        return [(20 + how.value % 5, content)]
    if change.what is Alteration.SPLIT:
        at = how.at % (len(content) or 1)
        return [(content_type, content[:at]), (content_type, content[at:])]
    if change.what is Alteration.DROP:
        return []
    if change.what is Alteration.TWICE:
        return [record, record]
    if change.what is Alteration.EXTRA:
        return [(20 + how.value % 5, how.data), record]
    return [record]


class Passing(trio.abc.HalfCloseableStream):
    """A stream that changes what it sends."""

    def __init__(self, stream: trio.abc.HalfCloseableStream, changes: Mapping[int, Passed]) -> None:
        self._stream = stream
        self._changes = changes
        self._flight = 0

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send, or something else."""
        change = self._changes.get(self._flight)
        self._flight += 1
        sent = bytes(data) if change is None else _passed(change, bytes(data))
        await self._stream.send_all(sent)
        if change is not None and change.what is Passage.END:
            await self._stream.send_eof()

    async def wait_send_all_might_not_block(self) -> None:
        """Wait."""
        await self._stream.wait_send_all_might_not_block()

    async def send_eof(self) -> None:
        """End sending."""
        await self._stream.send_eof()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        """Receive."""
        return await self._stream.receive_some(max_bytes)

    async def aclose(self) -> None:
        """Close."""
        await self._stream.aclose()


def _records(flow: bytes) -> list[bytes]:
    found: list[bytes] = []
    while flow:
        end = HEADER_LENGTH + int.from_bytes(flow[3:HEADER_LENGTH])
        found.append(flow[:end])
        flow = flow[end:]
    return found


def _passed(change: Passed, data: bytes) -> bytes:
    how = change.how
    if change.what in {Passage.CHANGE, Passage.END}:
        return mutated_bytes(how, data, corpus.pool())
    records = _records(data)
    place = how.node % len(records)
    if change.what is Passage.DROP:
        del records[place]
    elif change.what is Passage.TWICE:
        records.insert(place, records[place])
    elif change.what is Passage.SWAP:
        records.insert(how.at % len(records), records.pop(place))
    else:
        records.insert(place, how.data)
    return b"".join(records)


class Watched(trio.abc.HalfCloseableStream):
    """The client's end of a transport: it gives a little at a time, and knows whether it is closed."""

    def __init__(self, stream: trio.abc.HalfCloseableStream, most: int = ROOM) -> None:
        self._stream = stream
        self._most = most
        self.closed = False

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send."""
        await self._stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        """Wait."""
        await self._stream.wait_send_all_might_not_block()

    async def send_eof(self) -> None:
        """End sending."""
        await self._stream.send_eof()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        """Receive, into no more memory than a client may take."""
        assert max_bytes is not None
        assert 0 < max_bytes <= ROOM
        return await self._stream.receive_some(min(max_bytes, self._most))

    async def aclose(self) -> None:
        """Close."""
        self.closed = True
        await self._stream.aclose()


# What a plan makes of a script


def _spoil(name: str, changes: list[Mutation]) -> script_of.Alteration:
    def alteration(body: bytes) -> bytes:
        tree = read_message(name, body)
        for change in changes:
            mutate(change, tree, corpus.pool())
        return tree.encode()

    return alteration


async def _act(server: ServerWire, acted: Acted) -> None:
    for _ in range(acted.times):
        await _do(server, acted)


async def _do(server: ServerWire, acted: Acted) -> None:
    what, how = acted.what, acted.how
    if what is Act.MESSAGE:
        said = corpus.messages()[how.at % len(corpus.messages())]
        server.send_message(said.type, said.body)
    elif what is Act.ALERT:
        server.send_alert(how.value, 1 + how.at % 2)
    elif what is Act.CHANGE_CIPHER_SPEC:
        server.send_record(CCS, b"\x01" if how.value % 2 else how.data)
    elif what is Act.DATA:
        server.send_record(DATA, how.data * (1 + how.value))
    elif what is Act.EMPTY:
        server.send_record(20 + how.value % 4, b"")
    elif what is Act.PLAIN:
        server.send_plain(20 + how.value % 5, how.data)
    elif what is Act.HELLO_REQUEST:
        server.send_message(0)
    elif what is Act.KEY_UPDATE and server.write_secret is not None:
        server.send_key_update(how.value % 2)
    elif what is Act.TICKET:
        server.send_message(4, _ticket(how))
    elif what is Act.REQUEST:
        body = request_body(server, how.data)
        server.send_message(13, mutated_bytes(how, body) if how.value % 2 else body)
    elif what is Act.CLOSE:
        server.send_record(ALERT, b"\x01\x00")
    elif what is Act.BYTES:
        server.send_bytes(how.data)
    await server.flush()


def _ticket(how: Mutation) -> bytes:
    """A NewSessionTicket, good or not."""
    tree = read_message("NewSessionTicket", bytes(3) + b"\x10" + bytes(4) + b"\2no" + b"\0\6ticket" + b"\0\0")
    if how.value % 3:
        mutate(how, tree, corpus.pool())
    return tree.encode()


def _changes(plan: Plan, flow: Flow) -> dict[str, object]:
    """The fields of a script that a plan changes."""
    steps = flow.steps
    before: dict[str, script_of.Act] = {}
    after: dict[str, script_of.Act] = {}
    for acted in plan.acts:
        step = steps[acted.step % len(steps)]
        (before if acted.before else after)[step] = functools.partial(_act, acted=acted)

    async def then(server: ServerWire) -> None:
        for acted in plan.then:
            await _act(server, acted)

    alter = {steps[step % len(steps)]: _spoil(steps[step % len(steps)], [*how]) for step, how in plan.said}
    omit = () if plan.omit is None else (steps[plan.omit % len(steps)],)
    return {
        "alter": alter,
        "before": before,
        "after": after,
        "omit": omit,
        "fragment": plan.fragment,
        "coalesce": plan.coalesce,
        "cut": plan.cut,
        "then": then,
    }


# Meetings


@dataclass(frozen=True)
class Encounter:
    """What came of a meeting."""

    error: TLSError | None
    info: ConnectionInfo | None
    is_as_meant: bool


def meet(flow: Flow, plan: Plan, config: TLSConfig) -> Encounter:
    """A client meets a server that follows a plan."""
    # What is put into messages is made by meetings, and none can be held in the middle of another.
    corpus.pool()
    return corpus.run(_meet, flow, plan, config)


async def _meet(flow: Flow, plan: Plan, config: TLSConfig) -> Encounter:
    script, config, early_data = flow.part(config, **_changes(plan, flow))
    ours, theirs = memory_stream_pair()
    passing = Passing(theirs, {change.flight: change for change in plan.raw})
    server = HostileWire(passing, script, {change.record: change for change in plan.altered})
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_serve, server)
        error, info = await converse(Watched(ours, plan.trickle), config, early_data)
    assert isinstance(config.cache, Shelf)
    if info is not None and config.cache.session is not None:
        await _return(config)
    return Encounter(error, info, server.is_as_meant)


async def _serve(server: ServerWire) -> None:
    with trio.move_on_after(_PATIENCE), contextlib.suppress(*_OWN_FAULTS):
        await serve(server)
    await trio.aclose_forcefully(server.transport)


async def converse(
    transport: Watched, config: TLSConfig, early_data: bytes = b""
) -> tuple[TLSError | None, ConnectionInfo | None]:
    """A handshake, a little data, and all there is to receive; what ended it, and what the handshake settled."""
    failure: TLSError | None = None
    stream: SecureStream[trio.abc.Stream] | None = None
    try:
        stream = await wrap(transport, SERVER_NAME, config, early_data=early_data)
    except TLSError as error:
        failure = error
    if stream is None:
        assert failure is not None
        assert transport.closed
        assert failure.phase
        assert str(failure)
        return failure, None
    with contextlib.suppress(trio.BrokenResourceError):
        await stream.send_all(b"ping")
    try:
        while await stream.receive_some():
            pass
    except TLSError as error:
        failure = error
    assert str(stream.info)
    await stream.aclose()
    assert transport.closed
    return failure, stream.info


async def _return(config: TLSConfig) -> None:
    """A second connection, with what the first one has left: somebody says nothing to its hello."""
    ours, theirs = memory_stream_pair()
    await theirs.send_eof()
    error, _ = await converse(Watched(ours), config)
    assert error is not None
