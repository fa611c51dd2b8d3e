"""When somebody speaks and when they fall silent: hysteresis over the detector's quantised
features, in samples.

It makes no decision about the call; it only says what it hears in the newest frames. A
frame *sounds* when the detector takes it for speech and it is loud enough: above the noise around
it, above what leaks of the interviewer's own voice, not far below the voice's peak (a network
notices an end some 100 ms after the ear does), and over the interviewer not far below the
candidate's usual level, as a voice further away would be.
"""

from msgspec import Struct

from domain.event import Evidence
from domain.policy import Policy
from domain.sound.features import NOTHING_PLAYED, VOICE_NOT_MEASURED, FrameFeatures
from domain.sound.limits import Limits
from domain.sound.rates import FRAME_SAMPLES, SAMPLE_RATE_HZ, millis, samples

FRAME_US = FRAME_SAMPLES * 1_000_000 // SAMPLE_RATE_HZ
_FLOOR_WEIGHT = 64
"""Frames over which the noise floor rises, and the candidate's usual level moves (1.3 s)."""
_FLOOR_FALLS = 8
"""It falls so much quicker: what is quieter than the floor shows that the floor was not noise."""
_PEAK_FALL_Q4 = 2
"""The peak sinks by a quarter of a dB a frame, so that one loud syllable does not hide the softer
ones after it."""
_TAIL_FRAMES = 25
"""The last half second of a voice."""
_LOUD_UP_Q4, _LOUD_DOWN_Q4 = 9, 1
"""Steps of 1.1 dB up and 0.1 dB down lead to a level that one frame in ten exceeds."""
_LONG_AGO = -(2**40)
"""Before anything that could be taken up again."""
_SOUND_GAP_SAMPLES = samples(300)
"""A pause so long ends a run of sound."""


class Dismissed(Struct, frozen=True):
    """A dismissed voice. If it goes on at once, its samples count again."""

    onset_sample: int
    onset_at_us: int
    end_sample: int
    strong_samples: int
    peak_q4: int


class Hearing(Struct):
    """What is heard of the candidate, frame by frame.

    `onset_sample` is not None while a voice is active, that is from when `begins` found one until
    `rest`, or until the longest silence that an answer may hold. `end_sample` and `end_at_us` are
    the end of the last frame that sounded and when it arrived; they outlive the voice.
    """

    limits: Limits
    next_sample: int = 0
    onset_sample: int | None = None
    onset_at_us: int = 0
    end_sample: int = 0
    end_at_us: int = 0
    voiced_samples: int = 0
    strong_samples: int = 0
    silent_samples: int = 0
    fallen_samples: int = 0
    pause_samples: int = 0
    level: int = 0
    voice: int = VOICE_NOT_MEASURED
    over_echo: int = NOTHING_PLAYED
    recent: int = 0
    """One bit for each of the newest frames: whether it sounded."""
    arrivals: list[int] = []
    """When the newest frames arrived."""
    last_levels: list[int] = []
    dips: bool = False
    dismissed: Dismissed | None = None
    dismissed_from: int = _LONG_AGO
    dismissed_to: int = _LONG_AGO
    """Where the voice that was dismissed last began and ended."""
    sound_from: int = 0
    sound_to: int = 0
    """The newest run of sound."""
    floor_q6: int = 0
    usual_q6: int = 0
    peak_q4: int = 0
    loud_q4: int = 0

    @classmethod
    def under(cls, policy: Policy) -> "Hearing":
        """An ear that has heard nothing yet."""
        return cls(Limits.of(policy))

    @property
    def speaking(self) -> bool:
        """Whether a voice is active."""
        return self.onset_sample is not None

    @property
    def noise_floor(self) -> int:
        """The level of frames without voice, averaged, in the quantised unit of
        `FrameFeatures.level`."""
        return self.floor_q6 // _FLOOR_WEIGHT

    @property
    def usual_level(self) -> int:
        """The candidate's level while they had the floor, averaged; 0 while it is not known."""
        return self.usual_q6 // _FLOOR_WEIGHT

    @property
    def fading(self) -> bool:
        """Whether the newest frame is well below the voice's peak: it may be about to end."""
        return self.level < self.peak_q4 // 4 - self.limits.fading

    def rest(self) -> None:
        """Forget an active voice: the next one needs evidence of its own."""
        self.recent = 0
        self.onset_sample = None
        self.voiced_samples = self.strong_samples = 0
        self.silent_samples = self.fallen_samples = self.pause_samples = 0
        self.peak_q4 = self.loud_q4 = 0
        self.last_levels.clear()

    def dismiss(self) -> None:
        """Forget an active voice for now. If it goes on at once, its samples count again."""
        onset, at_us, end = self.onset_sample, self.onset_at_us, self.end_sample
        strong, peak = self.strong_samples, self.peak_q4
        self.rest()
        if onset is not None:
            self.dismissed_from, self.dismissed_to = self.recalled(onset), end
            self.dismissed = Dismissed(onset, at_us, end, strong, peak)

    def recalled(self, onset_sample: int) -> int:
        """Where a voice with this onset began; a voice dismissed shortly before counts as its
        beginning."""
        if onset_sample - self.dismissed_to > self.limits.recall:
            return onset_sample
        return max(self.dismissed_from, onset_sample - 2 * self.limits.recall)

    def hear(self, at_us: int, features: FrameFeatures, *, over_interviewer: bool) -> None:
        """Take in the next frame, which arrived at `at_us`."""
        self.level, gate, self.voice, self.over_echo, _, _ = features
        if self.onset_sample is None and not self.recent:
            self.peak_q4 = 0
        threshold = self.limits.start if self.onset_sample is None else self.limits.keep
        speech = gate == 1 if self.voice == VOICE_NOT_MEASURED else self.voice >= threshold
        sounds = speech and self._is_near(over_interviewer)
        self.arrivals.append(at_us)
        if len(self.arrivals) > self.limits.window_mask.bit_length():
            del self.arrivals[0]
        self.recent = ((self.recent << 1) | sounds) & self.limits.window_mask
        self.next_sample += FRAME_SAMPLES
        if gate:
            self._follow_sound()
        if sounds:
            self.end_sample, self.end_at_us = self.next_sample, at_us
            self.peak_q4 = max(self.peak_q4 - _PEAK_FALL_Q4, 4 * self.level)
        elif not speech:
            self._follow_floor()
        if self.onset_sample is not None:
            self._count(sounds)

    def _follow_sound(self) -> None:
        """The gate, which opens for anything like speech, is open: a run of sound begins or goes
        on."""
        if self.next_sample - self.sound_to > _SOUND_GAP_SAMPLES:
            self.sound_from = self.next_sample - FRAME_SAMPLES
        self.sound_to = self.next_sample

    def sound_before(self, onset_sample: int) -> int:
        """Where the run of sound that a voice was first noticed in began: of a weak voice the gate
        hears more."""
        return min(self.sound_from, onset_sample) if self.sound_to > onset_sample else onset_sample

    def _is_near(self, over_interviewer: bool) -> bool:
        """Whether the newest frame is loud enough to be the candidate's voice."""
        quietest = max(self.noise_floor + self.limits.above_floor, self.peak_q4 // 4 - self.limits.fall_deep)
        if over_interviewer:
            quietest = max(quietest, self.usual_level - self.limits.side)
        clear = self.over_echo == NOTHING_PLAYED or self.over_echo >= self.limits.echo_margin
        return clear and self.level >= quietest

    def _is_sure(self) -> bool:
        """Whether the newest frame is surely speech: of coughs and clatter the network is seldom
        sure for long."""
        return self.voice == VOICE_NOT_MEASURED or self.voice >= self.limits.sure

    def _follow_floor(self) -> None:
        below = self.level - self.noise_floor
        self.floor_q6 += below * _FLOOR_FALLS if below < 0 else below

    def _count(self, sounds: bool) -> None:
        self.pause_samples = 0
        if not sounds:
            self.silent_samples += FRAME_SAMPLES
            self.fallen_samples += FRAME_SAMPLES
            if self.silent_samples >= self.limits.longest_silence:
                self.onset_sample = None
                self.recent = self.peak_q4 = 0
            return
        self.pause_samples, self.silent_samples = self.silent_samples, 0
        self.voiced_samples += FRAME_SAMPLES
        self._weigh()
        self.last_levels.append(self.level)
        if len(self.last_levels) > _TAIL_FRAMES:
            del self.last_levels[0]
        self.loud_q4 += _LOUD_UP_Q4 if 4 * self.level > self.loud_q4 else -_LOUD_DOWN_Q4
        fallen = self.level < self.peak_q4 // 4 - self.limits.fall
        self.fallen_samples = self.fallen_samples + FRAME_SAMPLES if fallen else 0

    def _weigh(self) -> None:
        """Strong frames count; a dip halves them, as two beats with a dip between are how people
        nod: "uh-huh"."""
        dipped, self.dips = self.dips, self.fading
        if self.dips and not dipped:
            self.strong_samples //= 2
        if self._is_sure() and not self.dips:
            self.strong_samples += FRAME_SAMPLES

    def begins(self, voiced_ms: int) -> bool:
        """Whether a voice is active, or, with `voiced_ms` of it within the start window, begins
        now."""
        if self.onset_sample is not None:
            return True
        frames = max(1, min(samples(voiced_ms) // FRAME_SAMPLES, self.limits.window_mask.bit_length()))
        if self.recent.bit_count() < frames:
            return False
        frames_back = self.recent.bit_length()
        self.onset_sample = self.next_sample - frames_back * FRAME_SAMPLES
        self.onset_at_us = max(0, self.arrivals[-frames_back] - FRAME_US)
        self.voiced_samples = self.strong_samples = self.recent.bit_count() * FRAME_SAMPLES
        self.silent_samples = self.fallen_samples = 0
        self.loud_q4 = 4 * self.level
        self._take_up_dismissed()
        return True

    def _take_up_dismissed(self) -> None:
        """A voice that was dismissed a moment ago goes on: it is the same one, from its first
        beginning."""
        dismissed, self.dismissed = self.dismissed, None
        assert self.onset_sample is not None
        if dismissed is None or self.onset_sample - dismissed.end_sample > self.limits.same_voice:
            return
        self.onset_sample, self.onset_at_us = dismissed.onset_sample, dismissed.onset_at_us
        self.peak_q4 = max(self.peak_q4, dismissed.peak_q4)
        self.voiced_samples += dismissed.strong_samples  # what was weak counts no longer: coughs come in rows
        self.strong_samples += dismissed.strong_samples

    @property
    def tail_level(self) -> int:
        """How the loudest of the voice's last half second compares with its loud frames, in level
        steps (0.5 dB).

        Negative where it has sunk, as it does towards the end of what is said.
        """
        return max(self.last_levels, default=0) - self.loud_q4 // 4 if self.last_levels else 0

    def learn_level(self) -> None:
        """The candidate has the floor: the newest frame, if it sounds, shows how loud they are."""
        if self.onset_sample is None or self.silent_samples:
            return
        self.usual_q6 += (self.level - self.usual_level) if self.usual_q6 else self.level * _FLOOR_WEIGHT

    def evidence(self) -> Evidence:
        """The numbers that decisions about this voice rest on."""
        return {
            "voiced_ms": millis(self.voiced_samples),
            "strong_ms": millis(self.strong_samples),
            "silent_ms": millis(self.silent_samples),
            "level": self.level,
            "peak": self.peak_q4 // 4,
            "usual_level": self.usual_level,
            "noise_floor": self.noise_floor,
            "voice": self.voice,
            "over_echo": self.over_echo,
            "at_sample": self.next_sample,
        }
