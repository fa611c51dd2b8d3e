"""Gives the interviewer its voice without holding up the event loop: one worker thread, and a cache
by text."""

import asyncio
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, Self

from adapters.rehearsal.speech.espeak import EspeakSynthesiser, espeak_installed
from adapters.rehearsal.speech.prompts import RecordedPrompts
from adapters.rehearsal.speech.utterance import Spoken, Utterance, cut

_CACHED_UTTERANCES = 128  # at 5 s and 64 kB of base64 a second: 40 MB


class Synthesiser(Protocol):
    """Anything that turns words into 24 kHz PCM16."""

    def synthesise(self, text: str, voice: str) -> Spoken: ...


class Speech:
    """Sentences as ready-made messages. Many sessions saying the same words share one synthesis."""

    def __init__(self, chunk_ms: int, words_per_minute: int, *, recorded_only: bool = False) -> None:
        use_espeak = espeak_installed() and not recorded_only
        self.synthesiser: Synthesiser = EspeakSynthesiser(words_per_minute) if use_espeak else RecordedPrompts()
        self._chunk_ms = chunk_ms
        self._worker = ThreadPoolExecutor(1, "rehearsal-speech")
        self._cached: OrderedDict[tuple[str, str, bool], asyncio.Future[Utterance]] = OrderedDict()

    async def say(self, text: str, voice: str, *, transcribed: bool) -> Utterance:
        """The utterance of `text`; the least recently used one is forgotten when the cache is full."""
        key = (text, voice, transcribed)
        if key not in self._cached:
            loop = asyncio.get_running_loop()
            self._cached[key] = loop.run_in_executor(self._worker, self._make, text, voice, transcribed)
            if len(self._cached) > _CACHED_UTTERANCES:
                self._cached.popitem(last=False)
        self._cached.move_to_end(key)
        return await asyncio.shield(self._cached[key])

    def _make(self, text: str, voice: str, transcribed: bool) -> Utterance:
        return cut(self.synthesiser.synthesise(text, voice), self._chunk_ms, transcribed=transcribed)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._worker.shutdown(wait=True, cancel_futures=True)
