"""Who speaks when, in real time: thinking pauses, coughs, double talk, a muted microphone, a silent
model."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
import pytest_asyncio
import soundfile

from domain.event import Event
from domain.events import (
    BargeInConfirmed,
    CandidateStarted,
    CandidateStopped,
    ModelFinished,
    ModelStarted,
    ReplyCut,
    ReplyOverdue,
    ReplyRequested,
)
from domain.inputs import EndOfTurnPredicted
from domain.ports import Side
from tests.api.candidate import in_call, recording
from tests.api.live.hearing import check_heard
from tests.fixtures.server import RECORDINGS, Desk, agents_file, running_desk

E = TypeVar("E", bound=Event)
pytestmark = [pytest.mark.simulated, pytest.mark.asyncio(loop_scope="module")]

TURNS = RECORDINGS.parent / "turns" / "tune"
LONG = "Could you please tell me, in as much detail as you like, about the very first project that you worked on?"
THINKING_S = 2.0
UNFINISHED_S = 10.7
"""Within "slow and" of `mfa_acoustic`."""
SOUNDS_FINISHED = 127
"""Half of certainty; the network is well below at each of the three times that it is asked."""
ONSET_S = 0.15
"""Where `answer_1` begins to be voiced."""
OVERLAP_MS = 300
"""So long before the question's end the recording of the answer is begun."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(module_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    """The default interviewer, one that waits out a pause whatever it sounds like, and one that
    listens to it.

    The last differs from the default where nobody has predicted a pause yet: it waits for a busy
    machine's late verdict.
    """
    folder: Path = tmp_path_factory.mktemp("turns")
    agents = agents_file(
        folder,
        patient={"endpoint": {"strategy": "silence", "silence_ms": 2_500}},
        adaptive={"endpoint": {"silence_ms": 900}},
    )
    async with running_desk(module_dsn, folder, agents=agents) as desk:
        yield desk


def stretch(name: str, from_s: float, to_s: float) -> bytes:
    """Part of a labelled recording, 16 kHz PCM16."""
    wave, rate_hz = soundfile.read(TURNS / f"{name}.flac", dtype="int16")
    return bytes(np.asarray(wave[int(from_s * rate_hz) : int(to_s * rate_hz)], "<i2").tobytes())


def of(kind: type[E], events: list[Event]) -> list[E]:
    """The events of one kind, in order."""
    return [event for event in events if isinstance(event, kind)]


async def test_a_thinking_pause_does_not_end_the_answer(desk: Desk) -> None:
    """Given two seconds of thought within an answer, it is one turn, and the model hears both
    halves of it at once."""
    first, second = recording("answer_1", 2.0), recording("answer_2", 3.0)
    opened = await desk.open("Why?", "How?", agent="patient")
    async with in_call(opened) as candidate:
        await candidate.asked(1)
        await candidate.say(first + bytes(int(THINKING_S * 32_000)) + second)
        await candidate.asked(2)
    events = await desk.log((await desk.settled(opened)).call.id)
    assert len(of(CandidateStarted, events)) == len(of(CandidateStopped, events)) == 1
    assert [event.cause for event in of(ReplyRequested, events)] == ["opening", "answer"]
    (window,) = desk.rehearsal.sessions[-1].windows
    assert first[3_200:] in bytes(window.pcm)
    assert second[3_200:] in bytes(window.pcm)


async def test_a_pause_that_sounds_unfinished_does_not_end_the_answer(desk: Desk) -> None:
    """Given two seconds after "slow and", the network hears that more will come: one turn, all of
    it given at once.

    Without its verdict the wait would be 1.8 s at the most.
    """
    first, second = stretch("mfa_acoustic", 7.6, UNFINISHED_S), stretch("mfa_acoustic", UNFINISHED_S, 13.7)
    opened = await desk.open("Why?", "How?", agent="adaptive")
    async with in_call(opened) as candidate:
        await candidate.asked(1)
        await candidate.say(first + bytes(int(THINKING_S * 32_000)) + second)
        await candidate.asked(2)
    events = await desk.log((await desk.settled(opened)).call.id)
    assert len(of(CandidateStarted, events)) == len(of(CandidateStopped, events)) == 1
    (stopped,) = of(CandidateStopped, events)
    in_the_pause = [each for each in of(EndOfTurnPredicted, events) if each.to_sample < stopped.end_sample]
    assert in_the_pause
    assert max(each.completeness for each in in_the_pause) < SOUNDS_FINISHED
    assert stopped.evidence["own_pauses"] == 1
    (window,) = desk.rehearsal.sessions[-1].windows
    assert first[-32_000:] in bytes(window.pcm)
    assert second[:32_000] in bytes(window.pcm)


@pytest.mark.parametrize(
    ("name", "from_s", "to_s"),
    [("mfa_cold3", 16.79, 16.99), ("mfa_cold3", 16.72, 17.80), ("mfa_breaths", 2.10, 3.40)],
    ids=["short cough", "cough", "breath"],
)
async def test_the_interviewer_talks_through(desk: Desk, name: str, from_s: float, to_s: float) -> None:
    """Given a cough or a breath over a question, all of it is heard, and it is still the
    candidate's turn after it."""
    opened = await desk.open(LONG, "How?")
    async with in_call(opened) as candidate:
        await candidate.hears(ms=600)
        await candidate.say(stretch(name, from_s, to_s))
        await candidate.asked(1)
        assert not candidate.of("flush")
        assert len(candidate.of("hold")) == len(candidate.of("release"))
        await candidate.say(recording("answer_1", 1.5))
        await candidate.asked(2)
    events = await desk.log((await desk.settled(opened)).call.id)
    await check_heard(desk, opened.call_id, candidate)
    assert of(BargeInConfirmed, events) == []
    sent = len(await desk.pcm(opened.call_id, Side.INTERVIEWER)) // 2
    assert of(ModelFinished, events)[-1].evidence["played_model_sample"] == sent
    assert len(of(CandidateStopped, events)) == 1


async def test_a_cough_before_an_answer_is_part_of_it(desk: Desk) -> None:
    """Given a cough while the interviewer listens, and the answer half a second later, both are one
    turn, whole."""
    cough, answer = stretch("mfa_cold3", 16.72, 17.80), recording("answer_1", 2.0)
    opened = await desk.open("Why?", "How?", agent="adaptive")
    async with in_call(opened) as candidate:
        await candidate.asked(1)
        await candidate.say(cough + bytes(16_000) + answer)
        await candidate.asked(2)
        assert not candidate.of("flush")
    events = await desk.log((await desk.settled(opened)).call.id)
    assert len(of(CandidateStarted, events)) == len(of(CandidateStopped, events)) == 1
    assert [event.cause for event in of(ReplyRequested, events)] == ["opening", "answer"]
    (window,) = desk.rehearsal.sessions[-1].windows
    assert answer in bytes(window.pcm)


async def test_double_talk_at_the_end_of_a_question_is_the_answer(desk: Desk) -> None:
    """Given an answer that begins over the last word, nothing is cut: it is the next turn, from its
    first sample on."""
    answer = recording("answer_1", 2.0)
    opened = await desk.open(LONG, "How?")
    async with in_call(opened) as candidate:
        await candidate.hears(ms=1_000)  # by now all of it was sent
        session = desk.rehearsal.sessions[-1]
        left_ms = session.history[-1].audio_ms - candidate.client.loudspeaker.played_sample // 24
        await candidate.hears(ms=left_ms - OVERLAP_MS)
        await candidate.say(answer)
        await candidate.asked(2)
        assert not candidate.of("flush")
    events = await desk.log((await desk.settled(opened)).call.id)
    await check_heard(desk, opened.call_id, candidate)
    assert of(ReplyCut, events) == []
    finished, started = of(ModelFinished, events)[0], of(CandidateStarted, events)[0]
    assert started.onset_at_us < finished.at_us
    (window,) = session.windows
    assert answer[int(ONSET_S * 32_000) :] in bytes(window.pcm)


async def test_a_microphone_muted_in_the_middle_of_a_word_ends_the_turn(desk: Desk) -> None:
    """Given a candidate who mutes while speaking, the reply comes at once, to all that was said
    until then."""
    opened = await desk.open("Why?", "How?")
    async with in_call(opened) as candidate:
        await candidate.asked(1)
        candidate.client.microphone.say(recording("answer_1"))
        await candidate.state("candidate_speaking")
        await asyncio.sleep(1.0)
        candidate.client.mute()
        await candidate.asked(2)
    events = await desk.log((await desk.settled(opened)).call.id)
    (stopped,) = of(CandidateStopped, events)
    replied = of(ModelStarted, events)[1]
    assert stopped.reason == "muted"
    assert replied.at_us - stopped.at_us < 500_000
    (window,) = desk.rehearsal.sessions[-1].windows
    heard = await desk.pcm(opened.call_id, Side.CANDIDATE)
    assert heard.endswith(bytes(window.pcm)[-32_000:])


async def test_a_silent_model_costs_five_seconds(desk: Desk) -> None:
    """Given a reply that never comes, with the default policy the next question is heard within 7 s
    of the answer."""
    desk.faults("silence at=reply nth=2")
    opened = await desk.open("Why?", "How?")
    async with in_call(opened) as candidate:
        await candidate.asked(1)
        await candidate.say(recording("answer_1", 1.5))
        await candidate.asked(2)
    events = await desk.log((await desk.settled(opened)).call.id)
    (overdue,) = of(ReplyOverdue, events)
    (stopped,) = of(CandidateStopped, events)
    assert overdue.action == "nudged"
    assert of(ModelStarted, events)[1].played_at_us - stopped.end_at_us < 7_000_000
