"""A reply of the model, a stale reply that Gemini has not ended yet, and a reply that was not heard
to its end.

A reply is a frozen value. Its phase says what Gemini has sent; `heard` says whether its first
sample was played. Values that contradict each other cannot be made: they raise `BugError`.
"""

from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from domain.errors import BugError


class Phase(StrEnum):
    """What has come of a reply."""

    AWAITED = "awaited"
    """It was asked for; nothing has come."""
    SILENT = "silent"
    """Gemini ended its turn without a sound."""
    ARRIVING = "arriving"
    """Its audio comes."""
    INTERRUPTED = "interrupted"
    """Gemini calls it interrupted; it may go on, or its end follows."""
    COMPLETE = "complete"
    """Gemini has sent all of its audio; the end of the turn follows."""
    ENDED = "ended"
    """All of it has come, and Gemini has ended the turn."""
    ENDED_EARLY = "ended_early"
    """Gemini ended the turn without having completed the audio: that may be premature."""
    BROKEN_OFF = "broken_off"
    """Gemini called it interrupted and ended the turn: what has come is all there is."""
    LOST = "lost"
    """The session was lost while the reply was heard: what has come is all there is."""


_WITHOUT_AUDIO = frozenset({Phase.AWAITED, Phase.SILENT})
_COMPLETE = frozenset({Phase.COMPLETE, Phase.ENDED, Phase.ENDED_EARLY, Phase.BROKEN_OFF, Phase.LOST})
_ENDED = frozenset({Phase.SILENT, Phase.ENDED, Phase.ENDED_EARLY, Phase.BROKEN_OFF})
_TRUNCATED = frozenset({Phase.INTERRUPTED, Phase.BROKEN_OFF, Phase.LOST})
_UNCONFIRMED_ENDS = frozenset({Phase.ENDED_EARLY, Phase.BROKEN_OFF})


class Reply(Struct, frozen=True, kw_only=True):
    """One reply, from the moment it is asked for until it was played, withdrawn or cut.

    `asked_sample`: the model had been given the candidate's audio before this position, in closed
    windows. `session` is the number of the Gemini session that was asked. `ended_at_us` is when a
    an end came that is unconfirmed, 0 without one.
    """

    generation: int
    cause: str
    turn: int
    requested_at_us: int
    asked_sample: int = 0
    session: int = 0
    phase: Phase = Phase.AWAITED
    heard: bool = False
    started_at_us: int = 0
    first_model_sample: int = 0
    ended_at_us: int = 0
    text: str = ""

    def __post_init__(self) -> None:
        if self.heard and self.phase in _WITHOUT_AUDIO:
            raise BugError(f"a reply that is {self.phase} cannot have been heard")
        if self.phase is Phase.LOST and not self.heard:
            raise BugError("of a lost reply only one that was heard is kept")
        if self.ended_at_us and self.phase not in _UNCONFIRMED_ENDS:
            raise BugError(f"a reply that is {self.phase} has no unconfirmed end")
        if self.phase in _WITHOUT_AUDIO and (self.started_at_us or self.first_model_sample):
            raise BugError(f"a reply that is {self.phase} has no first audio")

    @property
    def has_audio(self) -> bool:
        """Whether some of its audio has come."""
        return self.phase not in _WITHOUT_AUDIO

    @property
    def complete(self) -> bool:
        """Whether no more audio is expected."""
        return self.phase in _COMPLETE

    @property
    def ended(self) -> bool:
        """Whether Gemini has ended its turn."""
        return self.phase in _ENDED

    @property
    def truncated(self) -> bool:
        """Whether it broke off before its end."""
        return self.phase in _TRUNCATED

    @property
    def is_here(self) -> bool:
        """Whether it is heard, or has come as a whole: it needs no session any more."""
        return self.heard or self.complete

    @property
    def may_continue(self) -> bool:
        """Whether more audio would show that Gemini's end, or interruption, of it was none."""
        return bool(self.ended_at_us) or self.phase is Phase.INTERRUPTED

    def started(self, at_us: int, first_model_sample: int) -> "Reply":
        """Its first audio came."""
        return replace(self, phase=Phase.ARRIVING, started_at_us=at_us, first_model_sample=first_model_sample)

    def continued(self) -> "Reply":
        """More audio came after its supposed end."""
        return replace(self, phase=Phase.ARRIVING, ended_at_us=0)

    def played(self) -> "Reply":
        """Its first sample was played."""
        return replace(self, heard=True)

    def said(self, text: str) -> "Reply":
        """More of its words are known."""
        return replace(self, text=self.text + text)

    def interrupted(self) -> "Reply":
        """Gemini calls it interrupted."""
        return replace(self, phase=Phase.INTERRUPTED) if self.phase is Phase.ARRIVING else self

    def completed(self) -> "Reply":
        """Gemini has sent all of its audio."""
        match self.phase:
            case Phase.ARRIVING | Phase.INTERRUPTED:
                return replace(self, phase=Phase.COMPLETE)
            case Phase.ENDED_EARLY | Phase.BROKEN_OFF:
                return replace(self, phase=Phase.ENDED, ended_at_us=0)
            case _:
                return self

    def turn_ended(self, at_us: int) -> "Reply":
        """Gemini has ended the turn. A repeated end is confirmed."""
        match self.phase:
            case Phase.AWAITED:
                return replace(self, phase=Phase.SILENT)
            case Phase.ARRIVING:
                return replace(self, phase=Phase.ENDED_EARLY, ended_at_us=at_us)
            case Phase.INTERRUPTED:
                return replace(self, phase=Phase.BROKEN_OFF, ended_at_us=at_us)
            case Phase.COMPLETE | Phase.ENDED_EARLY:
                return replace(self, phase=Phase.ENDED, ended_at_us=0)
            case Phase.BROKEN_OFF:
                return replace(self, ended_at_us=0)
            case _:
                return self

    def session_lost(self) -> "Reply":
        """The session that it comes from is gone."""
        return replace(self, phase=Phase.LOST) if self.heard and not self.complete else self


class StaleReply(Struct, frozen=True, kw_only=True):
    """A reply that is over for us (withdrawn, cut or played out) and that Gemini has not ended yet.

    `began`: some of its audio had come, so Gemini has an end of it to report. `may_talk`: more of
    its audio may come.
    """

    generation: int
    began: bool
    may_talk: bool
    asked_sample: int

    def interrupted(self) -> "StaleReply":
        """Gemini calls it interrupted: what had begun may talk on until its end."""
        return replace(self, may_talk=self.may_talk and self.began)

    def completed(self) -> "StaleReply":
        """Gemini has sent all of its audio."""
        return replace(self, may_talk=False)


class UnheardReply(Struct, frozen=True, kw_only=True):
    """A reply of which the model believes that more was heard than was; a note corrects it."""

    generation: int
    heard_ms: int = 0
    heard_text: str = ""
