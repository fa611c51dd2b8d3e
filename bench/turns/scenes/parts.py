"""What scenes are made of: cuts of recordings as loud as they should be, and how they are chosen so
that no one speaker stands for all."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from random import Random
from typing import Literal, TypeVar

import numpy as np

from bench.turns.scenes.corpus import RATE_HZ, Answer, Cut, Sound, load
from bench.turns.scenes.levels import active_dbfs, dbfs, gain_to, quiet_dbfs
from bench.turns.scenes.scene import FLOOR_DBFS, SPEECH_DBFS, At, Bed, IntoTurn, Part

NOT_FIRST_MS, NOT_LAST_MS = 600, 1_500
"""An interruption begins neither in the interviewer's first words nor in the last ones."""
INTERRUPTION_VOICED_S, INTERRUPTION_MOST_S = 1.2, 4.5
SIDE_SPEECH_S = 4.0
_LEAD_S, _TAIL_S = 0.1, 0.2

T = TypeVar("T")


def samples_of(cut: Cut) -> Sound:
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


def answer_part(answer: Answer, start: At | IntoTurn, role: Literal["answer", "interruption"]) -> Part:
    cut = answer.cut
    speech = tuple((begin - cut.start_s, end - cut.start_s) for begin, end in answer.speech)
    return Part(cut, role, start, _answer_gain(answer), speech, min(_LEAD_S, cut.start_s), _TAIL_S)


def sound_part(
    cut: Cut, role: Literal["backchannel", "hesitation", "tic", "side_speech"], start: At | IntoTurn, level_dbfs: float
) -> Part:
    gain = gain_to(level_dbfs, active_dbfs(samples_of(cut), RATE_HZ))
    return Part(cut, role, start, gain, ((0.0, cut.seconds),), min(0.02, cut.start_s), 0.02)


def openings_of(answers: Iterable[Answer]) -> Iterator[Answer]:
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


def spread(items: Iterable[T], key: Callable[[T], str], dice: Random, limit: int) -> list[T]:
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


def speaker_of(answer: Answer) -> str:
    return answer.cut.speaker


def into_turn(turn: int, dice: Random) -> IntoTurn:
    return IntoTurn(dice.randrange(NOT_FIRST_MS, turn - NOT_LAST_MS))


def repeated(cuts: list[Cut], dice: Random, limit: int, most: int = 3) -> list[Cut]:
    """Each cut up to `most` times, at other moments; figures say how many recordings are behind
    them."""
    times = max(1, min(most, limit // max(1, len(cuts))))
    return spread(cuts * times, lambda cut: cut.speaker, dice, limit)


def noise_bed(cut: Cut, snr_db: float) -> Bed:
    return Bed(cut, gain_to(SPEECH_DBFS - snr_db, dbfs(samples_of(cut))))


def pieces_of(cut: Cut) -> Iterator[Cut]:
    """A long stretch in pieces of some seconds."""
    count = max(1, int(cut.seconds / SIDE_SPEECH_S))
    for number in range(count):
        start_s = cut.start_s + number * SIDE_SPEECH_S
        yield replace(cut, start_s=start_s, end_s=min(cut.end_s, start_s + SIDE_SPEECH_S))
