"""The user's windows of activity: opened by marks or by the detector, they cut the model off and
are answered."""

from adapters.rehearsal.session.conversation import Conversation, Services
from adapters.rehearsal.session.interim import send_interim
from adapters.rehearsal.session.link import Link
from adapters.rehearsal.session.received import Received, Window

LONGEST_WINDOW_MS = 300_000


class Floor:
    """One session's windows, of which at most one is open."""

    def __init__(self, conversation: Conversation, link: Link, services: Services, received: Received) -> None:
        self._conversation = conversation
        self._link = link
        self._services = services
        self._received = received
        self._opened = 0
        self.window: Window | None = None

    async def open(self) -> None:
        """Somebody speaks, if nobody did."""
        if self.window is not None:
            return
        self._opened += 1
        self.window = Window(self._opened)
        self._link.log.note("window_opened", window=self._opened, at_byte=self._link.log.pcm_bytes)
        interim_ms = self._services.config.interim_ms
        if interim_ms and self._conversation.setup.transcribe_input:
            self._link.spawn(send_interim(self.window, self._link, self._services.recogniser, interim_ms))
        if self._conversation.setup.detection.interrupts:
            await self._conversation.interrupt()

    def append(self, pcm: bytes, rate_hz: int) -> None:
        """More of what is said; without a window it is nobody's."""
        window = self.window
        if window is None or not pcm:
            return
        window.rate_hz = rate_hz
        if len(window.pcm) < rate_hz * 2 * LONGEST_WINDOW_MS // 1000:
            window.pcm += pcm

    def close(self) -> None:
        """They have finished: listen, and answer."""
        window, self.window = self.window, None
        if window is not None:
            window.closed = True
            self._link.log.note("window_closed", window=window.number, at_byte=self._link.log.pcm_bytes)
            self._conversation.hear(window)
            self._received.window(window)
            self._conversation.reply()
