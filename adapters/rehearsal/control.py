"""Faults while it runs: a websocket beside Gemini's, to rehearse failures from another
process.

One JSON object asks, one answers, in order:

    {"do": "faults", "faults": ["drop at=reply", ...]}      from now on these may strike as well, until {"do": "clear"}
    {"do": "strike", "fault": "drop code=1011", "sessions": ["5f0c"]}   now, to these or else to every live session
    {"do": "expire"}                                        no handle given out so far is honoured any more
    {"do": "sessions"}                                      every session that is kept, the oldest first

An answer has `"ok": true` and what there is to tell, or `"ok": false` and an `error` that says what
to correct.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any

import msgspec
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from adapters.rehearsal.faults import FIT_AT_ONCE, Fault, FaultPlan, Point
from adapters.rehearsal.session.resumption import Handles
from adapters.rehearsal.session.session import Session
from domain.errors import PeerError

PATH = "/control"


class Control:
    """Carries commands out. `sessions` are those that the server keeps."""

    def __init__(self, faults: FaultPlan, handles: Handles, sessions: Callable[[], Iterable[Session]]) -> None:
        self._faults = faults
        self._handles = handles
        self._sessions = sessions
        self._commands: Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
            "faults": self._add_faults,
            "clear": self._clear,
            "strike": self._strike,
            "expire": self._expire,
            "sessions": self._tell_sessions,
        }

    async def serve(self, connection: ServerConnection) -> None:
        """Answer commands until the connection ends."""
        with suppress(ConnectionClosed):
            async for frame in connection:
                await connection.send(msgspec.json.encode(self.answer(frame)).decode())

    def answer(self, frame: str | bytes) -> dict[str, Any]:
        """What a command leads to."""
        try:
            asked = msgspec.json.decode(frame, type=dict[str, Any])
            command = self._commands.get(str(asked.get("do")))
            if command is None:
                raise ValueError(f"do one of {', '.join(sorted(self._commands))}")
            return {"ok": True} | command(asked)
        except (msgspec.DecodeError, PeerError, ValueError, KeyError) as error:
            return {"ok": False, "error": str(error)}

    def _add_faults(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        faults = [_fault(each) for each in asked["faults"]]
        self._faults.add(faults)
        return {"faults": [fault.words for fault in faults]}

    def _clear(self, _: Mapping[str, Any]) -> dict[str, Any]:
        self._faults.clear()
        return {}

    def _strike(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        fault = _fault(asked["fault"], at=Point.SETUP_COMPLETE)
        if fault.action not in FIT_AT_ONCE:
            raise ValueError(f"at once there can be {', '.join(sorted(FIT_AT_ONCE))}")
        named = asked.get("sessions")
        struck = [each.id for each in self._sessions() if (named is None or each.id in named) and each.strike(fault)]
        return {"struck": struck}

    def _expire(self, _: Mapping[str, Any]) -> dict[str, Any]:
        return {"expired": self._handles.expire()}

    def _tell_sessions(self, _: Mapping[str, Any]) -> dict[str, Any]:
        return {"sessions": [_summary(session) for session in self._sessions()]}


def _summary(session: Session) -> dict[str, Any]:
    setup = session.setup
    return {
        "id": session.id,
        "number": session.number,
        "live": session.live,
        "lineage": session.lineage,
        "model": setup.model if setup else "",
        "instruction": setup.instruction if setup else "",
        "resumed": bool(setup and setup.handle),
        "seeded": bool(setup and setup.seeded),
        "refusal": session.refusal.reason if session.refusal else "",
        "history": [{"role": turn.role, "text": turn.text, "audio_ms": turn.audio_ms} for turn in session.history],
        "received_bytes": session.received.total_bytes,
    }


def _fault(raw: object, at: Point | None = None) -> Fault:
    """A fault as words or as an object; `at` for one that needs no point."""
    if isinstance(raw, str):
        return Fault.parse(raw if at is None else f"{raw} at={at}")
    if isinstance(raw, dict):
        return Fault.read(raw if at is None else raw | {"at": at})
    raise ValueError(f"a fault is a text or an object, not {raw!r}")
