"""A turn of the model under way, and how its voice is sent: evenly, or as a fault has it."""

import asyncio
from dataclasses import dataclass, field

import numpy as np

from adapters.rehearsal.session.history import AUDIO_TOKENS_PER_SECOND
from adapters.rehearsal.session.link import Link
from adapters.rehearsal.speech.utterance import OUTPUT_HZ, Utterance
from adapters.rehearsal.wire import messages

_TONE_HZ, _TONE_LEVEL = 440, 8_000


@dataclass(slots=True)
class Reply:
    """What of a turn was sent, and the context it was billed for."""

    prompt: tuple[int, int] = (0, 0)
    place: int = 0
    """Where in the history it belongs: before whatever is taken in while it goes on."""
    meant: str = ""
    utterance: Utterance | None = None
    sent: int = 0
    recorded: bool = False
    completing: bool = False
    tool_tokens: int = 0
    open_calls: dict[str, asyncio.Event] = field(default_factory=dict)
    stalled_until: float = 0.0
    """By a fault its audio waits until this moment of the loop's clock; what is due by then comes
    at once."""
    toned: bool = False
    """By a fault its voice has become a tone, which goes on for `tone_ms` after the last word."""
    tone_ms: int = 0

    @property
    def sent_ms(self) -> int:
        return min(self.sent * self.utterance.chunk_ms, self.utterance.duration_ms) if self.utterance else 0

    @property
    def audio_tokens(self) -> int:
        return -(-self.sent_ms * AUDIO_TOKENS_PER_SECOND // 1000)

    async def speak(self, link: Link, began: float, speed: float, most_ms: int | None = None) -> None:
        """Send what is left of it, or `most_ms` of that, as if its next message had been due at
        `began`."""
        assert self.utterance is not None
        chunk_ms, first = self.utterance.chunk_ms, self.sent
        frames = self.utterance.messages[first : None if most_ms is None else first + -(-most_ms // chunk_ms)]
        for number, frame in enumerate(frames):
            await sleep_until(began + number * chunk_ms / 1000 / speed)
            await sleep_until(self.stalled_until)
            self.sent = first + number + 1
            await link.send(_tone(number, chunk_ms) if self.toned else frame)
        for number in range(self.tone_ms // chunk_ms if self.toned else 0):
            await sleep_until(began + (len(frames) + number) * chunk_ms / 1000 / speed)
            await link.send(_tone(len(frames) + number, chunk_ms))


def _tone(number: int, chunk_ms: int) -> bytes:
    """The `number`-th message of a tone without words or clicks."""
    count = OUTPUT_HZ * chunk_ms // 1000
    phase = 2 * np.pi * _TONE_HZ / OUTPUT_HZ * np.arange(number * count, (number + 1) * count)
    return messages.audio((np.sin(phase) * _TONE_LEVEL).astype("<i2").tobytes())


async def sleep_until(moment: float) -> None:
    """Sleep until the loop's clock shows `moment`."""
    delay = moment - asyncio.get_running_loop().time()
    if delay > 0:
        await asyncio.sleep(delay)
