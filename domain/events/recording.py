"""What the log keeps beside decisions: segments of sound, resets of the detector, snapshots."""

from domain.event import RawJson, event
from domain.events.decision import DecisionEvent


@event("call.detector_reset.v1")
class DetectorReset(DecisionEvent, frozen=True, kw_only=True):
    """The voice detector starts afresh with the frame at `sample`: its state sticks after long
    noise."""

    sample: int


@event("call.candidate_audio_recorded.v1")
class CandidateAudioRecorded(DecisionEvent, frozen=True, kw_only=True):
    """A segment of the candidate's audio is stored under `sha256`.

    It makes the client's messages up to `client_seq` durable. Its last `partial_samples` samples
    are the beginning of the message after that one. `level` (mean energy), `peak` and the
    `noise_floor` heard at its end are in steps of 0.5 dB, 255 being full scale; `clipped_samples`
    are at full scale.
    """

    sha256: str
    first_sample: int
    samples: int
    client_seq: int
    partial_samples: int = 0
    level: int
    peak: int
    clipped_samples: int
    noise_floor: int


@event("call.interviewer_audio_recorded.v1")
class InterviewerAudioRecorded(DecisionEvent, frozen=True, kw_only=True):
    """A segment of the interviewer's audio, as the model sent it, is stored under `sha256`.

    `level`, `peak` and `clipped_samples` are as of the candidate's; `noise_floor` is the level of
    its quietest chunk.
    """

    sha256: str
    first_model_sample: int
    samples: int
    level: int
    peak: int
    clipped_samples: int
    noise_floor: int


@event("call.snapshot_taken.v1", personal=("snapshot",))
class SnapshotTaken(DecisionEvent, frozen=True, kw_only=True):
    """The state of the call at this point of its log, without its text: recovery may begin here."""

    snapshot: RawJson
