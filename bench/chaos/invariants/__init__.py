"""The laws of a call, each a named function over its evidence that yields a sentence for every
breach."""

from bench.chaos.invariants.audio import (
    acknowledged_audio_is_stored,
    candidate_audio_is_stored_as_sent,
    positions_hold_one_content,
    segments_follow_each_other,
)
from bench.chaos.invariants.client import (
    client_ends_are_in_the_log,
    client_states_agree_with_the_log,
    client_transcript_agrees_with_the_log,
)
from bench.chaos.invariants.log import (
    call_ends_as_it_may,
    call_has_an_end,
    epochs_rise,
    log_reruns_to_itself,
    one_owner_per_epoch,
    states_are_legal,
    versions_are_gapless,
)
from bench.chaos.invariants.model import (
    answers_reach_the_session_that_replies,
    dials_are_bounded,
    gives_up_only_after_failed_dials,
    nothing_said_is_forgotten,
)

FIRST = (versions_are_gapless, states_are_legal)
"""Where one of these does not hold, the others cannot be asked."""

LAWS = (
    call_has_an_end,
    call_ends_as_it_may,
    epochs_rise,
    one_owner_per_epoch,
    log_reruns_to_itself,
    segments_follow_each_other,
    acknowledged_audio_is_stored,
    candidate_audio_is_stored_as_sent,
    positions_hold_one_content,
    client_states_agree_with_the_log,
    client_ends_are_in_the_log,
    client_transcript_agrees_with_the_log,
    answers_reach_the_session_that_replies,
    nothing_said_is_forgotten,
    dials_are_bounded,
    gives_up_only_after_failed_dials,
)
