"""How long threads had to wait for a processor, by the kernel's own account.

A machine that is short of time does everything late: the microphone's audio comes late, is looked
at late, and a hold is obeyed late, whatever the programs do. Linux counts for every thread how long
it could have run and did not.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Self

import psutil

EVERY_S = 0.1
_NS = 1e9


@dataclass(eq=False, repr=False, slots=True)
class Waits:
    """Of this process and all that it has started; `async with Waits.watched() as waits:`."""

    _samples: list[tuple[float, dict[str, int]]] = field(default_factory=list)

    @classmethod
    @asynccontextmanager
    async def watched(cls) -> AsyncIterator[Self]:
        waits = cls()
        watching = asyncio.create_task(waits._watch())
        try:
            yield waits
        finally:
            watching.cancel()
            await asyncio.wait([watching])

    def longest_s(self, from_s: float, to_s: float) -> float:
        """How long the thread that waited most did so in this stretch of the monotonic clock; 0
        where nobody counts."""
        before = max((sample for sample in self._samples if sample[0] <= from_s), default=self._samples[0])[1]
        after = min((sample for sample in self._samples if sample[0] >= to_s), default=self._samples[-1])[1]
        return max((ns - before.get(thread, 0) for thread, ns in after.items()), default=0) / _NS

    def worst_s(self, length_s: float) -> float:
        """The longest such wait in any stretch of this length."""
        return max((self.longest_s(at_s, at_s + length_s) for at_s, _ in self._samples), default=0.0)

    async def _watch(self) -> None:
        while True:
            self._samples.append((monotonic(), dict(_waited_ns())))
            await asyncio.sleep(EVERY_S)


def _waited_ns() -> Iterator[tuple[str, int]]:
    """Every thread with the time that it has waited since it began."""
    me = psutil.Process()
    for process in (me, *me.children(recursive=True)):
        for thread in Path(f"/proc/{process.pid}/task").glob("*/schedstat"):
            try:
                yield thread.parent.name, int(thread.read_text().split()[1])
            except OSError:
                continue  # it has ended meanwhile
