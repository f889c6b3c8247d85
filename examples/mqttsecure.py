"""Publish and subscribe with MQTT 5, over a SecureSocket or over a secure WebSocket.

    pip install mqtt5
    python examples/mqttsecure.py mqtts://broker.example/ some/topic
    python examples/mqttsecure.py wss://localhost:8884/ some/topic hello world --qos 2 --ca my-ca.pem

It subscribes to a topic, publishes the messages it is given, and prints what arrives: as many as it published, or
all there are until Ctrl-C. `mqtt5` makes and reads packets and knows nothing of networks. What carries them is two
functions, one that sends bytes and one that receives some: a SecureSocket has them and so has a WebSocket. Any
protocol can be put on either in this way.
"""

from __future__ import annotations

import argparse
import itertools
import os
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

import mqtt5
import trio

from trio_secure import SecureSocket, TLSError
from trio_wss import WebSocketError, open_websocket

MAX_PACKET = 1 << 20
Send = Callable[[bytes], Awaitable[None]]
Receive = Callable[[], Awaitable[bytes | bytearray | str]]
Answer = mqtt5.PubAckPacket | mqtt5.PubRecPacket | mqtt5.PubCompPacket | mqtt5.SubAckPacket


class Client:
    """An MQTT 5 client on two functions. `connect` comes first; then `run` has to run beside the others."""

    def __init__(self, send: Send, receive: Receive) -> None:
        self._send_bytes, self._receive_bytes = send, receive
        self._turn = trio.Lock()  # a stream takes one sender at a time
        self._received = b""
        self._ids = itertools.cycle(range(1, 65_536))
        self._asked: dict[int, trio.MemorySendChannel[Answer]] = {}
        self._unreleased: set[int] = set()
        self._pong = trio.Event()
        self._left = False
        self._incoming, self.messages = trio.open_memory_channel[mqtt5.PublishPacket](64)

    async def connect(self, keep_alive: int) -> None:
        """Introduce ourselves; the broker gives up on a client silent for one and a half times `keep_alive`."""
        name = f"mqttsecure-{os.urandom(6).hex()}"
        await self._send(
            mqtt5.ConnectPacket(name, clean_start=True, keep_alive=keep_alive, max_packet_size=MAX_PACKET)
        )
        answer = await self._receive()
        if not isinstance(answer, mqtt5.ConnAckPacket) or int(answer.reason_code) >= 128:
            raise ConnectionError(f"the broker does not want us: {answer}")

    async def run(self, keep_alive: int) -> None:
        """Take in packets until we leave, and show every `keep_alive` seconds that we are there."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._ping, keep_alive)
            while True:
                try:
                    await self._handle(await self._receive())
                except (ConnectionError, trio.BrokenResourceError):
                    if not self._left:
                        raise
                    break  # the broker closes the connection when we have taken leave
            nursery.cancel_scope.cancel()

    async def subscribe(self, topic: str, qos: mqtt5.QoS) -> None:
        """Have the messages of a topic sent to us."""
        number = next(self._ids)
        await self._ask(number, mqtt5.SubscribePacket(number, [mqtt5.TopicFilter(topic, max_qos=qos)]))

    async def publish(self, topic: str, payload: bytes, qos: mqtt5.QoS) -> None:
        """Publish a message; with QoS 1 and 2, return when the broker is responsible for it."""
        if qos == mqtt5.QoS.AT_MOST_ONCE:
            await self._send(mqtt5.PublishPacket(topic, payload))
            return
        number = next(self._ids)
        answer = await self._ask(number, mqtt5.PublishPacket(topic, payload, qos=qos, packet_id=number))
        if isinstance(
            answer, mqtt5.PubRecPacket
        ):  # QoS 2: we will not send it again, the broker may forget it
            await self._ask(number, mqtt5.PubRelPacket(number))

    async def disconnect(self) -> None:
        """Take leave."""
        self._left = True
        await self._send(mqtt5.DisconnectPacket())

    async def _handle(self, packet: mqtt5.Packet) -> None:
        if isinstance(packet, mqtt5.PublishPacket):
            await self._take(packet)
        elif isinstance(packet, mqtt5.PubRelPacket):
            self._unreleased.discard(packet.packet_id)
            await self._send(mqtt5.PubCompPacket(packet.packet_id))
        elif isinstance(packet, mqtt5.PingRespPacket):
            self._pong.set()
        elif isinstance(packet, Answer) and packet.packet_id in self._asked:
            self._asked.pop(packet.packet_id).send_nowait(packet)
        else:
            raise ConnectionError(f"the broker ends the conversation: {packet}")

    async def _take(self, packet: mqtt5.PublishPacket) -> None:
        """Tell the broker that we have a message, and hand it to the application, once."""
        number = packet.packet_id
        new = number not in self._unreleased
        if number is not None and packet.qos == mqtt5.QoS.AT_LEAST_ONCE:
            await self._send(mqtt5.PubAckPacket(number))
        elif number is not None:
            self._unreleased.add(number)
            await self._send(mqtt5.PubRecPacket(number))
        if new:
            await self._incoming.send(packet)

    async def _ping(self, keep_alive: int) -> None:
        while True:
            self._pong = trio.Event()
            await self._send(mqtt5.PingReqPacket())
            with trio.fail_after(keep_alive):
                await self._pong.wait()
            await trio.sleep(keep_alive)

    async def _ask(self, number: int, question: mqtt5.Packet) -> Answer:
        self._asked[number], answer = trio.open_memory_channel[Answer](1)
        await self._send(question)
        packet = await answer.receive()
        codes = packet.reason_codes if isinstance(packet, mqtt5.SubAckPacket) else [packet.reason_code]
        if any(int(code) >= 128 for code in codes):
            raise ConnectionError(f"the broker refuses: {packet}")
        return packet

    async def _send(self, packet: mqtt5.Packet) -> None:
        async with self._turn:
            await self._send_bytes(packet.write())

    async def _receive(self) -> mqtt5.Packet:
        while len(self._received) <= MAX_PACKET:
            try:
                packet, length = mqtt5.read(memoryview(self._received))
            except IndexError:  # not all of it is there
                data = await self._receive_bytes()
                if not data or isinstance(data, str):
                    raise ConnectionError("the broker has gone") from None
                self._received += data
            else:
                self._received = self._received[length:]
                return packet
        raise ConnectionError("the broker sends a packet that is too large")


@asynccontextmanager
async def connection(url: str, secure: dict[str, object]) -> AsyncGenerator[Client]:
    """A client on a connection of the kind the URL says."""
    if url.startswith("wss:"):
        async with open_websocket(url, secure=secure, subprotocols=["mqtt"]) as ws:
            yield Client(ws.send, ws.receive)
    else:
        where = urlsplit(url, "mqtts")
        secure["applicationLayerProtocolNegotiation"] = ["mqtt"]
        async with SecureSocket(where.hostname or "", where.port or 8883, secure=secure) as socket:
            yield Client(socket.send_all, socket.receive_some)


async def main(options: argparse.Namespace, secure: dict[str, object]) -> None:
    """Subscribe, publish, and print what comes."""
    async with connection(options.url, secure) as client, trio.open_nursery() as nursery:
        await client.connect(options.keep_alive)
        nursery.start_soon(client.run, options.keep_alive)
        await client.subscribe(options.topic, options.qos)
        print(f"subscribed to {options.topic}", file=sys.stderr)
        async with trio.open_nursery() as talk:
            talk.start_soon(publish, client, options.topic, options.messages, options.qos)
            for _ in options.messages or itertools.count():
                message = await client.messages.receive()
                print(message.payload.decode(errors="replace"), flush=True)
        await client.disconnect()


async def publish(client: Client, topic: str, messages: Sequence[str], qos: mqtt5.QoS) -> None:
    """Publish the messages, one by one."""
    for message in messages:
        await client.publish(topic, message.encode(), qos)


def qos(text: str) -> mqtt5.QoS:
    """A quality of service on the command line."""
    return mqtt5.QoS(int(text))


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("url", help="an mqtts: or wss: URL")
    parser.add_argument("topic", help="where to publish, and what to subscribe to")
    parser.add_argument("messages", nargs="*", help="what to publish; without any, print until Ctrl-C")
    parser.add_argument(
        "--qos", type=qos, default=mqtt5.QoS.AT_MOST_ONCE, help="0, 1 or 2; 0 if it is left out"
    )
    parser.add_argument("--keep-alive", metavar="SECONDS", type=int, default=30, help="between pings")
    parser.add_argument("--ca", type=Path, metavar="FILE", help="also trust this certificate (PEM or DER)")
    parser.add_argument(
        "--certificate", type=Path, metavar="FILE", help="the certificate to show, with its chain"
    )
    parser.add_argument("--key", type=Path, metavar="FILE", help="its key")
    return parser.parse_args()


def first(error: BaseException) -> BaseException:
    """The first exception in a group of groups: there is a nursery in a nursery."""
    if isinstance(error, BaseExceptionGroup):
        return first(cast("BaseExceptionGroup[BaseException]", error).exceptions[0])
    return error


if __name__ == "__main__":
    options = arguments()
    files = {"certificate": options.ca, "clientCertificates": options.certificate, "clientKey": options.key}
    try:
        trio.run(main, options, {key: path.read_bytes() for key, path in files.items() if path})
    except* (OSError, ValueError, TLSError, WebSocketError, trio.TooSlowError) as errors:
        sys.exit(f"{options.url}: {first(errors)}")
    except* KeyboardInterrupt:
        sys.exit(130)
