"""What Gemini has in its context of a reply that was cut: the part that was heard, by a note."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from adapters.rehearsal.session.notes import Heard, heard_of_last_reply
from api.client import OpenedCall
from domain.events import HistoryCorrected, ReplyCut, ReplyWithdrawn
from tests.api.candidate import Candidate, in_call, recording
from tests.api.live.hearing import words_of
from tests.fixtures.server import Desk, agents_file, running_desk

pytestmark = [pytest.mark.simulated, pytest.mark.asyncio(loop_scope="module")]

LONG = "Could you please tell me, in as much detail as you like, about the very first project that you worked on?"
NEXT = "How?"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(module_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    """The default interviewer, and one whose model gets no note of the part that was heard."""
    folder: Path = tmp_path_factory.mktemp("history")
    agents = agents_file(folder, uncorrected={"history": {"correction": "none"}})
    async with running_desk(module_dsn, folder, agents=agents) as desk:
        yield desk


async def interrupted_early(desk: Desk, opened: OpenedCall) -> Candidate:
    """Half a second into a long question, which by then Gemini has sent whole, the candidate
    speaks; it replies."""
    async with in_call(opened) as candidate:
        await candidate.hears(ms=500)
        assert desk.rehearsal.sessions[-1].history[-1].text.endswith(LONG)
        await candidate.say(recording("interruption"))
        await candidate.asked(2)
    return candidate


async def test_a_question_that_was_cut_is_asked_again(desk: Desk) -> None:
    """Given the default policy, Gemini gets a note within the answer's window, its context holds
    what was heard, and asks again."""
    opened = await desk.open(LONG, NEXT)
    await interrupted_early(desk, opened)
    events = await desk.log((await desk.settled(opened)).call.id)
    (cut,) = (event for event in events if isinstance(event, ReplyCut))
    (corrected,) = (event for event in events if isinstance(event, HistoryCorrected))
    assert (corrected.generation, corrected.heard_text) == (cut.generation, cut.heard_text)
    assert corrected.heard_ms == cut.heard_ms
    assert 0 < len(corrected.heard_text) < len(LONG)
    session = desk.rehearsal.sessions[-1]
    (window,) = session.windows
    assert [heard_of_last_reply(text) for text in window.typed] == [Heard(corrected.heard_text)]
    assert bytes(window.pcm)
    first = next(turn for turn in session.history if turn.role == "model")
    assert first.text == corrected.heard_text
    assert LONG in words_of(events)[2]


async def test_without_the_note_the_model_takes_its_question_for_heard(desk: Desk) -> None:
    """Given `history.correction` "none" and the same course, its context holds all that it sent: the
    next one comes."""
    opened = await desk.open(LONG, NEXT, agent="uncorrected")
    await interrupted_early(desk, opened)
    events = await desk.log((await desk.settled(opened)).call.id)
    assert [event for event in events if isinstance(event, HistoryCorrected)] == []
    session = desk.rehearsal.sessions[-1]
    assert session.windows[0].typed == []
    first = next(turn for turn in session.history if turn.role == "model")
    assert first.text.endswith(LONG)
    assert NEXT in words_of(events)[2]
    assert LONG not in words_of(events)[2]


async def test_of_a_reply_that_was_heard_to_its_end_nothing_is_said(desk: Desk) -> None:
    """Given an answer after the question, the window holds the candidate's voice alone."""
    opened = await desk.open("Why?", NEXT)
    async with in_call(opened) as candidate:
        await candidate.asked(1)
        await candidate.say(recording("answer_1", 1.5))
        await candidate.asked(2)
    events = await desk.log((await desk.settled(opened)).call.id)
    assert [event for event in events if isinstance(event, HistoryCorrected | ReplyWithdrawn)] == []
    assert [window.typed for window in desk.rehearsal.sessions[-1].windows] == [[]]
