"""The candidate's voice from the microphone to the server, in a real browser."""

import asyncio
from collections.abc import Awaitable, Callable

import numpy as np
import pytest
import soxr
from numpy.typing import NDArray

from tests.api.web.conftest import MICROPHONE_HZ
from tests.api.web.placed_call import PlacedCall
from tests.api.web.protocol_server import ProtocolServer

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]
Place = Callable[..., Awaitable[PlacedCall]]


def likeness(part: NDArray[np.float64], whole: NDArray[np.float64]) -> float:
    """The highest normalised correlation of `part` with any stretch of `whole` of the same
    length."""
    size = 1 << int(np.ceil(np.log2(len(whole) + len(part))))
    products = np.fft.irfft(np.fft.rfft(whole, size) * np.conj(np.fft.rfft(part, size)), size)
    products = products[: len(whole) - len(part) + 1]
    sums = np.concatenate([[0.0], np.cumsum(whole**2)])
    energies = sums[len(part) :] - sums[: -len(part)]
    return float(np.max(products / np.sqrt(np.maximum(energies, 1e-9) * np.sum(part**2))))


async def test_the_recording_arrives_in_20_ms_messages(
    server: ProtocolServer, place: Place, recording: NDArray[np.float32]
) -> None:
    """What the server gets is what the microphone heard, numbered from 0, at the rate of the
    hello."""
    call = await place()
    assert 8000 <= call.wire.rate_hz <= 48_000
    await server.hear(150)
    assert {len(pcm) for pcm in server.audio} <= {call.wire.rate_hz // 50 * n for n in range(1, 6)}
    assert np.median([len(pcm) for pcm in server.audio]) == call.wire.rate_hz // 50
    heard = server.heard.astype(np.float64)
    pieces = [piece for piece in np.split(heard[: 2 * call.wire.rate_hz], 10) if np.abs(piece).max() > 500]
    assert len(pieces) >= 5, "the microphone was silent"
    spoken = soxr.resample(recording, MICROPHONE_HZ, call.wire.rate_hz).astype(np.float64)
    # The fake microphone itself stutters on a busy machine, which spoils a piece here and there.
    assert np.median([likeness(piece, spoken) for piece in pieces]) > 0.99


async def test_audio_arrives_as_fast_as_it_is_spoken(server: ProtocolServer, place: Place) -> None:
    """Two seconds of audio take two seconds: nothing is lost between the audio thread and the
    socket."""
    await place()
    await server.hear(10)
    loop = asyncio.get_running_loop()
    started_s = loop.time()
    await server.hear(110)
    assert loop.time() - started_s == pytest.approx(2.0, abs=0.4)


async def test_nothing_is_sent_while_muted(server: ProtocolServer, place: Place) -> None:
    """The server is told after the last audio, hears nothing until unmute, and the numbers go on
    without a hole."""
    call = await place()
    await server.hear(20)
    await call.run("await call.mute()")
    await call.wire.expect("mute")
    messages = len(server.audio)
    await call.run("await new Promise((resolve) => setTimeout(resolve, 300))")
    assert len(server.audio) == messages
    assert await call.events("muted") == [{"muted": True}]
    await call.run("await call.unmute()")
    await call.wire.expect("unmute")
    await server.hear(messages + 20)


async def test_an_unplugged_microphone_mutes_and_tells(server: ProtocolServer, place: Place) -> None:
    """The candidate reads what has happened and what to do; unmuting asks for a microphone again."""
    call = await place()
    await server.hear(5)
    # A stopped track fires no event by itself: the browser's is repeated here.
    await call.run(
        "const stream = await navigator.mediaDevices.getUserMedia({audio: true}); call.useMicrophone(stream);"
        " const [track] = stream.getAudioTracks(); track.stop(); track.dispatchEvent(new Event('ended'));"
    )
    error = await call.event("error")
    assert (error["code"], error["fatal"]) == ("microphone_ended", False)
    assert "Unmute" in error["message"]
    await call.wire.expect("mute")
    messages = len(server.audio)
    await call.run("await call.unmute()")
    await call.wire.expect("unmute")
    await server.hear(messages + 10)


async def test_unconfirmed_audio_is_bounded_and_the_loss_is_reported(server: ProtocolServer, place: Place) -> None:
    """A server that never confirms: the newest audio is refused before it has a number, once said,
    and counted."""
    call = await place({"keepMs": 200}, resume_wait_ms=150)
    call.wire.acknowledge = False
    error = await call.event("error")
    assert error["code"] == "outbox_full"
    await call.page.until(f"window.{call.name}.call.statistics.refused_ms > 200")
    assert len(await call.events("error")) == 1
    call.wire.acknowledge = True
    await call.wire.send("ack", seq=len(server.audio) - 1)
    await call.event("error", 2)
    assert (await call.events("error"))[1]["code"] == "outbox_restored"
