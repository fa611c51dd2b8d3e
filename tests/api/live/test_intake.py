"""The candidate's audio on its way in: every message once, in order, and no acknowledgement too
early."""

import itertools
from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.voice.resample import SoxrResampler
from api.live.intake import AudioIntake, IntakeFrame
from api.wire.protocol import ClientAudio
from domain.errors import PeerError
from domain.sound.rates import FRAME_BYTES, FRAME_SAMPLES

RATES = (8_000, 11_025, 16_000, 24_000, 44_100, 48_000)


def voice(samples: int, seed: int = 0) -> bytes:
    """Noise as loud as a voice: every sample matters."""
    return np.random.default_rng(seed).integers(-8_000, 8_000, samples, "<i2").tobytes()


def messages(pcm: bytes, sizes: Iterable[int], first: int = 0) -> list[ClientAudio]:
    """`pcm` in messages of `sizes` samples, over and over, numbered from `first`."""
    cut: list[ClientAudio] = []
    at, size = 0, itertools.cycle(sizes)
    while at < len(pcm):
        step = 2 * next(size)
        cut.append(ClientAudio(first + len(cut), pcm[at : at + step]))
        at += step
    return cut


def take(intake: AudioIntake, audio: Iterable[ClientAudio]) -> list[IntakeFrame]:
    """The frames of several messages."""
    return [frame for message in audio for frame in intake.take(message)]


def joined(frames: Iterable[IntakeFrame]) -> bytes:
    """The audio of frames."""
    return b"".join(frame.pcm for frame in frames)


def at_16k(rate_hz: int, pcm: bytes) -> bytes:
    """All of `pcm` resampled in one piece."""
    resampler = SoxrResampler(rate_hz)
    return resampler.push(pcm) + resampler.flush()


@pytest.mark.parametrize("rate_hz", RATES)
def test_messages_become_frames_in_order(rate_hz: int) -> None:
    """Given a second in messages of 20 ms, when it is taken and finished, then its 50 frames are
    the audio."""
    pcm = voice(rate_hz)
    intake = AudioIntake(rate_hz, SoxrResampler)

    frames = take(intake, messages(pcm, [rate_hz // 50])) + intake.finish()

    assert {len(frame.pcm) for frame in frames} == {FRAME_BYTES}
    assert joined(frames)[: 2 * 16_000] == at_16k(rate_hz, pcm)
    assert intake.rate_hz == rate_hz
    assert intake.repeated == 0


@pytest.mark.parametrize("rate_hz", RATES)
def test_a_frame_comes_as_soon_as_the_resampler_lets_it(rate_hz: int) -> None:
    """Nothing waits here besides the resampler's delay and the rest of a frame."""
    intake, delay_ms = AudioIntake(rate_hz, SoxrResampler), SoxrResampler(rate_hz).delay_ms
    made, heard_ms = 0, 0.0
    for message in messages(voice(rate_hz), [rate_hz // 50]):
        made += len(intake.take(message))
        heard_ms += 500 * len(message.pcm) / rate_hz
        assert 20 * made <= heard_ms < 20 * made + 20 + delay_ms


def test_a_message_that_comes_again_is_passed_over() -> None:
    """Given a client that resends what was taken, then nothing is heard twice, and it is counted."""
    pcm = voice(16_000)
    sent = messages(pcm, [500])
    intake = AudioIntake(16_000, SoxrResampler)

    frames = take(intake, sent[:10])
    again = take(intake, sent[3:10])
    frames += take(intake, sent[10:])

    assert again == []
    assert intake.repeated == 7
    assert joined(frames + intake.finish()) == pcm


def test_a_gap_is_refused_and_changes_nothing() -> None:
    """Given a missing message, then the error names it, and the stream goes on once it has
    come."""
    pcm = voice(16_000)
    sent = messages(pcm, [500])
    intake = AudioIntake(16_000, SoxrResampler)
    frames = take(intake, sent[:4])

    with pytest.raises(PeerError, match="message 4 is missing before 6") as refused:
        intake.take(sent[6])

    assert refused.value.code == "audio_gap"
    assert intake.next_seq == 4
    assert joined(frames + take(intake, sent[4:]) + intake.finish()) == pcm


def test_a_frame_is_labelled_with_what_it_makes_whole() -> None:
    """Messages of 15 ms: the first is whole in the first frame, the second not before the second."""
    intake = AudioIntake(16_000, SoxrResampler)

    frames = take(intake, messages(voice(4 * 240), [240]))

    assert [frame.client_seq for frame in frames] == [0, 1, 3]


def test_a_long_message_is_not_acknowledged_before_its_end() -> None:
    """Given a message of 100 ms, then only its last frame is labelled with it; before, no message
    was whole."""
    frames = AudioIntake(16_000, SoxrResampler).take(ClientAudio(0, voice(1_600)))

    assert [frame.client_seq for frame in frames] == [-1, -1, -1, -1, 0]


def test_what_the_resampler_holds_is_not_acknowledged() -> None:
    """Given 8 kHz, whose resampler holds 30 ms, then a message's frame comes later, and so does its
    label."""
    intake = AudioIntake(8_000, SoxrResampler)

    labels = [[frame.client_seq for frame in intake.take(message)] for message in messages(voice(800), [160])]

    assert labels == [[], [], [0], [1], [2]]
    assert [frame.client_seq for frame in intake.finish()] == [3, 4]


def test_finish_fills_the_last_frame_with_silence() -> None:
    """Given less than a frame, when the call ends, then it comes filled up and is labelled with its
    message."""
    pcm = voice(100)
    intake = AudioIntake(16_000, SoxrResampler)
    assert intake.take(ClientAudio(0, pcm)) == []

    assert intake.finish() == [IntakeFrame(pcm.ljust(FRAME_BYTES, b"\0"), 0)]
    assert intake.finish() == []


@pytest.mark.parametrize("rate_hz", RATES)
def test_audio_after_the_finish_is_a_new_beginning(rate_hz: int) -> None:
    """Given a call that goes on after all, then the labels go on too, at the place that the padding
    has moved to."""
    intake, pcm = AudioIntake(rate_hz, SoxrResampler), voice(rate_hz // 10 + 7)
    take(intake, messages(pcm, [331]))
    intake.finish()
    first = intake.next_seq

    frames = take(intake, messages(pcm, [rate_hz // 50], first)) + intake.finish()

    assert joined(frames).startswith(at_16k(rate_hz, pcm))
    assert [frame.client_seq for frame in frames][-1] == intake.next_seq - 1
    assert frames[0].client_seq == first


def test_another_rate_on_a_resume_loses_nothing() -> None:
    """Given a candidate who comes back with another microphone, then what was still held comes
    before the new audio."""
    before, after = voice(4_801), voice(4_410, seed=1)
    intake = AudioIntake(48_000, SoxrResampler)
    frames = take(intake, messages(before, [960]))

    left = intake.change_rate(44_100)
    first = intake.next_seq
    frames += left + take(intake, messages(after, [882], first)) + intake.finish()

    whole = at_16k(48_000, before) + at_16k(44_100, after)
    assert intake.rate_hz == 44_100
    assert joined(frames) == whole + bytes(len(joined(frames)) - len(whole))
    assert first - 1 in [frame.client_seq for frame in frames]


def test_the_same_rate_on_a_resume_changes_nothing() -> None:
    """The filter's state lives on: no seam is heard where the connection broke."""
    pcm = voice(48_000)
    sent = messages(pcm, [960])
    intake = AudioIntake(48_000, SoxrResampler)
    frames = take(intake, sent[:20])

    assert intake.change_rate(48_000) == []
    assert joined(frames + take(intake, sent[20:]) + intake.finish()) == at_16k(48_000, pcm)


def test_a_rate_that_cannot_be_used_changes_nothing() -> None:
    """Given a resume with an impossible rate, then it is refused and the call can be resumed
    properly."""
    pcm = voice(48_000)
    sent = messages(pcm, [960])
    intake = AudioIntake(48_000, SoxrResampler)
    frames = take(intake, sent[:20])

    with pytest.raises(PeerError) as refused:
        intake.change_rate(96_000)

    assert refused.value.code == "bad_sample_rate"
    assert intake.rate_hz == 48_000
    assert joined(frames + take(intake, sent[20:]) + intake.finish()) == at_16k(48_000, pcm)


Connection = tuple[int, list[int]]
connections = st.lists(
    st.tuples(st.sampled_from(RATES) | st.integers(8_000, 48_000), st.lists(st.integers(1, 2_500), max_size=12)),
    min_size=1,
    max_size=3,
)


@settings(deadline=None, max_examples=60)
@given(connections)
def test_every_sample_once_and_no_label_too_early(calls: list[Connection]) -> None:
    """Whatever the sizes and rates: the audio is whole, and each label is the newest message that
    has wholly come."""
    intake = AudioIntake(calls[0][0], SoxrResampler)
    frames: list[IntakeFrame] = []
    whole, open_run, ends = b"", b"", []
    for seed, (rate_hz, sizes) in enumerate(calls):
        if rate_hz != intake.rate_hz:
            whole, open_run = whole + at_16k(intake.rate_hz, open_run), b""
        frames += intake.change_rate(rate_hz)
        for size in sizes:
            pcm = voice(size, seed)
            open_run += pcm
            ends.append(len(whole) // 2 + len(open_run) // 2 * 16_000 / rate_hz)
            frames += intake.take(ClientAudio(intake.next_seq, pcm))
    whole += at_16k(intake.rate_hz, open_run)
    frames += intake.finish()

    audio = joined(frames)
    assert len(frames) == -(-len(whole) // FRAME_BYTES)
    assert audio == whole.ljust(len(audio), b"\0")
    for number, frame in enumerate(frames, 1):
        assert frame.client_seq == sum(end <= number * FRAME_SAMPLES for end in ends) - 1
    assert not frames or frames[-1].client_seq == len(ends) - 1
