"""The candidate's voice on its way to the core: what is compared with it, kept of it, and asked
about it."""

from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.live.candidate_audio import CandidateAudio
from api.live.intake import IntakeFrame
from api.live.interviewer_audio import KEPT_FOR_ECHO, InterviewerAudio
from domain.call import Call
from domain.effects import PredictEndOfTurn
from domain.inputs import CandidateFrame, EndOfTurnPredicted, Input
from domain.ports.model_link import InputSink
from domain.ports.voice import EchoGauge, TurnDetector
from domain.sound.features import NOTHING_PLAYED
from domain.sound.rates import FRAME_BYTES, FRAME_SAMPLES, MODEL_RATE_HZ
from tests.domain.calls import a_call
from tests.fakes.call_ports import fake_ports
from tests.fakes.store import InMemoryStore

FRAME_US = 20_000


def numbered(first: int, count: int) -> bytes:
    """PCM16 whose samples tell their position."""
    return b"".join((sample % 65_536).to_bytes(2, "little") for sample in range(first, first + count))


def frame(number: int = 0) -> IntakeFrame:
    """Twenty milliseconds of the candidate's microphone."""
    return IntakeFrame(numbered(number * FRAME_SAMPLES, FRAME_SAMPLES), number)


class Ear(EchoGauge):
    """In the gauge's place: keeps what was played."""

    def __init__(self) -> None:
        self.played: list[bytes] = []

    def over_echo(self, frame: bytes, played: bytes) -> int:
        assert len(frame) == FRAME_BYTES
        self.played.append(played)
        return 7


class Verdicts(TurnDetector):
    """Takes questions, or is too busy."""

    def __init__(self, *, busy: bool = False) -> None:
        self.busy = busy
        self.asked: list[bytes] = []

    def ask(self, pcm: bytes, then: Callable[[int], None]) -> bool:
        self.asked.append(pcm)
        if not self.busy:
            then(200)
        return not self.busy


class Moments(InputSink):
    """A call's clock that shows the given moments, the last of them for ever, and what is fed to
    it."""

    def __init__(self, *moments_us: int) -> None:
        self.moments_us = list(moments_us) or [0]
        self.fed: list[Input] = []

    def now_us(self) -> int:
        return self.moments_us.pop(0) if len(self.moments_us) > 1 else self.moments_us[0]

    def feed(self, happened: Input) -> None:
        self.fed.append(happened)


class Voice:
    """A candidate's, with the interviewer's last two seconds buffered."""

    def __init__(self, call: Call, turn_detector: TurnDetector | None = None) -> None:
        self.moments, self.ear = Moments(), Ear()
        self.played = InterviewerAudio(2 * MODEL_RATE_HZ)
        ports = fake_ports(InMemoryStore(), make_echo_gauge=lambda: self.ear, turn_detector=turn_detector)
        self.audio = CandidateAudio(call, self.moments, ports, self.played)

    def listen(self, frames: list[IntakeFrame], *moments_us: int) -> Iterator[CandidateFrame]:
        self.moments.moments_us = list(moments_us) or [0]
        return self.audio.listen(frames)


steps = st.one_of(
    st.tuples(st.just("model"), st.integers(0, 9_600)),
    st.tuples(st.just("forget"), st.integers(0, 60_000)),
    st.tuples(st.just("report"), st.integers(0, 60_000)),
    st.tuples(st.just("hold"), st.just(0)),
    st.tuples(st.just("release"), st.just(0)),
    st.tuples(st.just("drop"), st.just(0)),
    st.tuples(st.just("wait"), st.integers(0, 30)),
    st.tuples(st.just("frame"), st.integers(1, 5)),
)


@settings(max_examples=150, deadline=None)
@given(course=st.lists(steps, max_size=60))
def test_what_was_heard_is_read_once_in_order_and_only_where_it_is_held(course: list[tuple[str, int]]) -> None:
    """Whatever is sent, held, dropped and forgotten: each frame is given the next 20 ms, and a bit
    where more waits."""
    call = a_call()
    voice = Voice(call)
    ring, ear = voice.played, voice.ear
    playout, now_us, generation, heard_to = call.playout, 0, 1, 0
    for step, amount in course:
        if step == "model":
            first = ring.next_sample
            ring.append(numbered(first, amount))
            playout.push(generation, first, amount)
        elif step == "forget":
            ring.forget_before(amount)
        elif step == "report":
            playout.report(amount, playout.held, now_us)
        elif step == "hold":
            playout.hold(now_us)
        elif step == "release" and playout.held:
            playout.release(now_us)
        elif step == "drop":
            playout.drop()
            generation += 1
        elif step == "wait":
            now_us += amount * FRAME_US
        for _ in range(amount if step == "frame" else 0):
            now_us += FRAME_US
            playout.take(now_us)
            heard = playout.heard_sample(now_us)
            list(voice.listen([frame()], now_us))
            played = ear.played[-1]
            heard = min(heard, ring.next_sample)
            begin = max(heard_to, ring.first_sample, heard - KEPT_FOR_ECHO)
            waiting = max(0, heard - begin)
            assert played == numbered(begin, min(waiting, 480 + waiting // 8))
            heard_to = begin + len(played) // 2


def test_while_nothing_is_played_nothing_is_compared() -> None:
    """Given a silent interviewer, frames come out as they came in, each with its features and the
    message's number."""
    voice = CandidateAudio(a_call(), Moments(10, 20), fake_ports(InMemoryStore()), InterviewerAudio(1))
    heard = list(voice.listen([frame(0), frame(1)]))

    assert [each.pcm for each in heard] == [frame(0).pcm, frame(1).pcm]
    assert [(each.at_us, each.client_seq, each.features.over_echo) for each in heard] == [
        (10, 0, NOTHING_PLAYED),
        (20, 1, NOTHING_PLAYED),
    ]


def test_a_frame_is_looked_at_when_the_one_before_it_was_decided_on() -> None:
    """Given a burst, each frame's time and comparison come only when it is asked for: decisions
    change what plays."""
    call = a_call()
    voice = Voice(call)
    ring, ear = voice.played, voice.ear
    ring.append(numbered(0, 9_600))
    call.playout.push(1, 0, 9_600)
    call.playout.take(0)
    call.playout.report(480, held=False, now_us=0)
    listened = voice.listen([frame(0), frame(1)], FRAME_US)
    next(listened)
    call.playout.drop()  # what the first frame led to
    next(listened)

    assert [len(played) // 2 for played in ear.played] == [600, 0]


def test_frames_that_come_all_at_once_are_each_compared_with_their_own_20_ms() -> None:
    """Given a microphone held up for 0.4 s while the interviewer spoke, each frame is set beside
    what played then."""
    call = a_call()
    voice = Voice(call)
    ring, ear = voice.played, voice.ear
    ring.append(numbered(0, 24_000))
    call.playout.push(1, 0, 24_000)
    call.playout.take(0)
    call.playout.report(1, held=False, now_us=0)
    next(voice.listen([frame(0)], FRAME_US))
    for moment_us in range(100_000, 400_001, 100_000):
        call.playout.take(moment_us)
    list(voice.listen([frame(number) for number in range(1, 16)], 400_000))

    assert [len(played) // 2 for played in ear.played[2:]] == [480] * 14
    assert b"".join(ear.played) == ring.read(0, sum(len(played) // 2 for played in ear.played))


def test_the_turn_detector_hears_the_stretch_in_question_as_far_as_it_is_held() -> None:
    """Given a question about four frames of which one is forgotten, three are predicted."""
    turn_detector = Verdicts()
    voice = Voice(a_call(), turn_detector)
    list(voice.listen([frame(number) for number in range(5)]))
    voice.audio.forget_before(FRAME_SAMPLES)
    voice.moments.moments_us = [5_000, 125_999]

    voice.audio.predict_end_of_turn(PredictEndOfTurn(0, 4 * FRAME_SAMPLES))

    assert turn_detector.asked == [numbered(FRAME_SAMPLES, 3 * FRAME_SAMPLES)]
    (verdict,) = voice.moments.fed
    assert isinstance(verdict, EndOfTurnPredicted)
    assert (verdict.to_sample, verdict.completeness) == (4 * FRAME_SAMPLES, 200)
    assert (verdict.at_us, verdict.took_ms) == (125_999, 120)


@pytest.mark.parametrize("turn_detector", [None, Verdicts(busy=True)], ids=["nobody", "busy"])
def test_without_a_verdict_nothing_happens(turn_detector: TurnDetector | None) -> None:
    """Given nobody to ask, or somebody too busy, a pause has no verdict."""
    voice = Voice(a_call(), turn_detector)
    list(voice.listen([frame()]))

    voice.audio.predict_end_of_turn(PredictEndOfTurn(0, FRAME_SAMPLES))

    assert voice.moments.fed == []
