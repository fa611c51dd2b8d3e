"""The candidate's voice on its way into the core: cut into frames, listened to, and kept until
nobody needs it.

It carries; what the frames mean is decided elsewhere.
"""

from collections.abc import Iterator

from api.live.audio_ring import AudioRing
from api.live.call_ports import CallPorts
from api.live.intake import AudioIntake, Heard, IntakeFrame
from api.live.interviewer_audio import KEPT_FOR_ECHO, InterviewerAudio
from api.wire import protocol
from domain.call import Call
from domain.effects import PredictEndOfTurn
from domain.inputs import CandidateFrame, EndOfTurnPredicted
from domain.ports.model_link import InputSink
from domain.sound.rates import MODEL_RATE_HZ, samples

_RING_SLACK_MS = 10_000
_FRAME_PLAYED = samples(20, MODEL_RATE_HZ)
_BURST_US = 10_000


class CandidateAudio:
    """One call's ear, and the newest of what it heard. `played` holds the interviewer's stream, for
    what of it leaks back; predictions go to `sink`.

    Of a call that was taken over, `heard` is the newest of what its log holds.
    """

    def __init__(
        self, call: Call, sink: InputSink, ports: CallPorts, played: InterviewerAudio, heard: bytes = b""
    ) -> None:
        policy = call.policy
        self._call = call
        self._sink = sink
        self._played = played
        self._turn_detector = ports.turn_detector
        self._make_resampler = ports.make_resampler
        self._detector = ports.make_detector(policy.voice.detector)
        self._echo = ports.make_echo_gauge()
        self._heard_to = self._last_at_us = 0
        recorded = call.hearing.next_sample
        self._ring = AudioRing(samples(policy.links.window_keep_ms + _RING_SLACK_MS), recorded - len(heard) // 2)
        self._ring.append(heard)
        self._heard = Heard(recorded, call.client_seq + 1, call.partial_samples)
        self._intake: AudioIntake | None = None

    @property
    def kept(self) -> AudioRing:
        """The newest of the stream, as it was heard."""
        return self._ring

    @property
    def next_seq(self) -> int:
        """The client's message that is expected next."""
        return self._intake.next_seq if self._intake is not None else self._heard.next_seq

    def connect(self, rate_hz: int) -> list[IntakeFrame]:
        """A client sends at `rate_hz` from now on. What is left of another rate's audio comes out.

        Raises `PeerError("bad_sample_rate")`.
        """
        if self._intake is not None:
            return self._intake.change_rate(rate_hz)
        self._intake = AudioIntake(rate_hz, self._make_resampler, self._heard)
        return []

    def take(self, audio: protocol.ClientAudio, now_us: int) -> list[IntakeFrame]:
        """The frames that a message completes. Raises `PeerError` (audio_gap, audio_ahead,
        message_too_big)."""
        assert self._intake is not None
        self._intake.admit(audio, now_us)
        return self._intake.take(audio)

    def finish(self) -> list[IntakeFrame]:
        """No more audio will come: what the intake still holds."""
        return self._intake.finish() if self._intake is not None else []

    def listen(self, frames: list[IntakeFrame]) -> Iterator[CandidateFrame]:
        """Each frame with what is heard in it, one at a time: what is decided about it may change
        what is played."""
        for pcm, client_seq, partial_samples in frames:
            self._ring.append(pcm)
            at_us = self._sink.now_us()
            over_echo = self._echo.over_echo(pcm, self._heard_since(at_us))
            features = self._detector.analyse(pcm)
            if over_echo != features.over_echo:
                features = features._replace(over_echo=over_echo)
            yield CandidateFrame(
                at_us=at_us, client_seq=client_seq, features=features, pcm=pcm, partial_samples=partial_samples
            )

    def _heard_since(self, at_us: int) -> bytes:
        """What of the interviewer's stream came out of the client's loudspeaker since the last
        frame."""
        heard = min(self._call.playout.heard_sample(at_us), self._played.next_sample)
        begin = max(self._heard_to, self._played.first_sample, heard - KEPT_FOR_ECHO)
        waiting = max(0, heard - begin)
        live = at_us - self._last_at_us > _BURST_US
        self._last_at_us = at_us
        # Frames that come all at once were recorded one after the other: each is set beside 20 ms.
        # Live, what has been gathered beyond that is caught up with slowly.
        end = begin + min(waiting, _FRAME_PLAYED + (waiting // 8 if live else 0))
        self._heard_to = end
        return self._played.read(begin, end)

    def reset_detector(self) -> None:
        self._detector.reset()

    def forget_before(self, sample: int) -> None:
        """Forget older audio: it is in the log."""
        self._ring.forget_before(sample)

    def predict_end_of_turn(self, question: PredictEndOfTurn) -> None:
        """Have a pause predicted, if there is a turn detector and it has time."""
        if self._turn_detector is None:
            return
        asked_us, to_sample = self._sink.now_us(), question.to_sample

        def predicted(completeness: int) -> None:
            at_us = self._sink.now_us()
            took_ms = (at_us - asked_us) // 1000
            self._sink.feed(
                EndOfTurnPredicted(at_us=at_us, to_sample=to_sample, completeness=completeness, took_ms=took_ms)
            )

        begin = max(question.from_sample, self._ring.first_sample)
        self._turn_detector.ask(self._ring.read(begin, to_sample), predicted)
