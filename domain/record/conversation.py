"""The conversation of a call, as far as the other side heard it: the seed of a new Gemini session.

A reply counts from when it began to be heard; of one that was cut, its heard words. The candidate's
turns have their place from when they began, as transcripts come late. All of it follows from events
of `CONVERSATION` kinds, so it can be read from the log.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

from domain import events as ev
from domain import inputs as inp
from domain.event import Event
from domain.interview import seed_note
from domain.ports import Side

NO_TRANSCRIPT = "[The candidate answered; there is no transcript of it.]"
SHORTENED_TO = 200
"""An old answer is shortened to so many characters where not all turns fit."""

CONVERSATION: tuple[type[Event], ...] = (
    ev.CandidateStarted,
    ev.BargeInConfirmed,
    inp.CandidateTranscribed,
    ev.ReplyRequested,
    inp.ModelTranscribed,
    ev.ModelStarted,
    ev.ReplyCut,
    ev.CallClosed,
)


class Turn(NamedTuple):
    """One turn of a conversation that a new session is given as its past."""

    side: Side
    text: str


class SeedRequest(NamedTuple):
    """What a new session has to be given of the conversation, in at most so many `characters`.

    `without_turn` is a turn of the candidate's that the session will be given as audio, 0 for none;
    `arrived_text` the words of a reply that has come and is not heard yet; the interview has been
    going on for `minutes`.
    """

    without_turn: int
    characters: int
    minutes: int
    arrived_text: str = ""


@dataclass(slots=True)
class Line:
    """What one side said. `number` is the candidate's turn, or the generation of the interviewer's
    reply."""

    side: Side
    number: int
    text: str = ""
    interim: str = ""
    """What may follow: the next piece replaces it."""
    cut: bool = False
    """It broke off where the candidate heard it end: nothing is added any more."""

    def words(self) -> str:
        """What of it was heard or understood; empty for a reply of which nothing was."""
        text = " ".join(f"{self.text} {self.interim}".split())
        if self.side is Side.CANDIDATE:
            return text or NO_TRANSCRIPT
        return f"{text} …" if text and self.cut else text


@dataclass(slots=True)
class Conversation:
    """The lines of a call, in order, as far as `fold` was given its events."""

    lines: list[Line] = field(default_factory=list)
    awaited: int = 0
    """The newest reply that was asked for, and what is known of its words before it is heard."""
    awaited_text: str = ""
    closed: bool = False

    def fold(self, event: Event) -> None:
        """Take in the next event. What comes after the close is not part of the conversation."""
        if self.closed:
            return
        match event:
            case ev.CandidateStarted() | ev.BargeInConfirmed():
                self._candidate_began(event.turn)
            case inp.CandidateTranscribed():
                self._candidate_said(event.turn, event.text, interim=event.interim)
            case ev.ReplyRequested():
                self.awaited, self.awaited_text = event.generation, ""
            case inp.ModelTranscribed():
                self._reply_said(event.generation, event.text)
            case ev.ModelStarted():
                self.lines.append(Line(Side.INTERVIEWER, event.generation, self.awaited_text))
            case ev.ReplyCut():
                self._reply_cut(event.generation, event.heard_text)
            case ev.CallClosed():
                self.closed = True
            case _:
                pass

    def _candidate_began(self, turn: int) -> None:
        """A stretch of the candidate's turn begins, the first one or a later one."""
        line = self._find(Side.CANDIDATE, turn)
        if line is None:
            self.lines.append(Line(Side.CANDIDATE, turn))
        else:
            line.text, line.interim = f"{line.text} {line.interim} ", ""

    def _candidate_said(self, turn: int, text: str, *, interim: bool) -> None:
        """A piece of the candidate's words; it may come long after it was said."""
        line = self._find(Side.CANDIDATE, turn)
        if line is not None:
            line.text, line.interim = (line.text, text) if interim else (line.text + text, "")

    def _reply_said(self, generation: int, text: str) -> None:
        """More words of a reply that is awaited, heard, or was."""
        if generation == self.awaited:
            self.awaited_text += text
        line = self._find(Side.INTERVIEWER, generation)
        if line is not None and not line.cut:
            line.text += text

    def _reply_cut(self, generation: int, heard_text: str) -> None:
        """A reply was cut off: this much of it was heard."""
        line = self._find(Side.INTERVIEWER, generation)
        if line is not None:
            line.text, line.cut = heard_text, True

    def _find(self, side: Side, number: int) -> Line | None:
        return next((line for line in reversed(self.lines) if line.side is side and line.number == number), None)


def seed_turns(conversation: Conversation, request: SeedRequest) -> tuple[Turn, ...]:
    """The conversation for a new session, with a note before it, the oldest turn first.

    Nothing where nothing of the interviewer was heard yet: then the session begins the interview.
    """
    turns, left_out = _fitting(conversation, without_turn=request.without_turn, characters=request.characters)
    if request.arrived_text:
        turns.append(Turn(Side.INTERVIEWER, request.arrived_text))
    if not any(turn.side is Side.INTERVIEWER for turn in turns):
        return ()
    return (Turn(Side.CANDIDATE, seed_note(request.minutes, left_out)), *turns)


def _fitting(conversation: Conversation, *, without_turn: int, characters: int) -> tuple[list[Turn], int]:
    """The turns that fit, and how many are left out for their size.

    With more than `characters`, old answers are shortened first, then the oldest turns go: where
    the interview stands is in the newest questions.
    """
    lines = [line for line in conversation.lines if not (line.side is Side.CANDIDATE and line.number == without_turn)]
    turns = [Turn(line.side, text) for line in lines if (text := line.words())]
    excess = sum(len(turn.text) for turn in turns) - characters
    for place, turn in enumerate(turns):
        if excess <= 0:
            break
        if turn.side is Side.CANDIDATE and len(turn.text) > SHORTENED_TO + 2:
            turns[place] = Turn(turn.side, f"{turn.text[:SHORTENED_TO]} …")
            excess -= len(turn.text) - len(turns[place].text)
    left_out = 0
    while excess > 0 and left_out < len(turns) - 1:
        excess -= len(turns[left_out].text)
        left_out += 1
    return turns[left_out:], left_out
