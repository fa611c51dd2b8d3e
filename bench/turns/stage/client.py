"""A simulated candidate: microphone, loudspeaker, the room between them, and a network with delay
and jitter."""

from collections.abc import Callable
from random import Random

import numpy as np

from api.live.client import ClientSide
from api.wire import protocol
from api.wire.protocol import (
    ClientAudio,
    Playback,
    decode_control,
    decode_server_audio,
    encode_client_audio,
    encode_control,
)
from bench.turns.stage.echo import Echo
from bench.turns.stage.loudspeaker import SteppedLoudspeaker
from bench.turns.stage.microphone import MESSAGE_MS, Microphone
from bench.turns.stage.trace import ReceivedMessage
from tests.fakes.simulated_loop import SimulatedLoop

_TICK_US = 10_000
_MESSAGE_US = MESSAGE_MS * 1000
_WATCHED = {"hold", "release", "flush"}


class Network:
    """One direction: every message arrives after a delay of its own, and never before an earlier
    one."""

    def __init__(self, loop: SimulatedLoop, dice: Random, delay_ms: float, jitter_ms: float) -> None:
        self._loop = loop
        self._dice = dice
        self._delay_ms, self._jitter_ms = delay_ms, jitter_ms
        self._last_us = 0

    def carry(self, arrive: Callable[[], None]) -> None:
        """Let something arrive."""
        if not self._delay_ms:
            arrive()
            return
        delay_ms = max(0.0, self._delay_ms + self._dice.uniform(-self._jitter_ms, self._jitter_ms))
        self._last_us = max(self._last_us, self._loop.now_us + round(delay_ms * 1000))
        self._loop.at_us(self._last_us, arrive)


class SimulatedClient:
    """The client's end of the wire: it is what the server's send_queue sends to. Its messages go to
    the call decoded, as the product's socket hands them over."""

    def __init__(
        self,
        loop: SimulatedLoop,
        microphone: Microphone,
        rate_hz: int,
        echo: Echo | None,
        networks: tuple[Network, Network],
        side: ClientSide,
    ) -> None:
        self.rate_hz = rate_hz
        self.messages: list[ReceivedMessage] = []
        self.loudspeaker = SteppedLoudspeaker(self._report, lambda: loop.now_us)
        self.microphone = microphone
        self.on_tick: Callable[[int], None] = lambda _: None
        self._loop = loop
        self._echo = echo
        self._up, self._down = networks
        self._side = side
        self._next_block = 0
        self._next_us = 0
        self._generations: list[int] = []
        self._stopped = False

    def start(self) -> None:
        """Open the microphone, at the beginning of the call."""
        self._next_us = _TICK_US
        self._loop.at_us(self._next_us, self._tick)

    def stop(self) -> None:
        self._stopped = True

    # --- what the server's send_queue calls

    async def send_text(self, data: str) -> None:
        kind = data.partition('"type":"')[2].partition('"')[0]
        if kind in _WATCHED:
            self.messages.append(ReceivedMessage(self._loop.now_us, kind))
        if kind in _WATCHED or kind == "ready":
            self._down.carry(lambda: self._received(kind))

    async def send_bytes(self, data: bytes) -> None:
        self._down.carry(lambda: self.loudspeaker.take(decode_server_audio(data)))

    async def close(self, code: int, reason: str) -> None:
        self._stopped = True

    # --- what happens at the client

    def _received(self, kind: str) -> None:
        match kind:
            case "hold":
                self.loudspeaker.hold()
            case "release":
                self.loudspeaker.release()
            case "flush":
                self.loudspeaker.flush()

    def _tick(self) -> None:
        if self._stopped:
            return
        self.loudspeaker.step()
        self._notice_turn()
        if self._next_us % _MESSAGE_US == 0:
            self._speak()
        self.on_tick(self._next_us)
        self._next_us += _TICK_US
        self._loop.at_us(self._next_us, self._tick)

    def _notice_turn(self) -> None:
        """Tell the microphone when a generation is heard for the first time: some parts begin
        relative to it."""
        newest = self.loudspeaker.played[-1] if self.loudspeaker.played else None
        if newest is not None and newest.generation not in self._generations:
            self._generations.append(newest.generation)
            self.microphone.turn_heard(len(self._generations) - 1, newest.at_us)

    def _speak(self) -> None:
        """Send what the microphone picked up in the 20 ms before now."""
        number, self._next_block = self._next_block, self._next_block + 1
        sound = self.microphone.block(number)
        played = self.loudspeaker.recent()
        reflected = self._echo.of(played) if self._echo is not None else None
        if reflected is not None:
            sound += reflected
        pcm = np.clip(np.rint(sound * np.float32(32_767)), -32_768, 32_767).astype("<i2").tobytes()
        message = encode_client_audio(ClientAudio(number, pcm))
        self._up.carry(lambda: self._side.take_audio(protocol.decode_audio(message)))

    def _report(self, played_sample: int, held: bool) -> None:
        text = encode_control(Playback(played_sample, held))
        self._up.carry(lambda: self._side.take_control(decode_control(text)))
