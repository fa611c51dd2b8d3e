"""Taking calls over: from a process that is gone, from one that gives them up when asked, or from
nobody.

The log decides whose a call is. A takeover is an append like any other, so of two processes that
try at once one meets a conflict; leases only tell whether it is polite to try.
"""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import monotonic
from uuid import UUID

import structlog

from adapters.postgres.leases import Leases
from api.live.call import LiveCall, RecoveredParts
from api.live.call_ports import CallPorts
from api.live.interviewer_audio import KEPT_FOR_ECHO
from api.live.message_replay import MessageReplay
from api.ownership.recovery import recover_call
from domain.call import Call
from domain.errors import PeerError, StoreUnavailableError
from domain.events import CallOpened
from domain.inputs import CallTakenOver
from domain.ports import Outcome, Side
from domain.recovery.recover import Recovered
from domain.rules.housekeeping import needed_from

_log = structlog.get_logger(__name__)
_TRIES = 5
_GIVEN_UP_WITHIN_S = 3.0
_LOOK_AGAIN_S = 0.05
_RECORDED_WITHIN_S = 5.0
_READ_AT_ONCE = 2
"""Of a process that died all calls come at once: the first need not wait for the last."""


@dataclass(frozen=True, slots=True)
class Takeovers:
    """Makes this process the owner of calls."""

    ports: CallPorts
    leases: Leases
    _reading: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_READ_AT_ONCE))

    async def take_over(self, call_id: UUID) -> LiveCall:
        """The call, taken over and ready to be run.

        Raises `PeerError`: `call_unknown` if there is no such open call, `call_busy` if its owner
        does not give it up, and `StoreUnavailableError` if the log cannot be read or written now.
        """
        for _ in range(_TRIES):
            await self._until_free(call_id)
            live = await self.try_once(call_id)
            if live is not None:
                return live
        raise _busy()

    async def _until_free(self, call_id: UUID) -> None:
        """Return when nobody else owns the call, asking its owner to give it up."""
        asked = 0
        try:
            async with asyncio.timeout(_GIVEN_UP_WITHIN_S):
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

    async def try_once(self, call_id: UUID) -> LiveCall | None:
        """Recover the call and record the takeover. None if somebody else has recorded something
        meanwhile: look again."""
        async with self._reading:
            began = monotonic()
            recovered = await recover_call(self.ports, call_id)
            call = recovered.call
            if call.record.settled:
                raise _unknown()
            live = LiveCall(call, self.ports, await self._parts(recovered))
        recovered_ms = round((monotonic() - began) * 1000)
        takeover = CallTakenOver(
            at_us=live.loop.now_us(),
            epoch=call.record.epoch + 1,
            process=str(self.leases.process),
            taken_over_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
            before=call.record.process,
        )
        try:
            outcome = await asyncio.wait_for(live.take_over(takeover), _RECORDED_WITHIN_S)
        except TimeoutError:
            raise StoreUnavailableError("The takeover could not be recorded in time: check the database.") from None
        if outcome is Outcome.CONFLICT:
            return None
        if outcome is not Outcome.DURABLE:
            raise StoreUnavailableError("The takeover could not be recorded: check the database and try again.")
        took = {"recovered_ms": recovered_ms, "ms": round((monotonic() - began) * 1000)}
        _log.info("call_taken_over", call_id=str(call_id), epoch=takeover.epoch, events=call.record.version, **took)
        return live

    async def _parts(self, recovered: Recovered) -> RecoveredParts:
        call = recovered.call
        heard, said = call.hearing.next_sample, call.interviewer_audio.next_sample
        from_said = max(0, min(call.playout.played_sample, said) - KEPT_FOR_ECHO)
        read = self.ports.audio.select_pcm
        return RecoveredParts(
            at_us=_on_its_clock(call),
            candidate_pcm=await read(call.id, Side.CANDIDATE, needed_from(call), heard),
            interviewer_pcm=await read(call.id, Side.INTERVIEWER, from_said, said),
            interviewer_sample=from_said,
            replay=MessageReplay(recovered.known_from, recovered.tellings),
        )


def _on_its_clock(call: Call) -> int:
    """The time on the call's clock: what has passed since it was opened, and never before its last
    event."""
    opened: CallOpened = call.opened
    elapsed = datetime.now(UTC) - datetime.fromisoformat(opened.opened_at)
    return max(int(elapsed.total_seconds() * 1_000_000), call.now_us + 1)


def _unknown() -> PeerError:
    return PeerError("call_unknown", "There is no such open call (any more): open a new one.")


def _busy() -> PeerError:
    return PeerError("call_busy", "Another server is giving up this call: connect again in a moment.")
