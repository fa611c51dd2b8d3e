"""What each event means for the record: the only place that makes the next one.

`Call.handle` emits events and folds them at once; recovery and replay fold the same events read
back. Events that change nothing here (round trips and the like) are facts for the projections.
"""

from msgspec.structs import replace

from domain.event import Event
from domain.record import fold_answers, fold_call, fold_replies, fold_session
from domain.record.fold_table import FoldTable
from domain.record.record import Record
from domain.states import State

FOLDS = FoldTable(fold_call.FOLDS, fold_answers.FOLDS, fold_replies.FOLDS, fold_session.FOLDS)


def fold(record: Record, event: Event) -> Record:
    """The record after `event`. After the end only the owner changes, and that the call settles."""
    meaning = FOLDS.find(type(event), closed=record.state is State.CLOSED)
    folded = meaning(record, event) if meaning is not None else record
    return replace(folded, version=event.originator_version)
