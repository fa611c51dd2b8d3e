"""The link to the model, as a live call uses it.

The call asks; the link answers with inputs, in the order in which things happened. Nothing here
waits, apart from opening and closing the link as a whole.
"""

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator
from types import TracebackType
from typing import Any, Final, Self

from domain.effects import DialModel
from domain.inputs import Input, UplinkMeasured

UPLINK_FULL: Final = "uplink_full"
UPLINK_STALLED: Final = "uplink_stalled"
"""Reasons of a `ModelLost`: the session was there, and did not take the candidate's audio."""


class InputSink(ABC):
    """Where what happens to a call is handed in."""

    @abstractmethod
    def now_us(self) -> int:
        """The call's own clock: µs since it was opened. Every input carries a time of it."""

    @abstractmethod
    def feed(self, happened: Input) -> None:
        """Hand an input to the call. Never waits; the call may ask something of the link in turn."""


class ModelLink(ABC):
    """One call's link, over all its sessions: `async with link:` runs it, leaving closes it.

    It is made for the call's opening and its `InputSink`. A session that was given up delivers
    nothing more, and is closed before the next one is opened.
    """

    @abstractmethod
    async def __aenter__(self) -> Self: ...

    @abstractmethod
    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    @abstractmethod
    def dial(self, effect: DialModel) -> None:
        """Give up the session there is, wait, and set up a new one; `ModelConnected` or `ModelLost`
        follows."""

    @abstractmethod
    def open_activity(self) -> None:
        """The candidate begins to speak. Nothing is sent where the model decides turns."""

    @abstractmethod
    def send_audio(self, voice: bytes | AsyncGenerator[bytes]) -> None:
        """The candidate's voice, mono PCM16 at 16 kHz, of any length; in pages if it has to be read
        first."""

    @abstractmethod
    def close_activity(self) -> None:
        """The candidate has finished. Nothing is sent where the model decides turns."""

    @abstractmethod
    def audio_stream_end(self) -> None:
        """The microphone is muted: the model's detector need not wait for silence. Nothing is sent
        where Viva decides turns."""

    @abstractmethod
    def send_text(self, text: str) -> None:
        """A turn in text, which the model answers."""

    @abstractmethod
    def send_note(self, text: str) -> None:
        """Something the model should know, within the open window: no turn of its own."""

    @abstractmethod
    def answer_tool(self, tool_call_id: str, name: str, result: dict[str, Any]) -> None:
        """The result of a function call."""

    @abstractmethod
    def measured(self) -> UplinkMeasured:
        """How the call's audio has gone out so far."""

    @property
    @abstractmethod
    def waiting(self) -> int:
        """How many messages wait to be sent."""
