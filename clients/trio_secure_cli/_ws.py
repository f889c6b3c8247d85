"""`trio-secure ws`: lines typed go out as messages, messages that come are printed.

Theory of operation: two tasks, one for each direction; the one that shows messages decides how the
conversation ends, because it learns of every end. When the input ends, the command waits for as many messages
as lines were sent (an echo answers each), for a limited time, and closes. So it can be used in a pipe as well
as by hand.
"""

from __future__ import annotations

from typing import Any  # keyword arguments that are passed on

import trio

from trio_wss import WebSocket, WebSocketError, open_websocket

from ._exit_codes import ExitCode
from ._failure import CommandError
from ._lines import LineReader
from ._options import WsOptions
from ._patience import patience
from ._secure import secure_for_url
from ._terminal import Terminal
from ._text import printable

_MAX_MESSAGE = 16 << 20


async def ws(options: WsOptions, terminal: Terminal, **websocket_options: Any) -> ExitCode:
    """Hold a conversation over a WebSocket.

    Args:
        options: what the command line says.
        terminal: the standard streams.
        **websocket_options: passed on to `trio_wss.open_websocket`, for instance a Socket factory.

    Raises:
        CommandError: the input or output fails, or fewer messages came than lines were sent.
        Exception: what the WebSocket and the Socket factory raise.
    """
    secure = await secure_for_url(options.url, ("ws", "wss"), options.connection, terminal)
    lines = LineReader(terminal.input_descriptor)
    with patience(options.connection.timeout) as clock:
        clock.expect("the WebSocket was being opened")
        async with open_websocket(
            options.url,
            secure=secure,
            max_message_size=_MAX_MESSAGE,
            open_timeout=None,  # the clock limits it
            **websocket_options,
        ) as websocket:
            clock.rest()
            if terminal.reads_from_person:
                terminal.say(f"connected to {printable(options.url)}; type lines to send, Ctrl-D to end")
            await Conversation(websocket, lines, terminal, options).run()
    return ExitCode.OK


class Conversation:
    """What has been said on one WebSocket."""

    def __init__(
        self, websocket: WebSocket, lines: LineReader, terminal: Terminal, options: WsOptions
    ) -> None:
        self._websocket = websocket
        self._lines = lines
        self._terminal = terminal
        self._options = options
        self._sent = 0
        self._received = 0
        self._input_ended = False
        self._left = False
        self._answered = trio.Event()

    async def run(self) -> None:
        """Talk until one side closes.

        Raises:
            CommandError: fewer messages came than lines were sent.
        """
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._speak)
            async for message in self._websocket:
                self._show(message)
            nursery.cancel_scope.cancel()
        if not self._input_ended:
            self._terminal.say(f"the server closed the WebSocket{self._parting_words()}")
        elif self._options.wait and self._received < self._sent:
            raise self._unanswered()

    async def _speak(self) -> None:
        try:
            while (line := await self._lines.next_line()) is not None:
                with patience(self._options.connection.timeout) as clock:
                    clock.expect("a message was being sent")
                    await self._websocket.send(line)
                self._sent += 1
        except WebSocketError:
            return  # the other task sees the same end, and tells
        self._input_ended = True
        with trio.move_on_after(self._options.wait):
            while self._received < self._sent:
                self._answered = trio.Event()
                await self._answered.wait()
        self._left = True
        await self._websocket.aclose()

    def _show(self, message: str | bytes) -> None:
        self._received += 1
        self._answered.set()
        if isinstance(message, bytes):
            self._terminal.print(f"(binary, {len(message)} bytes) {message.hex()}")
        elif self._terminal.prints_to_person:
            self._terminal.print(printable(message, keep="\n\t", cap=None))
        else:
            self._terminal.print(message)

    def _parting_words(self) -> str:
        reason = self._websocket.close_reason
        return f": {printable(reason)}" if reason else ""

    def _unanswered(self) -> CommandError:
        count = f"{self._received} of {self._sent} replies came"
        if not self._left:
            return CommandError(f"{count} before the server closed the WebSocket", code=ExitCode.PROTOCOL)
        return CommandError(
            f"{count} within {self._options.wait:g} s of the last line",
            "--wait SECONDS waits longer, --wait 0 does not wait for replies",
            code=ExitCode.TOO_SLOW,
        )
