"""What is said on one WebSocket, in both directions, until one side closes it.

Theory of operation: one task listens, one speaks, and one pings if that was asked for. The one that listens
decides how the conversation ends, because it learns of every end. When piped input ends, the command waits for as
many messages as were sent (an echo answers each), for a limited time, and closes. So it can be used in a pipe as
well as by hand.
"""

from __future__ import annotations

import math

import trio

from trio_wss import ConnectionClosed, ConnectionLost, WebSocket, WebSocketError

from ._display import Display
from ._exit_codes import ExitCode
from ._failure import CommandError
from ._options import WsOptions
from ._patience import patience
from ._speech import Speech
from ._text import printable, seconds

_NO_CODE = 1005


class Conversation:
    """What has been said on one WebSocket."""

    def __init__(self, websocket: WebSocket, speech: Speech, display: Display, options: WsOptions) -> None:
        self._websocket = websocket
        self._speech = speech
        self._display = display
        self._terminal = display.terminal
        self._options = options
        self._sent = 0
        self._received = 0
        self._input_ended = False
        self._left = False
        self._answered = trio.Event()

    async def run(self) -> None:
        """Talk until one side closes.

        Raises:
            CommandError: the server closed with a code that means an error, fewer messages came than were
                sent, or a Ping was not answered.
        """
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._speak)
            if self._options.ping is not None:
                nursery.start_soon(self._ping, self._options.ping)
            await self._listen()
            nursery.cancel_scope.cancel()
        if not self._left:
            self._terminal.say(f"the server closed the WebSocket{self._parting_words()}")
        elif self._terminal.reads_from_person:
            self._terminal.say(
                f"closed the WebSocket, the server's answer has code {self._websocket.close_code}"
            )
        if self._input_ended and self._is_awaited and self._received < self._sent:
            raise self._unanswered()

    @property
    def _is_awaited(self) -> bool:
        """Whether replies are: a person sees for herself whether they have come."""
        return self._options.wait > 0 and not self._terminal.reads_from_person

    async def _listen(self) -> None:
        try:
            async for message in self._websocket:
                self._received += 1
                self._display.show(message)
                self._answered.set()
                await self._speech.heard()
        except ConnectionLost:
            raise
        except ConnectionClosed as closed:
            raise CommandError(
                f"the server closed the WebSocket{self._parting_words()}", code=ExitCode.CLOSED
            ) from closed

    async def _speak(self) -> None:
        try:
            while (message := await self._speech.next_message()) is not None:
                # The fragments of a message come when they like.
                at_hand = isinstance(message, str | bytes)
                with patience(self._options.connection.timeout if at_hand else math.inf) as clock:
                    clock.expect("a message was being sent")
                    await self._websocket.send(message)
                self._sent += 1
        except WebSocketError:
            return  # the other task sees the same end, and tells
        self._input_ended = True
        if self._is_awaited:
            with trio.move_on_after(self._options.wait):
                while self._received < self._sent:
                    self._answered = trio.Event()
                    await self._answered.wait()
        self._left = True
        await self._websocket.aclose()

    async def _ping(self, interval: float) -> None:
        try:
            while True:
                with patience(self._options.connection.timeout) as clock:
                    clock.expect("the answer to a ping was awaited")
                    latency = await self._websocket.ping()
                self._terminal.say(f"a ping takes {seconds(latency)}")
                await trio.sleep(interval)
        except (WebSocketError, trio.ClosedResourceError):
            return  # as above

    def _parting_words(self) -> str:
        code, reason = self._websocket.close_code, self._websocket.close_reason
        with_code = "" if code == _NO_CODE else f" with code {code}"
        return f"{with_code}: {printable(reason)}" if reason else with_code

    def _unanswered(self) -> CommandError:
        count = f"{self._received} of {self._sent} replies came"
        if not self._left:
            return CommandError(f"{count} before the server closed the WebSocket", code=ExitCode.PROTOCOL)
        return CommandError(
            f"{count} within {self._options.wait:g} s of the last message",
            "--wait SECONDS waits longer, --wait 0 does not wait for replies",
            code=ExitCode.TOO_SLOW,
        )
