"""When somebody speaks and when they fall silent: hysteresis over the detector's quantised
features, in samples.

Pure memory of the last frames: it makes no decision about the call, it only says what is heard. A
frame *sounds* when the detector takes it for speech and it is loud enough: above the noise around
it, above what leaks of the interviewer's own voice, not far below the voice's peak (a network
notices an end some 100 ms after the ear does), and over the interviewer not far below the
candidate's usual level, as a voice further away would be.
"""

from collections import deque

from domain.event import Evidence
from domain.policy import Policy
from domain.sound.features import LEVEL_STEPS_PER_DB, NOTHING_PLAYED, VOICE_NOT_MEASURED, FrameFeatures, quantise_voice
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


_SOUND_GAP_SAMPLES = samples(300)
"""A pause so long ends a run of sound."""


def _steps(db: int) -> int:
    return LEVEL_STEPS_PER_DB * db


class Hearing:
    """What is heard of the candidate, frame by frame.

    `onset_sample` is not None while a voice is active, that is from when `begins` found one until
    `rest`, or until the longest silence that an answer may hold. `end_sample` and `end_at_us` are
    the end of the last frame that sounded and when it arrived; they outlive the voice.
    """

    __slots__ = (
        "_above_floor",
        "_arrivals",
        "_dips",
        "_dismissed",
        "_doubts_end",
        "_doubts_from",
        "_echo_margin",
        "_fading",
        "_fall",
        "_fall_deep",
        "_floor_q6",
        "_keep_q",
        "_last_levels",
        "_longest_silence",
        "_loud_q4",
        "_memory",
        "_peak_q4",
        "_recall",
        "_recent",
        "_side",
        "_sound_end",
        "_sound_from",
        "_start_q",
        "_sure_q",
        "_usual_q6",
        "_window_mask",
        "end_at_us",
        "end_sample",
        "fallen_samples",
        "level",
        "next_sample",
        "onset_at_us",
        "onset_sample",
        "over_echo",
        "pause_samples",
        "silent_samples",
        "strong_samples",
        "voice",
        "voiced_samples",
    )

    def __init__(self, policy: Policy) -> None:
        voice, barge_in = policy.voice, policy.barge_in
        self._window_mask = (1 << max(1, samples(voice.start_window_ms) // FRAME_SAMPLES)) - 1
        self._start_q, self._keep_q = quantise_voice(voice.start_threshold), quantise_voice(voice.keep_threshold)
        self._sure_q = quantise_voice(barge_in.sure_threshold)
        self._above_floor, self._echo_margin = _steps(voice.above_floor_db), _steps(voice.echo_margin_db)
        self._fall_deep, self._fall = _steps(voice.fall_db), _steps(barge_in.fall_db)
        self._fading, self._side = _steps(barge_in.fading_db), _steps(barge_in.side_db)
        self._longest_silence = samples(max(policy.endpoint.ceiling_ms, policy.endpoint.silence_ms))
        self._memory, self._recall = samples(barge_in.same_voice_ms), samples(barge_in.recall_ms)
        self._doubts_from = self._doubts_end = -self._recall - FRAME_SAMPLES
        self._last_levels: deque[int] = deque(maxlen=_TAIL_FRAMES)
        self._loud_q4 = 0
        self._dips = False
        self._dismissed: tuple[int, int, int, int, int] | None = None
        self._sound_from = self._sound_end = 0
        self._recent = 0
        self._arrivals: deque[int] = deque(maxlen=self._window_mask.bit_length())
        self._floor_q6 = self._usual_q6 = self._peak_q4 = 0
        self.next_sample = 0
        self.onset_sample: int | None = None
        self.onset_at_us = self.end_sample = self.end_at_us = 0
        self.voiced_samples = self.strong_samples = 0
        self._dismissed = None
        self.silent_samples = self.fallen_samples = self.pause_samples = 0
        self.level = 0
        self.voice, self.over_echo = VOICE_NOT_MEASURED, NOTHING_PLAYED

    @property
    def speaking(self) -> bool:
        """Whether a voice is active."""
        return self.onset_sample is not None

    @property
    def noise_floor(self) -> int:
        """The level of frames without voice, averaged, in the quantised unit of
        `FrameFeatures.level`."""
        return self._floor_q6 // _FLOOR_WEIGHT

    @property
    def usual_level(self) -> int:
        """The candidate's level while they had the floor, averaged; 0 while it is not known."""
        return self._usual_q6 // _FLOOR_WEIGHT

    @property
    def fading(self) -> bool:
        """Whether the newest frame is well below the voice's peak: it may be about to end."""
        return self.level < self._peak_q4 // 4 - self._fading

    def rest(self) -> None:
        """Forget an active voice: the next one needs evidence of its own."""
        self._recent = 0
        self.onset_sample = None
        self.voiced_samples = self.strong_samples = 0
        self.silent_samples = self.fallen_samples = self.pause_samples = 0
        self._peak_q4 = self._loud_q4 = 0
        self._last_levels.clear()

    def dismiss(self) -> None:
        """Forget an active voice for the time being: should it go on at once, what was heard of it
        counts."""
        onset, at_us, end = self.onset_sample, self.onset_at_us, self.end_sample
        strong, peak = self.strong_samples, self._peak_q4
        self.rest()
        if onset is not None:
            self._doubts_from, self._doubts_end = self.recalled(onset), end
            self._dismissed = onset, at_us, end, strong, peak

    def recalled(self, onset_sample: int) -> int:
        """Where a voice with this onset began, if what was dismissed shortly before it is taken for
        its beginning."""
        if onset_sample - self._doubts_end > self._recall:
            return onset_sample
        return max(self._doubts_from, onset_sample - 2 * self._recall)

    def hear(self, at_us: int, features: FrameFeatures, *, over_interviewer: bool) -> None:
        """Take in the next frame, which arrived at `at_us`."""
        self.level, gate, self.voice, self.over_echo = features
        if self.onset_sample is None and not self._recent:
            self._peak_q4 = 0
        threshold = self._start_q if self.onset_sample is None else self._keep_q
        speech = gate == 1 if self.voice == VOICE_NOT_MEASURED else self.voice >= threshold
        sounds = speech and self._is_near(over_interviewer)
        self._arrivals.append(at_us)
        self._recent = ((self._recent << 1) | sounds) & self._window_mask
        self.next_sample += FRAME_SAMPLES
        if gate:
            self._follow_sound()
        if sounds:
            self.end_sample, self.end_at_us = self.next_sample, at_us
            self._peak_q4 = max(self._peak_q4 - _PEAK_FALL_Q4, 4 * self.level)
        elif not speech:
            self._follow_floor()
        if self.onset_sample is not None:
            self._count(sounds)

    def _follow_sound(self) -> None:
        """The gate, which opens for anything like speech, is open: a run of sound begins or goes
        on."""
        if self.next_sample - self._sound_end > _SOUND_GAP_SAMPLES:
            self._sound_from = self.next_sample - FRAME_SAMPLES
        self._sound_end = self.next_sample

    def sound_before(self, onset_sample: int) -> int:
        """Where the run of sound that a voice was first noticed in began: of a weak voice the gate
        hears more."""
        return min(self._sound_from, onset_sample) if self._sound_end > onset_sample else onset_sample

    def _is_near(self, over_interviewer: bool) -> bool:
        """Whether the newest frame is loud enough to be the candidate's voice."""
        quietest = max(self.noise_floor + self._above_floor, self._peak_q4 // 4 - self._fall_deep)
        if over_interviewer:
            quietest = max(quietest, self.usual_level - self._side)
        clear = self.over_echo == NOTHING_PLAYED or self.over_echo >= self._echo_margin
        return clear and self.level >= quietest

    def _is_sure(self) -> bool:
        """Whether the newest frame is surely speech: of coughs and clatter the network is seldom
        sure for long."""
        return self.voice == VOICE_NOT_MEASURED or self.voice >= self._sure_q

    def _follow_floor(self) -> None:
        below = self.level - self.noise_floor
        self._floor_q6 += below * _FLOOR_FALLS if below < 0 else below

    def _count(self, sounds: bool) -> None:
        self.pause_samples = 0
        if not sounds:
            self.silent_samples += FRAME_SAMPLES
            self.fallen_samples += FRAME_SAMPLES
            if self.silent_samples >= self._longest_silence:
                self.onset_sample = None
                self._recent = self._peak_q4 = 0
            return
        self.pause_samples, self.silent_samples = self.silent_samples, 0
        self.voiced_samples += FRAME_SAMPLES
        self._weigh()
        self._last_levels.append(self.level)
        self._loud_q4 += _LOUD_UP_Q4 if 4 * self.level > self._loud_q4 else -_LOUD_DOWN_Q4
        fallen = self.level < self._peak_q4 // 4 - self._fall
        self.fallen_samples = self.fallen_samples + FRAME_SAMPLES if fallen else 0

    def _weigh(self) -> None:
        """Strong frames count; a dip halves them, as two beats with a dip between are how people
        nod: "uh-huh"."""
        dipped, self._dips = self._dips, self.fading
        if self._dips and not dipped:
            self.strong_samples //= 2
        if self._is_sure() and not self._dips:
            self.strong_samples += FRAME_SAMPLES

    def begins(self, voiced_ms: int) -> bool:
        """Whether a voice is active, or, with `voiced_ms` of it within the start window, begins
        now."""
        if self.onset_sample is not None:
            return True
        frames = max(1, min(samples(voiced_ms) // FRAME_SAMPLES, self._window_mask.bit_length()))
        if self._recent.bit_count() < frames:
            return False
        frames_back = self._recent.bit_length()
        self.onset_sample = self.next_sample - frames_back * FRAME_SAMPLES
        self.onset_at_us = max(0, self._arrivals[-frames_back] - FRAME_US)
        self.voiced_samples = self.strong_samples = self._recent.bit_count() * FRAME_SAMPLES
        self.silent_samples = self.fallen_samples = 0
        self._loud_q4 = 4 * self.level
        self._take_up_dismissed()
        return True

    def _take_up_dismissed(self) -> None:
        """A voice that was dismissed a moment ago goes on: it is the same one, from its first
        beginning."""
        dismissed, self._dismissed = self._dismissed, None
        assert self.onset_sample is not None
        if dismissed is None or self.onset_sample - dismissed[2] > self._memory:
            return
        self.onset_sample, self.onset_at_us, _, strong, peak = dismissed
        self._peak_q4 = max(self._peak_q4, peak)
        self.voiced_samples += strong  # what was weak counts no longer: coughs come in rows
        self.strong_samples += strong

    @property
    def tail_level(self) -> int:
        """How the loudest of the voice's last half second compares with its loud frames, in level
        steps (0.5 dB).

        Negative where it has sunk, as it does towards the end of what is said.
        """
        return max(self._last_levels, default=0) - self._loud_q4 // 4 if self._last_levels else 0

    def learn_level(self) -> None:
        """The candidate has the floor: the newest frame, if it sounds, shows how loud they are."""
        if self.onset_sample is None or self.silent_samples:
            return
        self._usual_q6 += (self.level - self.usual_level) if self._usual_q6 else self.level * _FLOOR_WEIGHT

    def evidence(self) -> Evidence:
        """The numbers that decisions about this voice rest on."""
        return {
            "voiced_ms": millis(self.voiced_samples),
            "strong_ms": millis(self.strong_samples),
            "silent_ms": millis(self.silent_samples),
            "level": self.level,
            "peak": self._peak_q4 // 4,
            "usual_level": self.usual_level,
            "noise_floor": self.noise_floor,
            "voice": self.voice,
            "over_echo": self.over_echo,
            "at_sample": self.next_sample,
        }
