"""The laws of a call, each a named function over its evidence that yields a sentence for every
breach."""

from bench.chaos.invariants.audio import (
    acknowledged_audio_is_stored,
    candidate_audio_is_stored_as_sent,
    positions_hold_one_content,
    segments_follow_each_other,
)
from bench.chaos.invariants.client import (
    client_keeps_what_the_log_tells,
    ends_told_are_recorded,
    states_told_are_folded,
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
    gives_up_only_after_dials_in_vain,
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
    states_told_are_folded,
    ends_told_are_recorded,
    client_keeps_what_the_log_tells,
    answers_reach_the_session_that_replies,
    nothing_said_is_forgotten,
    dials_are_bounded,
    gives_up_only_after_dials_in_vain,
)
