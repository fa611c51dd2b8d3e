"""What events mean for the candidate's answers and barge-ins."""

from msgspec.structs import replace

from domain import events as ev
from domain import inputs as inp
from domain.errors import BugError
from domain.event import Event
from domain.record.answer import Answer, AnswerEnd, Suspicion
from domain.record.fold_replies import retire_reply
from domain.record.fold_table import FoldTable
from domain.record.record import MOST_UNTRANSCRIBED, Record
from domain.states import State, Trigger, fire

FOLDS = FoldTable()


def _open_answer_of(record: Record, event: Event) -> Answer:
    if record.answer is None:
        raise BugError(f"{event.TOPIC} needs an open answer, and none is open")
    return record.answer


def _open_answer(record: Record, event: ev.CandidateStarted | ev.BargeInConfirmed) -> Record:
    before = record.answer
    same_turn = before is not None and before.turn == event.turn
    untranscribed = record.untranscribed
    if event.turn not in untranscribed:
        untranscribed = (*untranscribed, event.turn)[-MOST_UNTRANSCRIBED:]
    return replace(
        record,
        turn=event.turn,
        untranscribed=untranscribed,
        earlier_sample=record.earlier_sample if same_turn else record.asked_sample,
        answer=Answer(
            turn=event.turn,
            from_sample=event.from_sample,
            first_sample=before.first_sample if before is not None and same_turn else event.from_sample,
            opened_at_us=event.at_us,
        ),
    )


@FOLDS.of(ev.CandidateStarted)
def _candidate_started(record: Record, event: ev.CandidateStarted) -> Record:
    state = record.state
    if state is not State.CANDIDATE_SPEAKING:  # after `restored` the floor is the candidate's already
        state = fire(state, Trigger.CANDIDATE_STARTED)
    return _open_answer(replace(record, state=state), event)


@FOLDS.of(ev.CandidateStopped)
def _candidate_stopped(record: Record, event: ev.CandidateStopped) -> Record:
    answer = _open_answer_of(record, event)
    end = AnswerEnd(
        to_sample=event.to_sample,
        end_sample=event.end_sample,
        end_at_us=event.end_at_us,
        stopped_at_us=event.at_us,
    )
    return replace(
        record,
        state=fire(record.state, Trigger.CANDIDATE_STOPPED),
        answer=answer.stopped(end),
        asked_sample=event.to_sample,
    )


@FOLDS.of(ev.EagerEndTried)
def _eager_end_tried(record: Record, event: ev.EagerEndTried) -> Record:
    answer = _open_answer_of(record, event)
    return replace(record, answer=answer.tried_eagerly(), asked_sample=event.to_sample)


@FOLDS.of(ev.EagerEndWithdrawn)
def _eager_end_withdrawn(record: Record, event: ev.EagerEndWithdrawn) -> Record:
    answer = _open_answer_of(record, event)
    return replace(record, answer=answer.reopened(event.at_us))


@FOLDS.of(inp.CandidateTranscribed)
def _candidate_transcribed(record: Record, event: inp.CandidateTranscribed) -> Record:
    # Of earlier turns nothing more will come; an interim text is replaced by a later one.
    awaited = event.turn if event.interim else event.turn + 1
    return replace(record, untranscribed=tuple(turn for turn in record.untranscribed if turn >= awaited))


@FOLDS.of(ev.BargeInSuspected)
def _barge_in_suspected(record: Record, event: ev.BargeInSuspected) -> Record:
    suspicion = Suspicion(
        onset_sample=event.onset_sample,
        onset_at_us=event.onset_at_us,
        held_at_us=event.at_us,
        held_sample=event.evidence.get("at_sample", event.onset_sample),
    )
    return replace(record, state=fire(record.state, Trigger.BARGE_IN_SUSPECTED), suspicion=suspicion)


@FOLDS.of(ev.BargeInDismissed)
def _barge_in_dismissed(record: Record, _: ev.BargeInDismissed) -> Record:
    return replace(record, state=fire(record.state, Trigger.BARGE_IN_DISMISSED), suspicion=None)


@FOLDS.of(ev.BargeInConfirmed)
def _barge_in_confirmed(record: Record, event: ev.BargeInConfirmed) -> Record:
    trigger = Trigger.MODEL_INTERRUPTED if event.reason == "model" else Trigger.BARGE_IN_CONFIRMED
    yielded = retire_reply(replace(record, state=fire(record.state, trigger), suspicion=None, reply=None), record.reply)
    return _open_answer(yielded, event)
