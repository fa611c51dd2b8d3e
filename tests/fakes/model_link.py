"""A model that is connected at once and says nothing by itself."""

from collections.abc import AsyncGenerator
from types import TracebackType
from typing import Any, Self

from domain.effects import DialModel
from domain.events import CallOpened
from domain.inputs import ModelConnected, UplinkMeasured
from domain.ports.model_link import InputSink, ModelLink


class FakeModelLink(ModelLink):
    """Keeps what it is asked for in `asked`, by the name of the method."""

    def __init__(self, opened: CallOpened, sink: InputSink) -> None:
        self.opened = opened
        self.sink = sink
        self.asked: list[tuple[str, Any]] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.asked.append(("close", None))

    def dial(self, effect: DialModel) -> None:
        self.asked.append(("dial", effect))
        self.sink.feed(ModelConnected(at_us=self.sink.now_us(), model=effect.model, resumed=False, setup_ms=1))

    def open_activity(self) -> None:
        self.asked.append(("open_activity", None))

    def send_audio(self, voice: bytes | AsyncGenerator[bytes]) -> None:
        self.asked.append(("send_audio", voice))

    def close_activity(self) -> None:
        self.asked.append(("close_activity", None))

    def audio_stream_end(self) -> None:
        self.asked.append(("audio_stream_end", None))

    def send_text(self, text: str) -> None:
        self.asked.append(("send_text", text))

    def send_note(self, text: str) -> None:
        self.asked.append(("send_note", text))

    def answer_tool(self, tool_call_id: str, name: str, result: dict[str, Any]) -> None:
        self.asked.append(("answer_tool", (tool_call_id, name, result)))

    def measured(self) -> UplinkMeasured:
        return UplinkMeasured(at_us=self.sink.now_us(), messages=0, joined=0, largest_chunk_ms=0, longest_wait_ms=0)

    @property
    def waiting(self) -> int:
        return 0
