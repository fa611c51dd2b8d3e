"""The state table and the machine that runs it."""

from typing import Any

import pytest

from domain.errors import IllegalTriggerError
from domain.inputs import Input
from domain.machine import fire
from domain.matrix import MATRIX
from domain.states import TABLE, State, Trigger

LEGAL = {(source, row.trigger) for row in TABLE for source in row.sources}


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row.trigger} to {row.target}")
def test_every_row_of_the_table_leads_where_it_says(row: Any) -> None:
    """The machine is the table."""
    facts = {row.given: True} if row.given else {}
    assert {fire(source, row.trigger, **facts) for source in row.sources} == {row.target}


@pytest.mark.parametrize(("state", "trigger"), [(s, t) for s in State for t in Trigger if (s, t) not in LEGAL])
def test_a_trigger_that_the_table_does_not_have_raises(state: State, trigger: Trigger) -> None:
    """Ours, so a bug: a typed error, and the machine is as it was."""
    with pytest.raises(IllegalTriggerError) as raised:
        fire(state, trigger)
    assert (raised.value.state, raised.value.trigger) == (state, trigger)
    assert fire(State.LISTENING, Trigger.CANDIDATE_STARTED) is State.CANDIDATE_SPEAKING


def test_a_voice_goes_before_unplayed_audio_when_restored() -> None:
    """Of two conditions that hold, the table's first row wins."""
    both = {"voice_active": True, "audio_unplayed": True}
    assert fire(State.RESUMING, Trigger.RESTORED, **both) is State.CANDIDATE_SPEAKING


def test_the_matrix_is_total() -> None:
    """Every kind of input has a cell in every state."""
    assert set(MATRIX) == set(Input.__args__)
    assert all(set(row) == set(State) for row in MATRIX.values())
