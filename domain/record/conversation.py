"""What was said in a call, as far as the other side heard it: what a Gemini session that knows
nothing is given.

A reply counts from when it began to be heard; of one that was cut, its heard words. The candidate's
turns have their place from when they began, as transcripts come late.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

from domain.ports import Side

NO_TRANSCRIPT = "[The candidate answered; there is no transcript of it.]"
SHORTENED_TO = 200
"""What is left of an old answer, in characters, where not all of them fit."""


class Turn(NamedTuple):
    """One turn of a conversation that a new session is given as its past."""

    side: Side
    text: str


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
class History:
    """The lines of a call, in order. Folded from its events."""

    lines: list[Line] = field(default_factory=list)

    @property
    def newest_reply(self) -> int:
        """The newest generation of which something was heard; 0 for none."""
        return next((line.number for line in reversed(self.lines) if line.side is Side.INTERVIEWER), 0)

    def candidate_began(self, turn: int) -> None:
        """A stretch of the candidate's turn begins, the first one or a later one."""
        line = self._find(Side.CANDIDATE, turn)
        if line is None:
            self.lines.append(Line(Side.CANDIDATE, turn))
        else:
            line.text, line.interim = f"{line.text} {line.interim} ", ""

    def candidate_said(self, turn: int, text: str, *, interim: bool) -> None:
        """A piece of the candidate's words; they may come long after they were said."""
        line = self._find(Side.CANDIDATE, turn)
        if line is not None:
            line.text, line.interim = (line.text, text) if interim else (line.text + text, "")

    def reply_began(self, generation: int, text: str) -> None:
        """A reply begins to be heard; `text` is what is known of it."""
        self.lines.append(Line(Side.INTERVIEWER, generation, text))

    def reply_said(self, generation: int, text: str) -> None:
        """More words of a reply that is being heard, or was."""
        line = self._find(Side.INTERVIEWER, generation)
        if line is not None and not line.cut:
            line.text += text

    def reply_cut(self, generation: int, heard_text: str) -> None:
        """A reply was cut off: this much of it was heard."""
        line = self._find(Side.INTERVIEWER, generation)
        if line is not None:
            line.text, line.cut = heard_text, True

    def _find(self, side: Side, number: int) -> Line | None:
        return next((line for line in reversed(self.lines) if line.side is side and line.number == number), None)


def turns_of(history: History, *, without_turn: int, characters: int) -> tuple[tuple[Turn, ...], int]:
    """The conversation for a new session, the oldest turn first, and how many turns are left out
    for their size.

    `without_turn` is a turn of the candidate's that the session will be given as audio; 0 for none.
    With more than `characters`, old answers are shortened first, then the oldest turns go: where
    the interview stands is in the newest questions.
    """
    lines = [line for line in history.lines if not (line.side is Side.CANDIDATE and line.number == without_turn)]
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
    return tuple(turns[left_out:]), left_out
