"""`trio-secure demo`: a server on this machine, and everything at work against it.

Theory of operation: the packages of the extra are looked for first; then the server is started and the steps
are run one after the other, each of which fails loudly if what it shows is not so.
"""

from __future__ import annotations

import time
from pathlib import Path

from ._exit_codes import ExitCode
from ._extras import require
from ._options import DemoOptions
from ._patience import patience
from ._secure import secure_dictionary
from ._terminal import Terminal


async def demo(options: DemoOptions, terminal: Terminal) -> ExitCode:
    """Run the demonstration.

    Raises:
        CommandError: a package is missing, the server does not start, or a step does not show what it should.
        Exception: what the clients raise.
    """
    require("demo", "rich", "hypercorn", "trustme")
    # Not at the top: they import what was just looked for.
    if options.serve is not None:
        from ._demo_serve import serve_until_stopped

        await serve_until_stopped(options.serve, Path("demo-ca.pem"), terminal)
    from ._demo_process import running_server
    from ._demo_steps import Demonstration

    began = time.perf_counter()
    given = await secure_dictionary(options.connection, terminal)
    with patience(options.connection.timeout) as clock:
        clock.expect("the server of the demonstration was starting")
        async with running_server() as server:
            demonstration = Demonstration(server, given, terminal, clock)
            demonstration.introduce(time.perf_counter() - began)
            await demonstration.handshake()
            await demonstration.download()
            await demonstration.echo()
            await demonstration.missing_authority()
    demonstration.conclude(time.perf_counter() - began)
    return ExitCode.OK
