"""The model's session: one value, and every way in which it changes.

A session's history holds its input and its replies. Its handle stands for the history at the moment
at which Gemini issued it; a session that is dialled afresh is seeded with the conversation.
"""

from enum import StrEnum
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from domain.errors import BugError

_MOST_TOOL_CALLS = 32


class Knowledge(Struct, frozen=True, kw_only=True):
    """What a session's history holds: replies up to `generation`, the candidate's audio before
    `sample`."""

    generation: int = 0
    sample: int = 0


class Handle(Struct, frozen=True, kw_only=True):
    """With `text` a later connection continues a session that knows `knows`.

    `current`: it stands for the session as it is now; nothing was said since.
    """

    text: str
    knows: Knowledge
    current: bool


class ToolCall(Struct, frozen=True, kw_only=True):
    """A function call whose answer may not have reached the model. `in_handle`: the handle knows
    the call."""

    id: str
    name: str
    at_us: int
    in_handle: bool = False


class Rotation(StrEnum):
    """Whether the session should be left at a quiet moment, and why."""

    NONE = "none"
    DUE = "due"
    """It is about to end, or old."""
    HISTORY_LOST = "history_lost"
    """It was resumed, and its history is empty."""


class ModelSession(Struct, frozen=True, kw_only=True):
    """The newest Gemini session, or the one that is being dialled: the `number`-th of the call.

    `attempts` counts dials since a reply was last completed. `changed`: an earlier session died and
    the call has not gone on with this one yet. Of the replies after `knew_replies_to` and up to
    `began_after` the session knows nothing: they fell between it and its predecessor.
    """

    model: str = ""
    number: int = 0
    attempts: int = 0
    connected_at_us: int = 0
    changed: bool = False
    rotation: Rotation = Rotation.NONE
    handle: Handle | None = None
    knows: Knowledge = Knowledge()
    knew_replies_to: int = 0
    began_after: int = 0
    tool_calls: tuple[ToolCall, ...] = ()
    first_prompt_tokens: int = 0
    """What the model's first turn was made from: its instruction, hardly more."""
    prompt_tokens: int = 0
    """What its newest turn was made from, by its own account."""
    prompt_tokens_before: int = 0
    """The same, of the session before."""
    unverified: Literal["", "handle", "seed"] = ""
    """By which method it got its history, until that is verified."""
    seeded_characters: int = 0
    """How much of the conversation it was given when it was dialled."""

    def __post_init__(self) -> None:
        if self.unverified == "handle" and self.handle is None:
            raise BugError("a session whose history a handle restored has a handle")

    def lost(self, *, model: str, attempt: int, fresh: bool, conversation: Knowledge) -> "ModelSession":
        """The session is gone. `model` is dialled next: by the handle, or `fresh`, to be given
        `conversation`."""
        handle = None if fresh or self.handle is None else replace(self.handle, current=False)
        knows = conversation if fresh else handle.knows if handle is not None else Knowledge()
        tool_calls = tuple(call for call in self.tool_calls if call.in_handle and not fresh)
        return replace(
            self,
            model=model,
            number=self.number + 1,
            attempts=attempt,
            changed=True,
            rotation=Rotation.NONE,
            handle=handle,
            knows=knows,
            knew_replies_to=knows.generation,
            tool_calls=tool_calls,
            unverified="",
        )

    def connected(self, *, at_us: int, generation: int, resumed: bool, seeded_characters: int) -> "ModelSession":
        """It is set up; `generation` is the newest reply that was asked for before."""
        unverified: Literal["", "handle", "seed"] = ""
        if resumed and self.handle is not None:
            unverified = "handle"
        elif seeded_characters and not resumed:
            unverified = "seed"
        session = replace(
            self,
            connected_at_us=at_us,
            began_after=generation,
            handle=None if self.handle is None else replace(self.handle, current=resumed),
            prompt_tokens_before=self.prompt_tokens,
            unverified=unverified,
            seeded_characters=seeded_characters,
        )
        return session if resumed or seeded_characters else replace(session, knows=Knowledge(), knew_replies_to=0)

    def gone_on(self) -> "ModelSession":
        """The call goes on with it."""
        return replace(self, changed=False)

    def handle_issued(self, text: str, *, resumable: bool) -> "ModelSession":
        """Gemini said by which handle it can be continued. An empty one never replaces a good one."""
        if not (resumable and text):
            return self if self.handle is None else replace(self, handle=replace(self.handle, current=False))
        return replace(
            self,
            handle=Handle(text=text, knows=self.knows, current=True),
            tool_calls=tuple(replace(call, in_handle=True) for call in self.tool_calls),
        )

    def learned(self, generation: int, asked_sample: int) -> "ModelSession":
        """A turn of it is over: its history has this reply, and the audio that it answers."""
        return replace(self, knows=Knowledge(generation=generation, sample=max(self.knows.sample, asked_sample)))

    def proved_good(self) -> "ModelSession":
        """A reply of it was completed: earlier dials count no longer."""
        return replace(self, attempts=0)

    def going_away(self) -> "ModelSession":
        """It is about to end, or old."""
        return replace(self, rotation=Rotation.DUE) if self.rotation is Rotation.NONE else self

    def verified(self, method: str, verdict: str) -> "ModelSession":
        """Its first usage report has shown whether it has its history. A resumed session without
        one is left."""
        lost = verdict == "lost" and method == "handle"
        return replace(self, unverified="", rotation=Rotation.HISTORY_LOST if lost else self.rotation)

    def tool_called(self, call: ToolCall) -> "ModelSession":
        """The model called a function. The newest calls are kept."""
        return replace(self, tool_calls=(*self.tool_calls, call)[-_MOST_TOOL_CALLS:])

    def tool_calls_cancelled(self, ids: tuple[str, ...]) -> "ModelSession":
        """The model no longer wants these answered."""
        return replace(self, tool_calls=tuple(call for call in self.tool_calls if call.id not in ids))

    def replied_after(self, requested_at_us: int) -> "ModelSession":
        """A reply asked for at this moment began: it follows the answers to all calls before."""
        return replace(self, tool_calls=tuple(call for call in self.tool_calls if call.at_us > requested_at_us))

    def billed(self, prompt_tokens: int) -> "ModelSession":
        """A turn was made from so many tokens."""
        first = self.first_prompt_tokens or prompt_tokens
        return replace(self, prompt_tokens=prompt_tokens, first_prompt_tokens=first)
