"""Scenes played to the real server path: the same every time, of every kind, with or without what
is known."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from api.wire.protocol import ServerAudio
from bench.turns import __main__ as command
from bench.turns.contestants import CONTESTANTS
from bench.turns.report.measures import seen_in
from bench.turns.run import Task, work
from bench.turns.scenes.compose import compose
from bench.turns.scenes.corpus import Corpus, read_corpus
from bench.turns.scenes.interviewer import prompt
from bench.turns.scenes.levels import dbfs
from bench.turns.scenes.scene import Scene
from bench.turns.stage.echo import Echo
from bench.turns.stage.loudspeaker import SteppedLoudspeaker
from bench.turns.stage.stage import Known, play
from domain.events import BargeInConfirmed, CandidateStopped
from domain.policy import Policy
from tests.bench.turns_corpus import small_corpus

NAIVE = CONTESTANTS["naive"].policy


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return read_corpus(small_corpus(tmp_path_factory.mktemp("turns")))


@pytest.fixture(scope="module")
def scenes(corpus: Corpus) -> list[Scene]:
    return compose(corpus, seed=1, limit=1)


def first(scenes: list[Scene], kind: str, condition: str = "") -> Scene:
    return next(scene for scene in scenes if scene.kind == kind and condition in scene.condition)


def test_scenes_follow_from_corpus_and_seed(corpus: Corpus, scenes: list[Scene]) -> None:
    """Given the same seed the same scenes, given another one others."""
    assert compose(corpus, seed=1, limit=1) == scenes
    assert compose(corpus, seed=2, limit=1) != scenes


def test_every_kind_is_composed_and_plays(scenes: list[Scene]) -> None:
    """Given a scene of each kind and the cheapest contestant, each has something to say on its own
    measure."""
    own = {
        "endpoint": "cut-off rate",
        "coughs": "endpoint delay",
        "interruption": "yield rate",
        "backchannel": "backchannel selectivity",
        "tic": "tic selectivity",
        "noise": "false holds",
        "echo": "self-interruptions",
        "side_speech": "side-speech selectivity",
        "double_talk": "double talk taken as the answer",
    }
    assert own.keys() == {scene.kind for scene in scenes}
    for kind, measure in own.items():
        trace = play(first(scenes, kind), NAIVE, 16_000)
        assert measure in {each.measure for each in seen_in(trace)}, kind
        assert not trace.received_wrong


def test_the_same_scene_gives_the_same_call(scenes: list[Scene]) -> None:
    """Given a scene with network and jitter, two runs and one with everything known already are the
    same."""
    scene, verdicts = first(scenes, "interruption", "network"), Known()
    policy = Policy()
    plain, filling, known = (
        play(scene, policy),
        play(scene, policy, known=verdicts),
        play(scene, policy, known=verdicts),
    )
    assert plain.events == filling.events == known.events
    assert plain.messages == known.messages
    assert plain.played == known.played
    assert plain.of(BargeInConfirmed)


def test_a_task_plays_everybody_and_sweeps(scenes: list[Scene], monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a swept scene, there is an outcome for the policy and one for each value, and patience
    waits longer."""
    monkeypatch.setitem(CONTESTANTS, "naive", replace(CONTESTANTS["naive"], values=(400, 1_200)))
    outcomes = work(Task(first(scenes, "endpoint"), ("naive",), 16_000, sweep=True))
    assert [each.value for each in outcomes] == [None, 400, 1_200]
    delays = [next(seen.value for seen in each.seen if seen.measure == "endpoint delay") for each in outcomes[1:]]
    assert delays[1] - delays[0] == pytest.approx(800, abs=60)


def test_a_long_answer_is_ended_after_its_true_end(scenes: list[Scene]) -> None:
    """Given whole answers, the last end of each comes after its truth, and all that was voiced was
    received."""
    trace = play(first(scenes, "endpoint"), CONTESTANTS["silero"].policy, 16_000)
    assert trace.of(CandidateStopped)[-1].at_us > trace.speech_us(len(trace.starts) - 1)[-1][1]
    missing = [each.value for each in seen_in(trace) if each.measure == "voiced missing at the model"]
    assert missing == [0] * len(trace.starts)


def test_an_echo_is_as_loud_as_the_scene_says() -> None:
    """Given the interviewer's voice, its echo at 48 kHz has the level asked for, and comes later
    than it was played."""
    echo, voice = Echo(-20, seed=3, rate_hz=48_000), prompt("welcome")
    blocks = [voice[at : at + 480] for at in range(0, len(voice) - 480, 480)]
    heard = np.concatenate([block if (block := echo.of(each)) is not None else np.zeros(960) for each in blocks])
    assert dbfs(heard) - dbfs(voice) == pytest.approx(-20, abs=1)
    assert not heard[: 2 * (echo.delay - 100)].any()


def test_the_loudspeaker_accounts_for_what_was_audible_when() -> None:
    """Given audio, a hold in its middle and a release, it was audible in two pieces, to the
    sample."""
    now_us = 0
    reports: list[tuple[int, bool]] = []
    speaker = SteppedLoudspeaker(lambda played, held: reports.append((played, held)), lambda: now_us)
    speaker.take(ServerAudio(0, 1, 0, bytes(2 * 24_000)))
    now_us = 400_000
    speaker.hold()
    now_us = 700_000
    speaker.release()
    now_us = 2_000_000
    speaker.step()
    assert [(each.at_us, each.sample, each.count) for each in speaker.played] == [
        (0, 0, 9_600),
        (700_000, 9_600, 14_400),
    ]
    assert (9_600, True) in reports


def test_the_command_prints_keeps_and_refuses(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a folder, the run is printed as JSON and kept as text, JSON and picture; given none, it
    says so."""
    folder, out = small_corpus(tmp_path), tmp_path / "out"
    options = ["--limit", "1", "--jobs", "1", "--contestant", "naive", "--client-rate", "16000", "--no-cpu", "--json"]
    only = ["--only", "backchannel", "double_talk"]
    monkeypatch.setattr(sys, "argv", ["turns", "--scenes", str(folder), "--out", str(out), *options, *only])
    assert command.main() == 0
    found = json.loads(capsys.readouterr().out)
    assert {each["measure"] for each in found["figures"]} >= {"backchannel selectivity", "never held"}
    assert {path.suffix for path in out.iterdir()} >= {".txt", ".json"}
    monkeypatch.setattr(sys, "argv", ["turns", "--scenes", str(tmp_path / "nowhere"), "--jobs", "1"])
    assert command.main() == 2
    assert "is no folder" in capsys.readouterr().err
