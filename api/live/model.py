"""The model's side of a call: its link, and the two streams of sound that go there and come back."""

from api.live.call_ports import CallPorts
from api.live.interviewer_audio import InterviewerAudio
from api.live.loop import CallLoop
from api.live.read_back import ReadBack
from api.live.transcript import Transcript
from domain.effects import DialModel
from domain.inputs import Input, ModelAudio
from domain.ports.model_link import LinkSink
from domain.record.conversation import SeedRequest, Turn


class ModelSide(LinkSink):
    """One call's. What the link reports comes in here: the interviewer's voice is kept in
    `interviewer`, and all goes on to the loop.

    What the model is sent of the candidate's voice comes from `candidate`.
    """

    def __init__(
        self,
        loop: CallLoop,
        ports: CallPorts,
        interviewer: InterviewerAudio,
        candidate: ReadBack,
        transcript: Transcript,
    ) -> None:
        self._loop = loop
        self._counts = ports.counts
        self._interviewer = interviewer
        self._candidate = candidate
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

    def send_audio(self, from_sample: int, to_sample: int) -> None:
        """Send this range of the candidate's stream."""
        self.link.send_audio(self._candidate.stretch(from_sample, to_sample))

    def dial(self, effect: DialModel) -> None:
        """Set up a session."""
        self._counts.model_dials += 1
        self.link.dial(effect)

    def measure(self) -> None:
        """Have it recorded how the candidate's audio went out."""
        self._loop.feed(self.link.measured())
