"""What a candidate's loudspeaker played, held against what the log says was heard."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from domain.event import Event
from domain.events import ModelFinished, ReplyCut, ReplyStarted
from domain.inputs import ModelTranscribed
from domain.ports import Side
from tests.api.candidate import Candidate
from tests.fixtures.server import Desk

Wave = npt.NDArray[np.int16]
HEARD_ERROR_MS = 60


async def check_heard(desk: Desk, call_id: str, candidate: Candidate) -> None:
    """Everything played is what the log says was heard, sample for sample and in order; of a cut
    reply, to 60 ms.

    Silence is left out on both sides: between replies, while held, and within the voice. The end of
    the call may have cut the last reply short.
    """
    stored = np.frombuffer(await desk.pcm(call_id, Side.INTERVIEWER), "<i2")
    left = loud(np.frombuffer(candidate.client.loudspeaker.heard, "<i2"))
    begun = 0
    for event in await desk.log(call_id):
        if isinstance(event, ReplyStarted):
            begun = event.first_model_sample
        elif isinstance(event, ModelFinished):
            first, end = (event.evidence[name] for name in ("first_model_sample", "played_model_sample"))
            said = loud(stored[first:end])
            assert np.array_equal(left[: said.size], said), f"generation {event.generation} was not heard as logged"
            left, begun = left[said.size :], stored.size
        elif isinstance(event, ReplyCut):
            left, begun = _without_cut(left, stored, event), stored.size
    assert np.array_equal(left, loud(stored[begun:])[: left.size]), "something was heard that the log does not know of"


def _without_cut(left: Wave, stored: Wave, cut: ReplyCut) -> Wave:
    first, heard = cut.evidence["first_model_sample"], cut.evidence["heard_model_sample"]
    slack = HEARD_ERROR_MS * 24
    least, most = loud(stored[first : max(first, heard - slack)]), loud(stored[first : heard + slack])
    alike = int(np.argmin(np.append(left[: most.size] == most[: left.size], False)))
    assert alike >= least.size, f"generation {cut.generation}: {alike / 24:.0f} ms heard, {cut.heard_ms} ms logged"
    return left[alike:]


def loud(wave: Wave) -> Wave:
    """A wave without its silent samples."""
    audible: Wave = wave[wave != 0]
    return audible


def words_of(events: Sequence[Event]) -> dict[int, str]:
    """What the log says the interviewer said, by generation."""
    said: dict[int, str] = {}
    for event in events:
        if isinstance(event, ModelTranscribed):
            said[event.generation] = said.get(event.generation, "") + event.text
    return said
