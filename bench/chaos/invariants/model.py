"""Laws of what Gemini's sessions received."""

from collections.abc import Iterator

from bench.chaos.evidence.context import Known, Sessions
from bench.chaos.evidence.course import Answered, Stretch, answered, takeovers
from bench.chaos.evidence.evidence import CallEvidence, GeminiSession
from bench.chaos.evidence.tape import Tape
from domain.events import CallClosed, CallOpened, LinkLost, ReplyStarted
from domain.inputs import ModelTurnCompleted
from domain.ports import Side
from domain.states import Link


def answers_reach_the_session_that_replies(seen: CallEvidence) -> Iterator[str]:
    """An answer reached the session that replied to it: each sample, byte for byte, once."""
    tape, sessions = Tape(seen.events, seen.audio, Side.CANDIDATE), Sessions(seen.events, seen.sessions)
    for reply in answered(seen.events):
        session = sessions.at(reply.version)
        if session is None:
            yield f"generation {reply.generation} was given by a session that the interviewer does not know"
            continue
        counts = Known(tape, sessions.context(session)).counts(reply.stretch)
        if counts != {1}:
            yield _breach(reply, reply.stretch, session, counts)


def nothing_said_is_forgotten(seen: CallEvidence) -> Iterator[str]:
    """What was said before, and not replied to yet, is known to the session that replies: by its
    sound, or in words."""
    tape, sessions = Tape(seen.events, seen.audio, Side.CANDIDATE), Sessions(seen.events, seen.sessions)
    for reply in answered(seen.events):
        session = sessions.at(reply.version)
        if session is None:
            continue
        known, seeded = Known(tape, sessions.context(session)), sessions.seeded_until(session)
        for stretch in reply.before:
            counts = known.counts(stretch)
            if counts != {1} and not (counts == {0} and stretch.version < seeded):
                yield _breach(reply, stretch, session, counts)


def _breach(reply: Answered, stretch: Stretch, session: GeminiSession, counts: set[int]) -> str:
    samples = f"{stretch.from_sample}..{stretch.to_sample}"
    times = " and ".join(str(count) for count in sorted(counts))
    return (
        f"turn {stretch.turn} ({samples}), replied to by generation {reply.generation}, "
        f"is known to session {session.name} {times} times"
    )


def dials_are_bounded(seen: CallEvidence) -> Iterator[str]:
    """Gemini is dialled as often as the log says, and no more often in a row than policy allows."""
    opened = seen.events[0]
    assert isinstance(opened, CallOpened)
    most = opened.policy.links.dial_attempts
    lost = [event for event in seen.events if isinstance(event, LinkLost) and event.link is Link.MODEL]
    for event in lost:
        if event.attempt > most:
            yield f"version {event.originator_version} is attempt {event.attempt} of {most}"
    # What an owner dialled last may not have been recorded when it died.
    allowed = 1 + len(lost) + len(takeovers(seen.events))
    if len(seen.sessions) > allowed:
        yield f"{len(seen.sessions)} sessions were set up, the log accounts for {allowed}"


def gives_up_only_after_failed_dials(seen: CallEvidence) -> Iterator[str]:
    """A call gives Gemini up only after as many dials as policy allows, with no turn completed
    between them."""
    opened = seen.events[0]
    assert isinstance(opened, CallOpened)
    dials, begun = 1, set[int]()
    for event in seen.events:
        if isinstance(event, LinkLost) and event.link is Link.MODEL:
            dials += 1
        elif isinstance(event, ReplyStarted):
            begun.add(event.generation)
        elif isinstance(event, ModelTurnCompleted) and event.generation in begun:
            dials = 0
        elif isinstance(event, CallClosed) and event.reason == "model_unavailable":
            most = opened.policy.links.dial_attempts
            if dials < most and "No configured model" not in event.detail:
                yield f"given up after {dials} dials of {most} since a turn was completed: {event.detail}"
