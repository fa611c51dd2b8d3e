"""Turns of the model that are silent, broken or late, in real time: what the candidate hears, and
what the log says."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from domain.event import Event
from domain.events import (
    LateAudioDropped,
    LinkLost,
    ModelFinished,
    ReplyContinued,
    ReplyCut,
    ReplyOverdue,
    ReplyRequested,
    ReplyWithdrawn,
)
from domain.inputs import ModelInterruptionReported, ModelTurnCompleted
from domain.ports import Side
from domain.states import Link
from tests.api.candidate import Candidate, in_call, recording
from tests.api.live.hearing import check_heard, words_of
from tests.fixtures.server import Desk, agents_file, quick_rehearsal, running_desk

pytestmark = [pytest.mark.simulated, pytest.mark.asyncio(loop_scope="module")]

LONG = "Could you tell me about the very first project that you worked on?"
LONGER = f"{LONG} Begin at the beginning, with whoever asked you for it, and end with what you would do otherwise now."
ANSWER = recording("answer_1", 1.2)
WATCHFUL = {
    "links": {
        "reply_timeout_ms": 2_000,
        "nudge_timeout_ms": 2_000,
        "chosen_silence_ms": 1_200,
        "continuation_timeout_ms": 1_000,
    },
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(module_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    """An impatient interviewer, whose replies last long enough to break in the middle."""
    folder: Path = tmp_path_factory.mktemp("broken")
    agents = agents_file(folder, watchful=WATCHFUL)
    async with running_desk(module_dsn, folder, agents=agents, rehearsal=quick_rehearsal(speed=2.0)) as desk:
        yield desk


@dataclass(frozen=True)
class Course:
    """How a call went: its log, and what of it most tests look at."""

    events: list[Event]
    messages: list[dict[str, object]]

    def of(self, *kinds: type[Event]) -> list[Event]:
        return [event for event in self.events if isinstance(event, kinds)]

    @property
    def causes(self) -> list[str]:
        return [event.cause for event in self.events if isinstance(event, ReplyRequested)]

    @property
    def overdue(self) -> list[str]:
        return [event.action for event in self.events if isinstance(event, ReplyOverdue)]

    @property
    def dials_lost(self) -> list[str]:
        return [event.reason for event in self.events if isinstance(event, LinkLost) and event.link is Link.MODEL]


async def a_call(desk: Desk, *faults: str, replies: int = 2, question: str = LONG) -> Course:
    """The first question is asked and answered; then `replies` have been heard, whatever the faults
    do to them.

    What was played must be what the log says; the greeting comes once; everything said is at Gemini
    and in the log.
    """
    desk.faults(*faults)
    opened = await desk.open("Why?", question, "Where to?", agent="watchful")
    async with in_call(opened) as candidate:
        await candidate.asked(1)
        await candidate.say(ANSWER)
        await candidate.asked(replies)
        await asyncio.sleep(0.3)  # what should not be heard would be heard now
        assert candidate.states[-1] == "listening"
        await candidate.say(ANSWER)
        await candidate.until(lambda: len(candidate.of("latency")) > replies)
        assert candidate.client.closed is None
    events = await desk.log((await desk.settled(opened)).call.id)
    await check_heard(desk, opened.call_id, candidate)
    greetings = [generation for generation, text in words_of(events).items() if "welcome" in text]
    assert greetings == [1]
    assert (await desk.pcm(opened.call_id, Side.CANDIDATE)).count(ANSWER) == 2
    return Course(events, candidate.messages)


def generation_with(course: Course, words: str) -> int:
    """The one generation in which the interviewer said `words`, and was heard to the end."""
    said = [generation for generation, text in words_of(course.events).items() if words in text]
    assert len(said) == 1, words_of(course.events)
    assert said[0] in [event.generation for event in course.events if isinstance(event, ModelFinished)]
    return said[0]


# --- silence ------------------------------------------------------------------------------------------------------


async def test_a_model_that_hangs_once_is_nudged(desk: Desk) -> None:
    """Given a reply that never comes, the model is nudged, and the next question is heard in the
    same session."""
    course = await a_call(desk, "silence at=reply nth=2")
    assert course.overdue == ["nudged"]
    assert course.causes[:3] == ["opening", "answer", "nudge"]
    assert course.dials_lost == []


async def test_a_model_that_hangs_twice_is_dialled_again(desk: Desk) -> None:
    """Given silence after the nudge too, the next session is given the whole answer again, and asks
    on."""
    course = await a_call(desk, "silence at=reply nth=2", "silence at=reply nth=3")
    assert course.overdue == ["nudged", "redialled"]
    assert course.causes[:4] == ["opening", "answer", "nudge", "resent"]
    assert course.dials_lost == ["reply_overdue"]
    windows = desk.rehearsal.sessions[-1].windows
    assert ANSWER[3_200:] in bytes(windows[0].pcm)


async def test_a_model_that_always_hangs_ends_the_call_in_order(desk: Desk) -> None:
    """Given a model that never says a word, nudges and dials are bounded and the call closes with a
    reason."""
    desk.faults("silence at=reply times=0", *(f"silence at=reply nth={nth} times=0" for nth in range(2, 6)))
    opened = await desk.open("Why?", agent="watchful")
    async with in_call(opened) as candidate:
        await candidate.until(lambda: bool(candidate.of("closed")))
    assert candidate.of("closed")[0]["reason"] == "model_unavailable"
    course = Course(await desk.log((await desk.settled(opened)).call.id), candidate.messages)
    assert course.overdue.count("redialled") == 3
    assert not any(candidate.client.loudspeaker.heard)


async def test_a_model_that_chooses_silence_is_let_be_for_a_while(desk: Desk) -> None:
    """Given `waitingForInput`, the log says that it chose, and after a silence on both sides it is
    asked to go on."""
    course = await a_call(desk, "choose_silence at=reply nth=2")
    cancelled = [event for event in course.events if isinstance(event, ReplyWithdrawn)]
    overdue = [event for event in course.events if isinstance(event, ReplyOverdue)]
    assert cancelled[0].reason == "model_chose_silence"
    assert [event.evidence["chose_silence"] for event in overdue] == [1]
    assert overdue[0].at_us - cancelled[0].at_us >= 1_200_000
    assert course.dials_lost == []


async def test_a_candidate_can_go_on_after_a_chosen_silence(desk: Desk) -> None:
    """Given a chosen silence, a candidate who speaks on is answered, and nobody was nudged."""
    desk.faults("choose_silence at=reply nth=2")
    opened = await desk.open("Why?", "How?", agent="watchful")
    async with in_call(opened) as candidate:
        await candidate.asked(1)
        await candidate.say(ANSWER)
        await candidate.until(lambda: candidate.states[-2:] == ["candidate_speaking", "listening"])
        await candidate.say(ANSWER)
        await candidate.hears(generation=3)
    course = Course(await desk.log((await desk.settled(opened)).call.id), candidate.messages)
    assert course.causes[:3] == ["opening", "answer", "answer"]
    assert course.overdue == []


# --- ends that are no ends, and ends that never come ----------------------------------------------------------------


async def test_a_premature_end_does_not_split_a_reply(desk: Desk) -> None:
    """Given `turnComplete` in mid-reply and a stall after it, the question is one reply, heard
    whole."""
    course = await a_call(desk, "premature at=reply nth=2 after_ms=200", "gap at=reply nth=2 after_ms=210 ms=500")
    assert generation_with(course, "Could you") == generation_with(course, "worked on?") == 2
    assert [event.after for event in course.events if isinstance(event, ReplyContinued)] == ["turn_completed"]
    assert "unprompted" not in course.causes
    assert course.overdue == []


@pytest.mark.parametrize(
    "faults",
    [
        ("omit at=turn_complete nth=2",),
        ("omit at=generation_complete nth=2",),
        ("omit at=generation_complete nth=2", "omit at=turn_complete nth=2"),
    ],
    ids=["no_turn_complete", "no_generation_complete", "neither"],
)
async def test_a_reply_without_an_end_is_over_once_it_was_heard(desk: Desk, faults: tuple[str, ...]) -> None:
    """Given a reply that lacks one end or both, it is heard whole, the floor is free, and the next
    answer is heard."""
    course = await a_call(desk, *faults)
    assert generation_with(course, "worked on?") == 2
    assert course.causes[:3] == ["opening", "answer", "answer"]
    assert course.overdue == (["finished"] if len(faults) == 2 else [])
    assert course.dials_lost == []


# --- interruptions that nobody caused -------------------------------------------------------------------------------


@pytest.mark.parametrize("ends", [False, True])
async def test_a_phantom_that_stops_a_reply_is_made_good(desk: Desk, ends: bool) -> None:
    """Given `interrupted` in mid-question and then no more, what came is heard, and the model is
    asked to go on."""
    course = await a_call(desk, f"interrupted at=reply nth=2 after_ms=300 ends={ends}", replies=3)
    assert course.causes[:3] == ["opening", "answer", "nudge"]
    assert course.overdue == ([] if ends else ["finished"])
    assert generation_with(course, "worked on?") == 3
    assert course.of(ReplyCut) == []


async def test_a_phantom_after_which_the_reply_goes_on_is_only_counted(desk: Desk) -> None:
    """Given `interrupted` in mid-question, when the audio goes on, then it is heard whole, as one
    reply."""
    course = await a_call(desk, "interrupted at=reply nth=2 after_ms=300 goes_on=true")
    assert generation_with(course, "worked on?") == 2
    assert [event.after for event in course.events if isinstance(event, ReplyContinued)] == ["interruption_reported"]
    assert course.causes[:3] == ["opening", "answer", "answer"]


async def test_a_phantom_while_nothing_goes_on_is_only_counted(desk: Desk) -> None:
    """Given `interrupted` in the candidate's answer, then nothing at all comes of it."""
    course = await a_call(desk, "interrupted at=turn_complete nth=1 after_ms=700")
    assert [event.generation for event in course.events if isinstance(event, ModelInterruptionReported)] == [0]
    assert course.causes[:3] == ["opening", "answer", "answer"]
    assert course.overdue == []


# --- audio that stalls, degenerates, or comes too late ---------------------------------------------------------------


@pytest.mark.parametrize("ms", [700, 3_500])
async def test_audio_that_stalls_and_bursts_is_heard_whole(desk: Desk, ms: int) -> None:
    """Given a stall in mid-reply, short or longer than the patience, then all of its audio is heard
    in the end."""
    course = await a_call(desk, f"gap at=reply nth=2 after_ms=200 ms={ms}", replies=2 if ms < 1_000 else 3)
    whole = "".join(text for generation, text in sorted(words_of(course.events).items()) if generation in (2, 3))
    assert LONG in whole
    assert course.causes[2] == ("answer" if ms < 1_000 else "unprompted")


async def test_a_tone_can_be_interrupted(desk: Desk) -> None:
    """Given a voice that becomes a long tone, then the candidate silences it by speaking, and is
    answered."""
    desk.faults("tone at=reply nth=1 after_ms=200 ms=60000")
    opened = await desk.open(LONG, "How?", agent="watchful")
    async with in_call(opened) as candidate:
        await candidate.hears(ms=1_500)
        await candidate.say(recording("interruption"))
        await candidate.asked(2)
        assert len(candidate.of("flush")) == 1
    events = await desk.log((await desk.settled(opened)).call.id)
    await check_heard(desk, opened.call_id, candidate)
    assert len([event for event in events if isinstance(event, ReplyCut)]) == 1


async def interrupt_briefly(candidate: Candidate) -> None:
    """Begin to speak over the interviewer, and mute as soon as that is believed."""
    await candidate.hears(ms=600)
    candidate.client.microphone.say(recording("interruption"))
    await candidate.until(lambda: bool(candidate.of("flush")))
    candidate.client.mute()


@pytest.mark.parametrize("delay_ms", [0, 350])
@pytest.mark.parametrize("after", [False, True])
async def test_a_cut_reply_that_talks_on_is_never_heard(desk: Desk, after: bool, delay_ms: int) -> None:
    """Given late audio before or after its `interrupted`, even once the answer is over, then nobody
    hears it."""
    desk.faults(f"delay at=interruption ms={delay_ms}", f"late_audio at=interruption ms=400 after={after}")
    opened = await desk.open(LONGER, "How?", agent="watchful")
    async with in_call(opened) as candidate:
        await interrupt_briefly(candidate)
        await candidate.asked(2)
    events = await desk.log((await desk.settled(opened)).call.id)
    await check_heard(desk, opened.call_id, candidate)
    dropped = [event for event in events if isinstance(event, LateAudioDropped)]
    cut = next(event for event in events if isinstance(event, ReplyCut))
    assert {event.generation for event in dropped} == {cut.generation}
    assert sum(event.samples for event in dropped) >= 400 * 24
    (finished,) = [event for event in events if isinstance(event, ModelFinished)]
    heard = finished.evidence["played_model_sample"] - finished.evidence["first_model_sample"]
    sent = desk.rehearsal.sessions[-1].history[-1]
    assert (finished.generation, words_of(events)[2]) == (2, sent.text)
    assert abs(heard // 24 - sent.audio_ms) <= 1


async def test_the_end_of_a_cut_reply_can_come_before_its_interruption(desk: Desk) -> None:
    """Given `turnComplete` before `interrupted`, the answer is replied to as ever."""
    desk.faults("turn_complete_first at=interruption")
    opened = await desk.open(LONGER, "How?", agent="watchful")
    async with in_call(opened) as candidate:
        await candidate.hears(ms=600)
        await candidate.say(recording("interruption"))
        await candidate.asked(2)
    events = await desk.log((await desk.settled(opened)).call.id)
    await check_heard(desk, opened.call_id, candidate)
    ends = [event for event in events if isinstance(event, (ModelTurnCompleted, ModelInterruptionReported))]
    assert [type(event).__name__ for event in ends[:2]] == ["ModelTurnCompleted", "ModelInterruptionReported"]
    assert [event.generation for event in events if isinstance(event, ModelFinished)] == [2]
    assert not [event for event in events if isinstance(event, ReplyOverdue)]
