from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
import trio

from support.authority import CLIENT_AUTH, Authority
from support.mqtt_broker import mosquitto
from support.servers import RunningServer

EXAMPLE = Path(__file__).parents[2] / "examples" / "mqttsecure.py"
# What a broker reports of one message each way, for each quality of service.
EXCHANGES = {
    "0": ["Received PUBLISH", "Sending PUBLISH"],
    "1": ["Received PUBLISH", "Sending PUBACK", "Sending PUBLISH", "Received PUBACK"],
    "2": [
        *("Received PUBLISH", "Sending PUBREC", "Received PUBREL", "Sending PUBCOMP"),
        *("Sending PUBLISH", "Received PUBREC", "Sending PUBREL"),
    ],
}


class Broker:
    """A broker, and the command lines that reach it."""

    def __init__(self, server: RunningServer, websockets: int, ca: Path, own: Sequence[str]) -> None:
        self.server = server
        self.urls = {
            "mqtts": f"mqtts://localhost:{server.port}",
            "wss": f"wss://localhost:{websockets}/mqtt",
        }
        self.trusting = ["--ca", str(ca)]
        self.own = own


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Broker]:
    authority = Authority.make()
    leaf = authority.issue("client", common="a client", eku=CLIENT_AUTH)
    certificate, key = leaf.write(tmp_path, "client")
    async with mosquitto(authority, tmp_path) as (server, websockets):
        own = ["--certificate", str(certificate), "--key", str(key)]
        yield Broker(server, websockets, tmp_path / "ca.pem", own)


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-P", str(EXAMPLE), *arguments]


async def run(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    with trio.fail_after(40):
        return await trio.run_process(
            command(*arguments), capture_stdout=True, capture_stderr=True, check=False
        )


@pytest.mark.parametrize("qos", ["0", "1", "2"])
@pytest.mark.parametrize("scheme", ["mqtts", "wss"])
async def test_messages_go_to_the_broker_and_come_back(scheme: str, qos: str, broker: Broker) -> None:
    what = ["a/topic", "hello", "wörld", "--qos", qos]
    result = await run(broker.urls[scheme], *what, *broker.trusting, *broker.own)
    assert result.returncode == 0, result.stderr
    assert result.stdout.decode() == "hello\nwörld\n"
    said = await broker.server.says("Received DISCONNECT", seconds=20)
    assert "u'a client'" in said  # the name in the certificate
    for step in EXCHANGES[qos]:
        assert said.count(step) == 2, step
    assert said.count(f"q{qos}, r0") == 4


async def test_more_messages_than_fit_anywhere_come_back(broker: Broker) -> None:
    messages = [f"message {number}" for number in range(300)]
    result = await run(
        broker.urls["mqtts"], "a/topic", *messages, "--qos", "1", *broker.trusting, *broker.own
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.decode().splitlines() == messages


@pytest.mark.parametrize("scheme", ["mqtts", "wss"])
async def test_a_subscriber_stays_and_shows_that_it_is_there(scheme: str, broker: Broker) -> None:
    secure = [*broker.trusting, *broker.own]
    listen = command(broker.urls[scheme], "a/topic", "--qos", "2", "--keep-alive", "2", *secure)
    process = await trio.lowlevel.open_process(listen, stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        async with process.stdout:
            with trio.fail_after(50):
                await broker.server.says("Sending PINGRESP", times=2, seconds=30)
                result = await run(broker.urls["mqtts"], "a/topic", "from another", "--qos", "2", *secure)
                assert result.returncode == 0, result.stderr
                received = b""
                while b"\n" not in received:
                    received += await process.stdout.receive_some()
                assert received == b"from another\n"
                process.send_signal(signal.SIGINT)
                assert await process.wait() == 130
    finally:
        process.kill()
        with trio.CancelScope(shield=True):
            await process.wait()


@pytest.mark.parametrize("scheme", ["mqtts", "wss"])
async def test_it_says_in_one_line_that_the_broker_wants_a_certificate(scheme: str, broker: Broker) -> None:
    result = await run(broker.urls[scheme], "a/topic", "hello", *broker.trusting)
    assert result.returncode == 1
    assert result.stdout == b""
    assert result.stderr.count(b"\n") == 1
    assert b"Traceback" not in result.stderr


async def test_it_says_in_one_line_why_a_broker_is_not_trusted(broker: Broker) -> None:
    result = await run(broker.urls["mqtts"], "a/topic", "hello", *broker.own)
    assert result.returncode == 1
    assert result.stdout == b""
    assert result.stderr.count(b"\n") == 1
