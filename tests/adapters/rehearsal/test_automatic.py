"""Automatic activity detection: the server finds the candidate's speech in a continuous stream."""

from typing import Any

import numpy as np
import pytest
from google.genai import errors, types

from adapters.rehearsal import RehearsalServer
from adapters.rehearsal.session.activity import ActivityDetector, Edge
from adapters.rehearsal.wire.setup import Detection
from tests.adapters.rehearsal.dialogue import CANDIDATE, dial, quick, recording, silence

pytestmark = pytest.mark.simulated

AUTOMATIC: dict[str, Any] = {
    "realtime_input_config": {},
    "input_audio_transcription": {},
    "output_audio_transcription": {},
}


def detection(**settings: object) -> dict[str, Any]:
    """A setup with these settings of the automatic detection."""
    return AUTOMATIC | {"realtime_input_config": {"automatic_activity_detection": settings}}


async def test_an_answer_in_a_stream_is_found_transcribed_and_answered() -> None:
    """Given a stream of silence, speech and silence, when it has passed, then the speech was one
    answered turn."""
    async with RehearsalServer(quick(recordings=(CANDIDATE,))) as server, dial(server, **AUTOMATIC) as dialogue:
        await dialogue.begin()
        await dialogue.send(silence(600) + recording("answer_1") + silence(900))
        await dialogue.until_turns(2)

        assert "".join(dialogue.said("input")).startswith("This is the acoustic corpus.")
        assert "".join(dialogue.said("input")).endswith("who cares.")
        assert dialogue.course[-4:] == ["input_transcription", "audio", "generation_complete", "turn_complete"]


async def test_silence_alone_is_never_answered() -> None:
    """Given a session, when only silence streams in, then there is no window."""
    async with RehearsalServer(quick()) as server, dial(server, **AUTOMATIC) as dialogue:
        await dialogue.send(silence(5_000))
        await dialogue.begin()

        assert not server.sessions[-1].windows


async def test_speech_over_the_model_interrupts_it() -> None:
    """Given audio is coming, when speech streams in, then the turn is cut off."""
    async with RehearsalServer(quick(speed=1.0, assumed_playback=1.0)) as server, dial(server, **AUTOMATIC) as dialogue:
        await dialogue.session.send_realtime_input(text="Please begin.")
        await dialogue.until(lambda it: it.audio)
        await dialogue.send(recording("interruption"))
        await dialogue.until_turns(1)

        assert dialogue.course[:3] == ["audio", "interrupted", "turn_complete"]


@pytest.mark.parametrize(("silence_ms", "windows"), [(2_000, 1), (800, 2)])
async def test_the_silence_that_ends_a_turn_is_as_long_as_asked(silence_ms: int, windows: int) -> None:
    """Given a pause of 1.2 s, when silenceDurationMs is longer, then it ends no turn; when it is
    shorter, it does."""
    stream = recording("answer_2") + silence(1_200) + recording("interruption") + silence(silence_ms + 100)
    async with (
        RehearsalServer(quick()) as server,
        dial(server, **detection(silence_duration_ms=silence_ms)) as dialogue,
    ):
        await dialogue.send(stream)
        await dialogue.until(lambda it: len(it.said("input")) >= windows)

        assert len(server.sessions[-1].windows) == windows


async def test_the_end_of_the_stream_ends_the_turn_at_once() -> None:
    """Given speech without silence after it, when the stream ends, then the turn is answered."""
    async with RehearsalServer(quick()) as server, dial(server, **AUTOMATIC) as dialogue:
        await dialogue.send(recording("answer_1")[:96_000])
        await dialogue.session.send_realtime_input(audio_stream_end=True)
        await dialogue.until_turns(1)

        assert "audio" in dialogue.course


async def test_activity_marks_are_refused() -> None:
    """Given automatic detection, when the client marks activity itself, then the connection closes
    with 1007."""
    async with RehearsalServer(quick()) as server, dial(server, **AUTOMATIC) as dialogue:
        await dialogue.session.send_realtime_input(activity_start=types.ActivityStart())
        closed = await dialogue.until_closed()

        assert isinstance(closed, errors.APIError)
        assert (closed.code, "automatic activity detection" in str(closed)) == (1007, True)


async def test_the_stream_end_is_refused_where_activity_is_marked() -> None:
    """Given manual detection, when the client ends the stream, then the connection closes with
    1007."""
    async with RehearsalServer(quick()) as server, dial(server) as dialogue:
        await dialogue.session.send_realtime_input(audio_stream_end=True)

        assert (await dialogue.until_closed()).code == 1007


@pytest.mark.parametrize(("prefix_ms", "found"), [(20, True), (2_000, False)])
def test_speech_shorter_than_the_prefix_is_not_a_start(prefix_ms: int, found: bool) -> None:
    """Given an acknowledgement of 0.45 s, when the prefix is longer than it, then it starts
    nothing."""
    detector = ActivityDetector(Detection(prefix_ms=prefix_ms))
    steps = detector.feed(silence(400) + recording("uh_huh") + silence(1_000))

    assert any(step.edge is Edge.START for step in steps) is found


def test_what_a_window_holds_begins_before_its_start_was_certain() -> None:
    """Given speech after silence, when the start is committed, then the audio from before it is
    part of the turn."""
    detector = ActivityDetector(Detection(prefix_ms=200))
    speech = recording("answer_1")
    steps = detector.feed(silence(1_000) + speech + silence(1_000))
    heard = b"".join(step.pcm for step in steps)

    assert speech[6_400:-6_400] in heard
    assert len(heard) < len(speech) + 2 * 16 * 1_200


def test_a_low_start_sensitivity_ignores_what_a_high_one_hears() -> None:
    """Given faint speech, when sensitivity is low, then it is not heard; when it is high, it is."""

    faint = (np.frombuffer(recording("answer_2"), "<i2") // 24).astype("<i2").tobytes()
    starts = {
        high: sum(step.edge is Edge.START for step in ActivityDetector(Detection(start_high=high)).feed(faint))
        for high in (True, False)
    }
    assert starts[True] > starts[False] == 0
