"""What of the candidate's stream the model was given, and how often."""

from msgspec import Struct

Span = tuple[int, int]
"""(from, to) in samples."""


class Delivery(Struct):
    """Positions are samples of the candidate's 16 kHz stream."""

    sent_sample: int = 0
    """Everything of the open window before this was sent to the model."""
    spans: list[Span] = []
    """What the model was given, as far back as it may be given again: apart, the earliest first."""
    given_samples: int = 0
    resent_samples: int = 0
    """How much it was given, and how much of that once more."""
    before_session: int = 0
    """How much of both it had been given when the newest session began."""

    @property
    def in_session(self) -> int:
        """How much the newest session was given."""
        return self.given_samples + self.resent_samples - self.before_session

    def begin_session(self) -> None:
        """A new session was given nothing yet."""
        self.before_session = self.given_samples + self.resent_samples

    def count(self, from_sample: int, to_sample: int, *, since: int) -> None:
        """The model is given this span. What lies before `since` will not be given again."""
        again = overlap(self.spans, from_sample, to_sample)
        self.given_samples += to_sample - from_sample - again
        self.resent_samples += again
        self.spans = joined(self.spans, from_sample, to_sample, since=since)


def overlap(spans: list[Span], begin: int, end: int) -> int:
    """How much of begin..end the spans cover."""
    return sum(max(0, min(end, to) - max(begin, from_)) for from_, to in spans)


def joined(spans: list[Span], begin: int, end: int, *, since: int = 0) -> list[Span]:
    """The spans with begin..end among them, without those that end before `since`; none touch or overlap."""
    apart, before = [], [(from_, to) for from_, to in spans if to >= since]
    for from_, to in before:
        if to < begin or from_ > end:
            apart.append((from_, to))
        else:
            begin, end = min(begin, from_), max(end, to)
    return sorted([*apart, (begin, end)])
