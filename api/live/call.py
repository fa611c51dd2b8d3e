"""One live call: its parts, put together, from its first moment in this process to its last.

It decides nothing. Effects of the core are carried to the part that they are for; what the parts
notice becomes inputs (`loop`). Client connections come and go; the call stays until it has settled,
or was handed over.
"""

import asyncio
import contextlib
from typing import Literal, NamedTuple

import structlog

from api.live.call_ports import CallPorts
from api.live.candidate_audio import CandidateAudio
from api.live.client import ClientSide
from api.live.client_link import CLOSE_DURABLE_WITHIN_MS, ClientLink
from api.live.interviewer_audio import KEPT_FOR_ECHO, InterviewerAudio
from api.live.log_appender import AppendListener
from api.live.loop import CallLoop, EffectHandler
from api.live.model import ModelSide
from api.live.read_back import ReadBack
from api.live.transcript import Transcript
from api.wire.messages import message_of
from domain import effects as fx
from domain import inputs as inp
from domain.call import Call
from domain.effects import Effect
from domain.event import Event
from domain.ports import Outcome
from domain.sound.rates import MODEL_RATE_HZ, samples
from domain.states import State

_log = structlog.get_logger(__name__)
_RING_SLACK_MS = 10_000


class RecoveredParts(NamedTuple):
    """What a call that was taken over needs beside its `Call`.

    Both sides' newest audio: the candidate's up to the end of what is recorded, the interviewer's
    from `interviewer_sample` on.
    """

    at_us: int
    """The time on the call's clock."""
    candidate_pcm: bytes
    interviewer_pcm: bytes
    interviewer_sample: int
    transcript: Transcript
    """What was said."""


class LiveCall(EffectHandler, AppendListener):
    """The shell around one `Call`. All methods are for the event loop's thread and never block.

    Of a call that is being taken over, `recovered` is what its log holds; it does nothing before
    `take_over` was durable.
    """

    def __init__(self, call: Call, ports: CallPorts, recovered: RecoveredParts | None = None) -> None:
        recovered = recovered or RecoveredParts(0, b"", b"", 0, Transcript(call.id, ports))
        self.call = call
        self.loop = CallLoop(call, ports, self, self, recovered.at_us)
        most = samples(call.policy.playout.max_ms + _RING_SLACK_MS, MODEL_RATE_HZ)
        self._interviewer = InterviewerAudio(most, recovered.interviewer_sample)
        self._interviewer.append(recovered.interviewer_pcm)
        self._transcript = recovered.transcript
        self._candidate_audio = CandidateAudio(call, self.loop, ports, self._interviewer, recovered.candidate_pcm)
        read_back = ReadBack(call.id, self._candidate_audio.kept, ports.audio, self.loop)
        self.model = ModelSide(self.loop, ports, self._interviewer, read_back, self._transcript)
        self.client_link = ClientLink(self.loop)
        self.client = ClientSide(
            self.loop, ports, self.client_link, self._candidate_audio, self.model, self._transcript
        )
        self.entered = asyncio.Event()
        """Set once the call lives in `run`: it may be handed a client."""
        self.gone = asyncio.Event()
        """Set once it has left this process, written or not."""
        self._clock = ports.clock
        self._entered_us = ports.clock.now_us()

    # --- its life ------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Live until the call has settled or was handed over, and its log is written. Raises what
        broke it."""
        loop, appender = self.loop, self.loop.appender
        async with self.model.link:
            loop.begin_takeover()
            self._entered_us = self._clock.now_us()
            self.entered.set()
            await loop.ended()
        if loop.broken.done():
            loop.broken.result()
        loop.record_handover()
        with contextlib.suppress(TimeoutError):  # the last acknowledgements are sent before the connection closes
            await asyncio.wait_for(appender.written(), CLOSE_DURABLE_WITHIN_MS / 1000)
        self.client_link.send_closed()
        if loop.handover_pending:
            self.client_link.move()
        else:
            self.client_link.finish(1000, "")
        await appender.written()
        if not appender.idle:
            _log.error("call_left_unwritten", call_id=str(self.call.id))

    def take_over(self, takeover: inp.CallTakenOver) -> asyncio.Future[Outcome]:
        """Record that this process owns the call. What that leads to is carried out by `run`, which
        must not begin before it is durable. Raises `StoreError`."""
        recorded = self.loop.record_takeover(takeover)
        self._interviewer.leave_out(self.call.interviewer_audio.next_sample)
        return recorded

    @property
    def held_s(self) -> float:
        """For how long the call has been here."""
        return (self._clock.now_us() - self._entered_us) / 1_000_000

    def request_handover(self, reason: Literal["drain", "asked"], wait_ms: int) -> None:
        """Give up the call, at a quiet moment or in `wait_ms`; `run` returns when all of it is
        written."""
        self.loop.feed(inp.HandOverRequested(at_us=self.loop.now_us(), reason=reason, wait_ms=wait_ms))

    def hang_up(self, by: Literal["operator", "server"], reason: str) -> None:
        """End the call, if it is not over."""
        if self.call.state is not State.CLOSED:
            self.loop.feed(inp.HangupRequested(at_us=self.loop.now_us(), by=by, reason=reason))

    def stop(self) -> None:
        """End now, without waiting for anything: the process stops."""
        self.client_link.send_closed()
        if self.call.state is State.CLOSED:  # its grace period ends here
            self.loop.feed(inp.ClientLost(at_us=self.loop.now_us(), reason="the server stopped", left=True))
        self.loop.over.set()
        self.loop.appender.abandon()

    def break_off(self) -> None:
        """After a bug: the client gets an error, and may open another call."""
        self.client_link.dismiss("internal", "The server failed in this call: open a new one.")

    # --- what became of its appends ------------------------------------------------------------------------------

    def durable(self, client_seq: int) -> None:
        if client_seq >= 0:
            self.client.acknowledge(client_seq)
        if self.loop.appender.close_durable:
            self.client_link.send_closed()

    def log_failed(self, reason: str) -> None:
        if not self.call.record.settled:
            self.loop.feed(inp.QueueOverflowed(at_us=self.loop.now_us(), queue="log", reason=reason))

    def log_taken(self) -> None:
        _log.warning("call_lost_to_another_owner", call_id=str(self.call.id), epoch=self.call.record.epoch)
        self.client_link.move()
        self.loop.over.set()

    # --- carrying effects out ------------------------------------------------------------------------------------

    def decided(self, events: tuple[Event, ...]) -> None:
        self._transcript.fold(events)

    def carry(self, effect: Effect) -> None:
        match effect:
            case fx.SendCandidateAudio() | fx.OpenActivity() | fx.CloseActivity() | fx.DialModel():
                self.model.carry(effect)
            case fx.SendText() | fx.SendNote() | fx.AnswerTool():
                self.model.carry(effect)
            case fx.SendInterviewerAudio(generation, from_sample, to_sample):
                if self.client_link.open:
                    pcm = self._interviewer.read(from_sample, to_sample)
                    self.client_link.send_audio(generation, from_sample, pcm)
            case fx.PredictEndOfTurn():
                self._candidate_audio.predict_end_of_turn(effect)
            case fx.ResetDetector():
                self._candidate_audio.reset_detector()
            case fx.ForgetCandidateAudio(before_sample):
                self._candidate_audio.forget_before(before_sample)
            case fx.ForgetInterviewerAudio(before_sample):
                self._interviewer.forget_before(before_sample - KEPT_FOR_ECHO)
            case fx.StoreAudio():
                pass  # the appender stored it with its event
            case fx.EndStreams():
                self.client.flush()
                self.model.measure()
            case fx.HandOver() | fx.ForgetCall():
                self.loop.over.set()
            case fx.TellReady():
                self.client.answer_hello(effect)
            case fx.ReplayMessages(after_version):
                self.client_link.send_again(self._transcript.after(after_version))
            case fx.TellClosed():
                self.client_link.close(effect)
            case fx.TellTranscript() | fx.TellLatency():
                self._transcript.keep(effect)
                self.client_link.send(message_of(effect))
            case _:
                self.client_link.send(message_of(effect))
