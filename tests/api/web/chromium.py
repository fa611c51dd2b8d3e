"""A headless Chromium with a fake microphone, driven over its DevTools protocol.

Real browser, real audio threads, real websockets: what a page does with them is only known once a
browser has done it. No driver program and no library besides `websockets`.
"""

import asyncio
import base64
import itertools
import json
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from websockets.asyncio.client import ClientConnection, connect

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
    "--use-fake-device-for-media-stream",
    "--remote-debugging-port=0",
)
START_S = 20.0
ANSWER_S = 30.0


def chromium_path() -> str | None:
    """The browser on this machine, or None: tests then skip, saying so."""
    return next((path for name in PROGRAMS if (path := shutil.which(name))), None)


class PageError(Exception):
    """JavaScript in the page threw; the message is the page's own."""


@dataclass(eq=False, repr=False)
class Chromium:
    """One browser process. Use `async with Chromium.started(...)`."""

    process: asyncio.subprocess.Process
    socket: ClientConnection
    pages: dict[str, "Page"] = field(default_factory=dict)
    _answers: dict[int, asyncio.Future[dict[str, Any]]] = field(default_factory=dict)
    _ids: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    @classmethod
    @asynccontextmanager
    async def started(
        cls, profile: Path, microphone: Path | None = None, *, allow_microphone: bool = True, flags: Sequence[str] = ()
    ) -> AsyncIterator[Self]:
        """A browser with a new profile; `microphone` is a WAV file that the fake device plays once."""
        program = chromium_path()
        assert program is not None, "ask chromium_path() first"
        more = list(flags)
        more += ["--use-fake-ui-for-media-stream"] if allow_microphone else ["--deny-permission-prompts"]
        if microphone is not None:
            more.append(f"--use-file-for-fake-audio-capture={microphone}%noloop")
        log = (profile.parent / f"{profile.name}.log").open("wb")
        process = await asyncio.create_subprocess_exec(
            program, *FLAGS, *more, f"--user-data-dir={profile}", "about:blank", stdout=log, stderr=log
        )
        log.close()
        try:
            url = await asyncio.wait_for(_devtools_url(profile, process), START_S)
            async with connect(url, max_size=None) as socket:
                browser = cls(process, socket)
                reader = asyncio.create_task(browser._read())
                try:
                    yield browser
                finally:
                    reader.cancel()
                    await asyncio.wait([reader])
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()

    @asynccontextmanager
    async def visit(self, url: str) -> AsyncIterator["Page"]:
        """A tab of a visitor who has never been there and leaves nothing behind: nothing is shared
        with other visits but the processes."""
        context = (await self.call("Target.createBrowserContext"))["browserContextId"]
        page = await self.open(url, browserContextId=context)
        try:
            yield page
        finally:
            await self.call("Target.disposeBrowserContext", browserContextId=context)
            del self.pages[page.session]

    async def open(self, url: str, **where: str) -> "Page":
        """A new tab that has loaded `url`."""
        target = await self.call("Target.createTarget", url="about:blank", **where)
        attached = await self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        page = Page(self, attached["sessionId"])
        self.pages[page.session] = page
        for domain in ("Page", "Runtime", "Log"):
            await page.call(f"{domain}.enable")
        await page.go(url)
        return page

    async def call(self, method: str, session: str | None = None, **params: Any) -> dict[str, Any]:
        """One DevTools command and its answer."""
        number = next(self._ids)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        command = {"id": number, "method": method, "params": params}
        await self.socket.send(json.dumps(command | ({"sessionId": session} if session else {})))
        return await asyncio.wait_for(answer, ANSWER_S)

    async def _read(self) -> None:
        async for text in self.socket:
            message = json.loads(text)
            if "id" not in message:
                if page := self.pages.get(message.get("sessionId", "")):
                    page.heard(message["method"], message["params"])
                continue
            answer = self._answers.pop(message["id"])
            if answer.done():
                continue
            if "error" in message:
                answer.set_exception(PageError(message["error"]["message"]))
            else:
                answer.set_result(message["result"])


@dataclass(eq=False, repr=False)
class Page:
    """One tab. `complaints` collects uncaught errors, console errors and refused resources."""

    browser: Chromium
    session: str
    complaints: list[str] = field(default_factory=list)
    _loaded: asyncio.Event = field(default_factory=asyncio.Event)

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        return await self.browser.call(method, self.session, **params)

    async def go(self, url: str) -> None:
        """Loads `url` and waits for its load event."""
        self._loaded.clear()
        await self.call("Page.navigate", url=url)
        await asyncio.wait_for(self._loaded.wait(), ANSWER_S)

    async def run(self, script: str) -> Any:
        """Runs the body of an async function, as if a user had clicked, and returns its (JSON)
        value."""
        result = await self.call(
            "Runtime.evaluate",
            expression=f"(async () => {{ {script} }})()",
            awaitPromise=True,
            returnByValue=True,
            userGesture=True,
        )
        if "exceptionDetails" in result:
            thrown = result["exceptionDetails"]
            raise PageError(thrown.get("exception", {}).get("description") or thrown["text"])
        return result["result"].get("value")

    async def until(self, condition: str, within_s: float = 10.0) -> Any:
        """Waits in the page until the expression is truthy and returns it; a failure says what was
        waited for."""
        value = await self.run(
            f"const end = performance.now() + {within_s * 1000};"
            f"for (;;) {{ const value = {condition}; if (value) return value;"
            " if (performance.now() > end) return null;"
            " await new Promise((resolve) => setTimeout(resolve, 10)); }"
        )
        assert value is not None, f"not within {within_s} s: {condition}; complaints: {self.complaints}"
        return value

    async def text(self, selector: str) -> str:
        """The visible text of the first element that matches."""
        return str(await self.run(f"return document.querySelector({json.dumps(selector)}).innerText"))

    async def click(self, selector: str) -> None:
        """Clicks in the middle of the element with a real mouse event."""
        box = await self.run(
            f"const element = document.querySelector({json.dumps(selector)});"
            " element.scrollIntoView({block: 'center'});"
            " const {x, y, width, height} = element.getBoundingClientRect(); return [x + width / 2, y + height / 2]"
        )
        for kind in ("mousePressed", "mouseReleased"):
            await self.call("Input.dispatchMouseEvent", type=kind, x=box[0], y=box[1], button="left", clickCount=1)

    async def look(self, width: int, height: int, *, dark: bool = False) -> None:
        """Sets the window's size and the preferred colour scheme."""
        await self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        scheme = "dark" if dark else "light"
        await self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    async def put_clock_on(self, seconds: float) -> None:
        """For the page so much time has passed at once; every other clock goes on as it does."""
        await self.run(
            f"const now = performance.now.bind(performance); performance.now = () => now() + {round(seconds * 1000)}"
        )

    async def screenshot(self, path: Path) -> None:
        """Writes a PNG of the whole page."""
        shot = await self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        await asyncio.to_thread(path.write_bytes, base64.b64decode(shot["data"]))

    def heard(self, event: str, params: dict[str, Any]) -> None:
        """An event of this tab."""
        match event:
            case "Page.loadEventFired":
                self._loaded.set()
            case "Runtime.exceptionThrown":
                details = params["exceptionDetails"]
                self.complaints.append(details.get("exception", {}).get("description") or details["text"])
            case "Log.entryAdded" if params["entry"]["level"] == "error":
                self.complaints.append(f"{params['entry']['text']} {params['entry'].get('url', '')}")
            case "Runtime.consoleAPICalled" if params["type"] in ("error", "assert"):
                self.complaints.append(" ".join(str(arg.get("value")) for arg in params["args"]))


async def _devtools_url(profile: Path, process: asyncio.subprocess.Process) -> str:
    """Chromium writes the port it has chosen into its profile; there is nothing to wait on but the
    file."""
    file = profile / "DevToolsActivePort"
    while True:
        assert process.returncode is None, f"the browser ended at once; see {profile}.log"
        lines = file.read_text().splitlines() if file.exists() else []
        if len(lines) == 2:
            return f"ws://127.0.0.1:{lines[0]}{lines[1]}"
        await asyncio.sleep(0.05)
