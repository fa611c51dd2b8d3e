"""Scenes out of a corpus, by seed: which recording, when, over what, how loud. Conditions are the
tables at the top."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from random import Random
from typing import Literal

from bench.turns.scenes.corpus import Answer, Corpus, Cut
from bench.turns.scenes.interviewer import SHORT, long_turn, turn_ms
from bench.turns.scenes.parts import (
    NOT_FIRST_MS,
    NOT_LAST_MS,
    answer_part,
    floor_of,
    into_turn,
    noise_bed,
    openings_of,
    pieces_of,
    repeated,
    sound_part,
    speaker_of,
    spread,
)
from bench.turns.scenes.scene import FLOOR_DBFS, SPEECH_DBFS, At, IntoTurn, Kind, Part, Scene

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
NETWORK_MS, JITTER_MS = 20, 10
BACKCHANNEL_DB, TIC_DB = -2.0, 0.0
"""Relative to the speech level, where the recording itself does not tell."""

FIRST_ANSWER_MS, BETWEEN_ANSWERS_MS, ANSWERS_A_CALL = 3_000, 5_500, 4
TURN_MS = 9_000
NOISE_SCENE_MS, ECHO_SCENE_MS = 30_000, 30_000


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


def _endpoint(corpus: Corpus, dice: Random, limit: int) -> Iterator[Scene]:
    """Whole answers with their true pauses, a few of the same speaker in a call; the interviewer
    waits them out."""
    by_speaker: dict[str, list[Answer]] = defaultdict(list)
    for answer in spread(corpus.answers, speaker_of, dice, 2 * limit):
        by_speaker[answer.cut.speaker].append(answer)
    for _, answers in sorted(by_speaker.items()):
        for first in range(0, len(answers), ANSWERS_A_CALL):
            yield _answers_in_a_row(answers[first : first + ANSWERS_A_CALL], "answers", "endpoint")


def _answers_in_a_row(answers: list[Answer], condition: str, kind: Kind, coughs: tuple[Part, ...] = ()) -> Scene:
    parts: list[Part] = []
    at_ms = FIRST_ANSWER_MS
    floor = FLOOR_DBFS
    for answer in answers:
        parts.append(answer_part(answer, At(at_ms), "answer"))
        floor = max(floor, floor_of(answer, parts[-1].gain))
        at_ms += round(answer.cut.seconds * 1000) + BETWEEN_ANSWERS_MS
    every = tuple(parts) + coughs
    return _scene(kind, condition, parts=every, turns=(SHORT,), floor_dbfs=floor, tail_ms=4_000)


def _coughs(corpus: Corpus, dice: Random, limit: int) -> Iterator[Scene]:
    """A cough in the longest pause of an answer, and another one soon after its end."""
    tics = [tic for tic in corpus.of("tic") if tic.seconds <= 1.0]
    if not tics:
        return
    for answer in spread(corpus.answers, speaker_of, dice, limit):
        cough, after = dice.choice(tics), dice.choice(tics)
        end_ms = FIRST_ANSWER_MS + round(1000 * answer.cut.seconds)
        parts = [sound_part(after, "tic", At(end_ms + dice.randrange(250, 500)), SPEECH_DBFS + TIC_DB)]
        pauses = [(end, start) for (_, end), (start, _) in zip(answer.speech, answer.speech[1:], strict=False)]
        fitting = [pause for pause in pauses if pause[1] - pause[0] >= cough.seconds + 0.1]
        if fitting:
            begin, end = max(fitting, key=lambda pause: pause[1] - pause[0])
            middle_s = (begin + end - cough.seconds) / 2 - answer.cut.start_s
            at_ms = FIRST_ANSWER_MS + round(1000 * middle_s)
            parts.append(sound_part(cough, "tic", At(at_ms), SPEECH_DBFS + TIC_DB))
        yield _answers_in_a_row([answer], "coughs in pauses and after", "coughs", tuple(parts))


def _interruptions(corpus: Corpus, dice: Random, limit: int) -> Iterator[Scene]:
    openings = list(openings_of(corpus.answers))
    noises = corpus.of("noise")
    for condition, snr_db, echo_db in INTERRUPTION_CONDITIONS:
        if snr_db is not None and not noises:
            continue
        for opening in spread(openings, speaker_of, dice, limit):
            yield _interruption(opening, condition, dice, snr_db, echo_db, noises)
    for opening in spread(openings, speaker_of, dice, max(1, limit // 2)):
        scene = _interruption(opening, "network 20 ± 10 ms", dice, None, None, noises)
        yield replace(scene, network_ms=NETWORK_MS, jitter_ms=JITTER_MS)


def _interruption(
    opening: Answer, condition: str, dice: Random, snr_db: float | None, echo_db: float | None, noises: tuple[Cut, ...]
) -> Scene:
    turn = long_turn(dice, TURN_MS)
    part = answer_part(opening, into_turn(turn_ms(turn), dice), "interruption")
    bed = noise_bed(dice.choice(noises), snr_db) if snr_db is not None else None
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
        for cut in repeated(cuts, dice, limit):
            turn = long_turn(dice, TURN_MS)
            start = IntoTurn(dice.randrange(NOT_FIRST_MS, turn_ms(turn) - NOT_LAST_MS - 1_500))
            part = sound_part(cut, label, start, level)
            yield _scene(label, "clean", parts=(part,), turns=(turn, SHORT))


def _noise(corpus: Corpus, dice: Random, limit: int) -> Iterator[Scene]:
    """Each noise at each level; a recording is not repeated in order to fill time, so long ones
    give long scenes."""
    for snr_db in NOISE_SNRS:
        for cut in spread(corpus.of("noise"), lambda cut: cut.path, dice, limit):
            length_ms = min(NOISE_SCENE_MS, round(1000 * cut.seconds))
            turn = long_turn(dice, length_ms + 2_000)
            condition = f"noise {snr_db} dB below speech"
            bed = noise_bed(cut, snr_db)
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
    openings = list(openings_of(corpus.answers))
    pieces = [piece for cut in corpus.of("other_speech") for piece in pieces_of(cut)]
    pieces += [replace(each.cut, label="other_speech") for each in openings]
    for level_db in SIDE_SPEECH_LEVELS:
        for cut in spread(pieces, lambda cut: cut.speaker, dice, limit):
            others = [each for each in openings if each.cut.speaker != cut.speaker] or openings
            if not others:
                return
            answer = dice.choice(others)
            start = IntoTurn(dice.randrange(NOT_FIRST_MS, 3_000), turn=1)
            side = sound_part(cut, "side_speech", start, SPEECH_DBFS + level_db)
            yield _scene(
                "side_speech",
                f"side speech {level_db} dB",
                parts=(side, answer_part(answer, At(FIRST_ANSWER_MS), "answer")),
                turns=(SHORT, long_turn(dice, TURN_MS)),
            )


def _double_talk(corpus: Corpus, dice: Random, limit: int) -> Iterator[Scene]:
    for opening in spread(openings_of(corpus.answers), speaker_of, dice, limit):
        turn = long_turn(dice, 3_000)
        part = answer_part(opening, IntoTurn(turn_ms(turn) - dice.randrange(40, 300)), "interruption")
        floor = floor_of(opening, part.gain)
        yield _scene("double_talk", "last 300 ms", parts=(part,), turns=(turn, SHORT), floor_dbfs=floor)
