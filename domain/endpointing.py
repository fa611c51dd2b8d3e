"""How long a silence must be before an answer is over: from all the evidence about this pause and this candidate.

Three things speak: how the pause was entered (a judge's estimate of how finished it sounded, asked while the silence
lasts), the last words where Gemini transcribes them in time, and the pauses that this candidate has made so far and
then gone on. Between a quick wait for what sounds finished and a patient one for what does not lies a straight line;
the patient wait is learned. Nothing here knows a clock: silences are counted in samples of the candidate's audio.
"""

from bisect import bisect_left, insort
from collections import deque

from domain.event import Evidence
from domain.policy import EndpointPolicy
from domain.transcript_tail import tail_completeness

CERTAIN = 254
"""A completeness is 0 (sounds unfinished) to 254 (sounds finished), as a detector's probabilities are."""

_SHORTEST_PAUSE_MS = 200
"""Shorter ones are gaps between words: no wait is ever that short."""
_PEOPLE_MS = (250, 300, 350, 400, 450, 500, 600, 700, 900, 1_200)
"""Pauses within answers of people in general: each counts as one of the candidate's own."""
_OWN_KEPT = 40
_PATIENCE_RANK_PCT = 90
_FINISHED, _UNFINISHED = CERTAIN * 90 // 100, CERTAIN * 10 // 100
_MOST_ASKED = 3


class Endpointing:
    """What one call knows about its candidate's pauses, and about the pause under way."""

    __slots__ = ("_ask_next_ms", "_asked", "_judged", "_own", "_policy", "_ranked", "_tail")

    def __init__(self, policy: EndpointPolicy) -> None:
        self._policy = policy
        self._own: deque[int] = deque(maxlen=_OWN_KEPT)
        self._ranked = list(_PEOPLE_MS)
        self._tail = ""
        self._forget_pause()

    def _forget_pause(self) -> None:
        self._asked = 0
        self._ask_next_ms = self._policy.judge_after_ms
        self._judged: int | None = None

    def answer_begins(self) -> None:
        """A new stretch of the candidate's speech: what was known of the last pause is over."""
        self._forget_pause()
        self._tail = ""

    def goes_on(self, pause_ms: int) -> None:
        """The candidate spoke on after so much silence: it was a pause within the answer, one of theirs."""
        self._forget_pause()
        if pause_ms < _SHORTEST_PAUSE_MS:
            return
        pause_ms = min(pause_ms, self._policy.ceiling_ms)
        if len(self._own) == _OWN_KEPT:
            del self._ranked[bisect_left(self._ranked, self._own[0])]
        self._own.append(pause_ms)
        insort(self._ranked, pause_ms)

    def wants_judgement(self, silent_ms: int) -> bool:
        """Whether the judge should be asked now; it then counts as asked."""
        policy = self._policy
        if policy.judge == "none" or policy.strategy == "silence" or self._asked >= _MOST_ASKED:
            return False
        if silent_ms < self._ask_next_ms:
            return False
        self._asked += 1
        self._ask_next_ms = silent_ms + policy.judge_again_ms
        return True

    def judged(self, completeness: int) -> None:
        """How finished the pause under way sounds, 0..254."""
        self._judged = completeness

    def transcribed(self, text: str) -> None:
        """The newest words of the answer under way."""
        self._tail = text

    @property
    def completeness(self) -> int | None:
        """All that is known about how finished the answer is, 0..254; None if nothing is."""
        by_words = tail_completeness(self._tail)
        known = [value for value in (self._judged, by_words) if value is not None]
        return sum(known) // len(known) if known else None

    @property
    def patient_ms(self) -> int:
        """The wait that covers nine in ten of the pauses this candidate makes, as far as is known."""
        rank = min(len(self._ranked) - 1, len(self._ranked) * _PATIENCE_RANK_PCT // 100)
        longer_than_most = self._ranked[rank] * self._policy.patient_ms // _PEOPLE_MS[-1]
        return max(self._policy.silence_ms, longer_than_most)

    @property
    def wait_ms(self) -> int:
        """The silence after which the answer is over."""
        policy = self._policy
        if policy.strategy == "silence":
            return policy.silence_ms
        completeness = self.completeness
        if completeness is None:
            wait_ms = policy.silence_ms
        else:
            unfinished = max(0, min(_FINISHED - completeness, _FINISHED - _UNFINISHED))
            wait_ms = policy.quick_ms + (self.patient_ms - policy.quick_ms) * unfinished // (_FINISHED - _UNFINISHED)
        return min(policy.ceiling_ms, wait_ms * policy.patience_pct // 100)

    def evidence(self) -> Evidence:
        """The numbers that an end rests on; a completeness of -1 was not known."""
        known = self.completeness
        return {
            "threshold_ms": self.wait_ms,
            "completeness": -1 if known is None else known,
            "patient_ms": self.patient_ms,
            "own_pauses": len(self._own),
        }
