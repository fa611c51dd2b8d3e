"""Words sent while the user still speaks: those of known recordings, some time after they were
heard."""

import asyncio
from collections import deque

from adapters.rehearsal.hearing.recognition import Recogniser
from adapters.rehearsal.session.link import Link
from adapters.rehearsal.session.received import Window
from adapters.rehearsal.wire import messages

_EVERY_S = 0.1
_UNKNOWN = "[rehearsal:"


async def send_interim(window: Window, link: Link, recogniser: Recogniser, delay_ms: int) -> None:
    """Follow an open window; send its words so far, each `delay_ms` after its sound, whenever there
    is a new one.

    A word comes up to 100 ms later than that, and the time that recognising takes. Every text
    replaces the last.
    """
    loop = asyncio.get_running_loop()
    heard: deque[tuple[float, int]] = deque()
    ready = listened = 0
    said = ""
    while not window.closed:
        heard.append((loop.time(), len(window.pcm)))
        while heard and heard[0][0] <= loop.time() - delay_ms / 1000:
            ready = heard.popleft()[1]
        if ready > listened:
            listened = ready
            text = await recogniser.transcribe(bytes(window.pcm[:ready]), window.rate_hz)
            if text not in (said, "") and not text.startswith(_UNKNOWN) and not window.closed:
                said = text
                await link.send(messages.interim_input_transcription(text))
        await asyncio.sleep(_EVERY_S)
