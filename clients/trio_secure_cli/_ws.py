"""`trio-secure ws`: what is typed goes out as messages, messages that come are printed.

Theory of operation: what the command line says becomes a WebSocket, a `Speech` to send and a `Display` for what
comes; the conversation between them is in `_conversation`. A person at a terminal gets a line editor if
prompt_toolkit is installed, and the terminal's own otherwise.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any  # keyword arguments that are passed on

from trio_https import InvalidURL
from trio_wss import Deflate, WebSocket, open_websocket

from ._conversation import Conversation
from ._display import Display
from ._exit_codes import ExitCode
from ._extras import install_command, is_installed
from ._failure import CommandError
from ._lines import LineReader
from ._notation import Framing
from ._options import WsOptions
from ._patience import patience
from ._secure import secure_for_url
from ._speech import Piped, Speech, Typed
from ._terminal import Terminal
from ._text import printable

_KEEPALIVE = 20.0


async def ws(options: WsOptions, terminal: Terminal, **websocket_options: Any) -> ExitCode:
    """Hold a conversation over a WebSocket.

    Args:
        options: what the command line says.
        terminal: the standard streams.
        **websocket_options: passed on to `trio_wss.open_websocket`, for instance a Socket factory.

    Raises:
        CommandError: the input or output fails, the server closes with an error, or fewer messages came than
            were sent.
        Exception: what the WebSocket and the Socket factory raise.
    """
    secure = await secure_for_url(options.url, ("ws", "wss"), options.connection, terminal)
    lines = LineReader(terminal.input_descriptor, options.framing.value, options.max_size)
    with patience(options.connection.timeout) as clock:
        clock.expect("the WebSocket was being opened")
        async with AsyncExitStack() as stack:
            websocket = await _opened(stack, options, secure, websocket_options)
            clock.rest()
            if terminal.reads_from_person:
                terminal.say(_greeting(options, websocket))
            display = Display(terminal, options.notation, options.framing, options.json)
            speech = await stack.enter_async_context(_speech(options, terminal, lines))
            await Conversation(websocket, speech, display, options).run()
    return ExitCode.OK


async def _opened(
    stack: AsyncExitStack, options: WsOptions, secure: object, more: dict[str, Any]
) -> WebSocket:
    # The command's own Pings notice as well whether the server is there.
    more = {"ping_interval": _KEEPALIVE if options.ping is None else None, **more}
    try:
        return await stack.enter_async_context(
            open_websocket(
                options.url,
                secure=secure,
                subprotocols=options.subprotocols,
                headers=options.headers,
                max_message_size=options.max_size,
                compression=Deflate() if options.compression else None,
                open_timeout=None,  # the clock limits it
                **more,
            )
        )
    except InvalidURL:
        raise
    except ValueError as error:  # a header or a subprotocol
        raise CommandError(str(error)) from error


def _greeting(options: WsOptions, websocket: WebSocket) -> str:
    subprotocol = f", subprotocol {websocket.subprotocol}" if websocket.subprotocol else ""
    return f"connected to {printable(options.url)}{subprotocol}; type lines to send, Ctrl-D to end"


@asynccontextmanager
async def _speech(options: WsOptions, terminal: Terminal, lines: LineReader) -> AsyncGenerator[Speech]:
    a_person = terminal.reads_from_person and terminal.prints_to_person and options.framing is Framing.LINES
    if a_person and is_installed("prompt_toolkit"):
        from ._prompt import open_prompt

        async with open_prompt(options.history) as prompt:
            with terminal.printing_through(prompt.print):
                yield Typed(prompt, options.notation, terminal)
        return
    if a_person and options.history is not None:
        raise CommandError(f"--history needs prompt_toolkit: {install_command('cli')}")
    yield Piped(lines, options.notation, options.framing)
