"""What this process runs, for the events with which it begins to own a call."""

import asyncio
import hashlib
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

from adapters.voice import silero, smart_turn
from adapters.voice.factory import DETECTOR_VERSION
from domain.runtime import Runtime, Service


@dataclass(frozen=True, slots=True)
class ProcessFacts:
    """What `CallOpened` and `CallTakenOver` say about the process that recorded them."""

    runtime: Runtime = field(default_factory=Runtime)
    service: Service = "gemini-api"


async def process_facts(build: str, service: Service, *, turn_detector: bool) -> ProcessFacts:
    """Of a process that is configured for `service`; `build` names the build, empty for none.

    Reads the networks' files in a thread: Silero's, and Smart Turn's if the `turn_detector` runs.
    """
    networks = {"silero": silero.model_path()}
    if turn_detector:
        networks["smart_turn"] = smart_turn.model_path()
    hashes = {name: await asyncio.to_thread(_sha256, path) for name, path in networks.items()}
    named = f"{version('viva')}+{build}" if build else version("viva")
    return ProcessFacts(Runtime(build=named, detector_version=DETECTOR_VERSION, networks=hashes), service)


@lru_cache(maxsize=8)
def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
