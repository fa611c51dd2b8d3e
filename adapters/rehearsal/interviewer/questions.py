"""Finds the questions in an interviewer's instruction, however it is laid out."""

import re

_BULLET = re.compile(
    r"^\s*(?:[-*•–]|\(?\d{1,2}[.):]|\(?[a-z][.)]|Q(?:uestion)?\s*\d{0,2}\s*[.:)])\s+(?=\S)", re.IGNORECASE
)
_HEADING = re.compile(r"^(?:\s*#+.*\bquestions?\b.*|.*\bquestions?\b[^?.]*:)\s*\**\s*$", re.IGNORECASE)
_SENTENCE = re.compile(r"[^.!?\n:]+\?")
_MOST = 50

DEFAULT_QUESTIONS = (
    "Could you tell me about your background?",
    "Tell me about a project that you are proud of.",
    "What was the hardest problem that you solved recently?",
)


def find_questions(instruction: str) -> tuple[str, ...]:
    """The questions to ask, in order, at most 50; a standard set where the instruction has none.

    In this order of preference: the list under a heading that names questions; list items with a
    question mark; whole lines with one; sentences with one.
    """
    lines = instruction.splitlines()
    for found in (_under_heading(lines), _items(lines), _whole_lines(lines), _SENTENCE.findall(instruction)):
        questions = tuple(_clean(item) for item in found)[:_MOST]
        if questions:
            return questions
    return DEFAULT_QUESTIONS


def _under_heading(lines: list[str]) -> list[str]:
    for position, line in enumerate(lines):
        if _HEADING.match(line):
            return _block(lines[position + 1 :])
    return []


def _block(lines: list[str]) -> list[str]:
    """The list that follows a heading: its items, or lines with a question mark where there are no
    bullets."""
    found: list[str] = []
    bulleted = False
    for line in lines:
        if not line.strip():
            continue
        item = _BULLET.match(line) is not None
        if not item and (bulleted or not line.rstrip().endswith("?")):
            break
        bulleted = bulleted or item
        found.append(line)
    return found


def _items(lines: list[str]) -> list[str]:
    return [line for line in lines if _BULLET.match(line) and line.rstrip().rstrip("*\"'”").endswith("?")]


def _whole_lines(lines: list[str]) -> list[str]:
    return [line for line in lines if line.rstrip().endswith("?") and len(_SENTENCE.findall(line)) == 1]


def _clean(line: str) -> str:
    return _BULLET.sub("", line).replace("**", "").strip().strip('*"“”').strip()
