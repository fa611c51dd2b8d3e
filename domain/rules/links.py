"""Losing and regaining the two links: the client's websocket and the Gemini session."""

from domain.aggregate import CallAggregate
from domain.effects import ReplayMessages, TellReady
from domain.event import Evidence
from domain.events import CandidateStarted, LinkLost, LinkRestored, ReplyCut
from domain.inputs import ClientConnected, ClientLost, ModelConnected, ModelLost
from domain.record.client_messages import kept_version
from domain.record.model_session import Rotation
from domain.rules import eager
from domain.rules.barge_in import cut_facts, dismiss
from domain.rules.ending import close
from domain.rules.floor import (
    ask_to_open,
    end_if_muted,
    expect_reply,
    give_again,
    give_from,
    nudge,
    open_window,
    send_up_to_now,
    stop_waiting,
    with_preroll,
    withdraw_reply,
)
from domain.rules.playback import finish_if_heard, start_if_heard
from domain.rules.restoring import answer_lost_calls, dial, due_from, handle_is_behind
from domain.states import Link, State
from domain.timers import Timer


def client_connected(call: CallAggregate, hello: ClientConnected) -> None:
    """A client said hello: the first one, one that comes back, or one that replaces another."""
    if Link.CLIENT not in call.record.missing:
        client_gone(call, "replaced")
    call.timers.stop(Timer.RESUME)
    call.playout.rewind(hello.played_sample)
    if call.record.clients == 1:
        dial(call, call.record.session.attempts, wait_ms=0)
    restore(call, Link.CLIENT)


def answer_hello(call: CallAggregate, hello: ClientConnected) -> tuple[TellReady, ReplayMessages]:
    """The first two effects for a client that said hello; they precede all others of the decision."""
    record, links = call.record, call.policy.links
    kept = min(record.version, kept_version(hello.seen_version, hello.seen_epoch, record.takeovers))
    ready = TellReady(
        resumed=record.clients > 1,
        epoch=record.epoch,
        kept_version=kept,
        state=record.state,
        missing=tuple(sorted(record.missing)),
        muted=record.muted,
        held=call.playout.held,
        lead_ms=call.policy.playout.lead_ms,
        silence_ms=links.silence_ms,
        resume_wait_ms=links.resume_wait_ms,
    )
    return ready, ReplayMessages(kept)


def client_lost(call: CallAggregate, lost: ClientLost) -> None:
    if Link.CLIENT in call.record.missing:
        call.ignore(lost)
        return
    client_gone(call, lost.reason)
    call.timers.start(Timer.RESUME, call.now_us + call.policy.links.resume_wait_ms * 1000)


def client_gone(call: CallAggregate, reason: str) -> None:
    """The client's connection has ended."""
    if call.record.state is State.INTERRUPTED:
        dismiss(call, "client_lost", "client_lost")
    call.decide(LinkLost, link=Link.CLIENT, reason=reason)
    call.progress.away_since_us = call.now_us
    call.timers.stop(Timer.STALL)


def model_connected(call: CallAggregate, connected: ModelConnected) -> None:
    if Link.MODEL not in call.record.missing:
        call.ignore(connected)
        return
    call.delivery.begin_session()
    call.timers.start(Timer.SESSION_AGE, call.now_us + call.policy.links.session_age_ms * 1000)
    if connected.resumed:
        answer_lost_calls(call)
    restore(call, Link.MODEL)


def model_lost(call: CallAggregate, lost: ModelLost) -> None:
    """Dial again, a bounded number of times; never the same set-up that can never work.

    A handle that is refused is not tried again, and costs neither a wait nor one of the tries.
    """
    record, refused = call.record, not lost.retryable
    by_handle = record.session.handle is not None
    model: str | None = record.session.model
    if refused and not by_handle:  # a fresh session of this model was refused: try the next model
        model = _next_model(call)
    if model is None:
        tried = {"models": len(call.opened.agent.models), "code": lost.code}
        close(call, "model_unavailable", f"No configured model accepts this call: {lost.reason}", tried)
    elif refused and by_handle and Link.MODEL in record.missing:
        redial(call, lost.reason, record.session.attempts, model=model, refused=True)
    else:
        _dial_again(call, lost.reason, model, refused)


def model_lost_while_interrupted(call: CallAggregate, lost: ModelLost) -> None:
    """The decision about the barge-in goes on; `resuming` follows it."""
    call.deferred_loss = lost


def rotate(call: CallAggregate, reason: str) -> None:
    """Leave a session that is about to end, or that has stopped answering, for a new one by its
    handle."""
    _dial_again(call, reason, call.record.session.model, refused=False)


def dial_anew(call: CallAggregate, reason: str) -> None:
    """The session ended with the process that held it; that is no failure of Gemini's."""
    redial(call, reason, 1, model=call.record.session.model)


def _next_model(call: CallAggregate) -> str | None:
    models = call.opened.agent.models
    after = models.index(call.record.session.model) + 1
    return models[after] if after < len(models) else None


def _dial_again(call: CallAggregate, reason: str, model: str, refused: bool) -> None:
    session, links = call.record.session, call.policy.links
    connected = Link.MODEL not in call.record.missing
    lived_us = call.now_us - session.connected_at_us if connected else 0
    healthy = connected and lived_us >= links.healthy_ms * 1000
    attempt = 1 if healthy else session.attempts + 1
    evidence = {"attempts": session.attempts, "most_attempts": links.dial_attempts, "session_was_healthy": int(healthy)}
    if attempt > links.dial_attempts:
        eager.withdraw(call)
        close(
            call,
            "model_unavailable",
            f"Gemini was dialled {session.attempts} times without success: {reason}",
            evidence,
        )
        return
    last_try = attempt == links.dial_attempts and not connected  # it may be the handle that does not work
    at_once = attempt == 1 or lived_us >= links.steady_ms * 1000
    wait_ms = 0 if at_once else links.dial_backoff_ms << (attempt - 2)
    redial(call, reason, attempt, wait_ms, model=model, refused=refused or last_try, evidence=evidence)


def redial(
    call: CallAggregate,
    reason: str,
    attempt: int,
    wait_ms: int = 0,
    *,
    model: str,
    refused: bool = False,
    evidence: Evidence | None = None,
) -> None:
    """The session is gone: dial by its handle, or afresh where there is none, it is `refused`, or
    knows too little."""
    eager.withdraw(call)
    session = call.record.session
    why = {
        "no_handle": session.handle is None,
        "handle_refused": refused and session.handle is not None,
        "handle_behind": handle_is_behind(call.record),
        "history_lost": session.rotation is Rotation.HISTORY_LOST,
    }
    fresh = {name: 1 for name, holds in why.items() if holds}
    call.decide(
        LinkLost,
        link=Link.MODEL,
        reason=reason,
        attempt=attempt,
        model=model,
        fresh=bool(fresh),
        evidence=(evidence or {}) | fresh,
    )
    for timer in (Timer.ROTATION, Timer.SESSION_END, Timer.SESSION_AGE, Timer.REPLY):
        call.timers.stop(timer)
    dial(call, attempt, wait_ms)


def restore(call: CallAggregate, link: Link) -> None:
    """A link is back; with nothing missing any more, the call goes on where it stood."""
    record = call.record
    missing = tuple(sorted(record.missing - {link}))
    missed_from = call.progress.missed_from
    voice_active = record.window_open or missed_from is not None or call.hearing.speaking
    unplayed = record.reply is not None and record.reply.heard
    session_changed = record.session.changed
    call.decide(
        LinkRestored,
        link=link,
        missing=missing,
        voice_active=voice_active and not missing,
        audio_unplayed=unplayed and not missing,
        evidence={
            "window_open": int(record.window_open),
            "missed_from_sample": -1 if missed_from is None else missed_from,
            "voice_active": int(call.hearing.speaking),
            "unplayed_model_samples": call.playout.end_sample - call.playout.played_sample,
        },
    )
    if not missing:
        _go_on(call, session_changed)


def _go_on(call: CallAggregate, session_changed: bool) -> None:
    record = call.record
    if record.state is State.CANDIDATE_SPEAKING:
        _candidate_goes_on(call, session_changed)
    elif record.state is State.MODEL_SPEAKING:
        finish_if_heard(call)
    elif record.generation == 0:
        ask_to_open(call)
    elif session_changed and record.reply is not None and not record.reply_is_here:
        _ask_again(call)
    else:
        start_if_heard(call)
        finish_if_heard(call)


def _candidate_goes_on(call: CallAggregate, session_changed: bool) -> None:
    """An open window is sent again whole to a new session; a voice missed meanwhile gets its window
    now."""
    if not call.record.window_open:
        _give_missed_window(call, session_changed)
    elif not call.record.eager:  # given to the model already: it goes on with the next frame, or is over
        if call.record.reply is not None:  # begun by Gemini while the client was away
            withdraw_reply(call, "candidate_spoke_on")
        if session_changed:
            give_from(call, due_from(call.record))
        else:
            send_up_to_now(call)
    end_if_muted(call)


def _give_missed_window(call: CallAggregate, session_changed: bool) -> None:
    """Withdraw a reply that nobody has heard: the answer before it and the speech since are one
    turn.

    A new session that has not been given its first stretch is given both.
    """
    record, hearing, missed_from = call.record, call.hearing, call.progress.missed_from
    turn = record.turn + 1
    onset = hearing.onset_sample if hearing.onset_sample is not None else missed_from
    assert onset is not None
    from_sample = missed_from if missed_from is not None else with_preroll(call, onset)
    call.progress.missed_from = None
    call.endpointing.answer_begins()
    if record.reply is not None:
        if record.reply.heard:
            call.decide(ReplyCut, generation=record.reply.generation, **cut_facts(call))
        elif record.reply.cause != "opening" and record.answer is not None:
            turn = record.turn
        withdraw_reply(call, "candidate_spoke_on")
    call.decide(
        CandidateStarted,
        turn=turn,
        onset_sample=onset,
        onset_at_us=hearing.onset_at_us,
        from_sample=from_sample,
        rule="missed_while_resuming",
        evidence=hearing.evidence(),
    )
    open_window(call, due_from(call.record) if session_changed else from_sample)


def _ask_again(call: CallAggregate) -> None:
    """The reply that was awaited died with its session: give the new one the same answer, if it
    needs it, again."""
    record, answer = call.record, call.record.answer
    end = answer.end if answer is not None and record.answer_is_due else None
    withdraw_reply(call, "model_lost")
    stop_waiting(call)
    if end is not None and record.session.knows.sample < end.to_sample:
        expect_reply(call, "resent")
        give_again(call, due_from(call.record), end.to_sample)
    elif record.newest_reply:
        nudge(call)
    else:
        ask_to_open(call)
