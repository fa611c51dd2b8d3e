"""The vocabulary: stable topics, JSON and back, upcasting in place."""

from typing import Any

import msgspec
import pytest

from domain.event import TOPICS
from domain.inputs import FACTS

# Topics are for ever: a row here is never changed or removed, only added.
KNOWN = [
    "call.audio_read_back.v1",
    "call.barge_in_confirmed.v1",
    "call.barge_in_dismissed.v1",
    "call.barge_in_suspected.v1",
    "call.candidate_audio_recorded.v1",
    "call.candidate_started.v1",
    "call.candidate_stopped.v1",
    "call.candidate_transcribed.v1",
    "call.client_connected.v1",
    "call.client_lost.v1",
    "call.client_violated_protocol.v1",
    "call.closed.v1",
    "call.deadline_passed.v1",
    "call.detector_reset.v1",
    "call.eager_end_tried.v1",
    "call.eager_end_withdrawn.v1",
    "call.ending_agreed.v1",
    "call.reply_withdrawn.v1",
    "call.generation_completed.v1",
    "call.reply_requested.v1",
    "call.reply_started.v1",
    "call.go_away_received.v1",
    "call.hand_over_requested.v1",
    "call.handed_over.v1",
    "call.hangup_requested.v1",
    "call.history_corrected.v1",
    "call.interviewer_audio_recorded.v1",
    "call.reply_cut.v1",
    "call.late_audio_dropped.v1",
    "call.link_lost.v1",
    "call.link_restored.v1",
    "call.mic_muted.v1",
    "call.mic_unmuted.v1",
    "call.model_connected.v1",
    "call.model_finished.v1",
    "call.model_heard_activity.v1",
    "call.model_interruption_reported.v1",
    "call.model_lost.v1",
    "call.model_history_verified.v1",
    "call.model_message_unrecognised.v1",
    "call.model_started.v1",
    "call.model_transcribed.v1",
    "call.model_turn_completed.v1",
    "call.reply_continued.v1",
    "call.opened.v1",
    "call.queue_overflowed.v1",
    "call.client_messages_dropped.v1",
    "call.end_of_turn_predicted.v1",
    "call.playback_reported.v1",
    "call.playout_overflowed.v1",
    "call.snapshot_taken.v1",
    "call.reply_overdue.v1",
    "call.resumption_handle_issued.v1",
    "call.round_trip_measured.v1",
    "call.session_aged.v1",
    "call.settled.v1",
    "call.taken_over.v1",
    "call.tool_call_requested.v1",
    "call.tool_calls_cancelled.v1",
    "call.uplink_measured.v1",
    "call.usage_reported.v1",
]


def test_topics_are_what_they_have_always_been() -> None:
    """A renamed topic would orphan every event ever recorded under it."""
    ours = {topic for topic, kind in TOPICS.items() if kind.__module__.startswith("domain.")}
    assert sorted(ours) == sorted(KNOWN)


@pytest.mark.parametrize("kind", [TOPICS[topic] for topic in KNOWN], ids=KNOWN)
def test_personal_fields_exist(kind: Any) -> None:
    """A field that the key port should see is a field of the event."""
    assert set(kind.__struct_fields__) >= kind.PERSONAL


@pytest.mark.parametrize("kind", [TOPICS[topic] for topic in KNOWN], ids=KNOWN)
def test_events_are_frozen(kind: Any) -> None:
    """Facts do not change."""
    assert kind.__struct_config__.frozen


def test_inputs_other_than_audio_are_events() -> None:
    """What happens is recorded as it came."""
    assert all(issubclass(kind, msgspec.Struct) and kind.TOPIC in TOPICS for kind in FACTS)
