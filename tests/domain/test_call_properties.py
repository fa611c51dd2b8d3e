"""Whatever happens, in whatever order: the laws of the core that hold for every sequence of
inputs."""

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain import inputs as inp
from domain.call import Call
from domain.effects import SendInterviewerAudio
from domain.events import SnapshotTaken
from domain.policy import EagerPolicy, EndpointPolicy, Policy, RecordingPolicy
from domain.record.record import Ownership, Record
from domain.recovery.recover import recover
from domain.recovery.replay import fold_all, inputs_of, rerun
from domain.recovery.snapshot import take_snapshot
from domain.sound.hearing import Hearing
from domain.sound.playout import Playout
from domain.states import State
from tests.domain.calls import Driver
from tests.domain.inputs_strategy import happenings, rare
from tests.domain.segments import stored

POLICIES = [
    Policy(),
    Policy(endpoint=EndpointPolicy(turns="gemini")),
    Policy(eager=EagerPolicy(enabled=True)),
    Policy(recording=RecordingPolicy(snapshot_every_ms=200)),
]
Run = list[tuple[list[inp.Input], int]]
"""Inputs, and the time that passes before each."""
relaxed = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def drive(policy: Policy, connected: bool, run: Sequence[tuple[list[inp.Input], int | None]]) -> Driver:
    """Inputs with no time to pass before them happen when they are dated."""
    driver = Driver(policy)
    if connected:
        driver.connected()
    for inputs, after_us in run:
        for happened in inputs:
            driver.happens(happened, happened.at_us - driver.now_us if after_us is None else after_us)
    return driver


@relaxed
@given(policy=st.sampled_from(POLICIES), connected=st.booleans(), run=happenings)
def test_no_sequence_raises_and_the_fold_of_the_events_is_the_state(policy: Policy, connected: bool, run: Run) -> None:
    """Folding what a call emitted gives the record it has; versions are consecutive."""
    driver = drive(policy, connected, run)
    again = fold_all(driver.events)
    assert again.state in State
    assert again.record == driver.call.record
    assert [event.originator_version for event in driver.events] == list(range(1, len(driver.events) + 1))


@relaxed
@given(policy=st.sampled_from(POLICIES), connected=st.booleans(), run=happenings)
def test_the_log_gives_back_every_input_and_the_same_decisions(policy: Policy, connected: bool, run: Run) -> None:
    """Re-running the core over the inputs read back from events and segments decides the same."""
    driver = drive(policy, connected, run)
    if driver.call.record.handed_over:
        driver.crashes()
    if driver.call.state is not State.CLOSED:
        driver.happens(inp.HangupRequested(by="server", reason="the test is over"))
    driver.happens(inp.ClientLost(reason="the test is over", left=True))
    recorded = list(inputs_of(driver.events, stored(driver)))
    assert len(recorded) == driver.call.progress.seq
    assert list(rerun(driver.events, recorded)) == driver.events


@relaxed
@given(policy=st.sampled_from(POLICIES), connected=st.booleans(), run=happenings)
def test_whenever_a_process_dies_its_log_gives_the_call_back_as_it_was(
    policy: Policy, connected: bool, run: Run
) -> None:
    """What is recorded at any moment is a gap-free prefix of the call: running the core over it
    loses nothing."""
    driver = drive(policy, connected, run)
    driver.loses_what_is_not_recorded()
    again = drive(policy, False, [([happened], None) for happened in driver.inputs]).call
    recovered = recover(driver.events, stored(driver)).call
    from_the_beginning = [
        msgspec.structs.replace(event, decision_version=0) if isinstance(event, SnapshotTaken) else event
        for event in driver.events
    ]
    assert knowledge(recover(from_the_beginning, stored(driver)).call) == knowledge(again)
    assert knowledge(recovered) == knowledge(again)
    assert standing(recovered) == standing(again)


def standing(call: Call) -> tuple[Record, Hearing, Playout]:
    """All that an ignored input must leave as it is: record, hearing and playout."""
    return msgspec.structs.replace(call.record, version=0), copy.deepcopy(call.hearing), copy.deepcopy(call.playout)


def knowledge(call: Call) -> dict[str, Any]:
    """All that a call knows."""
    return take_snapshot(call)


@relaxed
@given(connected=st.booleans(), run=happenings, strays=st.lists(rare, min_size=1, max_size=20))
def test_an_ignored_input_changes_nothing_but_a_counter(
    connected: bool, run: Run, strays: list[list[inp.Input]]
) -> None:
    """Whatever is counted as ignored, in whatever state: record, hearing and playout stay as they
    were."""
    driver = drive(Policy(), connected, run)
    call = driver.call
    unrecognised: list[inp.Input] = [inp.ModelMessageUnrecognised(fields=("x",))]
    for stray in [*strays, unrecognised]:
        driver.happens(inp.UsageReported(usage={}))  # lets deadlines pass that were already due
        before, counted = standing(call), sum(call.progress.ignored.values())
        for happened in stray:
            driver.happens(happened)
        if sum(call.progress.ignored.values()) > counted:
            assert standing(call) == before
    assert call.record.settled or call.record.handed_over or sum(call.progress.ignored.values()) > counted


@relaxed
@given(run=happenings)
def test_a_closed_call_stays_as_it_is(run: Run) -> None:
    """Nothing that happens after the end leads anywhere; all that may change is whose it is, and
    that it settles."""
    driver = Driver().connected()
    driver.happens(inp.HangupRequested(by="candidate", reason=""))
    before = without_owner(driver.call.record)
    for inputs, after_us in run:
        for happened in inputs:
            driver.happens(happened, after_us)
            assert without_owner(driver.call.record) == before


def without_owner(record: Record) -> Record:
    """All of a closed call's record that has to stay as it is."""
    assert record.ending is not None
    ending = msgspec.structs.replace(record.ending, settled=True)
    return msgspec.structs.replace(record, version=0, ownership=Ownership(), takeovers=(), ending=ending)


@relaxed
@given(run=happenings)
def test_audio_is_sent_to_the_client_once_and_in_order(run: Run) -> None:
    """Ranges sent never overlap, except what a returning client had not played."""
    driver = Driver().connected()
    newest = 0
    for inputs, after_us in run:
        for happened in inputs:
            decision = driver.happens(happened, after_us)
            if isinstance(happened, inp.ClientConnected):
                newest = 0
            for effect in decision.effects:
                if isinstance(effect, SendInterviewerAudio):
                    assert effect.from_sample >= newest
                    assert effect.to_sample > effect.from_sample
                    newest = effect.to_sample


def test_every_kind_of_input_is_generated() -> None:
    """The strategies above leave no input out."""
    import tests.domain.inputs_strategy as strategies

    text = Path(strategies.__file__).read_text(encoding="utf-8")
    missing = [kind.__name__ for kind in inp.Input.__args__ if f"inp.{kind.__name__}" not in text]
    assert not missing, missing


@pytest.mark.parametrize("policy", POLICIES)
def test_a_spurious_wake_up_leaves_no_trace(policy: Policy) -> None:
    """A wake-up before any deadline is due is not even recorded."""
    driver = Driver(policy).connected()
    before = driver.call.record.version
    assert driver.happens(inp.DeadlinePassed()) == ((), ())
    assert driver.call.record.version == before
