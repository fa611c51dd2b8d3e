"""The thread that predicts whether a pause is an end: verdicts on the loop, a bounded queue, and
failures that say nothing of the call."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile
from structlog.testing import capture_logs

from adapters.voice.turn_detector import MOST_WAITING, SmartTurnDetector

ANSWER = Path(__file__).parents[2] / "data" / "candidate" / "answer_3.flac"


class Network:
    """Stands in for the network where a test decides how long it thinks and what comes of it."""

    def __init__(self) -> None:
        self.may_answer = threading.Event()
        self.error: Exception | None = None
        self.heard: list[bytes] = []

    def completeness(self, pcm: bytes) -> float:
        self.heard.append(pcm)
        assert self.may_answer.wait(20)
        if self.error is not None:
            raise self.error
        return 0.5


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Iterator[Network]:
    """Takes the place of the real network; releases every question at the end."""
    network = Network()
    monkeypatch.setattr("adapters.voice.turn_detector.completeness", network.completeness)
    yield network
    network.may_answer.set()


class Verdicts:
    """What a turn detector has said, and in which thread."""

    def __init__(self) -> None:
        self.given: list[int] = []
        self.threads: set[int] = set()
        self._news = asyncio.Event()

    def then(self, completeness: int) -> None:
        self.given.append(completeness)
        self.threads.add(threading.get_ident())
        self._news.set()

    async def until(self, count: int) -> None:
        async with asyncio.timeout(20):
            while len(self.given) < count:
                self._news.clear()
                await self._news.wait()


async def test_a_verdict_comes_on_the_loop() -> None:
    """Given a recorded answer to its end, the real network's verdict arrives in the loop's own
    thread."""
    wave, _ = soundfile.read(ANSWER, dtype="int16")
    verdicts = Verdicts()
    with SmartTurnDetector() as turn_detector:
        assert turn_detector.ask(wave.astype("<i2").tobytes() + bytes(5_120), verdicts.then)
        assert verdicts.given == []  # asking never waits
        await verdicts.until(1)

    assert verdicts.given[0] > 127  # of 254: the network's boundary; how far above it differs between processors
    assert verdicts.threads == {threading.get_ident()}
    assert (turn_detector.asked, turn_detector.refused, turn_detector.failed) == (1, 0, 0)


async def test_questions_are_answered_in_their_order(network: Network) -> None:
    """Given several, one after another is heard, each whole."""
    verdicts = Verdicts()
    network.may_answer.set()
    with SmartTurnDetector() as turn_detector:
        for number in range(4):
            turn_detector.ask(bytes([number]), verdicts.then)
        await verdicts.until(4)

    assert network.heard == [bytes([number]) for number in range(4)]
    assert verdicts.given == [127] * 4


async def test_a_full_queue_refuses_and_counts(network: Network) -> None:
    """Given a slow network, no more than eight wait; one more is refused at once, and taken when
    there is room."""
    verdicts = Verdicts()
    with SmartTurnDetector() as turn_detector:
        taken = [turn_detector.ask(b"", verdicts.then) for _ in range(MOST_WAITING + 2)]
        assert taken == [True] * MOST_WAITING + [False, False]
        assert (turn_detector.asked, turn_detector.refused) == (MOST_WAITING, 2)
        network.may_answer.set()
        await verdicts.until(MOST_WAITING)
        assert turn_detector.ask(b"", verdicts.then)
        await verdicts.until(MOST_WAITING + 1)

    assert (turn_detector.asked, turn_detector.refused, turn_detector.failed) == (MOST_WAITING + 1, 2, 0)


async def test_a_failing_network_is_counted_and_logged_without_content(network: Network) -> None:
    """Given an error that quotes what was said, the log has its kind alone, and the next question
    is answered."""
    verdicts, failed = Verdicts(), asyncio.Event()
    network.error = ValueError("the candidate said: my salary is")
    network.may_answer.set()
    with capture_logs() as logs, SmartTurnDetector() as turn_detector:
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: failed.set())
        turn_detector.ask(b"what was said", verdicts.then)
        async with asyncio.timeout(20):
            while not turn_detector.failed:  # noqa: ASYNC110  (nothing announces it)
                await asyncio.sleep(0.001)
        network.error = None
        turn_detector.ask(b"what was said", verdicts.then)
        await verdicts.until(1)

    assert logs == [{"event": "end_of_turn_not_predicted", "error": "ValueError", "log_level": "error"}]
    assert verdicts.given == [127]
    assert not failed.is_set()
    assert (turn_detector.asked, turn_detector.refused, turn_detector.failed) == (2, 0, 1)


async def test_closing_drops_what_waits_and_tells_nobody(network: Network) -> None:
    """Given three questions of which the first is being predicted, closing waits for that one and
    cancels the others."""
    verdicts = Verdicts()
    with capture_logs() as logs, SmartTurnDetector() as turn_detector:
        for number in range(3):
            turn_detector.ask(bytes([number]), verdicts.then)
        async with asyncio.timeout(20):
            while not network.heard:  # noqa: ASYNC110  (another thread, which tells nobody)
                await asyncio.sleep(0.001)
        threading.Timer(0.05, network.may_answer.set).start()
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    assert network.heard == [b"\0"]
    assert len(verdicts.given) <= 1
    assert turn_detector.failed == 0
    assert logs == []
    with pytest.raises(RuntimeError):
        turn_detector.ask(b"", verdicts.then)
