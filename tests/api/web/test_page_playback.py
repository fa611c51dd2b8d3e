"""The page shows what is done to the interviewer's voice: held, played on, or stopped, and for how
long it was held."""

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest

from tests.api.web.chromium import Page
from tests.api.web.page import begin, picture
from tests.api.web.protocol_server import ProtocolServer, Wire
from tests.api.web.sound import tone

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]
HELD = r"held (\d+) ms, then "
CONTRAST = """
    const luminance = (colour) => colour.match(/[\\d.]+/g).slice(0, 3).map((part) => part / 255)
      .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
      .reduce((sum, part, index) => sum + part * [0.2126, 0.7152, 0.0722][index], 0);
    const card = luminance(getComputedStyle(document.querySelector('.talk')).backgroundColor);
    const shown = document.querySelectorAll('.mark .words, .word:not(:empty), [data-kind] dt, [data-kind] dd');
    return [...shown].map((element) => luminance(getComputedStyle(element).color))
      .map((ink) => (Math.max(ink, card) + 0.05) / (Math.min(ink, card) + 0.05));
"""


async def speaks(wire: Wire) -> None:
    """The interviewer is in the middle of a reply."""
    await wire.send("transcript", who="interviewer", number=1, turn=0, text="Tell me about yourself.", interim=False)
    await wire.send("state", state="model_speaking", missing=[])
    await wire.play(1, 0, tone(6.0))


async def holds(wire: Wire, front: Page) -> None:
    """A voice is heard over the interviewer."""
    await wire.send("hold")
    await wire.send("state", state="interrupted", missing=[])
    await front.until("document.querySelector('#voice-meter').dataset.playback === 'held'")


async def goes_on(wire: Wire, front: Page) -> None:
    await wire.send("release")
    await wire.send("state", state="model_speaking", missing=[])
    await front.until("document.querySelector('#voice-meter').dataset.playback === 'released'")


async def stops(wire: Wire, front: Page) -> None:
    await wire.send("flush")
    await wire.send("state", state="candidate_speaking", missing=[])
    await front.until("document.querySelector('#voice-meter').dataset.playback === 'flushed'")


async def marks(front: Page) -> list[tuple[str, str]]:
    found = await front.run(
        "return [...document.querySelectorAll('.mark')].map((mark) => [mark.dataset.kind, mark.textContent])"
    )
    return [(kind, words) for kind, words in found]


async def tally(front: Page) -> list[int]:
    return [int(await front.text(each)) for each in ("#holds", "#releases", "#flushes")]


async def test_a_hold_is_seen_while_it_lasts(front: Page, server: ProtocolServer) -> None:
    """The lamp's words, the meter, a running length and a mark say that the interviewer waits."""
    wire = await begin(front, server)
    await speaks(wire)
    await holds(wire, front)
    assert await front.text("#state-words") == "I hear you – holding"
    assert [kind for kind, _ in await marks(front)] == ["hold"]
    earlier = await front.until("document.querySelector('#voice-word').textContent.match(/^held [0-9.]+ m?s$/)?.[0]")
    await front.until(f"document.querySelector('#voice-word').textContent !== '{earlier}'")
    assert await tally(front) == [1, 0, 0]


async def test_a_dismissed_hold_becomes_one_mark_with_its_length(front: Page, server: ProtocolServer) -> None:
    """A screen reader hears of it once, when it is known what came of it."""
    wire = await begin(front, server)
    await speaks(wire)
    await holds(wire, front)
    assert await front.run("return document.querySelector('.mark').ariaHidden") == "true"
    await asyncio.sleep(0.25)  # the length of the hold: the browser has no clock but its own
    await goes_on(wire, front)
    [(kind, words)] = await marks(front)
    held = re.match(HELD, words)
    assert kind == "release"
    assert held is not None, words
    assert 240 <= int(held[1]) < 900
    assert await front.run("return document.querySelector('.mark').ariaHidden") is None
    assert await tally(front) == [1, 1, 0]


async def test_an_interruption_gives_the_floor_away(front: Page, server: ProtocolServer) -> None:
    """Flushed looks and reads unlike released, and stays beside the meter until the interviewer
    speaks again."""
    wire = await begin(front, server)
    await speaks(wire)
    await holds(wire, front)
    await stops(wire, front)
    [(kind, words)] = await marks(front)
    assert kind == "flush"
    assert re.match(HELD + "stopped: the floor is yours$", words)
    assert await front.text("#voice-word") == "stopped"
    assert await tally(front) == [1, 0, 1]
    await wire.send("state", state="model_speaking", missing=[])
    await front.until("document.querySelector('#voice-word').textContent === ''")


async def test_where_gemini_decides_an_interruption_was_never_held(front: Page, server: ProtocolServer) -> None:
    """No length is shown where there was none."""
    wire = await begin(front, server)
    await speaks(wire)
    await stops(wire, front)
    assert await marks(front) == [("flush", "interviewer stopped: the floor is yours")]
    assert await tally(front) == [0, 0, 1]


async def test_a_line_lost_in_a_hold_ends_it(front: Page, server: ProtocolServer) -> None:
    """The server drops its suspicion then, and cannot say so."""
    wire = await begin(front, server)
    await speaks(wire)
    await holds(wire, front)
    wire.drop()
    again = await server.accept()
    await again.ready(resumed=True, next_seq=len(server.audio))
    await front.until("document.querySelectorAll('.mark').length === 3")
    assert [kind for kind, _ in await marks(front)] == ["lost", "reconnecting", "connected"]
    assert await front.text("#voice-word") == ""


async def test_a_call_closed_in_a_hold_ends_it(front: Page, server: ProtocolServer) -> None:
    """And nothing counts on."""
    wire = await begin(front, server)
    await speaks(wire)
    await holds(wire, front)
    await wire.send("closed", reason="completed", detail="", durable=True, grace_ms=100)
    await front.until("!document.querySelector('#end').hidden")
    assert [kind for kind, _ in await marks(front)] == ["ended"]
    assert await front.text("#voice-word") == ""


@pytest.mark.parametrize(("width", "height"), [(1280, 900), (375, 740)])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
async def test_three_moments_are_distinguished(
    front: Page, server: ProtocolServer, tmp_path: Path, width: int, height: int, dark: bool
) -> None:
    """By words, shape and colour that can be read (WCAG AA), without the page moving; a picture of
    each moment."""
    await front.look(width, height, dark=dark)
    wire = await begin(front, server)
    await speaks(wire)
    looks: list[Any] = []
    for moment in (holds, goes_on, holds, stops):
        await moment(wire, front)
        looks.append(await front.run(LOOK))
        assert looks[-1]["overflows"] == []
        assert min(await front.run(CONTRAST)) >= 4.5
        await picture(front, tmp_path / f"{len(looks)}-{moment.__name__}.png", width)
    assert len({look["place"] for look in looks}) == 1, "the layout jumps"
    held, released, _, flushed = (look["sign"] for look in looks)
    assert len({held, released, flushed}) == 3


LOOK = """
    const style = getComputedStyle([...document.querySelectorAll('.mark .sign')].at(-1));
    const { top, height } = document.querySelector('.talk').getBoundingClientRect();
    return { place: `${Math.round(top + window.scrollY)} ${Math.round(height)}`,
             sign: `${style.clipPath} ${style.backgroundImage}`,
             overflows: [...document.querySelectorAll('.card, .now > *, .word')]
               .filter((box) => box.scrollWidth > box.clientWidth).map((box) => box.id || box.className) };
"""
