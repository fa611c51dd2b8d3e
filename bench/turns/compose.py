"""Scenes out of a corpus, by seed: which recording, when, over what, how loud. Conditions are the
tables at the top."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from random import Random
from typing import Literal, TypeVar

import numpy as np

from bench.turns.corpus import RATE_HZ, Answer, Corpus, Cut, load
from bench.turns.interviewer import SHORT, long_turn, turn_ms
from bench.turns.levels import active_dbfs, dbfs, gain_to, quiet_dbfs
from bench.turns.scenes import FLOOR_DBFS, SPEECH_DBFS, At, Bed, IntoTurn, Kind, Part, Scene

INTERRUPTION_CONDITIONS: tuple[tuple[str, float | None, float | None], ...] = (
    ("clean", None, None),
    ("noise, SNR 20 dB", 20, None),
    ("noise, SNR 10 dB", 10, None),
    ("echo -20 dB", None, -20),
)
"""Name, SNR of the noise bed, level of the echo."""
OVER_INTERVIEWER: tuple[Literal["backchannel", "hesitation", "tic"], ...] = ("backchannel", "hesitation", "tic")
NOISE_SNRS = (20, 10, 5)
ECHO_LEVELS = (-30, -20, -10)
SIDE_SPEECH_LEVELS = (-15, -25)
SIDE_SPEECH_S = 4.0
NETWORK_MS, JITTER_MS = 20, 10
BACKCHANNEL_DB, TIC_DB = -2.0, 0.0
"""Relative to the speech level, where the recording itself does not tell."""

FIRST_ANSWER_MS, BETWEEN_ANSWERS_MS, ANSWERS_A_CALL = 3_000, 5_500, 4
NOT_FIRST_MS, NOT_LAST_MS = 600, 1_500
TURN_MS = 9_000
INTERRUPTION_VOICED_S, INTERRUPTION_MOST_S = 1.2, 4.5
NOISE_SCENE_MS, ECHO_SCENE_MS = 30_000, 30_000
_LEAD_S, _TAIL_S = 0.1, 0.2

T = TypeVar("T")


def compose(corpus: Corpus, seed: int, limit: int) -> list[Scene]:
    """Every kind of scene; at most `limit` of each condition where parts could be combined for
    ever."""
    makers: tuple[Callable[[Corpus, Random, int], Iterable[Scene]], ...] = (
        _endpoint,
        _coughs,
        _interruptions,
        _over_interviewer,
        _noise,
        _echo,
        _side_speech,
        _double_talk,
    )
    scenes: list[Scene] = []
    for maker in makers:
        scenes += maker(corpus, Random(f"{seed} {maker.__name__}"), limit)
    return [replace(scene, id=f"{number}", seed=hash_of(seed, number)) for number, scene in enumerate(scenes)]


def hash_of(seed: int, number: int) -> int:
    """A seed of its own for each scene."""
    return seed * 1_000_003 + number


def _scene(kind: Kind, condition: str, **fields: object) -> Scene:
    return Scene(id="", kind=kind, condition=condition, seed=0, **fields)  # type: ignore[arg-type]


# --- the candidate's parts ---------------------------------------------------------------------------------------


def samples_of(cut: Cut) -> np.ndarray:
    """A cut's own samples at 16 kHz."""
    return load(cut.path)[round(cut.start_s * RATE_HZ) : round(cut.end_s * RATE_HZ)]


def _answer_gain(answer: Answer) -> float:
    voiced = [load(answer.cut.path)[round(start * RATE_HZ) : round(end * RATE_HZ)] for start, end in answer.speech]
    return gain_to(SPEECH_DBFS, dbfs(np.concatenate(voiced)))


def floor_of(answer: Answer, gain: float) -> float:
    """The continuous floor that hides where a recording begins and ends: as loud as its own pauses,
    within reason."""
    own = quiet_dbfs(samples_of(answer.cut), RATE_HZ) + 20 * np.log10(gain)
    return float(min(max(FLOOR_DBFS, own), -50))


def _answer_part(answer: Answer, start: At | IntoTurn, role: Literal["answer", "interruption"]) -> Part:
    cut = answer.cut
    speech = tuple((begin - cut.start_s, end - cut.start_s) for begin, end in answer.speech)
    return Part(cut, role, start, _answer_gain(answer), speech, min(_LEAD_S, cut.start_s), _TAIL_S)


def _sound_part(
    cut: Cut, role: Literal["backchannel", "hesitation", "tic", "side_speech"], start: At | IntoTurn, level_dbfs: float
) -> Part:
    gain = gain_to(level_dbfs, active_dbfs(samples_of(cut), RATE_HZ))
    return Part(cut, role, start, gain, ((0.0, cut.seconds),), min(0.02, cut.start_s), 0.02)


def _openings(answers: Iterable[Answer]) -> Iterator[Answer]:
    """What may interrupt: an answer's beginning, or what follows one of its longer pauses; 1.2 s of
    voice at least."""
    for answer in answers:
        for first, (start, _) in enumerate(answer.speech):
            if first and start - answer.speech[first - 1][1] < 0.25:
                continue
            taken: list[tuple[float, float]] = []
            voiced = 0.0
            for stretch in answer.speech[first:]:
                if voiced >= INTERRUPTION_VOICED_S and stretch[1] - start > INTERRUPTION_MOST_S:
                    break
                taken.append(stretch)
                voiced += stretch[1] - stretch[0]
            if voiced >= INTERRUPTION_VOICED_S:
                cut = replace(answer.cut, start_s=start, end_s=taken[-1][1])
                yield Answer(cut, tuple(taken), answer.derived)


def _spread(items: Iterable[T], key: Callable[[T], str], dice: Random, limit: int) -> list[T]:
    """At most `limit`, in random order, the speakers in turn: no one stands for all."""
    groups: dict[str, list[T]] = defaultdict(list)
    for item in items:
        groups[key(item)].append(item)
    for group in groups.values():
        dice.shuffle(group)
    order = sorted(groups)
    dice.shuffle(order)
    found: list[T] = []
    while groups and len(found) < limit:
        for name in order:
            if groups.get(name):
                found.append(groups[name].pop())
        groups = {name: group for name, group in groups.items() if group}
    return found[:limit]


def _speaker(answer: Answer) -> str:
    return answer.cut.speaker


def _into(turn: int, dice: Random) -> IntoTurn:
    return IntoTurn(dice.randrange(NOT_FIRST_MS, turn - NOT_LAST_MS))


# --- the kinds ---------------------------------------------------------------------------------------------------


def _endpoint(corpus: Corpus, dice: Random, limit: int) -> Iterator[Scene]:
    """Whole answers with their true pauses, a few of the same speaker in a call; the interviewer
    waits them out."""
    by_speaker: dict[str, list[Answer]] = defaultdict(list)
    for answer in _spread(corpus.answers, _speaker, dice, 2 * limit):
        by_speaker[answer.cut.speaker].append(answer)
    for _, answers in sorted(by_speaker.items()):
        for first in range(0, len(answers), ANSWERS_A_CALL):
            yield _answers_in_a_row(answers[first : first + ANSWERS_A_CALL], "answers", "endpoint")


def _answers_in_a_row(answers: list[Answer], condition: str, kind: Kind, coughs: tuple[Part, ...] = ()) -> Scene:
    parts: list[Part] = []
    at_ms = FIRST_ANSWER_MS
    floor = FLOOR_DBFS
    for answer in answers:
        parts.append(_answer_part(answer, At(at_ms), "answer"))
        floor = max(floor, floor_of(answer, parts[-1].gain))
        at_ms += round(answer.cut.seconds * 1000) + BETWEEN_ANSWERS_MS
    every = tuple(parts) + coughs
    return _scene(kind, condition, parts=every, turns=(SHORT,), floor_dbfs=floor, tail_ms=4_000)


def _coughs(corpus: Corpus, dice: Random, limit: int) -> Iterator[Scene]:
    """A cough in the longest pause of an answer, and another one soon after its end."""
    tics = [tic for tic in corpus.of("tic") if tic.seconds <= 1.0]
    if not tics:
        return
    for answer in _spread(corpus.answers, _speaker, dice, limit):
        cough, after = dice.choice(tics), dice.choice(tics)
        end_ms = FIRST_ANSWER_MS + round(1000 * answer.cut.seconds)
        parts = [_sound_part(after, "tic", At(end_ms + dice.randrange(250, 500)), SPEECH_DBFS + TIC_DB)]
        pauses = [(end, start) for (_, end), (start, _) in zip(answer.speech, answer.speech[1:], strict=False)]
        fitting = [pause for pause in pauses if pause[1] - pause[0] >= cough.seconds + 0.1]
        if fitting:
            begin, end = max(fitting, key=lambda pause: pause[1] - pause[0])
            middle_s = (begin + end - cough.seconds) / 2 - answer.cut.start_s
            at_ms = FIRST_ANSWER_MS + round(1000 * middle_s)
            parts.append(_sound_part(cough, "tic", At(at_ms), SPEECH_DBFS + TIC_DB))
        yield _answers_in_a_row([answer], "coughs in pauses and after", "coughs", tuple(parts))


def _interruptions(corpus: Corpus, dice: Random, limit: int) -> Iterator[Scene]:
    openings = list(_openings(corpus.answers))
    noises = corpus.of("noise")
    for condition, snr_db, echo_db in INTERRUPTION_CONDITIONS:
        if snr_db is not None and not noises:
            continue
        for opening in _spread(openings, _speaker, dice, limit):
            yield _interruption(opening, condition, dice, snr_db, echo_db, noises)
    for opening in _spread(openings, _speaker, dice, max(1, limit // 2)):
        scene = _interruption(opening, "network 20 ± 10 ms", dice, None, None, noises)
        yield replace(scene, network_ms=NETWORK_MS, jitter_ms=JITTER_MS)


def _interruption(
    opening: Answer, condition: str, dice: Random, snr_db: float | None, echo_db: float | None, noises: tuple[Cut, ...]
) -> Scene:
    turn = long_turn(dice, TURN_MS)
    part = _answer_part(opening, _into(turn_ms(turn), dice), "interruption")
    bed = _bed(dice.choice(noises), snr_db) if snr_db is not None else None
    floor = floor_of(opening, part.gain)
    return _scene(
        "interruption",
        condition,
        parts=(part,),
        turns=(turn, SHORT),
        bed=bed,
        echo_db=echo_db,
        floor_dbfs=floor,
        tail_ms=1_000,
    )


def _over_interviewer(corpus: Corpus, dice: Random, limit: int) -> Iterator[Scene]:
    for label in OVER_INTERVIEWER:
        level = SPEECH_DBFS + (BACKCHANNEL_DB if label == "backchannel" else TIC_DB)
        cuts = [cut for cut in corpus.of(label) if cut.seconds <= 2.0]
        for cut in _repeated(cuts, dice, limit):
            turn = long_turn(dice, TURN_MS)
            start = IntoTurn(dice.randrange(NOT_FIRST_MS, turn_ms(turn) - NOT_LAST_MS - 1_500))
            part = _sound_part(cut, label, start, level)
            yield _scene(label, "clean", parts=(part,), turns=(turn, SHORT))


def _repeated(cuts: list[Cut], dice: Random, limit: int, most: int = 3) -> list[Cut]:
    """Each cut up to `most` times, at other moments; figures say how many recordings are behind
    them."""
    times = max(1, min(most, limit // max(1, len(cuts))))
    return _spread(cuts * times, lambda cut: cut.speaker, dice, limit)


def _bed(cut: Cut, snr_db: float) -> Bed:
    return Bed(cut, gain_to(SPEECH_DBFS - snr_db, dbfs(samples_of(cut))))


def _noise(corpus: Corpus, dice: Random, limit: int) -> Iterator[Scene]:
    """Each noise at each level; a recording is not repeated in order to fill time, so long ones
    give long scenes."""
    for snr_db in NOISE_SNRS:
        for cut in _spread(corpus.of("noise"), lambda cut: cut.path, dice, limit):
            length_ms = min(NOISE_SCENE_MS, round(1000 * cut.seconds))
            turn = long_turn(dice, length_ms + 2_000)
            condition = f"noise {snr_db} dB below speech"
            bed = _bed(cut, snr_db)
            yield _scene("noise", condition, parts=(), turns=(turn,), bed=bed, least_ms=length_ms, tail_ms=0)


def _echo(corpus: Corpus, dice: Random, limit: int) -> Iterator[Scene]:
    for level_db in ECHO_LEVELS:
        for _ in range(max(2, limit // 8)):
            turn = long_turn(dice, ECHO_SCENE_MS)
            yield _scene(
                "echo", f"echo {level_db} dB", parts=(), turns=(turn,), echo_db=level_db, least_ms=ECHO_SCENE_MS
            )


def _side_speech(corpus: Corpus, dice: Random, limit: int) -> Iterator[Scene]:
    """Somebody else, farther from the microphone: other people's talk in pieces, and answers as
    heard from afar.

    It comes over the interviewer's second turn, when the candidate has answered once: how loud they
    are is known then.
    """
    openings = list(_openings(corpus.answers))
    pieces = [piece for cut in corpus.of("other_speech") for piece in _pieces(cut)]
    pieces += [replace(each.cut, label="other_speech") for each in openings]
    for level_db in SIDE_SPEECH_LEVELS:
        for cut in _spread(pieces, lambda cut: cut.speaker, dice, limit):
            others = [each for each in openings if each.cut.speaker != cut.speaker] or openings
            if not others:
                return
            answer = dice.choice(others)
            start = IntoTurn(dice.randrange(NOT_FIRST_MS, 3_000), turn=1)
            side = _sound_part(cut, "side_speech", start, SPEECH_DBFS + level_db)
            yield _scene(
                "side_speech",
                f"side speech {level_db} dB",
                parts=(side, _answer_part(answer, At(FIRST_ANSWER_MS), "answer")),
                turns=(SHORT, long_turn(dice, TURN_MS)),
            )


def _pieces(cut: Cut) -> Iterator[Cut]:
    """A long stretch in pieces of some seconds."""
    count = max(1, int(cut.seconds / SIDE_SPEECH_S))
    for number in range(count):
        start_s = cut.start_s + number * SIDE_SPEECH_S
        yield replace(cut, start_s=start_s, end_s=min(cut.end_s, start_s + SIDE_SPEECH_S))


def _double_talk(corpus: Corpus, dice: Random, limit: int) -> Iterator[Scene]:
    for opening in _spread(_openings(corpus.answers), _speaker, dice, limit):
        turn = long_turn(dice, 3_000)
        part = _answer_part(opening, IntoTurn(turn_ms(turn) - dice.randrange(40, 300)), "interruption")
        floor = floor_of(opening, part.gain)
        yield _scene("double_talk", "last 300 ms", parts=(part,), turns=(turn, SHORT), floor_dbfs=floor)
