"""When somebody starts and stops speaking: hysteresis over the detector's quantised features, counted in samples.

Pure memory of the last frames: it makes no decision about the call, it only says what is heard.
"""

from collections import deque

from domain.event import Evidence
from domain.features import VOICE_NOT_MEASURED, FrameFeatures, quantise_voice
from domain.policy import FRAME_SAMPLES, SAMPLE_RATE_HZ, VoicePolicy, millis, samples

FRAME_US = FRAME_SAMPLES * 1_000_000 // SAMPLE_RATE_HZ
_FLOOR_WEIGHT = 64
"""Frames over which the noise floor averages (1.3 s)."""


class Hearing:
    """What is heard of the candidate, frame by frame.

    `onset_sample` is not None while a voice is active. `end_sample` and `end_at_us` are the end of the last voiced
    frame and when it arrived; they outlive the voice.
    """

    __slots__ = (
        "_arrivals",
        "_floor_q6",
        "_keep_q",
        "_quiet_samples",
        "_recent",
        "_start_frames",
        "_start_q",
        "_window_mask",
        "end_at_us",
        "end_sample",
        "level",
        "next_sample",
        "onset_at_us",
        "onset_sample",
        "silent_samples",
        "voice",
        "voiced_samples",
    )

    def __init__(self, policy: VoicePolicy, quiet_ms: int) -> None:
        """`quiet_ms` of silence end a voice."""
        frames = max(1, samples(policy.start_window_ms) // FRAME_SAMPLES)
        self._window_mask = (1 << frames) - 1
        self._start_frames = max(1, min(frames, samples(policy.start_voiced_ms) // FRAME_SAMPLES))
        self._start_q = quantise_voice(policy.start_threshold)
        self._keep_q = quantise_voice(policy.keep_threshold)
        self._quiet_samples = max(FRAME_SAMPLES, samples(quiet_ms))
        self._recent = 0
        self._arrivals: deque[int] = deque(maxlen=frames)
        self._floor_q6 = 0
        self.next_sample = 0
        self.onset_sample: int | None = None
        self.onset_at_us = 0
        self.end_sample = 0
        self.end_at_us = 0
        self.voiced_samples = 0
        self.silent_samples = 0
        self.level = 0
        self.voice = VOICE_NOT_MEASURED

    @property
    def speaking(self) -> bool:
        """Whether a voice is active."""
        return self.onset_sample is not None

    @property
    def noise_floor(self) -> int:
        """The level of frames without voice, averaged, in the quantised unit of `FrameFeatures.level`."""
        return self._floor_q6 // _FLOOR_WEIGHT

    def rest(self) -> None:
        """Forget an active voice: the next one needs evidence of its own."""
        self._recent = 0
        self.onset_sample = None
        self.voiced_samples = self.silent_samples = 0

    def hear(self, at_us: int, features: FrameFeatures) -> None:
        """Take in the next frame, which arrived at `at_us`."""
        self.level, self.voice = features.level, features.voice
        threshold = self._start_q if self.onset_sample is None else self._keep_q
        voiced = features.gate == 1 if self.voice == VOICE_NOT_MEASURED else self.voice >= threshold
        self._arrivals.append(at_us)
        self._recent = ((self._recent << 1) | voiced) & self._window_mask
        self.next_sample += FRAME_SAMPLES
        if voiced:
            self.end_sample, self.end_at_us = self.next_sample, at_us
        else:
            self._floor_q6 += self.level - self.noise_floor
        if self.onset_sample is None:
            self._look_for_onset()
        elif voiced:
            self.voiced_samples += FRAME_SAMPLES
            self.silent_samples = 0
        else:
            self.silent_samples += FRAME_SAMPLES
            if self.silent_samples >= self._quiet_samples:
                self.onset_sample = None
                self._recent = 0

    def _look_for_onset(self) -> None:
        voiced_frames = self._recent.bit_count()
        if voiced_frames < self._start_frames:
            return
        frames_back = self._recent.bit_length()
        self.onset_sample = self.next_sample - frames_back * FRAME_SAMPLES
        self.onset_at_us = max(0, self._arrivals[-frames_back] - FRAME_US)
        self.voiced_samples = voiced_frames * FRAME_SAMPLES
        self.silent_samples = 0

    def evidence(self) -> Evidence:
        """The numbers that decisions about this voice rest on."""
        return {
            "voiced_ms": millis(self.voiced_samples),
            "silent_ms": millis(self.silent_samples),
            "level": self.level,
            "noise_floor": self.noise_floor,
            "voice": self.voice,
            "at_sample": self.next_sample,
        }
