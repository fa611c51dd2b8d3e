"""The values that a record is made of: every combination is built, and those that contradict
themselves cannot be."""

from itertools import product

import pytest

from domain.errors import BugError
from domain.record.answer import Answer, AnswerEnd, Suspicion, Window
from domain.record.model_session import Handle, Knowledge, ModelSession
from domain.record.record import Ending, Ownership, Record
from domain.record.reply import Phase, Reply
from domain.states import Link, State

END = AnswerEnd(to_sample=640, end_sample=320, end_at_us=9, stopped_at_us=10)
SUSPICION = Suspicion(onset_sample=0, onset_at_us=0, held_at_us=0, held_sample=0)
WITHOUT_AUDIO = {Phase.AWAITED, Phase.SILENT}


def a_reply(phase: Phase, *, heard: bool, ended_at_us: int = 0, started_at_us: int = 0) -> Reply:
    return Reply(
        generation=1,
        cause="answer",
        turn=1,
        requested_at_us=1,
        phase=phase,
        heard=heard,
        ended_at_us=ended_at_us,
        started_at_us=started_at_us,
    )


def can_be_made(make: object, *given: object, **named: object) -> bool:
    try:
        make(*given, **named)  # type: ignore[operator]
    except BugError:
        return False
    return True


def test_every_reply_that_cannot_be_is_refused() -> None:
    """Given every phase with and without a listener, an eager end and a first audio, then exactly
    the possible ones can be made."""
    for phase, heard, ended_at_us, started_at_us in product(Phase, (False, True), (0, 5), (0, 3)):
        has_audio = phase not in WITHOUT_AUDIO
        possible = (
            (has_audio or not (heard or started_at_us))
            and (phase is not Phase.LOST or heard)
            and (not ended_at_us or phase in (Phase.ENDED_EARLY, Phase.BROKEN_OFF))
        )
        made = can_be_made(a_reply, phase, heard=heard, ended_at_us=ended_at_us, started_at_us=started_at_us)
        assert made is possible, (phase, heard, ended_at_us, started_at_us)


def test_whatever_gemini_says_of_a_reply_leads_to_one_that_can_be() -> None:
    """Given every reply, then every change that Gemini or the link can bring makes another reply."""
    for phase, heard in product(Phase, (False, True)):
        if not can_be_made(a_reply, phase, heard=heard):
            continue
        reply = a_reply(phase, heard=heard)
        after = [reply.interrupted(), reply.completed(), reply.turn_ended(7), reply.session_lost(), reply.said("x")]
        assert all(each.generation == 1 for each in after)
        assert reply.completed().complete or not reply.has_audio
        assert reply.turn_ended(7).ended or phase is Phase.LOST


@pytest.mark.parametrize("window", Window)
@pytest.mark.parametrize("end", [None, END])
def test_an_answer_has_an_end_exactly_when_its_window_is_closed(window: Window, end: AnswerEnd | None) -> None:
    """Given every window with and without an end, then only those that agree can be made."""
    possible = (window in (Window.CLOSED, Window.REPLIED)) == (end is not None)
    assert can_be_made(Answer, turn=1, from_sample=0, window=window, end=end) is possible


def test_every_ownership_that_cannot_be_is_refused() -> None:
    """Given every phase, reason and process, then a call that is owned has no reason to be left,
    and one that was handed over no process."""
    for phase, reason, process in product(("owned", "leaving", "handed_over"), ("", "drain", "asked"), ("", "p")):
        possible = (phase == "owned") == (reason == "") and not (phase == "handed_over" and process)
        made = can_be_made(Ownership, epoch=1, process=process, phase=phase, reason=reason)
        assert made is possible, (phase, reason, process)


def test_a_session_whose_handle_restored_it_has_a_handle() -> None:
    """Given every way to be restored, with and without a handle, then a handle is there to be
    verified."""
    handle = Handle(text="h", knows=Knowledge(), current=True)
    for unverified, has in product(("", "handle", "seed"), (None, handle)):
        possible = unverified != "handle" or has is not None
        assert can_be_made(ModelSession, unverified=unverified, handle=has) is possible, (unverified, has)


REPLIES = [None, a_reply(Phase.AWAITED, heard=False), a_reply(Phase.ARRIVING, heard=True)]
ANSWERS = [
    None,
    Answer(turn=1, from_sample=0),
    Answer(turn=1, from_sample=0, window=Window.EAGER),
    Answer(turn=1, from_sample=0, window=Window.CLOSED, end=END),
]


def test_every_record_that_cannot_be_is_refused() -> None:
    """Given every state with every combination of what goes with it, then exactly the possible
    records can be made."""
    made_in = set()
    for state, missing, suspicion, ending, reply, answer, silent, generation in product(
        State,
        (frozenset[Link](), frozenset({Link.MODEL})),
        (None, SUSPICION),
        (None, Ending(reason="completed", detail="")),
        REPLIES,
        ANSWERS,
        (False, True),
        (1, 2),
    ):
        heard = reply is not None and reply.heard
        eager = answer is not None and answer.window is Window.EAGER
        possible = (
            (state is State.RESUMING) == bool(missing)
            and (state is State.INTERRUPTED) == (suspicion is not None)
            and (state is State.CLOSED) == (ending is not None)
            and (heard or state not in (State.MODEL_SPEAKING, State.INTERRUPTED))
            and (not eager or state in (State.CANDIDATE_SPEAKING, State.RESUMING))
            and (reply is None or (not silent and generation == 1))
        )
        made = can_be_made(
            Record,
            state=state,
            missing=missing,
            suspicion=suspicion,
            ending=ending,
            reply=reply,
            answer=answer,
            chose_silence=silent,
            generation=generation,
        )
        assert made is possible, (state, missing, suspicion, ending, reply, answer, silent, generation)
        if made:
            made_in.add(state)
    assert made_in == set(State)
