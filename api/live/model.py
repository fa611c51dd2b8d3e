"""The model's side of a call: its link, and the two streams of sound that go there and come back."""

from typing import assert_never

from api.live.call_ports import CallPorts
from api.live.interviewer_audio import InterviewerAudio
from api.live.loop import CallLoop
from api.live.read_back import ReadBack
from api.live.transcript import Transcript
from domain import effects as fx
from domain.inputs import Input, ModelAudio
from domain.ports.model_link import LinkSink
from domain.record.conversation import SeedRequest, Turn

ModelEffect = (
    fx.SendCandidateAudio
    | fx.OpenActivity
    | fx.CloseActivity
    | fx.SendText
    | fx.SendNote
    | fx.AnswerTool
    | fx.DialModel
)
"""What the core asks of the model."""


class ModelSide(LinkSink):
    """One call's. What the link reports comes in here: the interviewer's voice is kept in
    `interviewer`, and all goes on to the loop.

    What the model is sent of the candidate's voice comes from `read_back`.
    """

    def __init__(
        self,
        loop: CallLoop,
        ports: CallPorts,
        interviewer: InterviewerAudio,
        read_back: ReadBack,
        transcript: Transcript,
    ) -> None:
        self._loop = loop
        self._counts = ports.counts
        self._interviewer = interviewer
        self._read_back = read_back
        self._transcript = transcript
        self.link = ports.make_link(loop.call.opened, self)

    def now_us(self) -> int:
        return self._loop.now_us()

    def feed(self, happened: Input) -> None:
        """Something came from the model."""
        if type(happened) is ModelAudio:
            self._interviewer.append(happened.pcm)
        self._loop.feed(happened)

    async def conversation(self, request: SeedRequest) -> tuple[Turn, ...]:
        return await self._transcript.seed(request)

    def carry(self, effect: ModelEffect) -> None:
        """Do what the core asks of the model."""
        match effect:
            case fx.SendCandidateAudio(from_sample, to_sample):
                self.link.send_audio(self._read_back.stretch(from_sample, to_sample))
            case fx.OpenActivity():
                self.link.open_activity()
            case fx.CloseActivity():
                self.link.close_activity()
            case fx.SendText(text):
                self.link.send_text(text)
            case fx.SendNote(text):
                self.link.send_note(text)
            case fx.AnswerTool(tool_call_id, name, result):
                self.link.answer_tool(tool_call_id, name, result)
            case fx.DialModel():
                self._counts.model_dials += 1
                self.link.dial(effect)
            case _:
                assert_never(effect)

    def measure(self) -> None:
        """Have it recorded how the candidate's audio went out."""
        self._loop.feed(self.link.measured())
