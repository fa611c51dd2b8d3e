"""Notes that a client sends beside the candidate's voice: how much of the last reply was heard, or
an earlier conversation.

A model reads such notes; the rehearsal knows their form: it shortens its last reply to the heard
part, and takes a conversation in its instruction into its history.
"""

import re
from typing import NamedTuple

_NOTE = re.compile(
    r"\[Note\b.*\blast reply\b(?:.*?\bheard: \"(?P<words>.*)\"|.*?\bfirst (?P<seconds>\d+(?:\.\d+)?) s\b)?.*\]",
    re.DOTALL,
)
_LOST = "[Note, not said by the candidate: the connection was lost."
_SPEAKER = re.compile(r"(Interviewer|Candidate): (.*)")


class Heard(NamedTuple):
    """What of a reply was heard: its words, or where they are not known the time; neither for
    nothing."""

    words: str = ""
    ms: int = 0


def instructed_conversation(instruction: str) -> list[tuple[str, str]]:
    """(role, text) of the turns that an instruction tells of, one a line below a note that the
    connection was lost."""
    _, lost, lines = instruction.partition(_LOST)
    turns = [_SPEAKER.match(line) for line in lines.splitlines()] if lost else []
    return [("model" if turn[1] == "Interviewer" else "user", turn[2]) for turn in turns if turn is not None]


def heard_of_last_reply(text: str) -> Heard | None:
    """What of the last reply was heard; None if `text` is no such note."""
    note = _NOTE.fullmatch(text.strip())
    return None if note is None else Heard(note["words"] or "", round(1000 * float(note["seconds"] or 0)))
