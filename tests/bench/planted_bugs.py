"""Bugs to plant in a healthy call's evidence, each with the law that is meant to catch it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

from msgspec.structs import replace as changed

from bench.chaos.evidence.evidence import CallEvidence, GeminiSession, Received, ReceivedMessage, Window
from domain import events as ev
from domain import inputs as inp
from domain.event import Event
from domain.ports import Side
from domain.states import Link


class Bug(NamedTuple):
    """`plant` gives back the evidence of a call that has the bug."""

    says: str
    caught_by: str
    plant: Callable[[CallEvidence], CallEvidence]


BUGS: list[Bug] = []


def bug(says: str, caught_by: str) -> Callable[[Callable[[CallEvidence], CallEvidence]], None]:
    """Decorator: register a bug."""
    return lambda plant: BUGS.append(Bug(says, caught_by, plant))


def _where(seen: CallEvidence, kind: type[Event], nth: int = 0) -> int:
    return [at for at, event in enumerate(seen.events) if isinstance(event, kind)][nth]


def _numbered(seen: CallEvidence, events: list[Event]) -> CallEvidence:
    """With the versions counted again, as a store that checks them would have them."""
    counted = [changed(event, originator_version=number) for number, event in enumerate(events, start=1)]
    return replace(seen, events=tuple(counted))


def _without(seen: CallEvidence, at: int) -> list[Event]:
    return [event for place, event in enumerate(seen.events) if place != at]


def _with_message(seen: CallEvidence, message: dict[str, Any], **about: Any) -> CallEvidence:
    last = seen.client.messages[-1]
    messages = [*seen.client.messages, replace(ReceivedMessage(last.at_s, last.server, last.epoch, message), **about)]
    return replace(seen, client=replace(seen.client, messages=messages))


def _candidate(seen: CallEvidence, rewrite: Callable[[bytes], bytes]) -> CallEvidence:
    """The candidate's stored stream rewritten: the segments keep their places, the events name the
    new hashes."""
    stream = rewrite(b"".join(each.pcm for each in seen.segments(Side.CANDIDATE)))
    audio, hashes = [], {}
    for each in seen.audio:
        if each.side is Side.CANDIDATE:
            pcm = stream[2 * each.first_sample : 2 * each.first_sample + len(each.pcm)]
            fresh = hash_of(pcm)
            hashes[each.first_sample] = fresh
            audio.append(replace(each, pcm=pcm, sha256=fresh))
        else:
            audio.append(each)
    events = [
        changed(event, sha256=hashes[event.first_sample]) if isinstance(event, ev.CandidateAudioRecorded) else event
        for event in seen.events
    ]
    return replace(seen, audio=tuple(audio), events=tuple(events))


def hash_of(pcm: bytes) -> str:
    from hashlib import sha256

    return sha256(pcm).hexdigest()


def _session(seen: CallEvidence, which: int, **changes: Any) -> CallEvidence:
    sessions = list(seen.sessions)
    sessions[which] = replace(sessions[which], **changes)
    return replace(seen, sessions=tuple(sessions))


# --- the log -----------------------------------------------------------------------------------------------------


@bug("a version is left out", "versions_are_gapless")
def _(seen: CallEvidence) -> CallEvidence:
    return replace(seen, events=tuple(_without(seen, 40)))


@bug("two versions are swapped", "versions_are_gapless")
def _(seen: CallEvidence) -> CallEvidence:
    events = list(seen.events)
    events[40], events[41] = events[41], events[40]
    return replace(seen, events=tuple(events))


@bug("an event is there twice", "versions_are_gapless")
def _(seen: CallEvidence) -> CallEvidence:
    return replace(seen, events=(*seen.events[:41], seen.events[40], *seen.events[41:]))


@bug("an answer ends that never began", "states_are_legal")
def _(seen: CallEvidence) -> CallEvidence:
    stopped = seen.events[_where(seen, ev.CandidateStopped)]
    at = _where(seen, ev.CandidateStarted)
    return _numbered(seen, [*seen.events[:at], stopped, *seen.events[at:]])


@bug("a call never settles", "call_has_an_end")
def _(seen: CallEvidence) -> CallEvidence:
    return replace(seen, events=seen.events[:-1])


@bug("a call is closed by nobody", "call_has_an_end")
def _(seen: CallEvidence) -> CallEvidence:
    return replace(seen, events=seen.events[: _where(seen, ev.CallClosed)])


@bug("a call is lost", "call_ends_as_it_may")
def _(seen: CallEvidence) -> CallEvidence:
    at = _where(seen, ev.CallClosed)
    lost = changed(seen.events[at], reason="client_gone")
    return replace(seen, events=(*seen.events[:at], lost, *seen.events[at + 1 :]))


@bug("an event is lost, and the rest counted again", "log_reruns_to_itself")
def _(seen: CallEvidence) -> CallEvidence:
    return _numbered(seen, _without(seen, _where(seen, inp.ResumptionHandleIssued, 1)))


@bug("a decision was made on other numbers than the log has", "log_reruns_to_itself")
def _(seen: CallEvidence) -> CallEvidence:
    at = _where(seen, ev.CandidateStopped)
    other = changed(seen.events[at], end_sample=seen.events[at].end_sample + 320)  # type: ignore[attr-defined]
    return replace(seen, events=(*seen.events[:at], other, *seen.events[at + 1 :]))


# --- owners ------------------------------------------------------------------------------------------------------


@bug("two servers speak to the client in one epoch", "one_owner_per_epoch")
def _(seen: CallEvidence) -> CallEvidence:
    return _with_message(seen, seen.client.of("ready")[-1].body, server="b")


@bug("the client receives an epoch that the log does not know", "epochs_rise")
def _(seen: CallEvidence) -> CallEvidence:
    return _with_message(seen, seen.client.of("ready")[-1].body, epoch=3)


@bug("the client receives an older epoch again", "epochs_rise")
def _(seen: CallEvidence) -> CallEvidence:
    return _with_message(seen, seen.client.of("ready")[0].body, epoch=1)


@bug("two processes take the call over in one epoch", "one_owner_per_epoch")
def _(seen: CallEvidence) -> CallEvidence:
    at = _where(seen, inp.CallTakenOver)
    other = changed(seen.events[at], process="another")
    return _numbered(seen, [*seen.events[: at + 1], other, *seen.events[at + 1 :]])


@bug("a takeover does not raise the epoch", "epochs_rise")
def _(seen: CallEvidence) -> CallEvidence:
    at = _where(seen, inp.CallTakenOver)
    same = changed(seen.events[at], epoch=1)
    return replace(seen, events=(*seen.events[:at], same, *seen.events[at + 1 :]))


@bug("an owner that lost the call goes on sending states", "client_states_agree_with_the_log")
def _(seen: CallEvidence) -> CallEvidence:
    version = seen.events[-1].originator_version
    return _with_message(seen, {"type": "state", "version": version + 5, "state": "listening", "missing": []})


@bug("the interviewer's positions go on after a takeover as if nothing had been lost", "positions_hold_one_content")
def _(seen: CallEvidence) -> CallEvidence:
    taken_s = seen.client.of("ready")[-1].at_s
    first = next(each for each in seen.client.received if each.at_s > taken_s)
    before = max((each for each in seen.client.received if each.at_s < taken_s), key=lambda each: each.sample)
    received = [replace(each, sample=before.sample) if each is first else each for each in seen.client.received]
    return replace(seen, client=replace(seen.client, received=received))


# --- audio -------------------------------------------------------------------------------------------------------


@bug("an acknowledged segment is not stored", "segments_follow_each_other")
def _(seen: CallEvidence) -> CallEvidence:
    lost = seen.segments(Side.CANDIDATE)[2]
    return replace(seen, audio=tuple(each for each in seen.audio if each is not lost))


@bug("the last acknowledged segment is in neither log nor store", "acknowledged_audio_is_stored")
def _(seen: CallEvidence) -> CallEvidence:
    lost = seen.segments(Side.CANDIDATE)[-1]
    at = _where(seen, ev.CandidateAudioRecorded, -1)
    return replace(_numbered(seen, _without(seen, at)), audio=tuple(each for each in seen.audio if each is not lost))


@bug("an acknowledgement is ahead of what is stored", "acknowledged_audio_is_stored")
def _(seen: CallEvidence) -> CallEvidence:
    return _with_message(seen, {"type": "ack", "seq": len(seen.client.sent)})


@bug("a segment is recorded twice", "segments_follow_each_other")
def _(seen: CallEvidence) -> CallEvidence:
    at = _where(seen, ev.CandidateAudioRecorded, 2)
    return _numbered(seen, [*seen.events[: at + 1], seen.events[at], *seen.events[at + 1 :]])


@bug("a segment is stored as something else", "segments_follow_each_other")
def _(seen: CallEvidence) -> CallEvidence:
    other = [replace(each, pcm=bytes(len(each.pcm))) if place == 3 else each for place, each in enumerate(seen.audio)]
    return replace(seen, audio=tuple(other))


@bug("a message that was sent again is stored twice", "candidate_audio_is_stored_as_sent")
def _(seen: CallEvidence) -> CallEvidence:
    return _candidate(seen, lambda pcm: pcm[: 640 * 71] + pcm[640 * 70 : -640])


@bug("a message is lost in the middle", "candidate_audio_is_stored_as_sent")
def _(seen: CallEvidence) -> CallEvidence:
    return _candidate(seen, lambda pcm: pcm[: 640 * 70] + pcm[640 * 71 :] + bytes(640))


@bug("two messages are swapped", "candidate_audio_is_stored_as_sent")
def _(seen: CallEvidence) -> CallEvidence:
    first, second = slice(640 * 70, 640 * 71), slice(640 * 71, 640 * 72)
    return _candidate(seen, lambda pcm: pcm[: 640 * 70] + pcm[second] + pcm[first] + pcm[640 * 72 :])


@bug("a sample is stored as another", "candidate_audio_is_stored_as_sent")
def _(seen: CallEvidence) -> CallEvidence:
    return _candidate(seen, lambda pcm: pcm[:50_000] + b"\x55\x55" + pcm[50_002:])


@bug("the end of what was sent is stored nowhere", "candidate_audio_is_stored_as_sent")
def _(seen: CallEvidence) -> CallEvidence:
    sent = [*seen.client.sent, seen.client.sent[0]]
    return replace(seen, client=replace(seen.client, sent=sent))


@bug("a position of the interviewer's is used again", "positions_hold_one_content")
def _(seen: CallEvidence) -> CallEvidence:
    first = seen.client.received[3]
    again = Received(first.at_s + 9, first.generation + 1, first.sample + 100, seen.client.received[9].pcm)
    return replace(seen, client=replace(seen.client, received=[*seen.client.received, again]))


@bug("the interviewer is heard with what the log does not hold", "positions_hold_one_content")
def _(seen: CallEvidence) -> CallEvidence:
    last = max(seen.client.received, key=lambda each: each.sample)
    more = Received(last.at_s, last.generation, last.sample + len(last.pcm) // 2, last.pcm)
    return replace(seen, client=replace(seen.client, received=[*seen.client.received, more]))


# --- the client --------------------------------------------------------------------------------------------------


@bug("a state was sent that never was", "client_states_agree_with_the_log")
def _(seen: CallEvidence) -> CallEvidence:
    return _with_message(seen, {"type": "state", "version": 30, "state": "interrupted", "missing": []})


@bug("a state was sent that rests on nothing", "client_states_agree_with_the_log")
def _(seen: CallEvidence) -> CallEvidence:
    return _with_message(seen, {"type": "state", "version": 9_999, "state": "listening", "missing": []})


@bug("the client received another end", "client_ends_are_in_the_log")
def _(seen: CallEvidence) -> CallEvidence:
    return _with_message(seen, {"type": "closed", "version": 5, "reason": "completed", "durable": True})


def _with_messages(seen: CallEvidence, messages: list[ReceivedMessage]) -> CallEvidence:
    return replace(seen, client=replace(seen.client, messages=messages))


@bug("words were shown that the log does not hold", "client_transcript_agrees_with_the_log")
def _(seen: CallEvidence) -> CallEvidence:
    at = next(place for place, each in enumerate(seen.client.messages) if each.kind == "transcript")
    messages = list(seen.client.messages)
    messages[at] = replace(messages[at], body=messages[at].body | {"text": "Goodbye."})
    return _with_messages(seen, messages)


@bug("words that were said while the client was away are never sent", "client_transcript_agrees_with_the_log")
def _(seen: CallEvidence) -> CallEvidence:
    lost = seen.client.of("transcript")[1]
    return _with_messages(seen, [each for each in seen.client.messages if each is not lost])


@bug("words are sent once more after a reconnect", "client_transcript_agrees_with_the_log")
def _(seen: CallEvidence) -> CallEvidence:
    again = seen.client.of("transcript")[1]
    at = seen.client.messages.index(seen.client.of("ready")[-1])
    return _with_messages(seen, [*seen.client.messages[: at + 1], again, *seen.client.messages[at + 1 :]])


# --- Gemini ------------------------------------------------------------------------------------------------------


@bug("samples are missing in a window", "answers_reach_the_session_that_replies")
def _(seen: CallEvidence) -> CallEvidence:
    first, *rest = seen.sessions[1].windows
    return _session(seen, 1, windows=[Window(first.pcm[:6_400] + first.pcm[7_040:], closed=True), *rest])


@bug("a window is sent twice to the session that replies", "answers_reach_the_session_that_replies")
def _(seen: CallEvidence) -> CallEvidence:
    first, *rest = seen.sessions[1].windows
    return _session(seen, 1, windows=[first, first, *rest])


@bug("a window is sent again to a session that has it already", "answers_reach_the_session_that_replies")
def _(seen: CallEvidence) -> CallEvidence:
    known = _session(seen, 0, windows=[*seen.sessions[0].windows[:1], seen.sessions[1].windows[0]])
    return _session(known, 0, handles={**known.sessions[0].handles, "handle 2": 2})


@bug("a window never came to its end", "answers_reach_the_session_that_replies")
def _(seen: CallEvidence) -> CallEvidence:
    first, *rest = seen.sessions[1].windows
    return _session(seen, 1, windows=[Window(first.pcm), *rest])


@bug("another session replies than was given the answer", "answers_reach_the_session_that_replies")
def _(seen: CallEvidence) -> CallEvidence:
    return _session(seen, 1, windows=seen.sessions[1].windows[1:])


@bug("the first part of an answer that went on is forgotten", "nothing_said_is_forgotten")
def _(seen: CallEvidence) -> CallEvidence:
    return _session(seen, 1, windows=[window for place, window in enumerate(seen.sessions[1].windows) if place != 1])


@bug("more sessions are set up than the log accounts for", "dials_are_bounded")
def _(seen: CallEvidence) -> CallEvidence:
    later_s = seen.sessions[-1].began_s + 9
    extra = [GeminiSession(f"extra {number}", later_s + number) for number in range(2)]
    return replace(seen, sessions=(*seen.sessions, *extra))


@bug("the model is dialled more often in a row than policy allows", "dials_are_bounded")
def _(seen: CallEvidence) -> CallEvidence:
    lost = [
        changed(event, attempt=4) if isinstance(event, ev.LinkLost) and event.link is Link.MODEL else event
        for event in seen.events
    ]
    return replace(seen, events=tuple(lost))


@bug("a call is given up after a single loss", "gives_up_only_after_failed_dials")
def _(seen: CallEvidence) -> CallEvidence:
    at = _where(seen, ev.CallClosed)
    given_up = changed(seen.events[at], reason="model_unavailable")
    return replace(seen, events=(*seen.events[:at], given_up, *seen.events[at + 1 :]))
