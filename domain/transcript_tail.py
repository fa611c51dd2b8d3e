"""What the last words of an answer say about whether more will come, where they are known in time.

Newer models transcribe the candidate only at the end of an utterance, so often there are none.
English and the commonest languages' signs of punctuation; a word that is not listed says nothing.
"""

import re

_WORD = r"[^\W\d_]+(?:'[^\W\d_]+)?"
_FILLERS = frozenset(re.findall(_WORD, "um uh er erm hmm mm äh ähm eh euh"))
_LEADING_ON = frozenset(
    re.findall(
        _WORD,
        """and but or so because since if when while that which who whose the a an to of in on at for with from by as
        than my our your their his her its this these those i we they he she it's we're i'm is are was were be been have
        has had und oder aber weil dass der die das ein eine y o pero porque que el la un una et ou mais parce le les
        des""",
    )
)
_UNFINISHED, _LEANING_ON, _FINISHED = 0, 25, 229


def tail_completeness(text: str) -> int | None:
    """0..254 for how finished `text` ends; None if its end says nothing, or there is none."""
    text = text.rstrip()
    words = re.findall(_WORD, text.lower().replace("’", "'"))
    if not words:
        return None
    if words[-1] in _FILLERS or text.endswith(("-", "–", "—", "…", "...")):
        return _UNFINISHED
    if text.endswith((".", "?", "!", "。", "？", "।")):
        return _FINISHED
    if words[-1] in _LEADING_ON or text.endswith((",", ":", ";")):
        return _LEANING_ON
    return None
