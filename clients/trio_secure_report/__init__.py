"""The illustrated handshake: the trace of one TLS connection as a page to read.

`write_report` takes what a trace has gathered::

    events: list[TraceEvent] = []
    try:
        await SecureSocket("example.com", 443, secure={"trace": events.append})
    finally:
        write_report(events, "page.html")

The page needs no network and no framework, and leaves secrets out unless it is asked for them. `warnings_about`
says what is worth saying about a connection that works, and `CertificateView` what stands in a certificate.
"""

from __future__ import annotations

from ._certificates import CertificateView
from ._report import render_report, write_report
from ._warnings import ConnectionWarning, warnings_about

__all__ = ["CertificateView", "ConnectionWarning", "render_report", "warnings_about", "write_report"]
