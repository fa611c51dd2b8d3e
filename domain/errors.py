"""The one tree of Viva's errors.

Two families, after h11: *ours* (`BugError`, raised when our own code broke a rule; it changes
nothing) and *the peer's* (`PeerError`, raised when what arrived was wrong; it carries a stable code
and says what to do).
"""


class VivaError(Exception):
    """Anything Viva raises on purpose."""


class BugError(VivaError):
    """Our own code broke a rule. Raising it changes no state."""


class IllegalTriggerError(BugError):
    """A trigger was fired that the state table does not have."""

    def __init__(self, state: str, trigger: str) -> None:
        super().__init__(f"trigger {trigger!r} is not in the table for state {state!r}")
        self.state = state
        self.trigger = trigger


class PeerError(VivaError):
    """What a peer sent, or asked for, cannot be accepted.

    `code` is stable and for programs; the message is a sentence that says what to do.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class StoreError(VivaError):
    """The event store could not carry out a request."""


class StoreUnavailableError(StoreError):
    """The store cannot be reached; the append was not acknowledged and may be tried again."""


class WriterFullError(StoreError):
    """The writer's bounded queue is full: Postgres has not kept up for too long."""


class UnknownTopicError(StoreError):
    """The log holds an event whose topic this version of Viva does not know. Upgrade before reading
    it."""
