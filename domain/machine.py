"""One synchronous `transitions.Machine`, shared by every call of the process.

A machine per call would cost 80 µs and an asynchronous one five times as much per transition; a
call has nothing to wait for here. The machine's one model is a seat: a call sits down in its state,
fires, and takes the new state away. So all calls of a process, live or recovered, are held in one
thread.
"""

from typing import Any

from transitions import Machine, MachineError

from domain.errors import IllegalTriggerError
from domain.states import TABLE, State, Trigger


class _Seat:
    """The model the shared machine works on; the conditions named in the table are its attributes."""

    state: str
    voice_active = False
    audio_unplayed = False


def _rows() -> list[dict[str, Any]]:
    return [
        {
            "trigger": str(row.trigger),
            "source": [str(source) for source in row.sources],
            "dest": str(row.target),
            "conditions": [row.given] if row.given else None,
        }
        for row in TABLE
    ]


_seat = _Seat()
_machine = Machine(
    model=_seat,
    states=[str(state) for state in State],
    transitions=_rows(),
    initial=str(State.RESUMING),
    auto_transitions=False,
)


def fire(state: State, trigger: Trigger, *, voice_active: bool = False, audio_unplayed: bool = False) -> State:
    """The state that `trigger` leads to from `state`.

    `voice_active` and `audio_unplayed` decide where `restored` leads. Raises `IllegalTriggerError`
    for a pair that the table does not have.
    """
    _seat.voice_active, _seat.audio_unplayed = voice_active, audio_unplayed
    _machine.set_state(str(state), _seat)
    try:
        _machine.events[str(trigger)].trigger(_seat)
    except MachineError as error:
        raise IllegalTriggerError(state, trigger) from error
    return State(_seat.state)
