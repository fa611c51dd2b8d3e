"""One live call: carries inputs into the core and effects out of it. It decides nothing.

The candidate's frames, Gemini's messages and the clock all come through `feed`, one at a time and
in order; each decision is recorded and carried out without waiting for anything. Client connections
come and go (`attach`, `detach`); the call stays until it has settled, or was handed over.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from time import monotonic, monotonic_ns
from typing import Any, Literal, NamedTuple

import structlog

from adapters.gemini.link import GeminiLink
from adapters.voice.turn_detector import TurnDetector
from api.live.alarm import Alarm
from api.live.candidate_audio import CandidateAudio
from api.live.client import ClientSide
from api.live.client_link import ClientLink
from api.live.closing import DURABLE_WAIT_S, Closing
from api.live.counts import Counts
from api.live.greeting import live_setup
from api.live.interviewer_audio import KEPT_FOR_ECHO, InterviewerAudio
from api.live.log_appender import LogAppender
from api.live.message_replay import MessageReplay
from api.live.read_back import ReadBack
from api.wire.messages import ReplayableMessage, message_of
from domain import effects as fx
from domain import inputs as inp
from domain.call import Call, Decision
from domain.effects import Effect
from domain.policy import MODEL_RATE_HZ, samples
from domain.ports import AudioStore, Outcome
from domain.states import State

_log = structlog.get_logger(__name__)
_RING_SLACK_MS = 10_000


class Memory(NamedTuple):
    """What a call that was taken over needs beside its `Call`.

    `at_us` is the time on the call's clock; `candidate` the newest of the candidate's audio, to the
    end of what is recorded; `interviewer` what may still be asked for of the interviewer's, from
    `interviewer_from` on. `told` is what its clients were told.
    """

    at_us: int
    candidate: bytes
    interviewer: bytes
    interviewer_from: int
    told: MessageReplay


class LiveCall:
    """The shell around one `Call`. All methods are for the event loop's thread and never block.

    Of a call that is being taken over, `memory` is what its log holds; it does nothing before
    `take_over` was durable.
    """

    def __init__(
        self,
        call: Call,
        make_link: Callable[["LiveCall"], GeminiLink],
        make_appender: Callable[["LiveCall"], LogAppender],
        turn_detector: TurnDetector | None = None,
        memory: Memory | None = None,
        *,
        audio: AudioStore,
        counts: Counts | None = None,
    ) -> None:
        self.call = call
        policy = call.policy
        memory = memory or Memory(0, b"", b"", 0, MessageReplay())
        self.told = memory.told
        self._epoch_ns = monotonic_ns() - memory.at_us * 1000
        most = samples(policy.playout.max_ms + _RING_SLACK_MS, MODEL_RATE_HZ)
        self._interviewer = InterviewerAudio(most, memory.interviewer_from)
        self._interviewer.append(memory.interviewer)
        self.voice = CandidateAudio(call, self._interviewer, turn_detector, memory.candidate)
        self._counts = counts or Counts()
        self._read_back = ReadBack(call.id, self.voice.kept, audio, self.now_us, self.feed)
        self.line = ClientLink(lambda: call.record.version, self.now_us, self.feed)
        self._inbox: deque[inp.Input] = deque()
        self._feeding = False
        self._alarm = Alarm(self.now_us, self._deadline)
        self._takeover: Decision | None = None
        self._farewell: Decision | None = None
        self._broken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.entered_at = monotonic()
        self.entered = asyncio.Event()
        """Set once the call lives in `run`: it may be handed a client."""
        self.gone = asyncio.Event()
        """Set once it has left this process, written or not."""
        self.settled = asyncio.Event()
        self._closing = Closing(self._close)
        self.appender = make_appender(self)
        self.link = make_link(self)
        self.client = ClientSide(
            call,
            self.voice,
            self.line,
            self.told,
            self._closing,
            now_us=self.now_us,
            feed=self.feed,
            acknowledged=lambda: self.appender.durable_seq,
            muted=self.link.audio_stream_end,
            settled=self.settled.is_set,
        )
        self._setup = live_setup(call.opened)

    # --- the clock and the core ----------------------------------------------------------------------------------

    def now_us(self) -> int:
        """The call's own clock: µs since it was opened."""
        return (monotonic_ns() - self._epoch_ns) // 1000

    def feed(self, happened: inp.Input) -> None:
        """Hand an input to the core, record what it decides and carry it out. Inputs caused
        meanwhile queue up."""
        self._inbox.append(happened)
        if self._feeding:
            return
        self._feeding = True
        try:
            while self._inbox:
                self._decide(self._inbox.popleft())
        except Exception as error:
            self._inbox.clear()
            self.fail(error)
            raise
        finally:
            self._feeding = False
        self._alarm.set(self.call.next_deadline_us)

    def _decide(self, happened: inp.Input) -> None:
        if isinstance(happened, inp.ModelAudio):
            self._interviewer.append(happened.pcm)
        decision = self.call.handle(happened)
        if self.call.record.handed_over and decision.events:
            self._farewell = decision  # to be recorded once Gemini's connection is closed: then others may dial
        else:
            self.appender.record(decision, self.call.whole)
        self._counts.count(decision.events)
        if isinstance(happened, inp.ClientConnected):
            self.client.greet()
        for effect in decision.effects:
            self._carry(effect)

    def take_over(self, takeover: inp.CallTakenOver, then: Callable[[Outcome], None]) -> None:
        """Record that this process owns the call; `then` is told what came of it.

        Its effects are carried out by `run`, which must not begin before it is durable. Raises
        `StoreError`.
        """
        self._takeover = self.call.handle(takeover)
        self._interviewer.leave_out(self.call.interviewer_audio.next_sample)
        self.appender.record_takeover(self._takeover, then)

    def fail(self, error: BaseException) -> None:
        """A bug of ours: end this call, and only this one."""
        if not self._broken.done():
            self._broken.set_exception(error)

    async def run(self) -> None:
        """Live until the call has settled or was handed over, and its log is written. Raises what
        broke it."""
        async with self.link:
            if self._takeover is not None:
                self._counts.count(self._takeover.events)
                for effect in self._takeover.effects:
                    self._carry(effect)
            self.entered_at = monotonic()
            self.entered.set()
            settled = asyncio.create_task(self.settled.wait(), name=f"settled {self.call.id}")
            ends: list[asyncio.Future[Any]] = [settled, self._broken]
            try:
                await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            finally:
                settled.cancel()
                self._alarm.stop()
        if self._broken.done():
            self._broken.result()
        if self._farewell is not None:
            self.appender.record(self._farewell)
        with contextlib.suppress(TimeoutError):  # the last acknowledgements are told before the connection closes
            await asyncio.wait_for(self.appender.written(), DURABLE_WAIT_S)
        self._closing.tell()
        if self._farewell is not None:
            self.line.move()
        else:
            self.line.finish(1000, "")
        await self.appender.written()
        if not self.appender.settled:
            _log.error("call_left_unwritten", call_id=str(self.call.id))

    @property
    def leaving(self) -> bool:
        """Whether the call is no longer this session's: another one has it, or will."""
        return self.call.record.handed_over or self.settled.is_set()

    def hand_over(self, reason: Literal["drain", "asked"], wait_ms: int) -> None:
        """Let go of the call, at a quiet moment or in `wait_ms`; `run` returns when all of it is
        written."""
        self.feed(inp.HandOverRequested(at_us=self.now_us(), reason=reason, wait_ms=wait_ms))

    def start_clock(self) -> None:
        """From here on deadlines are kept, that of the first hello among them."""
        self._alarm.set(self.call.next_deadline_us)

    def _deadline(self) -> None:
        self.feed(inp.DeadlinePassed(at_us=self.now_us()))

    # --- the log's side ------------------------------------------------------------------------------------------

    def durable(self, client_seq: int) -> None:
        """Audio up to this message of the client's is stored; -1 for none. So is the close, if it
        was told."""
        if client_seq >= 0:
            self.line.tell({"type": "ack", "seq": client_seq})
        if self.appender.close_durable:
            self._closing.tell()

    def log_failed(self, reason: str) -> None:
        """The writer takes no more."""
        if not self.call.record.settled:
            self.feed(inp.QueueOverflowed(at_us=self.now_us(), send_queue="log", reason=reason))

    def log_taken(self) -> None:
        """Another process has recorded this version of the call: it owns the call now, and this one
        lets go."""
        _log.warning("call_lost_to_another_owner", call_id=str(self.call.id), epoch=self.call.record.epoch)
        self.line.move()
        self.settled.set()

    # --- carrying effects out ------------------------------------------------------------------------------------

    def _carry(self, effect: Effect) -> None:
        match effect:
            case fx.SendCandidateAudio(from_sample, to_sample):
                self.link.send_audio(self._read_back.stretch(from_sample, to_sample))
            case fx.SendInterviewerAudio(generation, from_sample, to_sample):
                if self.line.open:
                    self.line.play(generation, from_sample, self._interviewer.read(from_sample, to_sample))
            case fx.OpenActivity():
                self.link.open_activity()
            case fx.CloseActivity():
                self.link.close_activity()
            case fx.SendText(text):
                self.link.send_text(text)
            case fx.SendNote(text):
                self.link.send_note(text)
            case fx.PredictEndOfTurn():
                self.voice.turn_detector(effect, self.now_us, self._predicted)
            case fx.AnswerTool(tool_call_id, name, result):
                self.link.answer_tool(tool_call_id, name, result)
            case fx.DialModel():
                self._counts.model_dials += 1
                self.link.dial(effect, self._setup)
            case fx.ResetDetector():
                self.voice.reset_detector()
            case fx.ForgetCandidateAudio(before_sample):
                self.voice.forget_before(before_sample)
            case fx.ForgetInterviewerAudio(before_sample):
                self._interviewer.forget_before(before_sample - KEPT_FOR_ECHO)
            case fx.StoreAudio():
                pass  # the appender stored it with its event
            case fx.EndCall(reason, detail):
                self._end(reason, detail)
            case fx.HandOver() | fx.LetGo():
                self.settled.set()
            case fx.TellTranscript() | fx.TellLatency():
                self.told.keep(effect)
                self.line.tell(message_of(effect))
            case _:
                self.line.tell(message_of(effect))

    def _predicted(self, verdict: inp.EndOfTurnPredicted) -> None:
        if not self.settled.is_set():
            self.feed(verdict)

    def tell(self, effect: ReplayableMessage) -> None:
        """Tell the client something that the core did not ask for."""
        self.line.tell(message_of(effect))

    # --- the end -------------------------------------------------------------------------------------------------

    def _end(self, reason: str, detail: str) -> None:
        """`closed` waits for the close to be stored, but not for long. What the intake still holds
        is stored too."""
        self._closing.begin(reason, detail, self.call.policy.links.grace_ms)
        self.client.hear(self.voice.finish())
        self.feed(self.link.measured())

    def _close(self, message: dict[str, Any], code: int | None) -> None:
        self.line.tell(message | {"durable": self.appender.close_durable})
        if code is not None:
            self.line.finish(code, message["reason"])

    def let_go(self) -> None:
        """End now, whatever is missing: the process stops."""
        self._closing.tell()
        if self.call.state is State.CLOSED:  # its grace period ends here
            self.feed(inp.ClientLost(at_us=self.now_us(), reason="the server stopped", left=True))
        self.settled.set()
        self.appender.abandon()

    def break_off(self) -> None:
        """After a bug: the client is told, and may open another call."""
        self.line.let_go("internal", "The server failed in this call: open a new one.")
