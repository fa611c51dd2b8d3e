"""Gemini's sessions, read from what the rehearsal interviewer wrote down (docs/rehearsal.md)."""

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.chaos.evidence.evidence import GeminiSession, Window

_CANDIDATE = re.compile(r"interviewing (\S+) for the role of")


def sessions_of(folder: Path) -> dict[str, list[GeminiSession]]:
    """By the candidate's name: the sessions that were set up for a call, the oldest first."""
    found: dict[str, list[GeminiSession]] = defaultdict(list)
    for path in sorted(folder.glob("*.jsonl")):
        name, session = read_session(path)
        if session is not None:
            found[name].append(session)
    return found


def read_session(path: Path) -> tuple[str, GeminiSession | None]:
    """(candidate's name, session) of one session file; no session where the set-up was never
    confirmed."""
    reading = _Reading(path.with_suffix(".pcm"), path.stem)
    for line in _lines(path):
        reading.take(line)
    reading.finish()
    return reading.candidate, reading.session if reading.confirmed else None


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    for line in path.read_bytes().splitlines():
        try:
            yield json.loads(line)
        except ValueError:  # the last line of a process that was killed
            return


class _Reading:
    """One session file on its way into a session."""

    def __init__(self, pcm: Path, name: str) -> None:
        self.session = GeminiSession(name, 0.0)
        self.candidate = ""
        self.confirmed = False
        self._pcm = pcm.read_bytes() if pcm.exists() else b""
        self._opened_at: int | None = None
        self._heard = 0

    def take(self, line: dict[str, Any]) -> None:
        """One line of the file."""
        at_s = line["at_ms"] / 1000
        match line["kind"]:
            case "received":
                self._received(line["message"])
            case "sent":
                self._sent(line.get("message"), at_s)
            case "window_opened":
                self._opened_at = line["at_byte"]
                self.session.openings_s.append(at_s)
            case "window_closed":
                self._close(line["at_byte"], closed=True)
            case "heard":
                self._heard = line["window"]
            case "replying":
                self.session.replies_s.append(at_s)
            case "closed":
                self.session.ended_s = at_s

    def finish(self) -> None:
        """A window that was open at the end holds what came until then."""
        if self._opened_at is not None:
            self._close(len(self._pcm), closed=False)

    def _received(self, message: dict[str, Any]) -> None:
        if "setup" in message:
            setup = message["setup"]
            self.session.model = setup.get("model", "")
            self.session.handle = setup.get("sessionResumption", {}).get("handle", "")
            found = _CANDIDATE.search(json.dumps(setup.get("systemInstruction", {})))
            self.candidate = found.group(1) if found else ""
        elif "clientContent" in message and not self._heard and not self.session.windows:
            turns = message["clientContent"].get("turns", [])
            self.session.seeds += len(turns) if len(turns) > 1 else 0

    def _sent(self, message: object, at_s: float) -> None:
        if not isinstance(message, dict):
            return  # garbage, by a fault
        if "setupComplete" in message:
            self.confirmed, self.session.began_s = True, at_s
        handle = message.get("sessionResumptionUpdate", {}).get("newHandle")
        if handle:
            self.session.handles[handle] = self._heard

    def _close(self, at_byte: int, *, closed: bool) -> None:
        assert self._opened_at is not None
        self.session.windows.append(Window(self._pcm[self._opened_at : at_byte], closed))
        self._opened_at = None
