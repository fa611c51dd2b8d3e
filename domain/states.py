"""The six states of a call, the triggers between them, and the machine that owns the table.

Everything that moves a call between states is a row of `TABLE`. `transitions` makes a machine of it
and answers every pair of state, trigger and condition once, at import; at run time `fire` looks the
answer up, so it is a pure function of its arguments. The docs and the replay page draw the machine.

Peers may send anything at any time (see `domain.matrix`), but triggers are ours: firing one that
the table does not have is a bug, raises `IllegalTriggerError` and changes nothing.
"""

from enum import StrEnum
from itertools import product
from typing import NamedTuple

from transitions import Machine, MachineError

from domain.errors import IllegalTriggerError


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


class _Asked:
    """The machine's model while it is asked. The conditions named in the table are its attributes."""

    state: str
    voice_active = False
    audio_unplayed = False


def _machine() -> Machine:
    return Machine(
        model=None,
        states=[str(state) for state in State],
        transitions=[
            {
                "trigger": str(row.trigger),
                "source": [str(source) for source in row.sources],
                "dest": str(row.target),
                "conditions": [row.given] if row.given else None,
            }
            for row in TABLE
        ],
        initial=str(State.RESUMING),
        auto_transitions=False,
    )


def _answers(machine: Machine) -> dict[tuple[State, Trigger, bool, bool], State]:
    """What the machine makes of every pair of state and trigger under every condition; a pair it lacks is left out."""
    asked = _Asked()
    machine.add_model(asked)
    answers = {}
    for state, trigger, voice_active, audio_unplayed in product(State, Trigger, (False, True), (False, True)):
        asked.voice_active, asked.audio_unplayed = voice_active, audio_unplayed
        machine.set_state(str(state), asked)
        try:
            machine.events[str(trigger)].trigger(asked)
        except MachineError:
            continue
        answers[state, trigger, voice_active, audio_unplayed] = State(asked.state)
    return answers


MACHINE = _machine()
"""The machine that `transitions` makes of `TABLE`. Docs draw their diagram from it."""
_ANSWERS = _answers(MACHINE)


def fire(state: State, trigger: Trigger, *, voice_active: bool = False, audio_unplayed: bool = False) -> State:
    """The state that `trigger` leads to from `state`: the machine's answer, looked up.

    `voice_active` and `audio_unplayed` decide where `restored` leads. Raises `IllegalTriggerError`
    for a pair that the table does not have.
    """
    try:
        return _ANSWERS[state, trigger, voice_active, audio_unplayed]
    except KeyError:
        raise IllegalTriggerError(state, trigger) from None
