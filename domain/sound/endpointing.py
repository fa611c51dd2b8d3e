"""How long a silence must be before an answer is over: from all the evidence about this pause and
this candidate.

Whether it is over is a probability, from four things: how finished the last 8 s sounded to a turn
detector (asked while the silence lasts), whether the voice had sunk, how far into the answer it is,
and the last words, where Gemini transcribes them in time. Between a quick wait for what is surely
over and a patient one for what is not the wait rises slowly at first; the patient wait is learned
from the pauses after which this candidate went on. Nothing here knows a clock: silences are counted
in samples of the candidate's audio. docs/turn-taking.md has the curves.
"""

import re
from bisect import bisect_left, insort
from math import exp, log

from msgspec import Struct

from domain.event import Evidence
from domain.policy import EndpointPolicy

CERTAIN = 254
"""A completeness is 0 (sounds unfinished) to 254 (sounds finished), as a detector's probabilities
are."""

_SHORTEST_PAUSE_MS = 200
"""Shorter ones are gaps between words: no wait is ever that short."""
_PEOPLE_MS = (250, 300, 350, 400, 450, 500, 600, 700, 900, 1_200)
"""Pauses within answers of people in general: each counts as one of the candidate's own."""
_OWN_KEPT = 40
_PATIENCE_RANK_PCT = 90
_MOST_ASKED = 3

# Logistic regression over pauses and ends of the recordings for tuning, and of ten readers more;
# the turn detector's weight is raised, as readers pause where sentences end and people who think do
# not.
_AT_FIRST, _BY_DETECTOR, _BY_TAIL_DB, _BY_LOG_SECONDS = -2.15, 0.35, -0.085, 1.15
_SURE_LOGIT = 4.0
_LEAST_SECONDS, _MOST_SECONDS = 2.0, 12.0
"""Within these the length of an answer says something. Most short ones are beginnings, but "yes" is
an answer too."""
_SURELY_OVER, _SURELY_NOT = 0.9, 0.1

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
"""What the last words of an answer say about whether more will come: in English and in the
commonest languages' signs of punctuation. A word that is not listed says nothing."""


class Endpointing(Struct):
    """What one call knows about its candidate's pauses, and about the pause under way."""

    policy: EndpointPolicy
    own: list[int] = []
    """The candidate's newest pauses within answers, in ms, the oldest first."""
    ranked: list[int] = []
    """These and people's in general, the shortest first."""
    by_words: int | None = None
    by_detector: int | None = None
    asked: int = 0
    """How often the turn detector was asked about the pause under way."""
    ask_next_ms: int = 0

    @classmethod
    def under(cls, policy: EndpointPolicy) -> "Endpointing":
        """Of a candidate whose pauses are not known yet."""
        return cls(policy, ranked=list(_PEOPLE_MS), ask_next_ms=policy.turn_detector_after_ms)

    def _forget_pause(self) -> None:
        self.asked = 0
        self.ask_next_ms = self.policy.turn_detector_after_ms
        self.by_detector = None

    def answer_begins(self) -> None:
        """The candidate speaks again: forget the last pause."""
        self._forget_pause()
        self.by_words = None

    def goes_on(self, pause_ms: int) -> None:
        """The candidate spoke on after so much silence: it was a pause within the answer, one of
        theirs."""
        self._forget_pause()
        self.by_words = None
        if not _SHORTEST_PAUSE_MS <= pause_ms <= self.policy.ceiling_ms:
            return  # a gap between words, or a candidate who asked whether anybody is there
        if len(self.own) == _OWN_KEPT:
            del self.ranked[bisect_left(self.ranked, self.own.pop(0))]
        self.own.append(pause_ms)
        insort(self.ranked, pause_ms)

    def wants_prediction(self, silent_ms: int) -> bool:
        """Whether the turn detector should be asked now; it then counts as asked."""
        policy = self.policy
        if policy.turn_detector == "none" or policy.strategy == "silence" or self.asked >= _MOST_ASKED:
            return False
        if silent_ms < self.ask_next_ms:
            return False
        self.asked += 1
        self.ask_next_ms = silent_ms + policy.turn_detector_again_ms
        return True

    def predicted(self, completeness: int) -> None:
        """How finished the pause under way sounds, 0..254."""
        self.by_detector = completeness

    def transcribed(self, text: str) -> None:
        """The newest words of the answer, known while a pause lasts: what comes before says nothing
        about its end."""
        self.by_words = tail_completeness(text)

    @property
    def completeness(self) -> int | None:
        """How finished the answer sounds and reads, 0..254; None if neither is known."""
        known = [value for value in (self.by_detector, self.by_words) if value is not None]
        return sum(known) // len(known) if known else None

    def over_pct(self, answer_ms: int, tail_level: int) -> int:
        """The probability, in percent, that an answer of `answer_ms` is over, whose voice had sunk
        by `-tail_level`."""
        seconds = max(_LEAST_SECONDS, min(_MOST_SECONDS, answer_ms / 1000))
        score = _AT_FIRST + _BY_TAIL_DB * tail_level / 2 + _BY_LOG_SECONDS * log(seconds + 0.5)
        completeness = self.completeness
        if completeness is not None:
            share = (completeness + 1) / (CERTAIN + 2)
            score += _BY_DETECTOR * max(-_SURE_LOGIT, min(_SURE_LOGIT, log(share / (1 - share))))
        return round(100 / (1 + exp(-score)))

    @property
    def patient_ms(self) -> int:
        """The wait for an answer that is surely not over: longer for a candidate whose pauses are
        longer."""
        rank = min(len(self.ranked) - 1, len(self.ranked) * _PATIENCE_RANK_PCT // 100)
        return self.ranked[rank] * self.policy.patient_ms // _PEOPLE_MS[-1]

    def wait_ms(self, answer_ms: int, tail_level: int) -> int:
        """The silence after which an answer of `answer_ms` is over."""
        policy = self.policy
        if policy.strategy == "silence":
            return policy.silence_ms
        over = self.over_pct(answer_ms, tail_level) / 100
        unsure = max(0.0, min(1.0, (_SURELY_OVER - over) / (_SURELY_OVER - _SURELY_NOT)))
        if self.completeness is None:
            quick_ms, patient_ms = policy.silence_ms, 2 * policy.silence_ms
        else:
            quick_ms, patient_ms = policy.quick_ms, max(policy.quick_ms, self.patient_ms)
        wait_ms = quick_ms + round((patient_ms - quick_ms) * unsure**2)
        return min(policy.ceiling_ms, wait_ms * policy.patience_pct // 100)

    def evidence(self, answer_ms: int, tail_level: int) -> Evidence:
        """The numbers that an end rests on; a completeness of -1 was not known."""
        known = self.completeness
        return {
            "threshold_ms": self.wait_ms(answer_ms, tail_level),
            "over_pct": self.over_pct(answer_ms, tail_level),
            "completeness": -1 if known is None else known,
            "tail_level": tail_level,
            "answer_ms": answer_ms,
            "patient_ms": self.patient_ms,
            "own_pauses": len(self.own),
        }


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
