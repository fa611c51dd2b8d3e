"""Turns of the model that go wrong on purpose: what the candidate's side sees of each, over the
real wire."""

import asyncio
import itertools

import numpy as np
import pytest
from google.genai import types

from adapters.rehearsal import Action, Fault, Point, RehearsalServer
from domain.errors import PeerError
from tests.adapters.rehearsal.dialogue import CANDIDATE, Dialogue, dial, quick, recording

pytestmark = pytest.mark.simulated

WHOLE = ["audio", "generation_complete", "turn_complete"]
CALM = {"speed": 2.0, "assumed_playback": 0.5}
"""A question lasts two seconds, and is sent within one."""


async def interrupted(dialogue: Dialogue, heard_bytes: int = 20_000) -> None:
    """Ask the interviewer to begin, and start to speak when so much of it was heard."""
    await dialogue.session.send_realtime_input(text="Please begin.")
    await dialogue.until(lambda it: len(it.audio) > heard_bytes)
    await dialogue.session.send_realtime_input(activity_start=types.ActivityStart())


async def test_silence_is_a_turn_without_audio_end_or_handle() -> None:
    """Given `silence` at the first reply, when it was due, then nothing came; the next turn is
    answered as ever."""
    fault = Fault(action=Action.SILENCE, at=Point.REPLY)
    async with RehearsalServer(quick(faults=(fault,))) as server, dial(server) as dialogue:
        await dialogue.session.send_realtime_input(text="Please begin.")
        await asyncio.sleep(0.3)
        assert dialogue.course == []
        await dialogue.ask("Are you there?")
        await dialogue.until_turns(1)

        assert dialogue.course == WHOLE
        assert [turn.role for turn in server.sessions[-1].history] == ["user", "user", "model"]


async def test_a_chosen_silence_says_so() -> None:
    """Given `choose_silence`, when the reply is due, then `waitingForInput` and `turnComplete`
    come, with usage."""
    fault = Fault(action=Action.CHOOSE_SILENCE, at=Point.REPLY)
    async with RehearsalServer(quick(faults=(fault,))) as server, dial(server) as dialogue:
        await dialogue.begin()
        last = dialogue.messages[-1]
        assert dialogue.course == ["turn_complete"]
        assert last.server_content is not None
        assert last.server_content.waiting_for_input
        assert last.usage_metadata is not None
        assert last.usage_metadata.response_token_count == 0
        await dialogue.ask("Please go on.")
        await dialogue.until_turns(2)

        assert dialogue.course == ["turn_complete", *WHOLE]


async def test_a_phantom_stops_the_turn() -> None:
    """Given `interrupted` in mid-reply, when it struck, then nothing more comes, and the history
    ends there too."""
    fault = Fault(action=Action.INTERRUPTED, at=Point.REPLY, after_ms=300)
    async with RehearsalServer(quick(**CALM, faults=(fault,))) as server, dial(server) as dialogue:
        await dialogue.session.send_realtime_input(text="Please begin.")
        await dialogue.until(lambda it: "interrupted" in it.course)
        await asyncio.sleep(0.3)

        assert dialogue.course == ["audio", "interrupted"]
        assert server.sessions[-1].history[-1].audio_ms == len(dialogue.audio) // 48


async def test_a_phantom_may_end_the_turn() -> None:
    """Given `interrupted` with `ends`, when it struck, then `turnComplete` follows, as if somebody
    had spoken."""
    fault = Fault(action=Action.INTERRUPTED, at=Point.REPLY, after_ms=300, ends=True)
    async with RehearsalServer(quick(**CALM, faults=(fault,))) as server, dial(server) as dialogue:
        await dialogue.begin()
        assert dialogue.course == ["audio", "interrupted", "turn_complete"]


async def test_a_phantom_may_leave_the_turn_as_it_is() -> None:
    """Given `interrupted` with `goes_on`, when it struck, then all of the audio comes nevertheless."""
    fault = Fault(action=Action.INTERRUPTED, at=Point.REPLY, after_ms=300, goes_on=True)
    async with RehearsalServer(quick(**CALM, faults=(fault,))) as server, dial(server) as dialogue:
        await dialogue.begin()
        assert dialogue.course == ["audio", "interrupted", *WHOLE]
        assert server.sessions[-1].history[-1].audio_ms == len(dialogue.audio) // 48


async def test_a_phantom_may_come_when_nothing_goes_on() -> None:
    """Given `interrupted` after a turn, when it struck, then it stands alone."""
    fault = Fault(action=Action.INTERRUPTED, at=Point.TURN_COMPLETE, after_ms=100)
    async with RehearsalServer(quick(faults=(fault,))) as server, dial(server) as dialogue:
        await dialogue.begin()
        await dialogue.until(lambda it: "interrupted" in it.course)
        assert dialogue.course == [*WHOLE, "interrupted"]


async def test_a_premature_end_does_not_end_the_turn() -> None:
    """Given `premature` in mid-reply, when it struck, then audio and the turn's ends follow."""
    fault = Fault(action=Action.PREMATURE, at=Point.REPLY, after_ms=300)
    async with RehearsalServer(quick(**CALM, faults=(fault,))) as server, dial(server) as dialogue:
        await dialogue.session.send_realtime_input(text="Please begin.")
        await dialogue.until_turns(2)
        assert dialogue.course == ["audio", "turn_complete", *WHOLE]
        assert server.sessions[-1].history[-1].text == "Hello, and welcome. Who are you?"


@pytest.mark.parametrize(
    ("points", "course"),
    [
        ([Point.TURN_COMPLETE], ["audio", "generation_complete"]),
        ([Point.GENERATION_COMPLETE], ["audio", "turn_complete"]),
        ([Point.GENERATION_COMPLETE, Point.TURN_COMPLETE], ["audio"]),
    ],
)
async def test_an_end_that_never_comes(points: list[Point], course: list[str]) -> None:
    """Given `omit` at one end of a turn or both, when the turn is over, then that end never came;
    the next is whole."""
    faults = tuple(Fault(action=Action.OMIT, at=point) for point in points)
    async with RehearsalServer(quick(faults=faults)) as server, dial(server) as dialogue:
        await dialogue.session.send_realtime_input(text="Please begin.")
        await dialogue.until(lambda it: it.course == course)
        await asyncio.sleep(0.3)
        await dialogue.ask("I am Michael.")
        await dialogue.until(lambda it: it.course[-3:] == WHOLE)

        assert "interrupted" not in dialogue.course


async def test_a_transcript_can_be_omitted() -> None:
    """Given `omit` at the transcription, when a window ends, then it is answered, but its words
    never came."""
    fault = Fault(action=Action.OMIT, at=Point.INPUT_TRANSCRIPTION)
    async with (
        RehearsalServer(quick(faults=(fault,))) as server,
        dial(server, input_audio_transcription={}) as dialogue,
    ):
        await dialogue.window(recording("answer_1"))
        await dialogue.window(recording("answer_1"))
        await dialogue.until(lambda it: it.course[-3:] == WHOLE)
        assert dialogue.course.count("input_transcription") == 1


@pytest.mark.parametrize("after", [False, True])
async def test_a_turn_that_was_cut_off_talks_on(after: bool) -> None:
    """Given `late_audio`, when the candidate interrupts, then so much more comes, before
    `interrupted` or after it."""
    fault = Fault(action=Action.LATE_AUDIO, at=Point.INTERRUPTION, ms=200, after=after)
    async with RehearsalServer(quick(**CALM, faults=(fault,))) as server, dial(server) as dialogue:
        await interrupted(dialogue)
        await dialogue.until_turns(1)

        late = ["interrupted", "audio"] if after else ["interrupted"]
        assert dialogue.course == ["audio", *late, "turn_complete"]
        names = [bool(message.data) for message in dialogue.messages]
        assert names.count(True) == len(dialogue.audio) // (48 * 40)
        if after:
            assert sum(names[len(names) - names[::-1].index(True) - 5 :]) == 5


async def test_the_end_of_a_turn_that_was_cut_off_can_come_first() -> None:
    """Given `turn_complete_first`, when the candidate interrupts, then `turnComplete` comes before
    `interrupted`."""
    fault = Fault(action=Action.TURN_COMPLETE_FIRST, at=Point.INTERRUPTION)
    async with RehearsalServer(quick(**CALM, faults=(fault,))) as server, dial(server) as dialogue:
        await interrupted(dialogue)
        await dialogue.until(lambda it: "interrupted" in it.course)
        assert dialogue.course == ["audio", "turn_complete", "interrupted"]


async def test_audio_can_stall_and_then_burst() -> None:
    """Given `gap` in mid-reply, when it is over, then what was due comes at once and the whole is
    no longer for it."""
    fault = Fault(action=Action.GAP, at=Point.REPLY, after_ms=200, ms=500)
    async with RehearsalServer(quick(**CALM, faults=(fault,))) as server, dial(server) as dialogue:
        heard: list[tuple[float, int]] = []
        listening = asyncio.create_task(note_arrivals(dialogue, heard))
        await dialogue.begin()
        listening.cancel()

        stalls = [(later - time, time + 0.5) for (time, _), (later, _) in itertools.pairwise(heard)]
        stall_s, over = max(stalls)
        assert stall_s > 0.4
        before = max(size for time, size in heard if time < over - 0.1)
        soon_after = max(size for time, size in heard if time < over + 0.1)
        assert soon_after - before > 48_000 * 2 * 0.4
        assert dialogue.course == WHOLE


async def note_arrivals(dialogue: Dialogue, heard: list[tuple[float, int]]) -> None:
    """Note when audio arrives, and how much there is by then."""
    while True:
        if not heard or len(dialogue.audio) > heard[-1][1]:
            heard.append((asyncio.get_running_loop().time(), len(dialogue.audio)))
        await asyncio.sleep(0.005)


async def test_a_voice_can_become_a_tone() -> None:
    """Given `tone` in mid-reply, when it struck, then a tone takes the place of the words and
    outlasts them."""
    fault = Fault(action=Action.TONE, at=Point.REPLY, after_ms=400, ms=1_000)
    async with RehearsalServer(quick(**CALM, faults=(fault,))) as server, dial(server) as dialogue:
        await dialogue.begin()
        spoken_ms = server.sessions[-1].history[-1].audio_ms
        assert abs(len(dialogue.audio) // 48 - spoken_ms - 1_000) <= 40
        tail = np.frombuffer(dialogue.audio[-48_000:], "<i2").astype(float)
        spectrum = np.abs(np.fft.rfft(tail))
        assert spectrum.argmax() == 440
        assert spectrum[440] ** 2 > 0.99 * (spectrum**2).sum()


async def test_words_can_come_while_the_candidate_speaks() -> None:
    """Given `interim_ms`, when a known answer is spoken in real time, then its words come one after
    another."""
    answer = recording("answer_1")
    config = quick(interim_ms=200, recordings=(CANDIDATE,))
    async with RehearsalServer(config) as server, dial(server, input_audio_transcription={}) as dialogue:
        await dialogue.session.send_realtime_input(activity_start=types.ActivityStart())
        began = asyncio.get_running_loop().time()
        for number, start in enumerate(range(0, len(answer), 3_200)):
            await asyncio.sleep(max(0.0, began + number * 0.1 - asyncio.get_running_loop().time()))
            await dialogue.send(answer[start : start + 3_200])
        assert dialogue.said("input") == []
        await dialogue.session.send_realtime_input(activity_end=types.ActivityEnd())
        await dialogue.until_turns(1)

        interim, final = dialogue.said("interim_input"), dialogue.said("input")[0].split()
        assert len(interim) >= 3
        assert all(len(one.split()) < len(other.split()) for one, other in itertools.pairwise(interim))
        assert interim[-1].split()[:3] == final[:3]
        contents = [message.server_content for message in dialogue.messages if message.server_content]
        early = [place for place, content in enumerate(contents) if content.interim_input_transcription]
        (whole,) = (place for place, content in enumerate(contents) if content.input_transcription)
        assert early[-1] < whole


@pytest.mark.parametrize(
    "text",
    [
        "silence at=turn_complete",
        "choose_silence at=setup_complete",
        "late_audio at=reply ms=100",
        "omit at=reply",
        "silence at=reply after_ms=100",
    ],
)
def test_a_fault_that_does_not_fit_its_point_says_where_it_does(text: str) -> None:
    """Given an action at a point that it cannot change, when it is read, then the error names the
    points it fits."""
    with pytest.raises(PeerError, match="must be at"):
        Fault.parse(text)
