"""What a session received, within a budget, for the tests and tools that inspect it."""

from collections import Counter, deque
from dataclasses import dataclass, field

_MOST_WINDOWS = 256


@dataclass(slots=True)
class Window:
    """One stretch of user activity: its exact bytes (PCM16, 16 kHz unless the client said
    otherwise), its words."""

    number: int = 0
    pcm: bytearray = field(default_factory=bytearray)
    rate_hz: int = 16_000
    typed: list[str] = field(default_factory=list)
    text: str = ""
    closed: bool = False


class Received:
    """All PCM of a session up to `budget_bytes` (then the oldest goes), its newest windows, a count
    per message."""

    def __init__(self, budget_bytes: int) -> None:
        self._budget_bytes = budget_bytes
        self.pcm = bytearray()
        self.dropped_bytes = 0
        self.total_bytes = 0
        self.windows: deque[Window] = deque(maxlen=_MOST_WINDOWS)
        self.messages: Counter[str] = Counter()

    def audio(self, pcm: bytes) -> None:
        """Note a piece of audio, inside a window or not."""
        self.total_bytes += len(pcm)
        self.pcm += pcm
        excess = len(self.pcm) - self._budget_bytes
        if excess > self._budget_bytes // 4 or (excess > 0 and self._budget_bytes == 0):  # not at every frame
            del self.pcm[:excess]
            self.dropped_bytes += excess

    def window(self, window: Window) -> None:
        """Note a window at its end; closed windows beyond the budget lose their audio, oldest
        first."""
        self.windows.append(window)
        kept = 0
        for past in reversed(self.windows):
            kept += len(past.pcm)
            if kept > self._budget_bytes:
                past.pcm = bytearray()
