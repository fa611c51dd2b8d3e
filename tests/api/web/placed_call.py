"""A call that a page has placed, seen from both ends: the server's wire, and what the page saw and
played."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from tests.api.web.chromium import Page
from tests.api.web.protocol_server import ProtocolServer, Wire


@dataclass(eq=False, repr=False)
class PlacedCall:
    page: Page
    server: ProtocolServer
    wire: Wire
    name: str

    @classmethod
    async def placed(cls, page: Page, server: ProtocolServer, start: dict[str, Any], ready: dict[str, Any]) -> Self:
        """Places the call and says `ready` to it."""
        name = f"placed{len(server.requests)}"
        script = (
            f"const {{ place }} = await import('/tests/harness.js'); window.{name} = await place({json.dumps(start)});"
        )
        placing = asyncio.create_task(page.run(script))
        wire = await server.accept()
        await wire.ready(**ready)
        await placing
        return cls(page, server, wire, name)

    async def run(self, script: str) -> Any:
        """Runs JavaScript in which `placed` is this call's harness and `call` the `VivaCall`."""
        return await self.page.run(f"const placed = window.{self.name}, {{ call }} = placed; {script}")

    async def event(self, kind: str, number: int = 1) -> dict[str, Any]:
        """Waits for the page's n-th event of this type and returns its detail."""
        seen = f"window.{self.name}.seen('{kind}')"
        detail: dict[str, Any] = await self.page.until(f"({seen}.length >= {number}) && {seen}[{number - 1}].detail")
        return detail

    async def events(self, kind: str) -> list[dict[str, Any]]:
        """The details of all events of this type so far."""
        details: list[dict[str, Any]] = await self.run(f"return placed.seen('{kind}').map(({{detail}}) => detail)")
        return details

    async def output(self) -> NDArray[np.int16]:
        """Every sample that went to the loudspeaker since the call was placed."""
        samples = await self.run("return placed.recorded.map((value) => Math.round(value * 32768))")
        return np.array(samples, np.int16)

    async def resumed(self, **ready: Any) -> Wire:
        """The client is back: says `ready` and goes on with the new wire."""
        self.wire = await self.server.accept()
        await self.wire.ready(resumed=True, **ready)
        return self.wire
