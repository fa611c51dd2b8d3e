"""What a decision costs: `python -m bench.core`.

`Call.handle` per kind of input, beside a bare trigger of `transitions` and an empty function call,
in CPU time of this thread. The frames' figures hold what the segment buffer adds, a sealed second of audio
every 50 frames.
"""

import argparse
import json
from collections.abc import Callable
from functools import partial
from uuid import UUID

import msgspec
from transitions import Machine

from bench.cpu import Round, Stopwatch, cpu_us, ratios, rounds
from bench.report import Section, console, spread
from domain import inputs as inp
from domain.call import Call, open_call
from domain.interview import Agent, Candidate, InterviewContext
from domain.policy import BargeInPolicy, LinkPolicy, Policy
from domain.sound.features import FrameFeatures
from domain.states import TABLE, State, Trigger, fire

COMMAND = "python -m bench.core"
ROUNDS, QUICK_ROUNDS = 15, 5
INPUTS = 1_000
VOICED, SILENT = FrameFeatures(190, 1, 250), FrameFeatures(60, 0, 2)
FRAME_US, FRAME = 20_000, bytes(640)
CHUNK_MS, CHUNK = 40, bytes(40 * 48)
_BARE, _EMPTY = "bare transitions trigger", "empty function call"
_NEVER_MS = 3_600_000
_FOREVER = Policy(
    barge_in=BargeInPolicy(
        confirm_voiced_ms=_NEVER_MS, confirm_long_ms=_NEVER_MS, dismiss_silence_ms=_NEVER_MS, ceiling_ms=_NEVER_MS
    ),
    links=LinkPolicy(resume_wait_ms=_NEVER_MS, hello_wait_ms=_NEVER_MS),
)


class Stage:
    """A call on a clock of its own, brought into the state that is to be measured."""

    def __init__(self) -> None:
        self.call = new_call(_FOREVER)
        self.now_us = 0
        self._feed(inp.ClientConnected(rate_hz=16_000, resumed=False))
        self._feed(inp.ModelConnected(model="m", resumed=False, setup_ms=1))

    def _feed(self, happened: inp.Input, after_us: int = 1_000) -> None:
        self.now_us += after_us
        self.call.handle(msgspec.structs.replace(happened, at_us=self.now_us))

    def frames(self, count: int, features: FrameFeatures) -> list[inp.Input]:
        """The next frames, 20 ms apart."""
        made: list[inp.Input] = []
        for _ in range(count):
            self.now_us += FRAME_US
            made.append(inp.CandidateFrame(at_us=self.now_us, client_seq=1, features=features, pcm=FRAME))
        return made

    def chunks(self, count: int, every_us: int = 10_000) -> list[inp.Input]:
        """The model's next messages, four times as fast as they are spoken."""
        made: list[inp.Input] = []
        for _ in range(count):
            self.now_us += every_us
            made.append(inp.ModelAudio(at_us=self.now_us, pcm=CHUNK))
        return made

    def take(self, happened: list[inp.Input]) -> None:
        """Handle these; the state is as it should be afterwards."""
        for each in happened:
            self.call.handle(each)

    def heard(self) -> "Stage":
        """The opening was asked and heard: listening."""
        self.take(self.chunks(10))
        self._feed(inp.GenerationCompleted())
        for _ in range(20):
            self._feed(inp.PlaybackReported(played_sample=self.call.playout.sent_sample), 50_000)
        self._feed(inp.ModelTurnCompleted())
        assert self.call.state is State.LISTENING, self.call.state
        return self

    def speaking(self) -> "Stage":
        """The candidate has the floor."""
        self.heard().take(self.frames(20, VOICED))
        assert self.call.state is State.CANDIDATE_SPEAKING, self.call.state
        return self

    def spoken_to(self) -> "Stage":
        """The interviewer is being heard, with two minutes still to come."""
        self.take(self.chunks(120_000 // CHUNK_MS, every_us=1_000))
        self.report()
        assert self.call.state is State.MODEL_SPEAKING, self.call.state
        return self

    def interrupted(self) -> "Stage":
        """The candidate was heard over the interviewer, and it stays undecided."""
        self.spoken_to().take(self.frames(20, VOICED))
        assert self.call.state is State.INTERRUPTED, self.call.state
        return self

    def report(self) -> None:
        """The client has played what it was sent."""
        self._feed(inp.PlaybackReported(played_sample=self.call.playout.sent_sample))


def new_call(policy: Policy) -> Call:
    """A call that was just opened."""
    agent = Agent(id="bench", name="Vera", models=("m",), policy=policy)
    context = InterviewContext(role="Engineer", questions=("Why?",), duration_minutes=180)
    call, _ = open_call(
        call_id=UUID(int=1),
        tenant="bench",
        agent=agent,
        candidate=Candidate(name="Ada"),
        context=context,
        opened_at="2026-01-01T00:00:00Z",
    )
    return call


def _frames(prepare: Callable[[Stage], Stage], features: FrameFeatures, state: State, count: int = INPUTS) -> float:
    """CPU µs per frame in one state. Playback is reported in between, uncounted, every 200 ms."""
    stage, watch = prepare(Stage()), Stopwatch()
    handle = stage.call.handle
    for _ in range(count // 10):
        frames = stage.frames(10, features)
        with watch:
            for frame in frames:
                handle(frame)
        if state is State.MODEL_SPEAKING:
            stage.report()
    assert stage.call.state is state, stage.call.state
    return watch.us_each(count)


def _handled(prepare: Callable[[Stage], Stage], make: Callable[[Stage], list[inp.Input]]) -> float:
    """CPU µs per input that `make` gives for a stage that `prepare` has set."""
    stage = prepare(Stage())
    made = make(stage)
    handle = stage.call.handle
    return cpu_us(lambda: [handle(each) for each in made], len(made))


def _reports(stage: Stage) -> list[inp.Input]:
    sent, played = stage.call.playout.sent_sample, stage.call.playout.played_sample
    stage.now_us += 1
    return [
        inp.PlaybackReported(at_us=stage.now_us, played_sample=played + (sent - played) * each // INPUTS)
        for each in range(INPUTS)
    ]


def _words(kind: type[inp.ModelTranscribed] | type[inp.CandidateTranscribed], stage: Stage) -> list[inp.Input]:
    return [kind(at_us=stage.now_us, text="about your last project") for _ in range(INPUTS)]


def _bare_trigger() -> float:
    """Two states, back and forth, as `transitions` recommends it: triggers as methods of the
    model."""
    rows = [
        {"trigger": row.trigger.value, "source": [each.value for each in row.sources], "dest": row.target.value}
        for row in TABLE
    ]
    states = [state.value for state in State]
    machine = Machine(states=states, transitions=rows, initial="listening", auto_transitions=False)

    def back_and_forth() -> None:
        for _ in range(INPUTS // 2):
            machine.candidate_started()
            machine.candidate_stopped()

    return cpu_us(back_and_forth, INPUTS)


def _fired() -> float:
    def run() -> None:
        for _ in range(INPUTS):
            fire(State.LISTENING, Trigger.CANDIDATE_STARTED)

    return cpu_us(run, INPUTS)


def _empty() -> float:
    def nothing(_: object) -> None:
        return None

    def run() -> None:
        for _ in range(20 * INPUTS):
            nothing(None)

    return cpu_us(run, 20 * INPUTS)


def subjects() -> dict[str, Round]:
    """What is measured, by name."""
    speaks = Stage.spoken_to
    return {
        _EMPTY: _empty,
        _BARE: _bare_trigger,
        "our machine's fire()": _fired,
        "frame in listening": partial(_frames, Stage.heard, SILENT, State.LISTENING),
        "frame in candidate_speaking": partial(_frames, Stage.speaking, VOICED, State.CANDIDATE_SPEAKING),
        "frame in model_speaking": partial(_frames, speaks, SILENT, State.MODEL_SPEAKING),
        "frame in interrupted": partial(_frames, Stage.interrupted, VOICED, State.INTERRUPTED),
        "ModelAudio (40 ms) in model_speaking": partial(_handled, speaks, lambda stage: stage.chunks(INPUTS)),
        "PlaybackReported in model_speaking": partial(_handled, speaks, _reports),
        "ModelTranscribed": partial(_handled, speaks, partial(_words, inp.ModelTranscribed)),
        "CandidateTranscribed": partial(_handled, Stage.heard, partial(_words, inp.CandidateTranscribed)),
    }


def sections(*, quick: bool = False) -> list[Section]:
    """Measure everything."""
    found = rounds(subjects(), QUICK_ROUNDS if quick else ROUNDS)
    section = Section(
        "core",
        "Call.handle: CPU µs per input, median (lowest-highest)",
        COMMAND,
        ("input", "µs", "of a bare trigger", "of an empty call"),
    )
    for name, values in found.items():
        section.rows.append(
            (name, spread(values, 2), spread(ratios(values, found[_BARE]), 2), spread(ratios(values, found[_EMPTY]), 0))
        )
    section.facts = dict(found)
    return [section]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_ROUNDS} rounds instead of {ROUNDS}")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    for section in sections(quick=options.quick):
        if options.json:
            print(json.dumps(section.as_dict()))
        else:
            section.print(console())


if __name__ == "__main__":
    main()
