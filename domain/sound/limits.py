"""A policy's thresholds in the units that hearing computes in.

A policy speaks of milliseconds, decibels and likelihoods. `Hearing` compares frames, samples and
quantised features fifty times a second, so these numbers are converted once for each call.
"""

from msgspec import Struct

from domain.policy import Policy
from domain.sound.features import LEVEL_STEPS_PER_DB, quantise_voice
from domain.sound.rates import FRAME_SAMPLES, samples


def _steps(db: int) -> int:
    return LEVEL_STEPS_PER_DB * db


class Limits(Struct, frozen=True, kw_only=True):
    """How long, how loud and how sure a voice must be for `Hearing` to act on it."""

    window_mask: int
    start: int
    keep: int
    sure: int
    above_floor: int
    echo_margin: int
    fall_deep: int
    fall: int
    fading: int
    side: int
    longest_silence: int
    same_voice: int
    recall: int

    @classmethod
    def of(cls, policy: Policy) -> "Limits":
        """The limits of `policy`."""
        voice, barge_in = policy.voice, policy.barge_in
        return cls(
            window_mask=(1 << max(1, samples(voice.start_window_ms) // FRAME_SAMPLES)) - 1,
            start=quantise_voice(voice.start_threshold),
            keep=quantise_voice(voice.keep_threshold),
            sure=quantise_voice(barge_in.sure_threshold),
            above_floor=_steps(voice.above_floor_db),
            echo_margin=_steps(voice.echo_margin_db),
            fall_deep=_steps(voice.fall_db),
            fall=_steps(barge_in.fall_db),
            fading=_steps(barge_in.fading_db),
            side=_steps(barge_in.side_db),
            longest_silence=samples(max(policy.endpoint.ceiling_ms, policy.endpoint.silence_ms)),
            same_voice=samples(barge_in.same_voice_ms),
            recall=samples(barge_in.recall_ms),
        )
