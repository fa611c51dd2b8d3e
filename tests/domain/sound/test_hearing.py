"""What sounds and what does not: levels, echo, hysteresis, and what a dismissed voice leaves
behind.

Levels are in steps of half a dB.
"""

from domain.policy import Policy
from domain.sound.features import FrameFeatures
from domain.sound.hearing import Hearing
from domain.sound.rates import FRAME_SAMPLES, samples

POLICY = Policy()
VOICE, BARGE_IN = POLICY.voice, POLICY.barge_in
LOUD, QUIET = 180, 60
SURE, UNSURE, NO_VOICE = 250, 60, 2
"""A probability that starts a voice, one that only keeps it, and one that does neither."""


class Room:
    """Frames into one ear, 20 ms apart on the clock as well."""

    def __init__(self, policy: Policy = POLICY) -> None:
        self.hearing = Hearing.under(policy)
        self.now_us = 0
        self.over_interviewer = False

    def hears(self, ms: int, level: int = LOUD, voice: int = SURE, over_echo: int = 255) -> "Room":
        for _ in range(ms // 20):
            self.now_us += 20_000
            features = FrameFeatures(level, int(voice > 0), voice, over_echo)
            self.hearing.hear(self.now_us, features, over_interviewer=self.over_interviewer)
        return self

    def noise(self, ms: int, level: int = QUIET) -> "Room":
        return self.hears(ms, level, NO_VOICE)

    def starts(self) -> bool:
        return self.hearing.begins(VOICE.start_voiced_ms)

    def speaking(self, level: int = LOUD) -> "Room":
        """A voice of 100 ms that has begun."""
        self.hears(100, level)
        assert self.starts()
        return self

    def sounds(self, level: int = LOUD, voice: int = SURE, over_echo: int = 255) -> bool:
        """Whether one more such frame counts as sound."""
        self.hears(20, level, voice, over_echo)
        return self.hearing.end_sample == self.hearing.next_sample


def test_a_voice_is_louder_than_the_noise_around_it() -> None:
    """Given noise at a steady level, then only what is 6 dB above it sounds, however sure the
    network is."""
    above = 2 * VOICE.above_floor_db
    room = Room().noise(10_000, level=100)
    floor = room.hearing.noise_floor
    assert 98 <= floor <= 100
    assert not room.sounds(floor + above - 1)
    assert room.sounds(floor + above)


def test_the_noise_floor_rises_slowly_and_falls_fast() -> None:
    """Given louder noise, then the floor takes seconds to follow it; given quieter, a fraction of
    one."""
    room = Room().noise(500, level=100)
    assert room.hearing.noise_floor < 50
    room.noise(9_500, level=100)
    assert room.hearing.noise_floor > 95
    room.noise(500, level=60)
    assert room.hearing.noise_floor < 65


def test_speech_does_not_raise_the_noise_floor() -> None:
    """Given a long answer, then the floor is where it was."""
    room = Room().noise(2_000)
    floor = room.hearing.noise_floor
    room.hears(5_000)
    assert room.hearing.noise_floor == floor


def test_a_frame_far_below_the_voices_peak_is_its_silence() -> None:
    """Given a loud voice, then what is 30 dB below its peak does not sound, though the network says
    speech."""
    deep = 2 * VOICE.fall_db
    assert not Room().speaking(LOUD).sounds(LOUD - deep - 1)
    assert Room().speaking(LOUD).sounds(LOUD - deep + 1)


def test_the_peak_sinks_while_the_voice_goes_on() -> None:
    """Given one loud syllable, when softer ones follow, then what was too soft at first sounds
    after a while."""
    soft = LOUD - 2 * VOICE.fall_db - 10
    room = Room().speaking(LOUD)
    assert not room.sounds(soft)
    room.hears(1_000, LOUD - 50)
    assert room.sounds(soft)


def test_a_peak_without_a_voice_is_forgotten() -> None:
    """Given a bang that started nothing, when the start window is over, then a soft voice is
    measured by itself."""
    room = Room().hears(20, level=250)
    assert not room.starts()
    room.noise(VOICE.start_window_ms)
    room.hears(100, level=120)
    assert room.starts()


def test_over_the_interviewer_a_voice_must_stand_clear_of_the_echo() -> None:
    """Given what leaks of the interviewer's voice, then less than 6 dB above it is echo, if
    anything is played."""
    margin = 2 * VOICE.echo_margin_db
    assert not Room().sounds(over_echo=margin - 1)
    assert Room().sounds(over_echo=margin)
    assert Room().sounds(over_echo=255)


def test_a_voice_below_the_candidates_usual_level_is_a_side_voice_only_over_the_interviewer() -> None:
    """Given a known candidate, then 12 dB softer is somebody else, but only while the interviewer
    speaks."""
    room = Room().speaking(LOUD)
    for _ in range(100):
        room.hears(20)
        room.hearing.learn_level()
    assert room.hearing.usual_level == LOUD
    room.hearing.rest()
    room.noise(200)
    side = LOUD - 2 * BARGE_IN.side_db
    room.over_interviewer = True
    assert not room.sounds(side - 1)
    assert room.sounds(side)
    room.over_interviewer = False
    assert room.sounds(side - 1)


def test_the_usual_level_is_learned_from_frames_that_sound() -> None:
    """Given pauses within an answer, then they do not lower what is known of the candidate's
    level."""
    room = Room().speaking(LOUD)
    for _ in range(50):
        room.hears(20)
        room.hearing.learn_level()
    for _ in range(50):
        room.noise(20)
        room.hearing.learn_level()
    assert room.hearing.usual_level == LOUD


def test_a_voice_is_kept_by_less_than_starts_it() -> None:
    """Given a network that is unsure, then that starts nothing, but keeps a voice that has begun."""
    room = Room().hears(200, voice=UNSURE)
    assert not room.starts()
    assert Room().speaking().sounds(voice=UNSURE)
    assert not Room().speaking().sounds(voice=NO_VOICE)


def test_without_a_network_the_gate_decides() -> None:
    """Given a detector that estimates no probability, then its gate is what is heard."""
    hearing = Hearing.under(POLICY)
    for gate, sounds in ((0, False), (1, True)):
        hearing.hear(0, FrameFeatures(LOUD, gate, 255), over_interviewer=False)
        assert (hearing.end_sample == hearing.next_sample) is sounds


def test_a_start_needs_more_than_a_suspicion_and_knows_where_it_began() -> None:
    """Given 40 ms of voice, then it may be suspected, not started; the onset is its first frame, on
    the clock too."""
    room = Room().noise(1_000)
    onset, at_us = room.hearing.next_sample, room.now_us
    room.hears(40)
    assert not room.starts()
    assert room.hearing.begins(BARGE_IN.suspect_voiced_ms)
    assert (room.hearing.onset_sample, room.hearing.onset_at_us) == (onset, at_us)


def test_an_onset_counts_from_the_first_frame_of_the_window_that_sounded() -> None:
    """Given a start with a gap in it, then it began before the gap; the gap itself is not voiced."""
    room = Room().noise(1_000)
    onset = room.hearing.next_sample
    room.hears(40).noise(20).hears(40)
    assert room.starts()
    assert room.hearing.onset_sample == onset
    assert room.hearing.voiced_samples == samples(80)


def test_clicks_further_apart_than_the_start_window_never_start() -> None:
    """Given 20 ms of sound every 120 ms, then nobody began to speak."""
    room = Room()
    for _ in range(20):
        room.hears(20).noise(100)
        assert not room.starts()


def test_pauses_are_counted_and_reported_by_the_frame_that_ends_them() -> None:
    """Given 300 ms of silence within a voice, then it was silent so long, and the next sound says
    so, once."""
    room = Room().speaking().noise(300)
    assert room.hearing.silent_samples == samples(300)
    assert room.hearing.pause_samples == 0
    room.hears(20)
    assert (room.hearing.silent_samples, room.hearing.pause_samples) == (0, samples(300))
    room.hears(20)
    assert room.hearing.pause_samples == 0


def test_a_voice_ends_after_the_longest_silence_that_an_answer_may_hold() -> None:
    """Given silence up to the ceiling, then the voice is over; where it ended is still known."""
    room = Room().speaking()
    end = room.hearing.next_sample
    room.noise(POLICY.endpoint.ceiling_ms - 20)
    assert room.hearing.speaking
    room.noise(20)
    assert not room.hearing.speaking
    assert room.hearing.end_sample == end


def test_only_sure_and_loud_frames_are_strong() -> None:
    """Given a voice, then unsure and fading frames count as voiced, not as strong, and a dip halves
    the strength."""
    room = Room().speaking()
    strong = room.hearing.strong_samples
    room.hears(100, voice=UNSURE)
    assert room.hearing.strong_samples == strong
    room.hears(100, level=LOUD - 2 * BARGE_IN.fading_db - 10)
    assert room.hearing.fading
    assert room.hearing.strong_samples == strong // 2
    room.hears(100)
    assert not room.hearing.fading
    assert room.hearing.strong_samples == strong // 2 + samples(100)
    assert room.hearing.voiced_samples == samples(400)


def test_a_fallen_voice_still_sounds_but_counts_as_fallen() -> None:
    """Given a tail 22 dB below the peak, then it is no silence, yet fallen since; a loud frame
    takes that back."""
    room = Room().speaking().hears(80, level=LOUD - 2 * BARGE_IN.fall_db - 8)
    assert room.hearing.silent_samples == 0
    assert room.hearing.fallen_samples == samples(80)
    room.noise(40)
    assert room.hearing.fallen_samples == samples(120)
    room.hears(20)
    assert room.hearing.fallen_samples == 0


def test_a_voice_that_goes_on_after_a_dismissal_is_the_same_one() -> None:
    """Given a dismissed voice, when it goes on within `same_voice_ms`, then onset, evidence and
    peak are carried over."""
    room = Room().noise(1_000)
    onset, at_us = room.hearing.next_sample, room.now_us
    room.speaking().noise(80)
    before = room.hearing.evidence()
    room.hearing.dismiss()
    assert not room.hearing.speaking
    assert room.hearing.voiced_samples == 0
    room.noise(200).hears(40, level=LOUD - 20)
    assert room.hearing.begins(BARGE_IN.suspect_voiced_ms)
    assert (room.hearing.onset_sample, room.hearing.onset_at_us) == (onset, at_us)
    after = room.hearing.evidence()
    assert after["voiced_ms"] == before["voiced_ms"] + 40
    assert after["strong_ms"] == before["strong_ms"] + 40
    assert after["peak"] == before["peak"] == LOUD


def test_a_voice_long_after_a_dismissal_is_a_new_one() -> None:
    """Given a dismissed voice, when the next comes after `same_voice_ms`, then it needs evidence
    of its own."""
    room = Room().speaking()
    room.hearing.dismiss()
    room.noise(BARGE_IN.same_voice_ms + 20)
    onset = room.hearing.next_sample
    room.hears(40)
    assert room.hearing.begins(BARGE_IN.suspect_voiced_ms)
    assert room.hearing.onset_sample == onset
    assert room.hearing.voiced_samples == samples(40)


def test_what_was_dismissed_shortly_before_is_recalled_and_no_more() -> None:
    """Given a dismissal, then an onset up to 1.5 s after its end reaches back to its beginning, no
    later one."""
    room = Room().noise(1_000)
    onset = room.hearing.next_sample
    room.speaking()
    end = room.hearing.end_sample
    room.hearing.dismiss()
    recall = samples(BARGE_IN.recall_ms)
    assert room.hearing.recalled(end + recall) == onset
    assert room.hearing.recalled(end + recall + FRAME_SAMPLES) == end + recall + FRAME_SAMPLES


def test_several_dismissals_in_a_row_are_recalled_together_but_not_without_end() -> None:
    """Given dismissed sounds close together, then the first is recalled as well, at most twice the
    recall back."""
    room = Room().noise(1_000)
    onset = room.hearing.next_sample
    for _ in range(2):
        room.speaking().noise(600)
        room.hearing.dismiss()
    assert room.hearing.recalled(room.hearing.next_sample) == onset
    for _ in range(10):
        room.speaking().noise(600)
        room.hearing.dismiss()
    now = room.hearing.next_sample
    assert room.hearing.recalled(now) == now - 2 * samples(BARGE_IN.recall_ms)


def test_nothing_dismissed_means_nothing_to_recall() -> None:
    """Given a fresh ear, then an onset is where it is."""
    assert Room().hearing.recalled(0) == 0
    assert Room().hearing.recalled(samples(1_000)) == samples(1_000)


def test_the_tail_level_tells_a_voice_that_sinks_from_one_that_stops() -> None:
    """Given a voice that sinks by 10 dB in its last half second, then its tail says so; a level one
    has none."""
    level, sinking = Room().speaking().hears(2_000), Room().speaking().hears(2_000)
    assert -5 <= level.hearing.tail_level <= 2
    sinking.hears(500, level=LOUD - 20)
    assert sinking.hearing.tail_level < level.hearing.tail_level - 10
    assert Room().hearing.tail_level == 0


def test_silence_does_not_move_the_tail_level() -> None:
    """Given a voice that has stopped, then its tail stays what it was while the pause lasts."""
    room = Room().speaking().hears(1_000).hears(300, level=LOUD - 20)
    tail = room.hearing.tail_level
    assert room.noise(600).hearing.tail_level == tail
