"""From an exception to what the person at the command line is told.

Theory of operation: `explain` is the only place that knows which error means which exit code. It looks
through groups for the error that matters, and through causes for the one that says most: an HTTP connection
that was lost because TLS failed is reported as the failure of TLS. What it does not know is a fault of this
program, and says so.
"""

from __future__ import annotations

import errno
import os
import shlex
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import trio

import trio_https
import trio_wss
from trio_certs import CertificateError, ManifestError, Reason, ResourceNotFoundError, StoreError
from trio_secure import (
    AlertDescription,
    AlertReceived,
    CertificateRefused,
    PeerMisbehaved,
    TLSError,
    Truncated,
)

from ._exit_codes import ExitCode
from ._failure import CommandError
from ._patience import TOO_SLOW_HINT
from ._terminal import Terminal
from ._text import printable


@dataclass(frozen=True)
class Problem:
    """What is reported: a code for scripts, a message and perhaps a hint for people."""

    code: ExitCode
    message: str
    hint: str | None = None


def report(
    error: BaseException,
    subject: str,
    terminal: Terminal,
    *,
    manifest: Path | None = None,
    details: bool = False,
) -> ExitCode:
    """Tell the user about an error.

    Args:
        error: what ended the command.
        subject: what the command was about: a URL, or host and port.
        terminal: where to tell it.
        manifest: the one that was used, to be named in what may be done.
        details: show the traceback of a fault in this program.
    """
    problem = explain(error, manifest, subject)
    if problem.code is ExitCode.INTERRUPTED:
        terminal.say("")
        return problem.code
    if problem.code is ExitCode.INTERNAL and details:
        terminal.say("".join(traceback.format_exception(error)))
    message = printable(problem.message, keep="\n")
    terminal.say(f"trio-secure: {printable(subject, cap=200)}: {message}")
    if problem.hint:
        terminal.say(f"  hint: {printable(problem.hint)}")
    return problem.code


def explain(error: BaseException, manifest: Path | None = None, subject: str = "") -> Problem:
    """The problem that an exception, or the group it is in, stands for."""
    error = _the_one_that_matters(error)
    if isinstance(error, KeyboardInterrupt):
        return Problem(ExitCode.INTERRUPTED, "interrupted")
    if isinstance(error, CommandError):
        return Problem(error.code, error.message, error.hint)
    if isinstance(error, ManifestError):
        return Problem(ExitCode.USAGE, str(error))
    if isinstance(error, TLSError):
        return _explain_tls(error, manifest)
    if isinstance(error, trio.TooSlowError):
        return Problem(ExitCode.TOO_SLOW, str(error) or "the server did not answer in time", TOO_SLOW_HINT)
    if isinstance(error, trio_https.HTTPError | trio_wss.WebSocketError):
        return _explain_client(error, manifest, subject)
    if isinstance(error, StoreError | ResourceNotFoundError):
        return Problem(ExitCode.USAGE, str(error))
    if isinstance(error, OSError):
        return _explain_network(error)
    if isinstance(error, trio.BrokenResourceError):
        below = error.__cause__
        return _explain_network(below) if isinstance(below, OSError) else _broken(str(error))
    return Problem(
        ExitCode.INTERNAL,
        f"a fault in trio-secure: {type(error).__name__}: {error}",
        "please report it, with what --trace adds to this message",
    )


def _the_one_that_matters(error: BaseException) -> BaseException:
    """The exception inside a group: Ctrl-C first, then what this package found, then whatever came first."""
    leaves = list(_leaves(error))
    for kind in (KeyboardInterrupt, CommandError):
        for leaf in leaves:
            if isinstance(leaf, kind):
                return leaf
    return leaves[0]


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for inner in cast("BaseExceptionGroup[BaseException]", error).exceptions:
            yield from _leaves(inner)
    else:
        yield error


def _explain_tls(error: TLSError, manifest: Path | None) -> Problem:
    message = str(error)
    cause = error.__cause__
    if isinstance(error, CertificateRefused):
        if isinstance(cause, ResourceNotFoundError) and cause.manifest_line:
            file = "FILE" if manifest is None else shlex.quote(str(manifest))
            command = f"trio-secure certs add {cause.name.removesuffix('.der')} --manifest {file}"
            return Problem(
                ExitCode.TLS, message, f"this adds {cause.manifest_line} to the manifest: {command}"
            )
        reason = cause.reason if isinstance(cause, CertificateError) else None
        return Problem(ExitCode.TLS, message, _CERTIFICATE_HINTS.get(reason) if reason else None)
    if isinstance(error, Truncated):
        established = error.phase in {None, "application data", "close"}
        hint = "what came before is not all there was to come" if established else _WRONG_PORT
        return Problem(ExitCode.PROTOCOL, message, hint)
    if isinstance(error, AlertReceived):
        return Problem(ExitCode.TLS, message, _ALERT_HINTS.get(error.alert))
    # Once a ServerHello has come, it is TLS, however badly spoken.
    strange = isinstance(error, PeerMisbehaved) and error.phase == "ServerHello"
    return Problem(ExitCode.TLS, message, _WRONG_PORT if strange else None)


_ALERT_HINTS: dict[int | None, str] = {
    AlertDescription.HANDSHAKE_FAILURE: (
        "what it accepts is found out by: trio-secure probe HOST --versions --suites --groups --signatures"
    ),
    AlertDescription.CERTIFICATE_REQUIRED: "show it one: --cert FILE --key FILE",
    AlertDescription.PROTOCOL_VERSION: "what it speaks is found out by: trio-secure probe HOST --versions",
}
_WRONG_PORT = "is this the right port? it may speak something other than TLS"
_CERTIFICATE_HINTS = {
    Reason.UNKNOWN_ISSUER: "if you trust this server's own CA, name its certificate with --ca FILE",
    Reason.SELF_SIGNED: "if this certificate is the server's own and you trust it, name it with --ca FILE",
    Reason.NOT_YET_VALID: "is this machine's clock right?",
    Reason.EXPIRED: "the server's operator has to renew it; is this machine's clock right?",
    Reason.WRONG_NAME: "connect under a name the certificate is for",
}


def _explain_client(
    error: trio_https.HTTPError | trio_wss.WebSocketError, manifest: Path | None, subject: str
) -> Problem:
    message = str(error)
    if isinstance(error, trio_https.InvalidURL | trio_https.InvalidRequest):
        return Problem(ExitCode.USAGE, message)
    if isinstance(error, trio_https.InsecureConnection):
        return Problem(ExitCode.TLS, message)
    if isinstance(error, trio_https.RedirectRefused):
        return Problem(ExitCode.STATUS, message)
    if isinstance(error, trio_https.ProxyRefused):
        return Problem(ExitCode.NETWORK, message, "is it the right proxy? --proxy none goes without one")
    if isinstance(error, trio_https.DigestMismatch):
        return Problem(ExitCode.DIGEST, message, "it has been removed; what was there before is as it was")
    if isinstance(error, trio_wss.UpgradeRefused):
        code = ExitCode.STATUS if error.status >= 300 else ExitCode.PROTOCOL
        return Problem(code, message, "is this the path of a WebSocket?")
    below = error.__cause__
    # Any failure of TLS says more than what came of it; but how much is missing says more than that TLS did not
    # end as it should.
    if isinstance(below, TLSError) and not isinstance(below, Truncated):
        return _explain_tls(below, manifest)
    return Problem(ExitCode.PROTOCOL, message, _clear_text_hint(message, subject))


def _clear_text_hint(message: str, subject: str) -> str | None:
    """What to say if it may be that HTTP was spoken where TLS was expected."""
    secure = {"http": "https", "ws": "wss"}.get(subject.partition(":")[0].lower())
    # Some servers hang up, and others answer with an alert, which is not HTTP.
    if secure and ("before it answered" in message or "did not answer the handshake in HTTP" in message):
        return f"if that is a port for TLS, the address begins with {secure}:"
    return None


def _explain_network(error: OSError) -> Problem:
    if isinstance(error, trio.socket.gaierror):
        # It says which host that was, and what to do.
        return Problem(ExitCode.NETWORK, error.strerror or str(error))
    attempts = [leaf for leaf in _leaves(error.__cause__ or error) if isinstance(leaf, OSError)] or [error]
    # Trio adds the address to some of the texts, so the number is asked for its own.
    reasons = dict.fromkeys(os.strerror(one.errno) if one.errno else str(one) for one in attempts)
    hint = next((_NETWORK_HINTS[one.errno] for one in attempts if one.errno in _NETWORK_HINTS), None)
    return Problem(ExitCode.NETWORK, f"the connection failed: {'; '.join(reasons)}", hint)


def _broken(message: str) -> Problem:
    return Problem(ExitCode.NETWORK, f"the connection broke{': ' if message else ''}{message}")


_NETWORK_HINTS: dict[int | None, str] = {
    errno.ECONNREFUSED: "nothing listens there: is it the right port, and is the server running?",
    errno.ECONNRESET: "the server, or something on the way, cut the connection",
    errno.ENETUNREACH: "this machine has no way to that network",
    errno.EHOSTUNREACH: "this machine has no way to that host",
    errno.ETIMEDOUT: "the host does not answer: a firewall may drop the packets",
}
