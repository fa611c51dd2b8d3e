"""Decides what the interviewer says next, from nothing but its instruction and what its context
holds.

Like a model it keeps no state of its own: which questions were asked is read from the history, so a
session that was resumed, seeded or cut off goes on where its history says. A question that was cut
off before its end is asked again.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from adapters.rehearsal.interviewer.questions import find_questions
from adapters.rehearsal.interviewer.topic import topic_of
from adapters.rehearsal.session.history import Turn
from adapters.rehearsal.wire.setup import Function

SHORTEST_ANSWER_MS = 400
_ENDING = frozenset({"end", "finish", "close", "complete", "conclude", "hang", "hangup", "stop"})
_CLOSING = "Thank you, that was my last question. It was a pleasure to talk to you. Goodbye."
_OVER = "We have finished. Thank you again, and goodbye."
_GO_ON = ("Please go on.", "I am listening, please go on.", "Take your time, and go on when you are ready.")
_PLAIN = ("Thank you for that.", "I see, thank you.", "That is good to know.", "Understood.")
_MENTION = (
    "Thank you. You mentioned {topic}.",
    "I see, {topic}.",
    "Interesting what you say about {topic}.",
    "Right, {topic}, I will remember that.",
)


@dataclass(frozen=True, slots=True)
class Line:
    """What to say, and the declared function to call after saying it."""

    text: str
    call: Function | None = None


def next_line(instruction: str, turns: Sequence[Turn], functions: Sequence[Function] = ()) -> Line:
    """The interviewer's next line, given everything in the context, the newest turn last."""
    questions = find_questions(instruction)
    said = [_flat(turn.meant or turn.text) for turn in turns if turn.role == "model"]
    open_questions = [question for question in questions if not any(_flat(question) in line for line in said)]
    answer = _since_model_spoke(turns)
    variety = len(said)
    if not said:
        return Line(f"Hello, and welcome. {questions[0]}")
    if _flat(_CLOSING) in said[-1] or _flat(_OVER) in said[-1]:
        return Line(_OVER)
    if not _is_answer(answer):
        typed = any(not turn.audio_ms for turn in answer if turn.role == "user")
        asked = [question for question in questions if question not in open_questions]
        if typed and asked:
            return Line(f"Let me ask you that again. {asked[-1]}")
        return Line(_GO_ON[variety % len(_GO_ON)])
    if not open_questions:
        return Line(_CLOSING, next((item for item in functions if _ends(item)), None))
    return Line(f"{_acknowledge(answer, variety)} {open_questions[0]}")


def _since_model_spoke(turns: Sequence[Turn]) -> list[Turn]:
    answer: list[Turn] = []
    for turn in reversed(turns):
        if turn.role == "model":
            break
        answer.insert(0, turn)
    return answer


def _is_answer(turns: Sequence[Turn]) -> bool:
    spoken_ms = sum(turn.audio_ms for turn in turns)
    typed = any(re.search(r"\w", turn.text) for turn in turns if not turn.audio_ms and turn.role == "user")
    return typed or spoken_ms >= SHORTEST_ANSWER_MS


def _acknowledge(answer: Sequence[Turn], variety: int) -> str:
    heard = " ".join(turn.text for turn in answer if turn.role == "user" and not turn.text.startswith("["))
    topic = topic_of(heard)
    if not topic:
        return _PLAIN[variety % len(_PLAIN)]
    return _MENTION[variety % len(_MENTION)].format(topic=topic)


def _ends(function: Function) -> bool:
    """Whether a word of the function's name, in snake_case or camelCase, speaks of an end."""
    words = re.findall(r"[A-Z]?[a-z]+", function.name)
    return any(word.lower() in _ENDING for word in words)


def _flat(text: str) -> str:
    return " ".join(re.findall(r"[\w']+", text.lower()))
