"""A call that is held to be interrupted: the real page in a real Chromium, whose microphone is a
recorded voice.

The interviewer is long-winded, so that every interruption hits it, and its voice carries faint
noise (-44 dB), so that every millisecond of it, pauses as well, can be found in a recording of what
was played. When the candidate speaks is laid down in the microphone's file; the replies fall where
they fall, so the interruptions hit them anywhere.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from zlib import crc32

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from adapters.rehearsal.server import RehearsalServer
from adapters.rehearsal.speech.prompts import PROMPTS, RecordedPrompts
from adapters.rehearsal.speech.utterance import Spoken
from api.live.call import LiveCall
from bench.heard.sound import Played, Recording, played_until
from domain.event import Event
from domain.events import BargeInSuspected, ReplyCut
from domain.inputs import PlaybackReported
from domain.ports import Side
from domain.sound.rates import FRAME_SAMPLES, MODEL_RATE_HZ, SAMPLE_RATE_HZ
from domain.sound.segments import unpack
from tests.api.web.chromium import Page
from tests.fixtures.server import RECORDINGS, Desk

MICROPHONE_HZ = 48_000
VOICES = {"interruption": 0.15, "answer_3": 0.15, "answer_1": 0.15}
"""Recordings that interrupt, and where in each the first word begins, in s."""
_LEAD_S, _SPARE_S = 2.0, 30.0
_NOISE = 200
_SILENT_WITHIN_S = 0.9
"""After a cut the interviewer may still sound for so long; its next reply comes later."""
_ONSET_SLACK_S = 0.3
"""Gemini's own detection hears the breath before the word."""
_LIKE = 0.6
"""A wrong place has less than 0.2; a gap in the playback within the compared stretch lowers a right
one."""
_STARTS_WITHIN_S = 4.0
"""The microphone's file and the call's audio begin so close together."""


class LongWinded:
    """Says all that it can say, whatever it is asked to; with noise, which is the same for the same
    words."""

    def synthesise(self, text: str, voice: str) -> Spoken:
        prompts = RecordedPrompts()
        dice = np.random.default_rng(crc32(text.encode()))
        lines = np.roll(list(PROMPTS.values()), dice.integers(len(PROMPTS)))
        wave = np.frombuffer(b"".join(prompts.synthesise(line, voice).pcm for line in lines), "<i2")
        noisy = np.round(wave + dice.normal(0, _NOISE, len(wave)))
        return Spoken(" ".join(lines), np.clip(noisy, -32768, 32767).astype("<i2").tobytes())


def make_long_winded(interviewer: RehearsalServer) -> None:
    """From now on this interviewer's voice can be found again."""
    interviewer.services.speech.synthesiser = LongWinded()


@dataclass(frozen=True, slots=True)
class Script:
    """What the microphone hears: `spoken` are (at_s, recording) from the file's beginning."""

    path: Path
    length_s: float
    spoken: tuple[tuple[float, str], ...]


def write_script(
    path: Path, interruptions: int, seed: int, gaps_s: tuple[float, float], voices: Sequence[str] = tuple(VOICES)
) -> Script:
    """Lay down so many interruptions, each a random while after the last one's end."""
    dice = np.random.default_rng(seed)
    parts = [np.zeros(round((_LEAD_S + dice.uniform(*gaps_s)) * MICROPHONE_HZ), np.float32)]
    spoken = []
    for _ in range(interruptions):
        name = str(dice.choice(voices))
        spoken.append((sum(map(len, parts)) / MICROPHONE_HZ, name))
        parts += [_said(name), np.zeros(round(dice.uniform(*gaps_s) * MICROPHONE_HZ), np.float32)]
    length_s = sum(map(len, parts)) / MICROPHONE_HZ
    parts.append(np.zeros(round(_SPARE_S * MICROPHONE_HZ), np.float32))
    soundfile.write(path, np.concatenate(parts), MICROPHONE_HZ, subtype="PCM_16")
    return Script(path, length_s, tuple(spoken))


def _said(name: str) -> NDArray[np.float32]:
    wave, rate_hz = soundfile.read(RECORDINGS / f"{name}.flac", dtype="float32")
    resampled: NDArray[np.float32] = soxr.resample(wave, rate_hz, MICROPHONE_HZ)
    return resampled


@asynccontextmanager
async def interrupted_call(desk: Desk, page: Page, script: Script, agent: str) -> AsyncIterator[LiveCall]:
    """Hold a call to the script's end through the page's own buttons; the block gets it before it
    is hung up."""
    await page.go(desk.url)
    await page.until("document.querySelector('#agent').options.length > 0")
    await page.run(f"document.querySelector('#agent').value = '{agent}'")
    await page.click("#begin")
    await page.until("document.querySelector('#state-name').textContent === 'model_speaking'", within_s=20)
    [live] = desk.services.registry.calls
    desk.calls.append(live)
    await asyncio.sleep(script.length_s)
    yield live
    await page.click("#hangup")
    await page.until("!document.querySelector('#end').hidden", within_s=10)


@dataclass(frozen=True, slots=True)
class Cut:
    """One interruption: what the log says, and what the recording says. Positions count from the
    reply's beginning."""

    generation: int
    at_s: float
    """When it was decided, on the monotonic clock."""
    logged_ms: float
    held_ms: float | None
    """Where the client reported that it stopped at a hold; None if it was not, or if
    that came too late."""
    played_ms: float
    likeness: float
    silent_after_ms: float | None
    """From the candidate's first word, as the server received it, to the last sound of the
    interviewer."""

    @property
    def error_ms(self) -> float:
        """Positive: the log says that more was heard than was played."""
        return self.logged_ms - self.played_ms

    @property
    def sure(self) -> bool:
        """Whether what was played could be read back at all."""
        return self.likeness >= _LIKE


async def cuts_of(desk: Desk, live: LiveCall, script: Script, recording: Recording) -> list[Cut]:
    """Every cut of a call that has settled, beside what was really played."""
    events = await desk.log(live.call.id)
    stream = np.frombuffer(await desk.pcm(live.call.id, Side.INTERVIEWER), "<i2")
    epoch_s = monotonic() - live.loop.now_us() / 1e6
    onsets = [epoch_s + at_us / 1e6 for at_us in await _onsets_at_us(desk, live, script)]
    return [
        _compared(event, _held_sample(events, event), recording, stream, epoch_s, onsets)
        for event in events
        if isinstance(event, ReplyCut)
    ]


def _held_sample(events: list[Event], cut: ReplyCut) -> int | None:
    """The client's first report after the hold that became this cut."""
    before = [event for event in events if event.originator_version < cut.originator_version]
    held_at = max(
        (event.originator_version for event in before if isinstance(event, BargeInSuspected)),
        default=cut.originator_version,
    )
    reports = (event for event in before if isinstance(event, PlaybackReported) and event.originator_version > held_at)
    return next((report.played_sample for report in reports if report.held), None)


def _compared(
    cut: ReplyCut,
    held_sample: int | None,
    recording: Recording,
    stream: NDArray[np.int16],
    epoch_s: float,
    onsets_s: list[float],
) -> Cut:
    first = int(cut.evidence["first_model_sample"])
    cut_s = epoch_s + cut.at_us / 1e6
    sent = first, int(cut.evidence["sent_model_sample"])  # a question asked again sounds the same again
    played = played_until(recording, stream, sent, cut_s + _SILENT_WITHIN_S) or Played(first, cut_s, 0.0)
    onset_s = max((each for each in onsets_s if each < cut_s + _ONSET_SLACK_S), default=None)
    return Cut(
        generation=cut.generation,
        at_s=cut_s,
        logged_ms=cut.heard_ms,
        held_ms=None if held_sample is None else (held_sample - first) * 1000 / MODEL_RATE_HZ,
        played_ms=(played.end_sample - first) * 1000 / MODEL_RATE_HZ,
        likeness=played.likeness,
        silent_after_ms=None if onset_s is None else (played.end_s - onset_s) * 1000,
    )


async def _onsets_at_us(desk: Desk, live: LiveCall, script: Script) -> list[float]:
    """When the first word of each interruption reached the server, on the call's clock."""
    heard, arrivals_us = [], []
    for segment in await desk.audio(live.call.id, Side.CANDIDATE):
        heard.append(np.frombuffer(segment.pcm, "<i2"))
        arrivals_us += [frame.at_us for _, frame in unpack(segment)]
    wave, _ = await asyncio.to_thread(soundfile.read, script.path, dtype="float32")
    offset = await asyncio.to_thread(_offset, np.concatenate(heard), soxr.resample(wave, MICROPHONE_HZ, SAMPLE_RATE_HZ))
    found = []
    for at_s, name in script.spoken:
        frame, sample = divmod(round((at_s + VOICES[name]) * SAMPLE_RATE_HZ) + offset, FRAME_SAMPLES)
        if 0 <= frame < len(arrivals_us):
            found.append(arrivals_us[frame] - (FRAME_SAMPLES - sample) * 1e6 / SAMPLE_RATE_HZ)
    return found


def _offset(heard: NDArray[np.int16], script: NDArray[np.float32]) -> int:
    """How many samples later than in the script everything is in what was heard; negative if it is
    earlier."""
    size = 1 << (len(heard) + len(script)).bit_length()
    # Sharpened (phase only): the recordings come more than once, and the loudest overlap need not
    # be the true one.
    spectrum = np.fft.rfft(heard, size) * np.conj(np.fft.rfft(script, size))
    likeness = np.fft.irfft(spectrum / np.maximum(np.abs(spectrum), 1e-9), size)
    most = round(_STARTS_WITHIN_S * SAMPLE_RATE_HZ)
    near = np.concatenate((likeness[-most:], likeness[:most]))
    return int(np.argmax(near)) - most
