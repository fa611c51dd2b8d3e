"""The demonstration page, as a candidate uses it: real clicks, real permission, real sound."""

from pathlib import Path

import pytest

from tests.api.web.chromium import Chromium, Page
from tests.api.web.page import STATES, begin, picture
from tests.api.web.protocol_server import ProtocolServer, Wire
from tests.api.web.sound import tone

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


async def test_the_form_opens_a_call_with_what_was_typed(front: Page, server: ProtocolServer) -> None:
    """Three questions are there from the start; every field reaches the server under its protocol
    name."""
    await front.run(
        "document.querySelector('#agent').value = 'strict'; document.querySelector('#name').value = 'Ada L.'"
    )
    await begin(front, server)
    [request] = server.requests
    assert (request["agent"], request["candidate"]) == ("strict", {"name": "Ada L."})
    assert (len(request["context"]["questions"]), request["context"]["language"]) == (3, "en-US")
    assert set(request["context"]) == {"role", "questions", "language", "duration_minutes"}


async def test_every_state_is_shown_in_words_and_by_name(front: Page, server: ProtocolServer) -> None:
    """Six states, six different sentences, and the name that the logs use."""
    wire = await begin(front, server)
    words = set()
    for state in STATES:
        await wire.send("state", state=state, missing=[])
        await front.until(f"document.querySelector('#state-name').textContent === '{state}'")
        words.add(await front.text("#state-words"))
    assert len(words) == 6


async def test_the_transcript_shows_two_voices_and_interim_text(front: Page, server: ProtocolServer) -> None:
    """Interim text is replaced, final text joined, and an interruption leaves a visible mark
    between them."""
    wire = await begin(front, server)
    await wire.send("transcript", who="interviewer", number=1, text="Good ", interim=False)
    await wire.send("transcript", who="interviewer", number=1, text="morning.", interim=False)
    await wire.send("hold")
    await wire.send("flush")
    await wire.send("transcript", who="candidate", number=1, text="Hallo", interim=True)
    await front.until("document.querySelector('.interim:not(:empty)')")
    await wire.send("transcript", who="candidate", number=1, text="Hello.", interim=False)
    await front.until("document.querySelector('.turn.candidate p').textContent === 'Hello.'")
    assert await front.text(".turn.interviewer p") == "Good morning."
    marks = await front.run("return [...document.querySelectorAll('.mark')].map((mark) => mark.dataset.kind)")
    assert marks == ["flush"]


async def test_latencies_and_round_trip_are_shown(front: Page, server: ProtocolServer) -> None:
    """One row a reply, newest first, unknown as a dash."""
    wire = await begin(front, server)
    await wire.send("latency", generation=1, turn=0, endpoint_ms=-1, model_ms=480, response_ms=-1)
    await wire.send("latency", generation=2, turn=1, endpoint_ms=610, model_ms=455, response_ms=1102)
    await front.until("document.querySelectorAll('#latency tr').length === 2")
    rows = await front.run(
        "return [...document.querySelectorAll('#latency tr')].map((r) => [...r.cells].map((c) => c.textContent))"
    )
    assert rows == [["2", "610", "455", "1102"], ["1", "–", "480", "–"]]
    await front.until("document.querySelector('#roundtrip').textContent.endsWith(' ms')")


async def test_mute_and_hangup_work_by_keyboard(front: Page, server: ProtocolServer) -> None:
    """The buttons can be reached and pressed without a mouse, and say what they do now."""
    wire = await begin(front, server)
    for key in ("mute", "unmute"):
        await front.run("document.querySelector('#mute').focus()")
        await press(front, " ")
        await wire.expect(key)
        await front.until(f"document.querySelector('#mute').textContent === '{'Unmute' if key == 'mute' else 'Mute'}'")
        await front.until("!document.querySelector('#mute').disabled")
    await front.run("document.querySelector('#hangup').focus()")
    await press(front, " ")
    await wire.expect("hangup")
    await wire.send("closed", reason="hangup", detail="You hung up.", durable=True, grace_ms=100)
    await front.until("!document.querySelector('#end').hidden")
    assert "You hung up." in await front.text("#end")
    assert await front.run("return document.activeElement.id") == "end"
    assert "hangup" in await front.text("#end")


async def test_a_lost_line_is_shown_and_marked(front: Page, server: ProtocolServer) -> None:
    """The candidate sees that it is the line, and when it is back."""
    wire = await begin(front, server)
    server.refuse_sockets = True
    wire.drop()
    await front.until("document.querySelector('#connection').dataset.status === 'reconnecting'")
    server.refuse_sockets = False
    again = await server.accept()
    await again.ready(resumed=True, next_seq=len(server.audio))
    await front.until("document.querySelectorAll('.mark').length === 2")
    assert await front.text("#connection") == "connected"


async def test_what_is_promised_while_the_line_is_away_is_true(front: Page, server: ProtocolServer) -> None:
    """Talking on is asked for only as long as it is kept: the microphone is on, and the outbox not
    full."""
    wire = await begin(front, server)
    server.refuse_sockets = True
    wire.drop()
    await says(front, "keep talking")
    await front.click("#mute")
    await says(front, "you are muted")
    await front.until("!document.querySelector('#mute').disabled")
    await front.click("#mute")
    await says(front, "keep talking")
    await front.run("const { Outbox } = await import('/web/client/outbox.js'); Outbox.prototype.add = () => false")
    await says(front, "please pause")


async def test_a_lost_line_is_taken_up_again_with_a_button(front: Page, server: ProtocolServer) -> None:
    """It has the focus, counts its tries from 1, and is gone once the line is back."""
    wire = await begin(front, server, resume_wait_ms=300)
    server.refuse_sockets = True
    wire.drop()
    await front.until("!document.querySelector('#lost').hidden")
    await says(front, "The connection is lost")
    assert await front.run("return document.activeElement.id") == "retry"
    await front.click("#retry")
    await front.until("/^reconnecting, try [1-9]/.test(document.querySelector('#connection').textContent)")
    assert await front.run("return document.querySelector('#lost').hidden") is True
    server.refuse_sockets = False
    again = await server.accept()
    await again.ready(resumed=True, next_seq=len(server.audio))
    await front.until("document.querySelector('#connection').textContent === 'connected'")
    await says(front, "Listening")


async def test_a_hangup_while_the_line_is_away_shows_that_the_interview_is_ending(
    front: Page, server: ProtocolServer
) -> None:
    """The candidate is not asked to talk on, may leave instead of waiting, and nothing moves."""
    await front.look(375, 740, dark=False)
    wire = await begin(front, server)
    top = "return document.querySelector('.talk').getBoundingClientRect().top + window.scrollY"
    before = await front.run(top)
    wire.acknowledge = False
    server.refuse_sockets = True
    wire.drop()
    await says(front, "keep talking")
    await front.click("#hangup")
    await says(front, "Ending: reconnecting")
    await front.until("document.querySelector('#mute').disabled && !document.querySelector('#hangup').disabled")
    assert await front.text("#hangup") == "Leave now"
    assert await front.run(top) == before
    server.refuse_sockets = False
    again = await server.accept()
    await again.ready(resumed=True, next_seq=len(server.audio))
    await again.expect("hangup")
    await says(front, "Ending the interview")
    await again.send("closed", reason="hangup", detail="You hung up.", durable=True, grace_ms=100)
    await says(front, "over")
    assert await front.text("#end-durable") == "· stored"


async def test_a_double_click_hangs_up_and_a_second_decision_leaves(front: Page, server: ProtocolServer) -> None:
    """Given no line, the second click of a double click is nothing; the button pressed again is."""
    wire = await begin(front, server)
    wire.acknowledge = False
    server.refuse_sockets = True
    wire.drop()
    await says(front, "keep talking")
    for clicks in (1, 2):
        await front.run(
            f"document.querySelector('#hangup').dispatchEvent(new MouseEvent('click', {{ detail: {clicks} }}))"
        )
    await says(front, "Ending: reconnecting")
    assert await front.run("return document.querySelector('#end').hidden") is True
    await front.click("#hangup")
    await front.until("!document.querySelector('#end').hidden")
    assert "may be missing" in await front.text("#end-detail")


async def test_errors_are_the_servers_sentence(front: Page, server: ProtocolServer) -> None:
    """A call that is refused leaves the form as it was, with the reason above it."""
    server.refuse_calls = (400, {"code": "agent_unknown", "message": "Choose one of the agents of GET /agents."})
    await front.click("#begin")
    await front.until("!document.querySelector('#notice').hidden")
    assert await front.text("#notice-text") == "Choose one of the agents of GET /agents."
    assert await front.run("return document.querySelector('#setup').hidden") is False
    front.complaints.clear()


async def test_a_closed_tab_hangs_up(front: Page, server: ProtocolServer) -> None:
    """Nobody waits half a minute for a candidate who has left."""
    wire = await begin(front, server)
    await front.go("about:blank")
    assert (await wire.expect("hangup"))["reason"] == "page closed"


async def test_a_denied_microphone_is_explained(server: ProtocolServer, tmp_path: Path) -> None:
    """The sentence says what to do; no call is opened."""
    async with Chromium.started(tmp_path / "denied", allow_microphone=False) as browser:
        page = await browser.open(server.url)
        await page.until("document.querySelectorAll('#agent option').length === 2")
        await page.click("#begin")
        await page.until("!document.querySelector('#notice').hidden")
        assert "allow the microphone" in await page.text("#notice-text")
    assert server.requests == []


async def test_an_insecure_page_is_explained(server: ProtocolServer, tmp_path: Path) -> None:
    """A browser gives no microphone to plain http from another machine: the page says so and offers
    no button."""
    flags = ["--host-resolver-rules=MAP viva.example 127.0.0.1"]
    async with Chromium.started(tmp_path / "insecure", flags=flags) as browser:
        page = await browser.open(f"http://viva.example:{server.http_port}/")
        await page.until("!document.querySelector('#notice').hidden")
        assert "https://" in await page.text("#notice-text")
        assert await page.run("return document.querySelector('#begin').disabled") is True


@pytest.mark.parametrize(("width", "height"), [(1280, 900), (375, 740)])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
async def test_the_page_fits_its_window(
    front: Page, server: ProtocolServer, tmp_path: Path, width: int, height: int, dark: bool
) -> None:
    """No sideways scrolling in any phase, and a picture of each phase in the test's directory."""
    await front.look(width, height, dark=dark)
    await picture(front, tmp_path / "form.png", width)
    wire = await begin(front, server)
    await wire.send("state", state="model_speaking", missing=[])
    await fill(wire)
    await wire.play(1, 0, tone(2.0))
    await front.until("document.querySelectorAll('#latency tr').length === 6")
    await front.until("document.querySelector('#voice-level').style.transform > 'scaleX(0.5)'")
    # In the page, not in the window: a picture of the whole page may leave the window scrolled
    # elsewhere.
    box = (
        "const { top, height } = document.querySelector('.talk').getBoundingClientRect();"
        " return [Math.round(top + window.scrollY), Math.round(height)]"
    )
    before = await front.run(box)
    await picture(front, tmp_path / "call.png", width)
    for state in STATES[:-1]:
        await wire.send("state", state=state, missing=["model"] if state == "resuming" else [])
        await front.until(f"document.querySelector('#state-name').textContent.startsWith('{state}')")
        assert await front.run(box) == before, f"the layout jumps in {state}"
    await wire.send("error", code="later", message="Something small. " * 8, fatal=False)
    await front.until("!document.querySelector('#notice').hidden")
    assert await front.run(box) == before, "the layout jumps with a notice"
    await picture(front, tmp_path / "notice.png", width)
    await front.click("#notice-close")
    await front.until("document.querySelector('#notice').hidden")
    wire = await lost_and_back(front, server, wire, tmp_path, before, box, width)
    await wire.send("closed", reason="completed", detail="All questions have been asked.", durable=True, grace_ms=100)
    await front.until("!document.querySelector('#end').hidden")
    await picture(front, tmp_path / "end.png", width)


async def lost_and_back(
    front: Page, server: ProtocolServer, wire: Wire, folder: Path, before: list[int], box: str, width: int
) -> Wire:
    """Nothing moves while the page reconnects; only the way out of a lost line takes room, as long
    as it is needed."""
    server.refuse_sockets = True
    wire.drop()
    await says(front, "keep talking")
    assert await front.run(box) == before, "the layout jumps while reconnecting"
    await picture(front, folder / "reconnecting.png", width)
    await front.put_clock_on(60)
    await front.until("!document.querySelector('#lost').hidden")
    await picture(front, folder / "lost.png", width)
    server.refuse_sockets = False
    await front.click("#retry")
    again = await server.accept()
    await again.ready(resumed=True, next_seq=len(server.audio))
    await says(front, "Listening")
    assert await front.run(box) == before, "the layout jumps when the line is back"
    return again


async def fill(wire: Wire) -> None:
    """Some minutes of an interview."""
    lines = [
        ("interviewer", 1, "Hello Sam, thank you for coming. Tell me about yourself and the work you are proudest of."),
        ("candidate", 1, "I have a cold, so I probably sound quite different than usual. I built the billing system."),
        ("interviewer", 2, "How do you find out why a service has become slow? Take one example and walk me through"),
    ]
    for who, number, text in lines:
        turn = number if who == "candidate" else number - 1
        await wire.send("transcript", who=who, number=number, turn=turn, text=text, interim=False)
    await wire.send("hold")
    await wire.send("release")
    await wire.send("hold")
    await wire.send("flush")
    await wire.send("transcript", who="candidate", number=2, text="Sorry, one thing before", interim=False)
    await wire.send("transcript", who="candidate", number=2, text=" that, if I ma", interim=True)
    for turn in range(6):
        times = {"endpoint_ms": 600 + turn, "model_ms": 480 + 3 * turn, "response_ms": 1140 + 7 * turn if turn else -1}
        await wire.send("latency", generation=turn + 1, turn=turn, **times)


async def says(page: Page, words: str) -> None:
    """Waits until this stands beside the lamp."""
    await page.until(f"document.querySelector('#state-words').textContent.includes('{words}')")


async def press(page: Page, key: str) -> None:
    """One key, down and up, as a keyboard sends it."""
    for kind in ("keyDown", "keyUp"):
        await page.call("Input.dispatchKeyEvent", type=kind, key=key, code="Space", text=key, windowsVirtualKeyCode=32)
