"""What events mean for the call itself: its owner, its links, its end."""

from msgspec.structs import replace

from domain import events as ev
from domain import inputs as inp
from domain.record.answer import Window
from domain.record.fold_session import session_lost
from domain.record.fold_table import FoldTable
from domain.record.model_session import ModelSession
from domain.record.record import MOST_TAKEOVERS, Ending, Ownership, Record, Takeover
from domain.states import Link, Trigger, fire

FOLDS = FoldTable()


@FOLDS.of(ev.CallOpened)
def _opened(record: Record, event: ev.CallOpened) -> Record:
    return replace(
        record,
        ownership=replace(record.ownership, process=event.process),
        session=ModelSession(model=event.agent.models[0], attempts=1),
    )


@FOLDS.of(inp.CallTakenOver, after_close=True)
def _taken_over(record: Record, event: inp.CallTakenOver) -> Record:
    takeover = Takeover(event.epoch, event.originator_version)
    return replace(
        record,
        ownership=Ownership(epoch=event.epoch, process=event.process),
        takeovers=(*record.takeovers, takeover)[-MOST_TAKEOVERS:],
    )


@FOLDS.of(inp.HandOverRequested, after_close=True)
def _hand_over_requested(record: Record, event: inp.HandOverRequested) -> Record:
    return replace(record, ownership=replace(record.ownership, phase="leaving", reason=event.reason))


@FOLDS.of(ev.CallHandedOver, after_close=True)
def _handed_over(record: Record, event: ev.CallHandedOver) -> Record:
    return replace(record, ownership=replace(record.ownership, phase="handed_over", process="", reason=event.reason))


@FOLDS.of(ev.CallClosed)
def _closed(record: Record, event: ev.CallClosed) -> Record:
    answer = record.answer
    if answer is not None and answer.window is Window.EAGER:
        answer = replace(answer, window=Window.OPEN)
    return replace(
        record,
        state=fire(record.state, Trigger.CLOSE),
        missing=frozenset(),
        answer=answer,
        suspicion=None,
        reply=None,
        unheard=None,
        ending=Ending(reason=event.reason, detail=event.detail),
    )


@FOLDS.of(ev.CallSettled, after_close=True)
def _settled(record: Record, _: ev.CallSettled) -> Record:
    return replace(record, ending=None if record.ending is None else replace(record.ending, settled=True))


@FOLDS.of(inp.ClientConnected)
def _client_connected(record: Record, _: inp.ClientConnected) -> Record:
    return replace(record, clients=record.clients + 1)


@FOLDS.of(inp.MicMuted)
def _muted(record: Record, _: inp.MicMuted) -> Record:
    return replace(record, muted=True)


@FOLDS.of(inp.MicUnmuted)
def _unmuted(record: Record, _: inp.MicUnmuted) -> Record:
    return replace(record, muted=False)


@FOLDS.of(ev.LinkLost)
def _link_lost(record: Record, event: ev.LinkLost) -> Record:
    lost = replace(
        record,
        state=fire(record.state, Trigger.LINK_LOST),
        missing=record.missing | {event.link},
        suspicion=None,
    )
    return lost if event.link is Link.CLIENT else session_lost(lost, event)


@FOLDS.of(ev.LinkRestored)
def _link_restored(record: Record, event: ev.LinkRestored) -> Record:
    missing = record.missing - {event.link}
    if missing or not record.missing:
        return replace(record, missing=missing)
    to_state = fire(
        record.state, Trigger.RESTORED, voice_active=event.voice_active, audio_unplayed=event.audio_unplayed
    )
    return replace(record, missing=missing, state=to_state, session=record.session.gone_on())
