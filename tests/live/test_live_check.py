"""What only the real Gemini can confirm, in sessions as short as possible: `make live-check`, with
GEMINI_API_KEY set.

Every test states one assumption that Viva rests on; a failure means that the assumption, and what
is built on it, is wrong. Numbers and surprises are printed, for the notes. With
GEMINI_BASE_URL and GEMINI_CA_FILE the same assumptions are checked of a rehearsal;
GEMINI_CHECK_MODEL names another model than the default.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import soundfile

from adapters.gemini.catalogue import load_catalogue
from adapters.gemini.client import open_client
from adapters.gemini.link import GeminiLink
from adapters.gemini.live_setup import LiveSetup
from adapters.gemini.settings import read_settings
from domain.effects import DialModel
from domain.inputs import (
    CandidateTranscribed,
    GenerationCompleted,
    ModelAudio,
    ModelConnected,
    ModelInterruptionReported,
    ModelLost,
    ModelMessageUnrecognised,
    ModelTranscribed,
    ModelTurnCompleted,
    ResumptionHandleIssued,
    ToolCallRequested,
    UsageReported,
)
from domain.interview import END_TOOL, NUDGE, OPENING, heard_note, seed_note
from domain.ports import Side
from domain.record.conversation import SeedRequest, Turn
from tests.adapters.gemini.inbox import Inbox

if not os.environ.get("GEMINI_API_KEY"):
    pytest.skip("needs GEMINI_API_KEY: nothing here was confirmed", allow_module_level=True)

pytestmark = [
    pytest.mark.live,
    pytest.mark.timeout(180),
    pytest.mark.filterwarnings("default:.*is not a valid:UserWarning"),  # an enum value newer than the SDK
]

MODEL = os.environ.get("GEMINI_CHECK_MODEL", "gemini-3.8-live")
CANDIDATE = Path(__file__).parents[1] / "data" / "candidate"
SETUP = LiveSetup(
    instruction=(
        "You are Viva, interviewing Ada for the role of compiler engineer. Speak English, in one short sentence.\n"
        "Ask these questions one at a time:\n1. What did you build last?\n2. Why did you build it?\n"
        f"After the last answer, say goodbye, and call {END_TOOL}."
    ),
    voice="Kore",
    language="en-US",
)

Say = Callable[[str], None]


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest) -> Say:
    """Print a finding even where output is captured."""

    def speak(finding: str) -> None:
        with capsys.disabled():
            sys.stdout.write(f"\n  {request.node.name}: {finding}\n")

    return speak


class Check:
    """A link, and what came of it."""

    def __init__(self, link: GeminiLink, inbox: Inbox) -> None:
        self.link, self.inbox = link, inbox

    async def dial(
        self, setup: LiveSetup = SETUP, handle: str = "", model: str = MODEL, seed: tuple[Turn, ...] = ()
    ) -> ModelConnected:
        """Dial and be connected; a loss fails the test with its reason."""
        already = len(self.inbox.of(ModelConnected))
        self.link.setup = setup
        self.inbox.past = seed
        request = SeedRequest(without_turn=0, characters=40_000, minutes=4) if seed else None
        self.link.dial(DialModel(attempt=1, wait_ms=0, handle=handle, model=model, seed=request))
        await self.inbox.until((ModelConnected, ModelLost), already + 1)
        assert self.inbox.of(ModelLost) == []
        return self.inbox.of(ModelConnected)[-1]

    async def turn(self, count: int = 1) -> str:
        """Wait for the `count`th end of a turn; what the interviewer has said so far."""
        await self.inbox.until(ModelTurnCompleted, count)
        return "".join(item.text for item in self.inbox.of(ModelTranscribed))

    def speak(self, name: str) -> None:
        """A recorded answer, in an activity window of its own."""
        self.link.open_activity()
        self.link.send_audio(recording(name))
        self.link.close_activity()


@pytest.fixture
async def check(say: Say) -> AsyncIterator[Check]:
    async with checking() as connected:
        yield connected
        strange = {name for item in connected.inbox.of(ModelMessageUnrecognised) for name in item.fields}
        if strange:
            say(f"fields that Viva does not know: {', '.join(sorted(strange))}")


@asynccontextmanager
async def checking() -> AsyncIterator[Check]:
    settings, inbox = read_settings(os.environ), Inbox()
    async with (
        open_client(settings) as client,
        GeminiLink(client=client, settings=settings, setup=SETUP, sink=inbox) as link,
    ):
        yield Check(link, inbox)


def recording(name: str) -> bytes:
    """A recorded candidate, PCM16 at 16 kHz."""
    samples, rate_hz = soundfile.read(CANDIDATE / f"{name}.flac", dtype="int16")
    assert rate_hz == 16_000
    return bytes(samples.tobytes())


def ms_between(inbox: Inbox, earlier_us: int, kind: type) -> int:
    later = next(item for item in inbox.items if isinstance(item, kind) and item.at_us >= earlier_us)
    return (later.at_us - earlier_us) // 1000


@pytest.mark.parametrize("model", [model.id for model in load_catalogue().live("gemini-api")])
async def test_every_live_model_of_the_catalogue_accepts_the_setup(check: Check, say: Say, model: str) -> None:
    """Manual activity, both transcriptions, resumption, compression, a voice, a language and a
    function, together."""
    connected = await check.dial(model=model)
    say(f"set up in {connected.setup_ms} ms")


async def test_a_text_turn_is_answered_by_voice_and_in_words(check: Check, say: Say) -> None:
    """Ordered content opens the interview although activity is marked by hand; the reply is heard
    and transcribed."""
    await check.dial()
    asked_us = check.inbox.now_us()
    check.link.send_text(OPENING)
    words = await check.turn()
    seconds = sum(len(item.pcm) for item in check.inbox.of(ModelAudio)) / 48_000
    say(f"first sound after {ms_between(check.inbox, asked_us, ModelAudio)} ms, {seconds:.1f} s: {words!r}")
    assert seconds > 0.5
    assert words.strip()


async def test_a_turn_ends_its_generation_before_itself(check: Check, say: Say) -> None:
    """`generationComplete`, a pause for playback, `turnComplete`."""
    await check.dial()
    check.link.send_text(OPENING)
    await check.turn()
    generation, turn = check.inbox.of(GenerationCompleted), check.inbox.of(ModelTurnCompleted)
    assert generation
    assert generation[0].at_us <= turn[0].at_us
    say(f"{(turn[0].at_us - generation[0].at_us) // 1000} ms between them")


async def test_an_answer_in_a_window_is_heard_and_answered(check: Check, say: Say) -> None:
    """Sent faster than it was spoken, as after a re-dial: nothing of it is lost."""
    await check.dial()
    check.speak("answer_1")
    closed_us = check.inbox.now_us()
    await check.turn()
    heard = "".join(item.text for item in check.inbox.of(CandidateTranscribed) if not item.interim)
    say(f"first sound {ms_between(check.inbox, closed_us, ModelAudio)} ms after the window closed; heard {heard!r}")
    spoken = (CANDIDATE / "answer_1.txt").read_text().lower().split()
    assert len(set(heard.lower().split()) & set(spoken)) >= len(set(spoken)) // 2


async def test_a_start_of_activity_interrupts_and_then_ends_the_turn(check: Check, say: Say) -> None:
    """`interrupted`, then `turnComplete`, with no `generationComplete` of the reply that was cut."""
    await check.dial()
    check.link.send_text("Tell me at length, in at least ten sentences, how this interview will go.")
    await check.inbox.until(ModelAudio)
    cut_us = check.inbox.now_us()
    check.link.open_activity()
    await check.inbox.until(ModelInterruptionReported)
    await check.turn()
    ends = ModelInterruptionReported | GenerationCompleted | ModelTurnCompleted
    order = [type(item) for item in check.inbox.items if isinstance(item, ends)]
    say(f"interrupted after {ms_between(check.inbox, cut_us, ModelInterruptionReported)} ms")
    assert order == [ModelInterruptionReported, ModelTurnCompleted]


async def test_a_note_within_a_window_is_taken_and_no_turn_of_its_own(check: Check, say: Say) -> None:
    """What Viva says of a reply that was cut: realtime text between the start of activity and the
    candidate's voice."""
    await check.dial()
    check.link.send_text("Tell me at length, in at least ten sentences, how this interview will go.")
    await check.inbox.until(ModelAudio)
    check.link.open_activity()
    check.link.send_note(heard_note("", 0))
    check.link.send_audio(recording("answer_1"))
    check.link.close_activity()
    await check.inbox.until(ModelTurnCompleted, 2)
    said = "".join(item.text for item in check.inbox.of(ModelTranscribed))
    say(f"the model said, cut reply and answer together: {said!r}")
    assert check.inbox.of(ModelLost) == []


async def test_a_session_goes_on_by_its_handle_after_its_connection_was_closed(check: Check, say: Say) -> None:
    """The closed session's context is there, and the set-up may be sent again with it."""
    await check.dial()
    check.link.send_text("My favourite number is 4711. Just say yes.")
    await check.turn()
    while not (handles := [item.handle for item in check.inbox.of(ResumptionHandleIssued) if item.handle]):
        await check.inbox.until(ResumptionHandleIssued, len(check.inbox.of(ResumptionHandleIssued)) + 1)
    connected = await check.dial(handle=handles[-1])
    assert connected.resumed
    said_before = await check.turn()
    check.link.send_text("What is my favourite number? Say its digits.")
    said = (await check.turn(2)).removeprefix(said_before)
    say(f"resumed in {connected.setup_ms} ms: {said!r}")
    if not os.environ.get("GEMINI_BASE_URL"):  # a rehearsal does not know numbers
        assert "4711" in said.replace(" ", "").replace(",", "") or "four" in said.lower()


PAST = (
    Turn(Side.CANDIDATE, seed_note(4, 0)),
    Turn(Side.INTERVIEWER, "Hello Ada, and welcome. What did you build last?"),
    Turn(Side.CANDIDATE, "A compiler for a language called Zebra."),
    Turn(Side.INTERVIEWER, "Interesting. Why did you build it?"),
)


@pytest.mark.parametrize("how", ["text", "voice"])
async def test_a_new_session_takes_its_past_and_does_not_answer_it(check: Check, say: Say, how: str) -> None:
    """It goes on when it is spoken to, by ordered content or in a window, and does not greet
    again."""
    connected = await check.dial(seed=PAST)
    await asyncio.sleep(3)
    assert check.inbox.of(ModelAudio) == []
    if how == "text":
        check.link.send_text("What was the language called again?")
    else:
        check.speak("answer_1")
    said = await check.turn()
    usage = (await check.inbox.until(UsageReported)).usage
    handles = [item.resumable for item in check.inbox.of(ResumptionHandleIssued)]
    say(f"told in {connected.setup_ms} ms, handles {handles}, {usage.get('promptTokenCount')} tokens: {said!r}")
    assert "welcome" not in said.lower()
    if how == "text" and not os.environ.get("GEMINI_BASE_URL"):  # a rehearsal does not understand
        assert "zebra" in said.lower()


async def test_the_first_usage_of_a_resumed_session_shows_its_context_and_a_handle_serves_twice(
    check: Check, say: Say
) -> None:
    """What `ModelHistoryVerified` rests on, and the quiet rotation of a session in which nothing was
    said."""
    await check.dial()
    check.speak("answer_1")
    await check.turn()
    while not (handles := [item.handle for item in check.inbox.of(ResumptionHandleIssued) if item.handle]):
        await check.inbox.until(ResumptionHandleIssued, len(check.inbox.of(ResumptionHandleIssued)) + 1)
    before = check.inbox.of(UsageReported)[-1].usage
    for _ in range(2):
        assert (await check.dial(handle=handles[-1])).resumed
    reported = len(check.inbox.of(UsageReported))
    check.link.send_text("Please go on.")
    after = (await check.inbox.until(UsageReported, reported + 1)).usage
    say(f"{before.get('promptTokenCount')} tokens before, {after.get('promptTokenCount')} after")
    assert after["promptTokenCount"] > before["promptTokenCount"]


async def test_a_wrong_handle_is_refused_for_good(check: Check, say: Say) -> None:
    """So that the call can fall back to a fresh session."""
    check.link.dial(DialModel(attempt=1, wait_ms=0, handle="no-such-handle", model=MODEL))
    lost = await check.inbox.until(ModelLost)
    say(f"{lost.code}: {lost.reason}")
    assert not lost.retryable


async def test_an_unknown_model_is_refused_for_good(check: Check, say: Say) -> None:
    """So that the call can fall back to the next model."""
    check.link.dial(DialModel(attempt=1, wait_ms=0, handle="", model="gemini-0-live"))
    lost = await check.inbox.until(ModelLost)
    say(f"{lost.code}: {lost.reason}")
    assert not lost.retryable


async def test_a_nudge_is_answered_where_nothing_was_asked(check: Check) -> None:
    """What the watchdog sends after a silent turn."""
    await check.dial()
    check.link.send_text(OPENING)
    await check.turn()
    check.link.send_text(NUDGE)
    await check.turn(2)
    assert len(check.inbox.of(GenerationCompleted)) >= 2


async def test_usage_is_reported_by_modality(check: Check, say: Say) -> None:
    """What costs are computed from."""
    await check.dial()
    check.speak("answer_1")
    await check.turn()
    usage = (await check.inbox.until(UsageReported)).usage
    cost = load_catalogue().find(MODEL).cost(usage)
    say(f"{cost} USD for {usage}")
    assert {item["modality"] for item in usage["promptTokensDetails"]} >= {"AUDIO"}
    assert cost is None or cost > 0


async def test_the_model_calls_the_end_and_takes_the_answer(check: Check) -> None:
    """Without a behaviour declared, which is each model's own default."""
    setup = replace(
        SETUP, instruction=f"You end calls. Whatever is said, say goodbye and call {END_TOOL}.\nAsk:\n1. Ok?"
    )
    await check.dial(setup)
    check.link.send_text(OPENING)
    if os.environ.get("GEMINI_BASE_URL"):  # a rehearsal asks its question first
        await check.turn()
        check.speak("answer_1")
    call = await check.inbox.until(ToolCallRequested)
    check.link.answer_tool(call.tool_call_id, call.name, {"result": "The call is closed."})
    await check.turn()
    assert call.name == END_TOOL
    assert check.inbox.of(ModelLost) == []


async def test_gemini_can_decide_turns_itself(check: Check, say: Say) -> None:
    """Its detector ends the turn at the end of the stream, without our marking anything."""
    await check.dial(replace(SETUP, turns="gemini"))
    check.link.send_audio(recording("answer_1"))
    check.link.audio_stream_end()
    ended_us = check.inbox.now_us()
    await check.turn()
    say(f"first sound {ms_between(check.inbox, ended_us, ModelAudio)} ms after the end of the stream")


async def test_the_transcription_takes_a_language(check: Check, say: Say) -> None:
    """`hint_language`, which is off until this holds."""
    await check.dial(replace(SETUP, hint_language=True))
    check.speak("answer_1")
    await check.turn()
    say("".join(item.text for item in check.inbox.of(CandidateTranscribed)))
