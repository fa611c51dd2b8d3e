"""What a client says beside the candidate's voice: how much of the last reply was heard.

A model reads such a note; the rehearsal knows its form, takes it for what it is, and remembers its last reply as heard.
"""

import re

_NOTE = re.compile(r"\[Note\b.*\blast reply\b(?:.*?\bheard: \"(?P<heard>.*)\")?.*\]", re.DOTALL)


def heard_of_last_reply(text: str) -> str | None:
    """What of the last reply was heard, empty for nothing; None if `text` is no such note."""
    note = _NOTE.fullmatch(text.strip())
    return None if note is None else note["heard"] or ""
