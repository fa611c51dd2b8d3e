"""What a call is, as far as its events tell: the part of its memory that a fold of the log gives
back."""

from dataclasses import dataclass, field
from typing import Literal

from domain.interview import Agent
from domain.record.conversation import History
from domain.states import Link, State


@dataclass(slots=True)
class Reply:
    """One reply of the model, from the moment we expect it until it was played, cancelled or cut."""

    generation: int
    cause: str
    turn: int
    requested_at_us: int
    started: bool = False
    """Its first audio has arrived, at `started_at_us` and from `first_model_sample` on."""
    started_at_us: int = 0
    first_model_sample: int = 0
    playing: bool = False
    """Its first sample has been played to the candidate."""
    complete: bool = False
    """No more audio will come."""
    ended: bool = False
    """Gemini has said that its turn is over."""
    ended_at_us: int = 0
    """When it said so without having completed its audio before, which may be premature; 0 where it
    did not."""
    truncated: bool = False
    """It broke off: the link was lost, or Gemini called it interrupted though nobody spoke."""
    orphaned: bool = False
    """The session that it was asked of is gone: nothing more of it will come, and nobody will say
    that it is over."""
    text: str = ""
    asked_sample: int = 0
    """The candidate's audio before this had been given to the model, in windows that were closed."""


@dataclass(slots=True)
class Answer:
    """The stretch of the candidate's audio that the model was given, or is being given, for a turn."""

    turn: int
    from_sample: int
    first_sample: int = 0
    """Where the turn began: before `from_sample` if this is a later stretch of it."""
    to_sample: int | None = None
    """None while the activity window is open."""
    opened_at_us: int = 0
    end_sample: int = 0
    end_at_us: int = 0
    """Where the last frame that sounded ended, and when it arrived."""
    stopped_at_us: int = 0
    replied: bool = False
    """A reply to it has been heard, at least its beginning: it need not be given to the model
    again."""


@dataclass(slots=True)
class Suspicion:
    """A barge-in under suspicion."""

    onset_sample: int
    onset_at_us: int
    held_at_us: int
    held_sample: int
    """Where the candidate's audio was when playback was held: no doubt lasts long from there."""


@dataclass(slots=True)
class Unheard:
    """A reply of which the model believes that more was heard than was."""

    generation: int
    heard_ms: int = 0
    heard_text: str = ""


@dataclass(slots=True)
class Known:
    """What a Gemini session remembers: replies up to `generation`, the candidate's audio before
    `sample`."""

    generation: int = 0
    sample: int = 0


@dataclass(slots=True)
class ToolCall:
    """A function call whose answer may not have reached the model. `held`: the session's handle
    remembers the call."""

    id: str
    name: str
    at_us: int
    held: bool = False


@dataclass(slots=True)
class Record:
    """A call's state as folded from its events (`domain.record.fold`)."""

    agent: Agent
    epoch: int = 1
    """How many processes have owned the call."""
    takeovers: list[tuple[int, int]] = field(default_factory=list)
    """Each takeover's epoch, and the version of its event."""
    process: str = ""
    """Who owns it; empty once it was handed over."""
    leaving: str = ""
    """Why its process was asked to hand it over; empty where it was not."""
    handed_over: bool = False
    state: State = State.RESUMING
    missing: set[Link] = field(default_factory=lambda: {Link.CLIENT, Link.MODEL})
    version: int = 0
    muted: bool = False
    turn: int = 0
    generation: int = 0
    answer: Answer | None = None
    untranscribed: list[int] = field(default_factory=list)
    """Turns whose transcript has not come yet, the oldest first."""
    reply: Reply | None = None
    suspicion: Suspicion | None = None
    eager: bool = False
    """The model was given the answer before its end was certain; its window is closed for the time
    being."""
    unheard: Unheard | None = None
    """What the model has yet to be told."""
    history: History = field(default_factory=History)
    """What was said, as it was heard."""
    asked_sample: int = 0
    """Where the newest window ended that the model was asked to answer."""
    earlier_sample: int = 0
    """Where the newest one of an earlier turn than the answer's ended."""
    known: Known = field(default_factory=Known)
    """What the newest Gemini session knows, or the one that is being dialled will."""
    held: Known = field(default_factory=Known)
    """What the handle stands for."""
    remembered: int = 0
    forgotten: int = 0
    """The newest session knew replies up to `remembered` when it began, and none after it up to
    `forgotten`."""
    tool_calls: list[ToolCall] = field(default_factory=list)
    owed: int = 0
    """A generation that is over for us and that Gemini has not ended yet; 0 for none."""
    owed_audio: bool = False
    """More of its audio may come."""
    owed_started: bool = False
    """Some of its audio had come: then Gemini has an interruption to report, and an end."""
    owed_asked_sample: int = 0
    chose_silence: bool = False
    """The model chose to say nothing, and has not been asked to go on since."""
    clients: int = 0
    """How many times a client has said hello."""
    attempts: int = 0
    """Dials for a Gemini session since a reply was last completed."""
    model: str = ""
    handle: str = ""
    resumable: bool = False
    """The session could be continued by `handle` as it is now: nothing was said since."""
    connected_at_us: int = 0
    """When the newest Gemini session was set up."""
    session_changed: bool = False
    """A session died, and what it knew of the open window or the awaited reply died with it."""
    rotation_due: bool = False
    """The session should be left at a quiet moment: it is about to end, or old, or has lost its
    memory."""
    amnesic: bool = False
    """It was resumed, and remembers nothing."""
    first_prompt_tokens: int = 0
    """What the model's first turn was made from: its instruction, hardly more."""
    prompt_tokens: int = 0
    """What its newest turn was made from, by its own account."""
    prompt_tokens_before: int = 0
    """The same, of the session before."""
    restored_by: Literal["", "handle", "seed"] = ""
    """How the newest session should have come to remember the interview, as long as nothing shows
    whether it does."""
    ending: bool = False
    """The model has called the end of the interview; the call closes once its last words were
    played."""
    settled: bool = False
    close_reason: str = ""
    close_detail: str = ""

    @property
    def window_open(self) -> bool:
        """Whether the candidate has the floor and the model is being given their audio."""
        return self.answer is not None and self.answer.to_sample is None

    @property
    def reply_is_here(self) -> bool:
        """Whether a reply is being heard, or has arrived to be heard: it needs no session any more."""
        return self.reply is not None and (self.reply.playing or (self.reply.started and self.reply.complete))

    @property
    def answer_is_due(self) -> bool:
        """Whether the newest answer, or its beginning, has still to be given to a session that does
        not know it."""
        if self.answer is None or self.window_open:
            return self.answer is not None
        return self.reply is not None and not self.reply_is_here and not self.answer.replied
