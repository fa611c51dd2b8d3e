"""The writer's counters, for the metrics."""

from dataclasses import dataclass

from domain.ports import Outcome


@dataclass(slots=True)
class WriterStats:
    """Counters since the writer was opened, for metrics. The queue's size is `writer.queued`."""

    committed: int = 0
    """Events acknowledged as durable."""
    batches: int = 0
    conflicts: int = 0
    """Appends that another writer's events kept out."""
    retries: int = 0
    """Transactions that failed because Postgres could not be reached or was not able to."""
    refused: int = 0
    """Appends that were not taken because the queue was full."""
    lost: int = 0
    """Appends that were not known to be written when the writer stopped, or could never be."""
    last_commit_ms: float = 0.0

    def count(self, outcome: Outcome, events: int) -> None:
        """Count one append of so many `events`."""
        match outcome:
            case Outcome.DURABLE:
                self.committed += events
            case Outcome.CONFLICT:
                self.conflicts += 1
            case Outcome.LOST:
                self.lost += 1
