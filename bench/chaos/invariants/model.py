"""Laws of what Gemini's sessions received."""

from collections.abc import Iterator, Sequence

from bench.chaos.course import Answered, Stretch, answered, takeovers
from bench.chaos.evidence import CallEvidence, Window
from bench.chaos.memory import Sessions
from bench.chaos.tape import Tape
from domain.events import CallOpened, LinkLost
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
        count = occurrences(sessions.remembered(session), _pcm(tape, reply.stretch))
        if count != 1:
            yield f"{_name(reply, reply.stretch)} is known to session {session.name} {count} times"


def nothing_said_is_forgotten(seen: CallEvidence) -> Iterator[str]:
    """What was said before, and not replied to yet, is known to the session that replies: by its sound, or in words."""
    tape, sessions = Tape(seen.events, seen.audio, Side.CANDIDATE), Sessions(seen.events, seen.sessions)
    for reply in answered(seen.events):
        session = sessions.at(reply.version)
        if session is None:
            continue
        for stretch in reply.before:
            count = occurrences(sessions.remembered(session), _pcm(tape, stretch))
            if count > 1 or (not count and not sessions.oldest(session).seeds):
                yield f"{_name(reply, stretch)} is known to session {session.name} {count} times"


def _pcm(tape: Tape, stretch: Stretch) -> bytes:
    return tape.read(stretch.from_sample, stretch.to_sample)


def _name(reply: Answered, stretch: Stretch) -> str:
    samples = f"{stretch.from_sample}..{stretch.to_sample}"
    return f"turn {stretch.turn} ({samples}), replied to by generation {reply.generation},"


def occurrences(windows: Sequence[Window], pcm: bytes) -> int:
    """How often `pcm` was given: as one window, or as several that follow one another."""
    count = 0
    for first in range(len(windows)):
        given = b""
        for window in windows[first:]:
            if not window.closed:
                break
            given += window.pcm
            if given == pcm:
                count += 1
            if len(given) >= len(pcm) or not pcm.startswith(given):
                break
    return count


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
