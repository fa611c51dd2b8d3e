"""The link against the rehearsal server, through the real SDK and TLS."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from adapters.gemini.client import open_client
from adapters.gemini.link import GeminiLink
from adapters.gemini.live_setup import LiveSetup
from adapters.rehearsal import Action, Fault, Point, RehearsalConfig, RehearsalServer
from adapters.rehearsal.faults import GARBAGE
from domain.inputs import (
    CandidateTranscribed,
    GenerationCompleted,
    GoAwayReceived,
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
from domain.interview import seed_note
from domain.ports import Side
from domain.record.conversation import Turn
from tests.adapters.gemini.conftest import SETUP, Linked, dial, settings_for
from tests.adapters.gemini.inbox import Inbox

pytestmark = pytest.mark.simulated

SECOND = b"\x10\x00" * 16_000
SETUP_MS = 30
SLOW_SETUP = Fault(action=Action.DELAY, at=Point.SETUP_COMPLETE, ms=SETUP_MS)
QUICK = RehearsalConfig(thinking_ms=20, speed=40, assumed_playback=0.02, faults=(SLOW_SETUP,))


@pytest.fixture
async def server() -> AsyncIterator[RehearsalServer]:
    async with RehearsalServer(QUICK) as running:
        yield running


def faulty(*faults: Fault) -> RehearsalConfig:
    return RehearsalConfig(thinking_ms=20, speed=40, assumed_playback=0.02, faults=faults)


async def test_a_conversation_with_marked_activity(server: RehearsalServer, inbox: Inbox, linked: Linked) -> None:
    """A text is answered by voice, an answer inside an activity window is heard whole and answered
    in turn."""
    async with linked(settings_for(server)) as link:
        link.dial(dial())
        connected = await inbox.until(ModelConnected)
        link.send_text("Greet the candidate.")
        await inbox.until(ModelTurnCompleted)
        link.open_activity()
        link.send_audio(SECOND * 2)
        link.close_activity()
        await inbox.until(ModelTurnCompleted, 2)
        assert link.counts.sent == 1 + 2 + 10

    assert (connected.model, connected.resumed) == ("gemini-3.8-live", False)
    assert SETUP_MS - 1 <= connected.setup_ms < 10_000  # of microseconds, whole milliseconds are left
    assert sum(len(item.pcm) for item in inbox.of(ModelAudio)) > 48_000
    assert "Why are you here?" in "".join(item.text for item in inbox.of(ModelTranscribed))
    assert len(inbox.of(CandidateTranscribed)) == 1
    assert len(inbox.of(GenerationCompleted)) == 2
    assert all(item.usage["totalTokenCount"] > 0 for item in inbox.of(UsageReported))
    assert inbox.of(ModelLost) == []
    (session,) = server.sessions
    assert [bytes(window.pcm) for window in session.windows] == [SECOND * 2]
    times = [item.at_us for item in inbox.items]
    assert times == sorted(times)


async def test_the_server_is_given_the_whole_setup(server: RehearsalServer, inbox: Inbox, linked: Linked) -> None:
    """What the rehearsal understood is what was asked for."""
    async with linked(settings_for(server)) as link:
        link.dial(dial())
        await inbox.until(ModelConnected)
    setup = server.sessions[0].setup
    assert setup is not None
    assert (setup.model, setup.voice, setup.language) == ("gemini-3.8-live", "Kore", "en-US")
    assert "Why are you here?" in setup.instruction
    assert setup.detection.manual
    assert setup.detection.interrupts
    assert setup.resumable
    assert setup.compresses
    assert setup.transcribe_input
    assert setup.transcribe_output
    assert [function.name for function in setup.functions] == ["end_interview"]


async def test_a_start_of_activity_cuts_the_reply(inbox: Inbox, linked: Linked) -> None:
    """`interrupted`, then the end of the turn, and no completed generation."""
    async with RehearsalServer(RehearsalConfig(thinking_ms=20)) as server, linked(settings_for(server)) as link:
        link.dial(dial())
        await inbox.until(ModelConnected)
        link.send_text("Greet the candidate.")
        await inbox.until(ModelAudio)
        link.open_activity()
        await inbox.until(ModelTurnCompleted)
    ends = [
        type(item)
        for item in inbox.items
        if isinstance(item, ModelInterruptionReported | GenerationCompleted | ModelTurnCompleted)
    ]
    assert ends == [ModelInterruptionReported, ModelTurnCompleted]


async def test_a_session_is_resumed_by_its_handle(server: RehearsalServer, inbox: Inbox, linked: Linked) -> None:
    """The second session knows what was said in the first, and goes on to the next question."""
    async with linked(settings_for(server)) as link:
        link.dial(dial())
        await inbox.until(ModelConnected)
        link.send_text("Greet the candidate.")
        await inbox.until(ModelTurnCompleted)
        await inbox.until(ResumptionHandleIssued, 2)
        handle = [item.handle for item in inbox.of(ResumptionHandleIssued) if item.handle][-1]
        link.dial(dial(handle))
        assert (await inbox.until(ModelConnected, 2)).resumed
        link.open_activity()
        link.send_audio(SECOND * 2)
        link.close_activity()
        await inbox.until(ModelTurnCompleted, 2)
    assert "What did you build?" in "".join(item.text for item in inbox.of(ModelTranscribed))
    assert inbox.of(ModelLost) == []


PAST = (
    Turn(Side.CANDIDATE, seed_note(7, 0)),
    Turn(Side.INTERVIEWER, "Hello, and welcome. Why are you here?"),
    Turn(Side.CANDIDATE, "For the work."),
)
OLDER = "gemini-2.5-flash-native-audio-preview-12-2025"


@pytest.mark.parametrize("model", ["gemini-3.8-live", OLDER])
async def test_a_fresh_session_that_is_seeded_with_the_conversation_goes_on_with_it(
    server: RehearsalServer, inbox: Inbox, linked: Linked, model: str
) -> None:
    """It says nothing by itself, and asks the next question when it is asked to go on."""
    async with linked(settings_for(server)) as link:
        inbox.past = PAST
        link.dial(dial(model=model, seeded=True))
        connected = await inbox.until(ModelConnected)
        assert (connected.resumed, connected.seeded_characters) == (False, sum(len(turn.text) for turn in PAST))
        await asyncio.sleep(0.2)
        assert inbox.of(ModelAudio) == []
        link.send_text("Please go on.")
        await inbox.until(ModelTurnCompleted)
    said = "".join(item.text for item in inbox.of(ModelTranscribed))
    assert said.endswith("What did you build?")
    assert "welcome" not in said
    roles = [turn.role for turn in server.sessions[0].history]
    assert roles == [*(["user"] if model != OLDER else []), "model", "user", "user", "model"]


async def test_what_a_call_sends_at_once_comes_after_its_past(
    server: RehearsalServer, inbox: Inbox, linked: Linked
) -> None:
    """The core may open a window within the news of the connection."""
    async with linked(settings_for(server)) as link:

        def speak(item: object) -> None:
            if isinstance(item, ModelConnected):
                link.open_activity()
                link.send_audio(SECOND * 2)
                link.close_activity()

        inbox.on_delivery = speak
        inbox.past = PAST
        link.dial(dial(seeded=True))
        await inbox.until(ModelTurnCompleted)
    assert [turn.text for turn in server.sessions[0].history][:3] == [turn.text for turn in PAST]
    assert server.sessions[0].history[3].audio_ms == 2_000
    assert inbox.of(ModelLost) == []


async def test_a_resumed_session_is_not_seeded(server: RehearsalServer, inbox: Inbox, linked: Linked) -> None:
    """It knows; and Gemini would take the past for the present."""
    async with linked(settings_for(server)) as link:
        link.dial(dial())
        await inbox.until(ModelConnected)
        link.send_text("Greet the candidate.")
        await inbox.until(ResumptionHandleIssued, 2)
        handle = inbox.of(ResumptionHandleIssued)[-1].handle
        inbox.past = PAST
        link.dial(dial(handle, seeded=True))
        connected = await inbox.until(ModelConnected, 2)
    assert (connected.resumed, connected.seeded_characters) == (True, 0)
    assert len(server.sessions[1].history) == 2


async def test_the_old_socket_is_closed_before_the_next_is_opened(
    server: RehearsalServer, inbox: Inbox, linked: Linked
) -> None:
    """Three dials in a row leave one connection; at no moment were there two."""
    both_open: list[bool] = []
    async with linked(settings_for(server)) as link:
        link.dial(dial())
        await inbox.until(ModelConnected)
        inbox.on_delivery = lambda item: both_open.append(
            isinstance(item, ModelConnected) and not all(past.closed.is_set() for past in list(server.sessions)[:-1])
        )
        link.dial(dial())
        link.dial(dial())
        await inbox.until(ModelConnected, 2)
    assert both_open == [False]
    assert link.counts.dials == 3
    assert len(server.sessions) == 2
    assert inbox.of(ModelLost) == []


async def test_nothing_of_an_old_session_is_delivered_after_a_dial(inbox: Inbox, linked: Linked) -> None:
    """In the middle of a reply the call dials again, from within a delivery: the rest of the reply
    is not heard."""
    async with RehearsalServer(RehearsalConfig(thinking_ms=20)) as server, linked(settings_for(server)) as link:
        link.dial(dial())
        await inbox.until(ModelConnected)
        link.send_text("Greet the candidate.")

        def dial_once(_item: object) -> None:
            inbox.on_delivery = lambda item: None
            link.dial(dial())

        inbox.on_delivery = lambda item: dial_once(item) if isinstance(item, ModelAudio) else None
        await inbox.until(ModelConnected, 2)
        after = inbox.items[inbox.items.index(inbox.of(ModelAudio)[0]) + 1 :]
        assert [type(item) for item in after] == [ModelConnected]
        link.send_text("Greet the candidate.")
        await inbox.until(ModelTurnCompleted)


async def test_go_away_is_delivered_with_its_time(inbox: Inbox, linked: Linked) -> None:
    """And the connection's end after it can be tried again."""
    fault = Fault(action=Action.GO_AWAY, at=Point.GENERATION_COMPLETE, time_left_ms=300)
    async with RehearsalServer(faulty(fault)) as server, linked(settings_for(server)) as link:
        link.dial(dial())
        await inbox.until(ModelConnected)
        link.send_text("Greet the candidate.")
        assert (await inbox.until(GoAwayReceived)).time_left_ms == 300
        assert (await inbox.until(ModelLost)).retryable


@pytest.mark.parametrize(("abort", "code", "seen"), [(False, 1011, 1011), (True, 0, 1006), (False, 1000, 1000)])
async def test_a_dropped_connection_is_lost_once_and_may_be_tried_again(
    inbox: Inbox, linked: Linked, abort: bool, code: int, seen: int
) -> None:
    """Whatever way it goes; and the next dial works."""
    fault = Fault(action=Action.DROP, at=Point.REPLY, nth=2, abort=abort, code=code)
    async with RehearsalServer(faulty(fault)) as server, linked(settings_for(server)) as link:
        link.dial(dial())
        await inbox.until(ModelConnected)
        link.send_text("Greet the candidate.")
        await inbox.until(ModelTurnCompleted)
        link.send_text("Go on.")
        lost = await inbox.until(ModelLost)
        link.send_text("Nobody hears this.")
        assert link.counts.unsent == 1
        link.dial(dial())
        await inbox.until(ModelConnected, 2)
    assert (lost.code, lost.retryable) == (seen, True)
    assert len(inbox.of(ModelLost)) == 1


async def test_a_call_may_dial_from_within_the_news_of_a_loss(inbox: Inbox, linked: Linked) -> None:
    """The core answers `ModelLost` with a dial at once, before the old connection has finished
    closing."""
    fault = Fault(action=Action.DROP, at=Point.REPLY)
    async with RehearsalServer(faulty(fault)) as server, linked(settings_for(server)) as link:
        inbox.on_delivery = lambda item: link.dial(dial(wait_ms=10)) if isinstance(item, ModelLost) else None
        link.dial(dial())
        await inbox.until(ModelConnected)
        link.send_text("Greet the candidate.")
        await inbox.until(ModelConnected, 2)
        assert server.sessions[0].closed.is_set()
        link.send_text("Greet the candidate.")
        await inbox.until(ModelTurnCompleted)
    assert len(inbox.of(ModelLost)) == 1


@pytest.mark.parametrize("what", GARBAGE)
async def test_garbage_ends_no_session_unless_it_is_too_big(inbox: Inbox, linked: Linked, what: str) -> None:
    """Whatever Gemini may send: the conversation goes on, or the session is lost and may be dialled
    again."""
    fault = Fault(action=Action.GARBAGE, at=Point.REPLY, what=what)
    async with RehearsalServer(faulty(fault)) as server, linked(settings_for(server)) as link:
        inbox.on_delivery = lambda item: link.dial(dial()) if isinstance(item, ModelLost) else None
        link.dial(dial())
        await inbox.until(ModelConnected)
        link.send_text("Greet the candidate.")
        if what == "giant":
            await inbox.until(ModelConnected, 2)
            link.send_text("Greet the candidate.")
        await inbox.until(ModelTurnCompleted)
    assert [(lost.code, lost.retryable) for lost in inbox.of(ModelLost)] == ([(1006, True)] if what == "giant" else [])
    assert len(inbox.of(ModelMessageUnrecognised)) == (what not in ("empty", "giant"))


async def test_a_setup_that_is_accepted_and_never_confirmed_is_a_loss(inbox: Inbox, linked: Linked) -> None:
    """The dial hangs for as long as the settings allow, and may be tried again."""
    fault = Fault(action=Action.OMIT, at=Point.SETUP_COMPLETE)
    async with (
        RehearsalServer(faulty(fault)) as server,
        linked(replace(settings_for(server), connect_timeout_ms=200)) as link,
    ):
        link.dial(dial())
        assert (await inbox.until(ModelLost)).retryable
        link.dial(dial())
        await inbox.until(ModelConnected)


@pytest.mark.parametrize(("model", "handle", "code"), [("gemini-0", "", 1008), ("gemini-3.8-live", "gone", 1008)])
async def test_what_the_server_will_never_accept_is_not_to_be_tried_again(
    server: RehearsalServer, inbox: Inbox, linked: Linked, model: str, handle: str, code: int
) -> None:
    """An unknown model, an expired handle."""
    async with linked(settings_for(server)) as link:
        link.dial(dial(handle, model))
        lost = await inbox.until(ModelLost)
    assert (lost.code, lost.retryable) == (code, False)
    assert inbox.of(ModelConnected) == []


async def test_a_refused_key_is_explained_without_showing_it(inbox: Inbox, linked: Linked) -> None:
    """Gemini accepts the handshake and closes with 1007; what helps is another key."""
    async with RehearsalServer(RehearsalConfig(api_keys=("good",))) as server, linked(settings_for(server)) as link:
        link.dial(dial())
        lost = await inbox.until(ModelLost)
    assert (lost.retryable, lost.reason) == (False, "Gemini refused the API key: check GEMINI_API_KEY.")


async def test_where_gemini_decides_no_activity_is_marked(
    server: RehearsalServer, inbox: Inbox, linked: Linked
) -> None:
    """Audio flows, the microphone's end is sent, and the candidate is answered."""
    setup = LiveSetup(instruction=SETUP.instruction, turns="gemini")
    loud = b"".join(bytes([0, 0x30]) * 40 + bytes([0, 0xD0]) * 40 for _ in range(200))  # a 200 Hz buzz, 1 s
    async with linked(settings_for(server)) as link:
        link.setup = setup
        link.dial(dial())
        await inbox.until(ModelConnected)
        link.open_activity()
        link.send_audio(loud)
        link.close_activity()
        link.audio_stream_end()
        await inbox.until(ModelTurnCompleted)
    assert inbox.of(ModelLost) == []
    (session,) = server.sessions
    assert session.received_pcm == loud
    assert session.setup is not None
    assert not session.setup.detection.manual
    assert (session.setup.detection.start_high, session.setup.detection.silence_ms) == (True, 700)


async def test_the_end_of_the_stream_is_not_sent_where_viva_decides(
    server: RehearsalServer, inbox: Inbox, linked: Linked
) -> None:
    """Gemini would close the session on it (1007)."""
    async with linked(settings_for(server)) as link:
        link.dial(dial())
        await inbox.until(ModelConnected)
        link.audio_stream_end()
        link.send_text("Greet the candidate.")
        await inbox.until(ModelTurnCompleted)
    assert inbox.of(ModelLost) == []


async def test_a_tool_call_is_answered(server: RehearsalServer, inbox: Inbox, linked: Linked) -> None:
    """The interviewer asks to end the interview; the answer reaches it."""
    setup = LiveSetup(instruction="Ask:\n1. Why?")
    async with linked(settings_for(server)) as link:
        link.setup = setup
        link.dial(dial())
        await inbox.until(ModelConnected)
        link.send_text("Greet the candidate.")
        await inbox.until(ModelTurnCompleted)
        link.open_activity()
        link.send_audio(SECOND * 2)
        link.close_activity()
        call = await inbox.until(ToolCallRequested)
        link.answer_tool(call.tool_call_id, call.name, {"result": "ok"})
        link.open_activity()
        link.send_audio(SECOND * 2)
        link.close_activity()
        await inbox.until(CandidateTranscribed, 2)  # in order behind the answer
    assert call.name == "end_interview"
    assert server.sessions[0].received.messages["toolResponse"] == 1


async def test_closing_the_link_delivers_nothing(server: RehearsalServer, inbox: Inbox, linked: Linked) -> None:
    """A close that we asked for is no loss, and it is safe to ask twice."""
    async with linked(settings_for(server)) as link:
        link.dial(dial())
        await inbox.until(ModelConnected)
        await link.aclose()
        await link.aclose()
        async with asyncio.timeout(5):
            await server.sessions[0].closed.wait()
    assert [type(item) for item in inbox.items] == [ModelConnected]


async def test_a_link_can_be_closed_while_it_waits_to_dial(
    server: RehearsalServer, inbox: Inbox, linked: Linked
) -> None:
    """The wait ends with it."""
    async with linked(settings_for(server)) as link:
        link.dial(dial(wait_ms=3_600_000))
    assert inbox.items == []
    assert len(server.sessions) == 0


async def test_a_link_runs_in_the_task_group_of_its_call(server: RehearsalServer, inbox: Inbox) -> None:
    """A failure in the call's own code ends the link with the rest of the call."""
    settings = settings_for(server)

    def fail(_: object) -> None:
        raise ZeroDivisionError

    inbox.on_delivery = fail

    with pytest.raises(ExceptionGroup) as raised:
        async with open_client(settings) as client, asyncio.TaskGroup() as group:
            link = GeminiLink(client=client, settings=settings, setup=SETUP, sink=inbox, group=group)
            async with link:
                link.dial(dial())
                await asyncio.Event().wait()
    assert raised.group_contains(ZeroDivisionError)
