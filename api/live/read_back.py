"""The candidate's voice for the model: from memory, or read back from the log where memory no
longer holds it.

A long stretch comes in pages, each read when the socket has taken the one before, so that an answer
of any length can be sent again whole while little of it is in memory. The audio path never waits
for that; only the later messages in the uplink do.
"""

import asyncio
from collections.abc import AsyncGenerator
from uuid import UUID

import structlog

from api.live.audio_ring import AudioRing
from domain.errors import StoreUnavailableError
from domain.inputs import AudioReadBack
from domain.ports import AudioStore, Side
from domain.ports.model_link import InputSink
from domain.sound.rates import samples

_log = structlog.get_logger(__name__)
_AT_ONCE = samples(30_000)
_PAGE = samples(5_000)
_LOOK_AGAIN_S = 0.25


class ReadBack:
    """One call's. `kept` is the audio in memory; `sink` gets an input for every stretch that was
    read in part."""

    def __init__(self, call_id: UUID, kept: AudioRing, store: AudioStore, sink: InputSink) -> None:
        self._call_id = call_id
        self._kept = kept
        self._store = store
        self._sink = sink

    def stretch(self, from_sample: int, to_sample: int) -> bytes | AsyncGenerator[bytes]:
        """This part of the stream, all of which has been heard by now, as PCM16 at 16 kHz."""
        if self._kept.first_sample <= from_sample and to_sample - from_sample <= _AT_ONCE:
            return self._kept.read(from_sample, to_sample)
        return self._pages(from_sample, to_sample)

    async def _pages(self, from_sample: int, to_sample: int) -> AsyncGenerator[bytes]:
        began_us, at_sample, count = self._sink.now_us(), from_sample, 0
        try:
            while at_sample < to_sample:
                end = min(at_sample + _PAGE, to_sample)
                if at_sample >= self._kept.first_sample:
                    page = self._kept.read(at_sample, end)
                else:
                    page = await self._recorded(at_sample, min(end, self._kept.first_sample))
                    count += len(page) // 2
                at_sample += len(page) // 2
                yield page
        finally:
            if count:
                now_us = self._sink.now_us()
                took_ms = (now_us - began_us) // 1000
                self._sink.feed(
                    AudioReadBack(
                        at_us=now_us, from_sample=from_sample, to_sample=to_sample, samples=count, took_ms=took_ms
                    )
                )

    async def _recorded(self, from_sample: int, to_sample: int) -> bytes:
        """At least the beginning of this stretch. It may still be on its way into the log, so this
        waits for it."""
        while True:
            try:
                page = await self._store.select_pcm(self._call_id, Side.CANDIDATE, from_sample, to_sample)
            except StoreUnavailableError as error:
                _log.warning("read_back_waits", call_id=str(self._call_id), error=str(error))
            else:
                if page:
                    return page
            await asyncio.sleep(_LOOK_AGAIN_S)
