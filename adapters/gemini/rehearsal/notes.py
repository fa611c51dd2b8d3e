"""What a client says beside the candidate's voice: how much of the last reply was heard.

A model reads such a note; the rehearsal knows its form, takes it for what it is, and remembers its last reply as heard.
"""

import re
from typing import NamedTuple

_NOTE = re.compile(
    r"\[Note\b.*\blast reply\b(?:.*?\bheard: \"(?P<words>.*)\"|.*?\bfirst (?P<seconds>\d+(?:\.\d+)?) s\b)?.*\]",
    re.DOTALL,
)


class Heard(NamedTuple):
    """What of a reply was heard: its words, or where they are not known the time; neither for nothing."""

    words: str = ""
    ms: int = 0


def heard_of_last_reply(text: str) -> Heard | None:
    """What of the last reply was heard; None if `text` is no such note."""
    note = _NOTE.fullmatch(text.strip())
    return None if note is None else Heard(note["words"] or "", round(1000 * float(note["seconds"] or 0)))
