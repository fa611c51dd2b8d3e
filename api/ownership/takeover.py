"""Taking calls over: from a process that is gone, from one that lets go when asked, or from nobody.

The log decides whose a call is. A takeover is an append like any other, so of two processes that
try at once one meets a conflict; leases only tell whether it is polite to try.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from time import monotonic
from uuid import UUID

import structlog

from adapters.postgres.leases import Leases
from adapters.postgres.store import PostgresStore
from api.live.interviewer_audio import KEPT_FOR_ECHO
from api.live.message_replay import MessageReplay
from api.live.session import LiveCall, Memory
from api.ownership.recovery import recover_call
from api.process_facts import ProcessFacts
from domain.call import Call
from domain.errors import PeerError, StoreUnavailableError
from domain.events import CallOpened
from domain.inputs import CallTakenOver
from domain.ports import Outcome, Side
from domain.recovery.recover import Recovered
from domain.rules.housekeeping import needed_from

_log = structlog.get_logger(__name__)
_TRIES = 5
_LET_GO_WITHIN_S = 3.0
_LOOK_AGAIN_S = 0.05
_RECORDED_WITHIN_S = 5.0
_READ_AT_ONCE = 2
"""Of a process that died all calls come at once: the first need not wait for the last."""

MakeSession = Callable[[Call, Memory], LiveCall]


@dataclass(frozen=True, slots=True)
class Claims:
    """`claim` makes this process the owner of a call. `make_session` builds the shell around a
    recovered one."""

    store: PostgresStore
    leases: Leases
    make_session: MakeSession
    facts: ProcessFacts
    _reading: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_READ_AT_ONCE))

    async def claim(self, call_id: UUID) -> LiveCall:
        """The call, taken over and ready to be run.

        Raises `PeerError`: `call_unknown` if there is no such open call, `call_busy` if its owner
        does not let go, and `StoreUnavailableError` if the log cannot be read or written now.
        """
        for _ in range(_TRIES):
            await self._until_free(call_id)
            session = await self._take_over(call_id)
            if session is not None:
                return session
        raise _busy()

    async def _until_free(self, call_id: UUID) -> None:
        """Return when nobody else owns the call, asking whoever does."""
        asked = 0
        try:
            async with asyncio.timeout(_LET_GO_WITHIN_S):
                while True:
                    owner = await self.leases.owner(call_id)
                    if owner is None:
                        raise _unknown()
                    if owner.process is None or owner.process == self.leases.process or owner.gone:
                        return
                    if owner.epoch > asked:
                        await self.leases.ask(call_id, owner.process)
                        asked = owner.epoch
                    await asyncio.sleep(_LOOK_AGAIN_S)
        except TimeoutError:
            raise _busy() from None

    async def _take_over(self, call_id: UUID) -> LiveCall | None:
        """None if somebody else has recorded something meanwhile: look again."""
        async with self._reading:
            began = monotonic()
            recovered = await recover_call(self.store, call_id)
            call = recovered.call
            if call.record.settled:
                raise _unknown()
            session = self.make_session(call, await self._memory(recovered))
        recovered_ms = round((monotonic() - began) * 1000)
        takeover = CallTakenOver(
            at_us=session.now_us(),
            epoch=call.record.epoch + 1,
            process=str(self.leases.process),
            taken_over_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
            before=call.record.process,
            runtime=self.facts.runtime,
            service=self.facts.service,
        )
        recorded: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        session.take_over(takeover, partial(_came_out, recorded))
        try:
            outcome = await asyncio.wait_for(recorded, _RECORDED_WITHIN_S)
        except TimeoutError:
            raise StoreUnavailableError("The takeover could not be recorded in time: check the database.") from None
        if outcome is Outcome.CONFLICT:
            return None
        if outcome is not Outcome.DURABLE:
            raise StoreUnavailableError("The takeover could not be recorded: check the database and try again.")
        took = {"recovered_ms": recovered_ms, "ms": round((monotonic() - began) * 1000)}
        _log.info("call_taken_over", call_id=str(call_id), epoch=takeover.epoch, events=call.record.version, **took)
        return session

    async def _memory(self, recovered: Recovered) -> Memory:
        call = recovered.call
        heard, said = call.hearing.next_sample, call.interviewer_audio.next_sample
        from_said = max(0, min(call.playout.played_sample, said) - KEPT_FOR_ECHO)
        read = self.store.audio.select_pcm
        return Memory(
            at_us=_on_its_clock(call),
            candidate=await read(call.id, Side.CANDIDATE, needed_from(call), heard),
            interviewer=await read(call.id, Side.INTERVIEWER, from_said, said),
            interviewer_from=from_said,
            told=MessageReplay(recovered.known_from, recovered.tellings),
        )


def _came_out(recorded: asyncio.Future[Outcome], outcome: Outcome) -> None:
    if not recorded.done():
        recorded.set_result(outcome)


def _on_its_clock(call: Call) -> int:
    """The time on the call's clock: what has passed since it was opened, and never before its last
    event."""
    opened: CallOpened = call.opened
    elapsed = datetime.now(UTC) - datetime.fromisoformat(opened.opened_at)
    return max(int(elapsed.total_seconds() * 1_000_000), call.now_us + 1)


def _unknown() -> PeerError:
    return PeerError("call_unknown", "There is no such open call (any more): open a new one.")


def _busy() -> PeerError:
    return PeerError("call_busy", "Another server is letting go of this call: connect again in a moment.")
