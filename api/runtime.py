"""What this process runs, for the events with which it begins to own a call."""

import asyncio
import hashlib
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

from adapters.voice import silero, smart_turn
from adapters.voice.factory import DETECTOR_VERSION
from domain.runtime import Runtime


async def read_runtime(build: str, *, turn_detector: bool) -> Runtime:
    """What runs here; `build` names the build, empty for none.

    Reads the networks' files in a thread: Silero's, and Smart Turn's if the `turn_detector` runs.
    """
    networks = {"silero": silero.model_path()}
    if turn_detector:
        networks["smart_turn"] = smart_turn.model_path()
    hashes = {name: await asyncio.to_thread(_sha256, path) for name, path in networks.items()}
    named = f"{version('viva')}+{build}" if build else version("viva")
    return Runtime(build=named, detector_version=DETECTOR_VERSION, networks=hashes)


@lru_cache(maxsize=8)
def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
