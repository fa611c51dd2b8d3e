"""A call's way into the log: decisions become appends, and durable audio is acknowledged.

Facts wait here for a moment, until the audio that came before them is in a segment and goes with
them, so that the log is always a gap-free prefix of the call. Nothing waits for the database. If
the writer is full or gone, appends are kept, in order, and offered again; the call learns that its
log has failed, and ends.
"""

import asyncio
import contextlib
from abc import ABC, abstractmethod
from collections import deque
from functools import partial

from api.live.call_ports import CallPorts
from domain.call import Call, Decision
from domain.effects import StoreAudio
from domain.errors import StoreError
from domain.event import Event
from domain.events import CallClosed, CallOpened, CandidateAudioRecorded
from domain.ports import Append, AudioSegment, Outcome
from domain.states import State

_RETRY_S = 0.5


class AppendListener(ABC):
    """Hears what became of a call's appends: on the event loop, after a commit."""

    @abstractmethod
    def durable(self, client_seq: int) -> None:
        """Audio up to this message of the client's is stored; -1 where only the close is news."""

    @abstractmethod
    def log_failed(self, reason: str) -> None:
        """The writer takes no more. Said once."""

    @abstractmethod
    def log_taken(self) -> None:
        """Somebody else has recorded this call's next version: another owner has it. Said once."""


class LogAppender:
    """One call's appends. Of a call that was taken over, `call` is what its log holds."""

    def __init__(self, call: Call, ports: CallPorts, listener: AppendListener) -> None:
        self._call_id = call.id
        self._tenant = call.tenant
        self._writer = ports.writer
        self._codec = ports.codec
        self._listener = listener
        self._events: list[Event] = []
        self._audio: list[StoreAudio] = []
        self._waiting: deque[tuple[Append, int, bool]] = deque()
        self._in_flight = 0
        self._failed = False
        self._abandoned = False
        self.taken = False
        """Whether another owner has the call: nothing more is recorded here."""
        self._moved = asyncio.Event()
        self.close_durable = call.state is State.CLOSED
        """Whether the call's close is stored."""
        self.durable_seq = call.client_seq
        """The client's message up to which audio is stored; -1 for none."""

    @property
    def waiting(self) -> bool:
        """Whether the writer has refused the newest appends."""
        return bool(self._waiting)

    @property
    def idle(self) -> bool:
        """Whether everything recorded so far has its outcome, and nothing waits for its audio."""
        return not self._events and not self._waiting and not self._in_flight

    async def written(self) -> None:
        """Return when everything recorded so far has its outcome, offering again what the writer
        would not take.

        Returns early once it was abandoned.
        """
        while not self.idle and not self._abandoned:
            self.retry()
            self._moved.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._moved.wait(), _RETRY_S)

    def abandon(self) -> None:
        """The process stops: wait no longer for the appends that the writer has taken."""
        self._abandoned = True
        self._moved.set()

    def record(self, decision: Decision, whole: bool = True) -> None:
        """Append a decision's events and the audio that they name: at once if `whole` (no audio waits
        unsealed), or else together with the next decision that is."""
        if self.taken:
            return
        self._events += decision.events
        self._audio += [effect for effect in decision.effects if isinstance(effect, StoreAudio)]
        if whole and self._events:
            events, audio = tuple(self._events), self._audio
            self._events, self._audio = [], []
            self._append(events, audio)

    def record_takeover(self, takeover: Decision) -> asyncio.Future[Outcome]:
        """The first append of a new owner, whose outcome the caller awaits. Raises `StoreError` if
        it is not taken."""
        audio = [effect for effect in takeover.effects if isinstance(effect, StoreAudio)]
        return self._record_first(self._packed(takeover.events, audio))

    def record_opening(self, opened: CallOpened) -> asyncio.Future[Outcome]:
        """The call's first append, whose outcome the caller awaits. Raises `StoreError` if it is
        not taken."""
        return self._record_first(self._packed((opened,), []))

    def _record_first(self, append: Append) -> asyncio.Future[Outcome]:
        recorded: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()

        def resolve(outcome: Outcome) -> None:
            if not recorded.done():  # nobody waits any more
                recorded.set_result(outcome)

        self._writer.submit(append, resolve)
        return recorded

    def retry(self) -> None:
        """Offer again what the writer would not take."""
        while self._waiting:
            append, client_seq, closes = self._waiting[0]
            try:
                self._writer.submit(append, partial(self._resolve, client_seq, closes))
            except StoreError as error:
                if not self._failed:
                    self._failed = True
                    self._listener.log_failed(str(error))
                return
            self._waiting.popleft()
            self._in_flight += 1

    def _append(self, events: tuple[Event, ...], audio: list[StoreAudio]) -> None:
        seqs = [event.client_seq for event in events if isinstance(event, CandidateAudioRecorded)]
        closes = any(isinstance(event, CallClosed) for event in events)
        self._waiting.append((self._packed(events, audio), max(seqs, default=-1), closes))
        self.retry()

    def _packed(self, events: tuple[Event, ...], audio: list[StoreAudio]) -> Append:
        segments = tuple(
            AudioSegment(
                call_id=self._call_id,
                tenant=self._tenant,
                side=each.side,
                sha256=each.sha256,
                rate_hz=each.rate_hz,
                first_sample=each.first_sample,
                pcm=each.pcm,
                arrivals=each.arrivals,
            )
            for each in audio
        )
        stored = tuple(self._codec.to_stored_event(event) for event in events)
        return Append(self._call_id, self._tenant, stored, segments)

    def _resolve(self, client_seq: int, closes: bool, outcome: Outcome) -> None:
        self._in_flight -= 1
        self._moved.set()
        if outcome is Outcome.DURABLE:
            self.close_durable = self.close_durable or closes
            self.durable_seq = max(self.durable_seq, client_seq)
            if client_seq >= 0 or closes:
                self._listener.durable(client_seq)
        elif outcome is Outcome.CONFLICT:
            if self.taken:  # every append on its way has this outcome
                return
            self.taken = True
            self._events, self._audio = [], []
            self._waiting.clear()
            self._listener.log_taken()
        elif not self._failed:
            self._failed = True
            self._listener.log_failed("The event log did not take this call's events.")
