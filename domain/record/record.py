"""What a call is, as far as its events tell: the part of its state that a fold of the log gives
back.

A record is a frozen value made of frozen values; `domain.record.fold` makes the next one of it.
Combinations that contradict each other cannot be made: they raise `BugError`.
"""

from typing import Literal

from msgspec import Struct

from domain.errors import BugError
from domain.record.answer import Answer, Suspicion, Window
from domain.record.model_session import ModelSession
from domain.record.reply import Reply, StaleReply, UnheardReply
from domain.states import Link, State

MOST_STALE = 8
"""So many replies that Gemini has not ended are kept; older ones are forgotten."""
MOST_UNTRANSCRIBED = 16
MOST_TAKEOVERS = 32


class Takeover(Struct, frozen=True):
    """The `epoch`-th owner began with the event of this version."""

    epoch: int
    version: int


class Ownership(Struct, frozen=True, kw_only=True):
    """Which process owns the call, as the `epoch`-th one.

    `leaving`: it was asked to hand the call over, for `reason`; once `handed_over`, nobody owns it.
    """

    epoch: int = 1
    process: str = ""
    phase: Literal["owned", "leaving", "handed_over"] = "owned"
    reason: Literal["", "drain", "asked"] = ""

    def __post_init__(self) -> None:
        if (self.phase == "owned") is not (self.reason == ""):
            raise BugError(
                f"a call that is {self.phase} {'needs a' if not self.reason else 'has no'} reason to be left"
            )
        if self.phase == "handed_over" and self.process:
            raise BugError("a call that was handed over belongs to no process")


class Ending(Struct, frozen=True, kw_only=True):
    """Why the call closed, for programs and for people. Once `settled`, nothing more is recorded."""

    reason: str
    detail: str
    settled: bool = False


class Record(Struct, frozen=True, kw_only=True):
    """A call's state as folded from its events."""

    version: int = 0
    ownership: Ownership = Ownership()
    takeovers: tuple[Takeover, ...] = ()
    """The newest of them."""
    state: State = State.RESUMING
    missing: frozenset[Link] = frozenset({Link.CLIENT, Link.MODEL})
    muted: bool = False
    clients: int = 0
    """How many times a client has said hello."""
    turn: int = 0
    answer: Answer | None = None
    untranscribed: tuple[int, ...] = ()
    """Turns whose transcript has not come yet, the oldest first."""
    suspicion: Suspicion | None = None
    generation: int = 0
    reply: Reply | None = None
    stale: tuple[StaleReply, ...] = ()
    """Replies that Gemini has not ended yet, the oldest first."""
    unheard: UnheardReply | None = None
    """A reply that the model still needs a note about."""
    newest_reply: int = 0
    """The newest reply of which something was heard; 0 for none."""
    asked_sample: int = 0
    """Where the newest window ended that the model was asked to answer."""
    earlier_sample: int = 0
    """Where the newest window ended of an earlier turn than the answer's."""
    session: ModelSession = ModelSession()
    chose_silence: bool = False
    """The model chose to say nothing, and has not been asked to go on since."""
    end_agreed: bool = False
    """The model has called the end of the interview; the call closes once its last words were
    played."""
    ending: Ending | None = None

    def __post_init__(self) -> None:
        contradiction = _contradiction(self)
        if contradiction:
            raise BugError(f"a record contradicts itself: {contradiction}")

    @property
    def epoch(self) -> int:
        """How many processes have owned the call."""
        return self.ownership.epoch

    @property
    def process(self) -> str:
        """The process that owns the call; empty once it was handed over."""
        return self.ownership.process

    @property
    def leaving(self) -> bool:
        """Whether its process was asked to hand it over and has not yet."""
        return self.ownership.phase == "leaving"

    @property
    def handed_over(self) -> bool:
        """Whether nobody owns the call."""
        return self.ownership.phase == "handed_over"

    @property
    def settled(self) -> bool:
        """Whether nothing more of it will be recorded."""
        return self.ending is not None and self.ending.settled

    @property
    def close_reason(self) -> str:
        """Why the call closed, for programs; empty while it is open."""
        return self.ending.reason if self.ending is not None else ""

    @property
    def close_detail(self) -> str:
        """Why the call closed, for people; empty while it is open."""
        return self.ending.detail if self.ending is not None else ""

    @property
    def window_open(self) -> bool:
        """Whether the candidate has the floor and the model is given their audio."""
        return self.answer is not None and self.answer.is_open

    @property
    def eager(self) -> bool:
        """Whether the model was given the answer before its end was certain."""
        return self.answer is not None and self.answer.window is Window.EAGER

    @property
    def reply_is_here(self) -> bool:
        """Whether a reply is heard, or has come to be heard: it needs no session any more."""
        return self.reply is not None and self.reply.is_here

    @property
    def answer_is_due(self) -> bool:
        """Whether the answer, or its beginning, has still to be given to a session that does not
        know it."""
        if self.answer is None or self.window_open:
            return self.answer is not None
        return self.reply is not None and not self.reply_is_here and self.answer.window is not Window.REPLIED

    @property
    def stale_speaker(self) -> StaleReply | None:
        """The stale reply that Gemini may speak of now: the oldest that has begun, as it goes in
        order."""
        began = next((reply for reply in self.stale if reply.began), None)
        return began or (self.stale[-1] if self.stale else None)


def _contradiction(record: Record) -> str:
    """What a record says against itself; empty where it does not."""
    state, reply, answer = record.state, record.reply, record.answer
    if (state is State.RESUMING) is not bool(record.missing):
        return "a call is resuming exactly while a link is missing"
    if (state is State.INTERRUPTED) is not (record.suspicion is not None):
        return "a call is interrupted exactly while a barge-in is suspected"
    if (state is State.CLOSED) is not (record.ending is not None):
        return "a call is closed exactly if it has an ending"
    if state in _SPOKEN and (reply is None or not reply.heard):
        return "only a reply that is heard is spoken, or interrupted"
    if answer is not None and answer.window is Window.EAGER and state not in _EAGER:
        return "only the answer of a candidate who has the floor is tried eagerly"
    if reply is not None and record.chose_silence:
        return "no reply is awaited of a model that chose silence"
    if reply is not None and reply.generation != record.generation:
        return "the reply that is awaited is the newest one"
    if len(record.stale) > MOST_STALE:
        return "more replies are stale than are kept"
    return ""


_SPOKEN = frozenset({State.MODEL_SPEAKING, State.INTERRUPTED})
_EAGER = frozenset({State.CANDIDATE_SPEAKING, State.RESUMING})
