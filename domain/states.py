"""The six states of a call and the triggers between them, as one table.

Everything that moves a call between states is a row of `TABLE`; the machine (`domain.machine`), the
docs and the replay page are drawn from it. Peers may send anything at any time (see
`domain.matrix`), but triggers are ours: firing one that the table does not have is a bug, raises
`IllegalTriggerError` and changes nothing.
"""

from enum import StrEnum
from typing import NamedTuple


class State(StrEnum):
    LISTENING = "listening"
    """Links are up, nobody holds the floor; a reply of the model may be pending."""
    CANDIDATE_SPEAKING = "candidate_speaking"
    """The candidate holds the floor; audio flows into an open activity window."""
    MODEL_SPEAKING = "model_speaking"
    """The interviewer's audio is playing at the candidate's end."""
    INTERRUPTED = "interrupted"
    """The candidate was heard over the interviewer: playback is held, not yet thrown away."""
    RESUMING = "resuming"
    """Something is missing (see `Link`); calls are born here; the candidate's audio is kept."""
    CLOSED = "closed"
    """The end, with its reason."""


class Link(StrEnum):
    """What a call can be missing while it is resuming."""

    CLIENT = "client"
    MODEL = "model"
    PAUSE = "pause"


class Trigger(StrEnum):
    CANDIDATE_STARTED = "candidate_started"
    CANDIDATE_STOPPED = "candidate_stopped"
    MODEL_STARTED = "model_started"
    MODEL_FINISHED = "model_finished"
    BARGE_IN_SUSPECTED = "barge_in_suspected"
    BARGE_IN_CONFIRMED = "barge_in_confirmed"
    BARGE_IN_DISMISSED = "barge_in_dismissed"
    MODEL_INTERRUPTED = "model_interrupted"
    LINK_LOST = "link_lost"
    RESTORED = "restored"
    CLOSE = "close"


class Row(NamedTuple):
    """`trigger` takes a call from any of `sources` to `target`, where `given` (a fact's name)
    holds, if named."""

    trigger: Trigger
    sources: tuple[State, ...]
    target: State
    given: str | None = None


OPEN_STATES = tuple(state for state in State if state is not State.CLOSED)

# Of the rows of one trigger and source, the first whose condition holds is taken.
TABLE: tuple[Row, ...] = (
    Row(Trigger.CANDIDATE_STARTED, (State.LISTENING,), State.CANDIDATE_SPEAKING),
    Row(Trigger.CANDIDATE_STOPPED, (State.CANDIDATE_SPEAKING,), State.LISTENING),
    Row(Trigger.MODEL_STARTED, (State.LISTENING,), State.MODEL_SPEAKING),
    Row(Trigger.MODEL_FINISHED, (State.MODEL_SPEAKING,), State.LISTENING),
    Row(Trigger.BARGE_IN_SUSPECTED, (State.MODEL_SPEAKING,), State.INTERRUPTED),
    Row(Trigger.BARGE_IN_CONFIRMED, (State.INTERRUPTED,), State.CANDIDATE_SPEAKING),
    Row(Trigger.BARGE_IN_DISMISSED, (State.INTERRUPTED,), State.MODEL_SPEAKING),
    Row(Trigger.MODEL_INTERRUPTED, (State.MODEL_SPEAKING, State.INTERRUPTED), State.CANDIDATE_SPEAKING),
    Row(Trigger.LINK_LOST, OPEN_STATES, State.RESUMING),
    Row(Trigger.RESTORED, (State.RESUMING,), State.CANDIDATE_SPEAKING, given="voice_active"),
    Row(Trigger.RESTORED, (State.RESUMING,), State.MODEL_SPEAKING, given="audio_unplayed"),
    Row(Trigger.RESTORED, (State.RESUMING,), State.LISTENING),
    Row(Trigger.CLOSE, OPEN_STATES, State.CLOSED),
)
