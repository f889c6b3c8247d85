"""A headless Chromium, told what to do over two pipes.

Theory of operation: the DevTools protocol, JSON with a null behind each message, on the file descriptors 3 and 4
of the browser (`--remote-debugging-pipe`): no port, no driver and no package. One tab; what is evaluated in it is
given back as a value. The browser loads files and nothing else: it is given a proxy that nobody listens on.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import trio

from support.servers import program

_LONGEST = 90.0
_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-background-networking",
    "--no-first-run",
    "--hide-scrollbars",
    "--proxy-server=127.0.0.1:9",
    "--remote-debugging-pipe",
)


class Tab:
    """A page in the browser."""

    def __init__(self, orders: trio.lowlevel.FdStream, reports: trio.lowlevel.FdStream) -> None:
        self._orders, self._reports = orders, reports
        self._received = bytearray()
        self._number = 0
        self._session: str | None = None
        self.events: list[dict[str, Any]] = []
        """What the browser reported without being asked: console messages, exceptions, requests, in order."""

    async def attach(self) -> None:
        """Open the tab."""
        target = await self.order("Target.createTarget", url="about:blank")
        attached = await self.order("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log", "Accessibility"):
            await self.order(f"{domain}.enable")

    async def order(self, method: str, **parameters: object) -> dict[str, Any]:
        """Have something done; the result."""
        self._number += 1
        number = self._number
        message: dict[str, object] = {"id": number, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        await self._orders.send_all(json.dumps(message).encode() + b"\0")
        while True:
            answer = await self._next()
            if answer.get("id") == number:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return dict(answer["result"])
            self.events.append(answer)

    async def _next(self) -> dict[str, Any]:
        while b"\0" not in self._received:
            data = await self._reports.receive_some()
            assert data, "the browser has gone"
            self._received += data
        message, _, rest = bytes(self._received).partition(b"\0")
        self._received[:] = rest
        return dict(json.loads(message))

    async def show(self, path: Path, *, width: int = 1000, height: int = 1200, dark: bool = False) -> None:
        """Load a file, in a window of this size."""
        await self.order(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.order("Emulation.setEmulatedMedia", features=[scheme])
        await self.order("Page.navigate", url=path.as_uri())
        await self.evaluate(
            "new Promise(done => document.readyState === 'complete' ? done() : addEventListener('load', done))"
        )

    async def evaluate(self, expression: str) -> Any:
        """The value of an expression of JavaScript, awaited."""
        result = await self.order(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    async def press(self, key: str, text: str = "") -> None:
        """Press a key and let it go."""
        code = {"Tab": 9, "Enter": 13, " ": 32}[key]
        for kind in ("keyDown", "keyUp"):
            typed = {"text": text} if text and kind == "keyDown" else {}
            await self.order(
                "Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=code, **typed
            )

    async def click(self, selector: str) -> None:
        """Click in the middle of an element, where it stands on the page."""
        spot = await self.evaluate(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)}); e.scrollIntoView();"
            " const b = e.getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2]; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            await self.order(
                "Input.dispatchMouseEvent", type=kind, x=spot[0], y=spot[1], button="left", clickCount=1
            )

    async def screenshot(self) -> bytes:
        """The whole page as a PNG."""
        shot = await self.order("Page.captureScreenshot", captureBeyondViewport=True)
        return base64.b64decode(shot["data"])

    def requests(self) -> list[str]:
        """The URLs of everything that was to be loaded."""
        sent = [event for event in self.events if event.get("method") == "Network.requestWillBeSent"]
        return [str(event["params"]["request"]["url"]) for event in sent]

    def complaints(self) -> list[str]:
        """Exceptions in scripts, and what the browser logged: what the policy stopped, above all."""
        kinds = {"Runtime.exceptionThrown", "Log.entryAdded", "Runtime.consoleAPICalled"}
        return [json.dumps(event["params"]) for event in self.events if event.get("method") in kinds]


def _move(orders: int, reports: int) -> None:
    os.dup2(orders, 3)
    os.dup2(reports, 4)


@asynccontextmanager
async def chromium(folder: Path) -> AsyncGenerator[Tab]:
    """A browser with one tab for the block; its profile and its log are in `folder`."""
    executable = program("chromium")
    ours = [os.pipe(), os.pipe()]
    # Away from 3 and 4, which are about to be others in the browser.
    theirs = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in (ours[0][0], ours[1][1])]
    os.close(ours[0][0])
    os.close(ours[1][1])
    with (folder / "chromium.log").open("wb") as log:
        process = await trio.lowlevel.open_process(
            [executable, *_FLAGS, f"--user-data-dir={folder / 'profile'}"],
            stdout=log,
            stderr=log,
            close_fds=False,
            preexec_fn=partial(_move, *theirs),
        )
    for end in theirs:
        os.close(end)
    try:
        async with (
            trio.lowlevel.FdStream(ours[0][1]) as orders,
            trio.lowlevel.FdStream(ours[1][0]) as reports,
        ):
            tab = Tab(orders, reports)
            with trio.fail_after(_LONGEST):
                await tab.attach()
                yield tab
    finally:
        process.kill()
        with trio.CancelScope(shield=True):
            await process.wait()
