"""No buffer is quadratic: twice the input takes twice the operations, counted and not timed."""

from __future__ import annotations

import pytest

from support.operations import CountingBuffer, Operations, check_linear, counted, doubled
from support.record_keys import SUITES_13, Protection, pair, seal
from support.record_peer import established
from support.websocket_peer import BINARY, CONTINUATION, frame
from trio_secure._messages import encode_message
from trio_secure._protection import MAX_CONTENT, ContentType
from trio_secure._reassembly import Reassembly
from trio_secure._records import RecordReader, RecordWriter
from trio_secure._versions import Version
from trio_wss._assembler import Assembler
from trio_wss._decoder import FrameReader, Piece
from trio_wss._limits import Limits

DATA = ContentType.APPLICATION_DATA
TLS13 = Protection(SUITES_13[0], Version.TLS13)


def _read_all(records: int, content: int, step: int, limit: int) -> Operations:
    """Feed records in steps, and read as soon as there is something."""
    sealer, opener = pair(TLS13)
    flow = b"".join(seal(sealer, DATA, bytes(content)) for _ in range(records))
    reader = RecordReader()
    reader.opener = opener
    length = 0
    with counted() as operations:
        for at in range(0, len(flow), step):
            reader.feed(flow[at : at + step])
            while data := reader.read(limit):
                length += len(data)
    assert length == records * content
    return operations


@pytest.mark.parametrize("limit", [1000, 2**18])
@pytest.mark.parametrize("step", [700, 2**14, 2**18])
@pytest.mark.parametrize("content", [10, MAX_CONTENT])
def test_records_are_read_in_linear_time(content: int, step: int, limit: int) -> None:
    check_linear(
        doubled(lambda records: _read_all(records, content, step, limit), 16 if content > 10 else 256)
    )


def test_a_backlog_that_nobody_reads_is_read_in_linear_time() -> None:
    def work(records: int) -> Operations:
        sealer, opener = pair(TLS13)
        flow = b"".join(seal(sealer, DATA, bytes(1000)) for _ in range(records))
        reader = RecordReader()
        reader.opener = opener
        with counted() as operations:
            for at in range(0, len(flow), 4096):
                reader.feed(flow[at : at + 4096])
            while reader.read(1):
                pass
        assert not reader.buffered
        return operations

    check_linear(doubled(work, 200))


@pytest.mark.parametrize("piece", [1, 100, MAX_CONTENT, 2**20])
def test_content_is_sealed_in_linear_time(piece: int) -> None:
    def work(pieces: int) -> Operations:
        writer = RecordWriter(0x0303)
        writer.sealer, _ = pair(TLS13)
        content = bytes(piece)
        with counted() as operations:
            for _ in range(pieces):
                writer.seal(DATA, content)
        return operations

    check_linear(doubled(work, 1 if piece == 2**20 else 50))


@pytest.mark.parametrize("fragment", [1, 100, MAX_CONTENT])
def test_a_message_in_fragments_is_put_together_in_linear_time(fragment: int) -> None:
    def work(fragments: int) -> Operations:
        messages, message = Reassembly(), encode_message(11, bytes(fragments * fragment))
        messages._buffer = CountingBuffer()
        taken = None
        with counted() as operations:
            for at in range(0, len(message), fragment):
                messages.feed(message[at : at + fragment])
                header = messages.begin()
                taken = messages.take(header.length) if header else None
        assert taken == message
        operations.copied += messages._buffer.copied
        return operations

    check_linear(doubled(work, 50))


def test_many_messages_in_one_flow_are_taken_in_linear_time() -> None:
    def work(count: int) -> Operations:
        messages, message = Reassembly(), encode_message(4, bytes(20))
        messages._buffer = CountingBuffer()
        messages.feed(message * count)
        taken = 0
        with counted() as operations:
            while header := messages.begin():
                assert messages.take(header.length) == message
                taken += 1
        assert taken == count
        operations.copied += messages._buffer.copied
        return operations

    check_linear(doubled(work, 500))


@pytest.mark.parametrize("max_bytes", [1, 1000, None])
async def test_a_stream_gives_data_in_linear_time(max_bytes: int | None) -> None:
    async def work(length: int) -> Operations:
        stream, peer = established()
        for at in range(0, length, MAX_CONTENT):
            await peer.send(DATA, bytes(min(MAX_CONTENT, length - at)))
        rest = length
        with counted() as operations:
            while rest:
                rest -= len(await stream.receive_some(max_bytes))
        return operations

    unit = 2000 if max_bytes == 1 else 2**18
    check_linear([await work(unit << number) for number in range(4)])


@pytest.mark.parametrize("step", [100, 2**14])
@pytest.mark.parametrize("fragments", [1, 64])
def test_a_websocket_message_is_read_in_linear_time(step: int, fragments: int) -> None:
    def work(unit: int) -> Operations:
        size = unit * 1000
        opcodes = [BINARY] + [CONTINUATION] * (fragments - 1)
        part = bytes(size // fragments)
        flow = b"".join(
            frame(opcode, part, final=number == fragments - 1) for number, opcode in enumerate(opcodes)
        )
        reader, assembler = FrameReader(Limits(max_message_size=2**30)), Assembler()
        message: str | bytes | None = None
        with counted() as operations:
            for at in range(0, len(flow), step):
                for event in reader.read(flow[at : at + step]):
                    if isinstance(event, Piece):
                        message = assembler.add(event) or message
        assert message == part * fragments
        return operations

    check_linear(doubled(work, 64))
