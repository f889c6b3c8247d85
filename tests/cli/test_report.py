from __future__ import annotations

import errno
import os
import socket
from pathlib import Path

import pytest
import trio

from support.terminal import FakeTerminal
from support.tls_server import tcp_server
from trio_certs import CertificateError, ManifestError, Reason, ResourceNotFoundError, StoreError
from trio_https import (
    Client,
    ConnectionLost,
    DigestMismatch,
    Headers,
    HTTPError,
    InsecureConnection,
    InvalidURL,
    ProtocolError,
    ProxyRefused,
    RedirectRefused,
    TooSlow,
    TruncatedBody,
)
from trio_secure import AlertDescription, AlertReceived, CertificateRefused, PeerMisbehaved, Truncated
from trio_secure_cli import ExitCode
from trio_secure_cli._failure import CommandError
from trio_secure_cli._report import explain, report
from trio_wss import ConnectionClosed, UpgradeRefused, WebSocketError, connect_websocket


def caused(error: BaseException, cause: BaseException) -> BaseException:
    error.__cause__ = cause
    return error


def refused(cause: BaseException) -> BaseException:
    return caused(CertificateRefused(AlertDescription.UNKNOWN_CA, str(cause)), cause)


def upgrade_refused(status: int) -> UpgradeRefused:
    return UpgradeRefused(status, "Reason", Headers(()), b"")


def operating_system(number: int) -> OSError:
    return OSError(number, os.strerror(number))


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (KeyboardInterrupt(), ExitCode.INTERRUPTED, "interrupted"),
        (CommandError("full", code=ExitCode.OUTPUT), ExitCode.OUTPUT, "full"),
        (ManifestError("not JSON"), ExitCode.USAGE, "not JSON"),
        (StoreError("damaged"), ExitCode.USAGE, "damaged"),
        (ResourceNotFoundError("ca1.der", "It is not there."), ExitCode.USAGE, "Resource not found: ca1.der"),
        (InvalidURL("no host"), ExitCode.USAGE, "no host"),
        (RedirectRefused("not secure"), ExitCode.STATUS, "not secure"),
        (ProxyRefused("it says no"), ExitCode.NETWORK, "it says no"),
        (DigestMismatch("another"), ExitCode.DIGEST, "another"),
        (
            socket.gaierror(-2, "the host h.test was not found"),
            ExitCode.NETWORK,
            "the host h.test was not found",
        ),
        (socket.gaierror("odd"), ExitCode.NETWORK, "odd"),
        (operating_system(errno.ECONNREFUSED), ExitCode.NETWORK, "Connection refused"),
        (OSError("odd"), ExitCode.NETWORK, "the connection failed: odd"),
        (trio.BrokenResourceError(), ExitCode.NETWORK, "the connection broke"),
        (trio.BrokenResourceError("torn"), ExitCode.NETWORK, "the connection broke: torn"),
        (PeerMisbehaved(AlertDescription.DECODE_ERROR, "garbage"), ExitCode.TLS, "garbage"),
        (AlertReceived(40), ExitCode.TLS, "handshake_failure"),
        (InsecureConnection("bare TCP"), ExitCode.TLS, "bare TCP"),
        (trio.TooSlowError(), ExitCode.TOO_SLOW, "did not answer in time"),
        (TooSlow("30 s"), ExitCode.TOO_SLOW, "30 s"),
        (Truncated("cut"), ExitCode.PROTOCOL, "cut"),
        (ConnectionLost("lost"), ExitCode.PROTOCOL, "lost"),
        (ProtocolError("not HTTP"), ExitCode.PROTOCOL, "not HTTP"),
        (ConnectionClosed(1011, "oops"), ExitCode.PROTOCOL, "1011: oops"),
        (upgrade_refused(404), ExitCode.STATUS, "404 Reason"),
        (upgrade_refused(200), ExitCode.PROTOCOL, "200 Reason"),
        (ZeroDivisionError("odd"), ExitCode.INTERNAL, "a fault in trio-secure: ZeroDivisionError: odd"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_each_error_has_its_code_and_its_words(error: BaseException, code: ExitCode, message: str) -> None:
    problem = explain(error)
    assert problem.code is code
    assert message in problem.message


@pytest.mark.parametrize(
    ("reason", "hint"),
    [
        (Reason.UNKNOWN_ISSUER, "--ca FILE"),
        (Reason.SELF_SIGNED, "--ca FILE"),
        (Reason.EXPIRED, "renew"),
        (Reason.NOT_YET_VALID, "clock"),
        (Reason.WRONG_NAME, "name"),
    ],
)
def test_a_refused_certificate_comes_with_what_can_be_done(reason: Reason, hint: str) -> None:
    problem = explain(refused(CertificateError(reason, "why")))
    assert problem.code is ExitCode.TLS
    assert hint in (problem.hint or "")


@pytest.mark.parametrize(
    "cause",
    [CertificateError(Reason.LIMIT, "why"), StoreError("why"), ResourceNotFoundError("ca1.der", "why")],
)
def test_a_refusal_nobody_can_do_much_about_has_no_hint(cause: BaseException) -> None:
    problem = explain(refused(cause))
    assert problem.code is ExitCode.TLS
    assert problem.hint is None


@pytest.mark.parametrize(
    ("alert", "hint"), [(40, "--suites"), (70, "--versions"), (116, "--cert"), (80, None)]
)
def test_a_refusal_by_the_server_comes_with_the_way_to_find_out_why(alert: int, hint: str | None) -> None:
    problem = explain(AlertReceived(alert))
    assert problem.code is ExitCode.TLS
    assert problem.hint is None if hint is None else hint in (problem.hint or "")


def test_a_missing_ca_comes_with_the_line_to_add() -> None:
    missing = ResourceNotFoundError("ca9.der", "It is …", authority="A CA", manifest_line='"$(CERTS)/ca9"')
    problem = explain(refused(missing))
    assert problem.code is ExitCode.TLS
    assert (
        problem.hint == 'this adds "$(CERTS)/ca9" to the manifest: trio-secure certs add ca9 --manifest FILE'
    )
    named = explain(refused(missing), Path("my app/manifest.json"))
    assert (named.hint or "").endswith("trio-secure certs add ca9 --manifest 'my app/manifest.json'")


@pytest.mark.parametrize(("phase", "asked"), [("ServerHello", True), ("CertificateVerify", False)])
def test_only_before_a_server_hello_it_may_be_the_wrong_port(phase: str, asked: bool) -> None:
    error = PeerMisbehaved(AlertDescription.DECRYPT_ERROR, "what came is wrong")
    error.phase = phase
    assert ("right port" in (explain(error).hint or "")) is asked


@pytest.mark.parametrize(
    ("phase", "hint"),
    [("ServerHello", "right port"), ("application data", "not all"), ("close", "not all"), (None, "not all")],
)
def test_a_connection_cut_short_comes_with_what_that_may_mean(phase: str | None, hint: str) -> None:
    error = Truncated("cut")
    error.phase = phase
    assert hint in (explain(error).hint or "")


def test_of_several_attempts_to_connect_each_reason_is_told_once() -> None:
    attempts = [operating_system(errno.ENETUNREACH), operating_system(errno.ECONNREFUSED)]
    error = caused(OSError("all attempts failed"), ExceptionGroup("", [*attempts, attempts[0]]))
    problem = explain(error)
    assert problem.message == "the connection failed: Network is unreachable; Connection refused"
    assert problem.hint == "this machine has no way to that network"


def test_what_broke_the_stream_is_told_if_it_is_known() -> None:
    problem = explain(caused(trio.BrokenResourceError(), operating_system(errno.ECONNRESET)))
    assert problem.message == "the connection failed: Connection reset by peer"


@pytest.mark.parametrize(
    ("scheme", "says", "hint"),
    [
        ("http", b"", "begins with https:"),
        ("http", bytes.fromhex("15 0303 0002 02 46"), "write https: instead"),
        ("ws", b"", "begins with wss:"),
        ("ws", bytes.fromhex("15 0303 0002 02 46"), "begins with wss:"),
    ],
    ids=["http, nothing", "http, an alert", "ws, nothing", "ws, an alert"],
)
async def test_who_speaks_http_to_a_port_for_tls_is_told_so(scheme: str, says: bytes, hint: str) -> None:
    async def server(stream: trio.abc.Stream) -> None:
        await stream.receive_some()
        if says:
            await stream.send_all(says)

    async with tcp_server(server) as port:
        url = f"{scheme}://127.0.0.1:{port}/"
        async with Client() as client, trio.open_nursery() as nursery:
            asked = connect_websocket(nursery, url) if scheme == "ws" else client.get(url)
            with pytest.raises((HTTPError, WebSocketError)) as caught:
                await asked
    problem = explain(caught.value, None, url)
    assert problem.code is ExitCode.PROTOCOL
    assert hint in f"{problem.message} {problem.hint}"
    assert "begins with" not in f"{explain(caught.value, None, 'https://h.test/').hint}"


def test_of_a_lost_http_connection_the_failure_of_tls_is_told() -> None:
    broken = PeerMisbehaved(AlertDescription.BAD_RECORD_MAC, "a record was changed on the way")
    assert explain(caused(ConnectionLost("lost"), broken)).code is ExitCode.TLS


def test_of_a_truncated_body_it_is_told_what_is_missing() -> None:
    problem = explain(caused(TruncatedBody("3 of 10 bytes came"), Truncated("no close_notify")))
    assert (problem.code, problem.message) == (ExitCode.PROTOCOL, "3 of 10 bytes came")


@pytest.mark.parametrize(
    ("errors", "code"),
    [
        ([ValueError(), CommandError("x", code=ExitCode.OUTPUT)], ExitCode.OUTPUT),
        ([CommandError("x"), KeyboardInterrupt()], ExitCode.INTERRUPTED),
        ([ProtocolError("x"), ValueError()], ExitCode.PROTOCOL),
        ([ExceptionGroup("", [ProtocolError("x")])], ExitCode.PROTOCOL),
    ],
)
def test_of_a_group_the_error_that_matters_is_told(errors: list[BaseException], code: ExitCode) -> None:
    assert explain(BaseExceptionGroup("", errors)).code is code


def test_a_report_is_a_line_with_the_subject_and_a_hint() -> None:
    terminal = FakeTerminal()
    code = report(CommandError("it is full", "make room", code=ExitCode.OUTPUT), "https://h/", terminal)
    assert code is ExitCode.OUTPUT
    assert terminal.said == "trio-secure: https://h/: it is full\n  hint: make room\n"
    assert terminal.printed == b""


def test_what_a_server_wrote_cannot_move_the_cursor() -> None:
    terminal = FakeTerminal()
    report(ConnectionClosed(1011, "\x1b[2J"), "wss://h/\x07", terminal)
    assert terminal.said == (
        "trio-secure: wss://h/\\x07: the server closed the WebSocket with code 1011: \\x1b[2J\n"
    )


def test_ctrl_c_needs_no_words() -> None:
    terminal = FakeTerminal()
    assert report(KeyboardInterrupt(), "https://h/", terminal) == 130
    assert terminal.said == "\n"


@pytest.mark.parametrize("details", [True, False])
def test_a_traceback_is_for_faults_of_this_program_and_only_on_request(details: bool) -> None:
    terminal = FakeTerminal()
    report(ZeroDivisionError("odd"), "demo", terminal, details=details)
    assert ("ZeroDivisionError: odd\n\n" in terminal.said) == details
    assert "please report it" in terminal.said
    usual = FakeTerminal()
    report(CommandError("x"), "demo", usual, details=details)
    assert usual.said == "trio-secure: demo: x\n"
