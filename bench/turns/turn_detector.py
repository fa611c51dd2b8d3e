"""The product's turn detector in simulated time: the same network, its verdict after a set while,
known ones kept."""

from collections.abc import Callable
from hashlib import blake2b

from adapters.voice.smart_turn import HEARD_SAMPLES, completeness
from domain.ports.voice import TurnDetector
from domain.sound.features import quantise_voice
from tests.fakes.simulated_loop import SimulatedLoop

JUDGING_MS = 120
"""What the network and its way there and back take on one core; a busy machine takes longer."""

Verdicts = dict[bytes, int]


class SimulatedTurnDetector(TurnDetector):
    """A busy one refuses, as the product's does when its queue is full."""

    def __init__(self, loop: SimulatedLoop, known: Verdicts, *, busy: bool) -> None:
        self._loop = loop
        self._known = known
        self._busy = busy
        self.asked = 0

    def ask(self, pcm: bytes, then: Callable[[int], None]) -> bool:
        if self._busy:
            return False
        self.asked += 1
        heard = pcm[-2 * HEARD_SAMPLES :]
        digest = blake2b(heard, digest_size=12).digest()
        if digest not in self._known:
            self._known[digest] = quantise_voice(completeness(heard))
        verdict = self._known[digest]
        self._loop.at_us(self._loop.now_us + JUDGING_MS * 1000, then, verdict)
        return True
