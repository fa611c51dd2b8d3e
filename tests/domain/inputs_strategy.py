"""Hypothesis strategies for everything that can happen to a call, in any order."""

from typing import Any

from hypothesis import strategies as st

from domain import inputs as inp
from domain.sound.features import FrameFeatures

FRAME_PCM = bytes(640)


def _frames(voiced: bool, count: int) -> list[inp.Input]:
    features = FrameFeatures(level=180 if voiced else 40, gate=int(voiced), voice=240 if voiced else 3)
    return [inp.CandidateFrame(at_us=0, client_seq=0, features=features, pcm=FRAME_PCM) for _ in range(count)]


def _one(happened: Any) -> list[inp.Input]:
    return [happened]


voice_runs = st.builds(_frames, st.booleans(), st.integers(1, 60))
finished_pauses = st.builds(
    lambda voiced, silent, completeness: [
        *_frames(True, voiced),
        *_frames(False, silent),
        inp.EndOfTurnPredicted(at_us=0, to_sample=10**9, completeness=completeness, took_ms=90),
    ],
    st.integers(5, 20),
    st.integers(8, 24),
    st.sampled_from([0, 254, 254]),
)
"""A stretch of voice, a silence too short to end it, and a verdict on it."""
model_audio = st.builds(
    lambda chunks, length: [inp.ModelAudio(at_us=0, pcm=bytes(2 * length))] * chunks,
    st.integers(1, 20),
    st.sampled_from([1, 240, 960, 24_000, 50_000]),
)
playback = st.builds(
    inp.PlaybackReported, played_sample=st.one_of(st.integers(0, 200_000), st.just(10**9)), held=st.booleans()
).map(_one)
rare = st.one_of(
    st.builds(inp.ClientConnected, rate_hz=st.just(48_000), resumed=st.booleans(), played_sample=st.integers(0, 10**6)),
    st.builds(inp.ClientLost, reason=st.just("gone")),
    st.builds(inp.MicMuted),
    st.builds(inp.MicUnmuted),
    st.builds(inp.RoundTripMeasured, round_trip_us=st.integers(0, 10**7)),
    st.builds(
        inp.ModelConnected,
        model=st.just("m"),
        resumed=st.booleans(),
        seeded_characters=st.sampled_from([0, 400]),
        setup_ms=st.just(3),
    ),
    st.builds(inp.ModelLost, code=st.sampled_from([0, 1006, 1011]), reason=st.just("x"), retryable=st.just(True)),
    st.builds(inp.ModelLost, code=st.sampled_from([1007, 1008]), reason=st.just("x"), retryable=st.just(False)),
    st.builds(inp.ModelTranscribed, text=st.sampled_from(["Hello ", "there. ", ""])),
    st.builds(inp.CandidateTranscribed, text=st.just("well"), interim=st.booleans()),
    st.builds(inp.GenerationCompleted),
    st.builds(inp.ModelTurnCompleted, waiting_for_input=st.booleans()),
    st.builds(inp.ModelInterruptionReported),
    st.builds(inp.UsageReported, usage=st.sampled_from([{}, {"promptTokenCount": 300}, {"promptTokenCount": 9_000}])),
    st.builds(
        inp.UplinkMeasured,
        messages=st.just(9),
        joined=st.just(1),
        largest_chunk_ms=st.just(80),
        longest_wait_ms=st.just(50),
    ),
    st.builds(
        inp.AudioReadBack, from_sample=st.just(0), to_sample=st.just(640), samples=st.just(320), took_ms=st.just(4)
    ),
    st.builds(inp.ClientMessagesDropped, messages=st.just({"transcript": 3, "state": 1})),
    st.builds(inp.GoAwayReceived, time_left_ms=st.sampled_from([0, 500, 60_000])),
    st.builds(inp.ResumptionHandleIssued, handle=st.sampled_from(["", "h1", "h2"]), resumable=st.booleans()),
    st.builds(
        inp.ToolCallRequested,
        tool_call_id=st.just("t1"),
        name=st.sampled_from(["end_interview", "other"]),
        args=st.just({}),
    ),
    st.builds(inp.ToolCallsCancelled, tool_call_ids=st.just(("t1",))),
    st.builds(inp.ModelHeardActivity, kind=st.just("ACTIVITY_START")),
    st.builds(inp.ModelMessageUnrecognised, fields=st.just(("novelty",))),
    st.builds(
        inp.EndOfTurnPredicted,
        to_sample=st.sampled_from([0, 10_000, 10**9]),
        completeness=st.integers(0, 254),
        took_ms=st.just(90),
    ),
    st.builds(inp.DeadlinePassed),
).map(_one)
fatal = st.one_of(
    st.builds(inp.HangupRequested, by=st.sampled_from(["candidate", "operator", "server"]), reason=st.just("done")),
    st.builds(inp.ClientViolatedProtocol, code=st.just("audio_gap"), message=st.just("Send what is missing.")),
    st.builds(inp.QueueOverflowed, queue=st.sampled_from(["log", "client"]), reason=st.just("full")),
).map(_one)
changes_of_hands = st.one_of(
    st.builds(inp.CallTakenOver, epoch=st.just(2), process=st.just("b"), taken_over_at=st.just("2026-01-01T00:01:00Z")),
    st.builds(inp.HandOverRequested, reason=st.sampled_from(["drain", "asked"]), wait_ms=st.sampled_from([0, 2_000])),
).map(_one)
"""The driver makes a crash, with its loss and its recovery, of every takeover."""
happenings = st.lists(
    st.tuples(
        st.one_of(voice_runs, finished_pauses, model_audio, playback, rare, rare, rare | fatal | changes_of_hands),
        st.sampled_from([0, 1_000, 20_000, 20_000, 20_000, 900_000, 31_000_000]),
    ),
    max_size=60,
)
"""Runs of inputs, each with the time that passes per input, in µs."""

plays_all = st.just([inp.PlaybackReported(at_us=0, played_sample=10**9)])
reconnections = st.sampled_from(
    [
        inp.ModelLost(at_us=0, code=1011, reason="x", retryable=True),
        inp.ModelConnected(at_us=0, model="first", resumed=True, setup_ms=3),
        inp.ModelConnected(at_us=0, model="first", resumed=True, setup_ms=3),
        inp.ClientLost(at_us=0, reason="gone"),
        inp.ClientConnected(at_us=0, rate_hz=48_000, resumed=True),
        inp.ClientConnected(at_us=0, rate_hz=48_000, resumed=True, played_sample=10**9),
    ]
).map(_one)
ends = st.sampled_from([inp.GenerationCompleted(at_us=0), inp.ModelTurnCompleted(at_us=0)]).map(_one)
conversations = st.lists(
    st.tuples(
        st.one_of(voice_runs, voice_runs, finished_pauses, model_audio, model_audio, plays_all, plays_all, ends)
        | st.one_of(reconnections, rare),
        st.sampled_from([0, 20_000, 20_000, 20_000, 20_000]),
    ),
    min_size=10,
    max_size=60,
)
"""Calls that live longer: nothing fatal, no long waits, a client that plays."""
