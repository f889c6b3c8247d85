"""`trio-secure probe`: what a server negotiates, who vouches for it, and what else it accepts.

Theory of operation: one handshake, with everything this client offers by default; then, if asked, many small ones;
then what came of it, in words, as JSON, as a page, and as an exit code. A handshake that fails is told on the same
ways, and then fails the command.
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any  # keyword arguments that are passed on

import trio

from trio_secure import (
    ClientIdentity,
    ConnectionInfo,
    SecureSocket,
    SecureStream,
    Socket,
    TLSConfig,
    TLSError,
    TraceEvent,
)
from trio_secure_report import warnings_about, write_report

from ._certs_table import print_json
from ._exit_codes import ExitCode
from ._failure import CommandError
from ._patience import patience
from ._probe_checks import checks
from ._probe_options import ProbeOptions
from ._probe_result import ProbeResult, for_programs
from ._probe_scan import scan
from ._probe_show import show
from ._report import explain
from ._secure import secure_dictionary
from ._terminal import Terminal
from ._text import printable

_PROTOCOLS = ["h2", "http/1.1"]
_FAREWELL = 1.0
"""Seconds that a server gets, for the page, to say what it does not have to."""


@dataclass
class _Recording:
    """What is kept of the connection, for the page and for what `info` does not tell."""

    events: list[TraceEvent] = field(default_factory=list[TraceEvent])
    key_log: list[str] = field(default_factory=list[str])


async def probe(options: ProbeOptions, terminal: Terminal, **socket_options: Any) -> ExitCode:
    """Make a handshake with a server, and others if asked, and tell what came of it.

    Args:
        options: what the command line says.
        terminal: the standard streams.
        **socket_options: passed on to `SecureSocket`, for instance another Socket factory below it.

    Returns:
        UNFIT if the server is not what the command line demands.

    Raises:
        CommandError: the host's name cannot be one, the server was too slow, or a file cannot be written.
        Exception: what `SecureSocket` raises.
    """
    if options.starttls is not None:
        from ._starttls import starttls_socket
        from ._starttls_protocols import PROTOCOLS

        below = socket_options.get("Socket", Socket)
        socket_options["Socket"] = starttls_socket(PROTOCOLS[options.starttls], below)
    recording = _Recording()
    socket = await _socket(options, terminal, recording, **socket_options)
    failure: Exception | None = None
    result = ProbeResult(options)
    try:
        result = await _connect(result, socket)
    except (TLSError, CommandError, OSError, trio.BrokenResourceError) as error:
        failure = error
        result = replace(result, problem=explain(error, options.connection.manifest))
    if options.report is not None:
        await _write(options.report, options, recording, failure, terminal)
    # A server that could not be reached will not be for the others either.
    if options.scan.any and (failure is None or isinstance(failure, TLSError)):
        if terminal.talks_to_person:
            terminal.say("asking what else the server accepts; that takes a few dozen connections")
        result = replace(result, scans=await scan(options, **socket_options))
    now = datetime.now(UTC)
    result = replace(
        result,
        warnings=() if result.info is None else warnings_about(result.info, now, recording.events),
        checks=checks(options.demand, result.info, result.scans, now),
    )
    if options.as_json:
        print_json(terminal, for_programs(result))
    elif failure is None or options.scan.any:
        show(result, terminal)
    if failure is not None:
        raise failure
    return result.exit_code


async def _socket(
    options: ProbeOptions, terminal: Terminal, recording: _Recording, **socket_options: Any
) -> SecureSocket:
    secure: dict[str, Any] = await secure_dictionary(options.connection, terminal)
    secure["trace"] = partial(_record, recording, secure.get("trace"))
    if options.secrets:
        secure["key_log"] = recording.key_log.append
    if "clientKey" in secure:  # which a configuration has under another name
        secure["client_identities"] = ClientIdentity.load(
            secure.pop("clientCertificates"), secure.pop("clientKey")
        )
    # What is spoken after STARTTLS goes without saying.
    alpn = [] if options.starttls else _PROTOCOLS
    try:
        config = TLSConfig(alpn=alpn, cache=False, **secure)
        return SecureSocket(options.host, options.port, secure=config, **socket_options)
    except ValueError as error:
        raise CommandError(str(error)) from error


def _record(recording: _Recording, also: Any, event: TraceEvent) -> None:
    recording.events.append(event)
    if also is not None:
        also(event)


async def _connect(result: ProbeResult, socket: SecureSocket) -> ProbeResult:
    began = time.perf_counter()
    with patience(result.options.connection.timeout) as clock:
        clock.expect("connecting and shaking hands")
        async with socket as stream:
            took = time.perf_counter() - began
            clock.expect("closing the connection")
            info: ConnectionInfo = stream.info
            address = _address(stream.transport_stream)
            if result.options.report is not None:
                await _hear_out(stream)
    return replace(result, address=address, took=took, info=info)


async def _hear_out(stream: SecureStream[trio.abc.Stream]) -> None:
    """Say goodbye, and hear for a moment what the server still has to say: its tickets, and its own goodbye."""
    with trio.move_on_after(_FAREWELL), contextlib.suppress(trio.BrokenResourceError):
        await stream.send_eof()
        while await stream.receive_some():
            pass


def _address(transport: trio.abc.Stream) -> str | None:
    if not isinstance(transport, trio.SocketStream):
        return None
    host, port = transport.socket.getpeername()[:2]
    return f"{host} port {port}"


async def _write(
    path: Path,
    options: ProbeOptions,
    recording: _Recording,
    failure: Exception | None,
    terminal: Terminal,
) -> None:
    problem = None if failure is None else explain(failure, options.connection.manifest)
    write = partial(
        write_report,
        recording.events,
        path,
        server=options.subject,
        error=problem.message if problem else None,
        hint=(problem.hint if problem else None) or "",
        secrets=options.secrets,
        key_log=recording.key_log,
    )
    try:
        await trio.to_thread.run_sync(write)
    except (OSError, ValueError) as wrong:  # a name with a null character is a ValueError
        reason = (wrong.strerror if isinstance(wrong, OSError) else None) or str(wrong)
        raise CommandError(f"cannot write {path}: {reason}", code=ExitCode.OUTPUT) from wrong
    terminal.say(f"the handshake is shown in {printable(str(path))}")
