"""The links to the client and to the model, and the history that the model's session holds."""

from typing import Literal

from domain.event import Evidence, event
from domain.events.decision import DecisionEvent
from domain.states import Link


@event("call.link_lost.v1")
class LinkLost(DecisionEvent, frozen=True, kw_only=True):
    """A link is missing: the call is resuming.

    If it is the model's, `model` is dialled next: with the session's handle, or `fresh` and seeded
    with the conversation as it was heard. It is the `attempt`-th dial since a turn was last
    completed.
    """

    link: Link
    reason: str
    attempt: int = 0
    model: str = ""
    fresh: bool = False


@event("call.link_restored.v1")
class LinkRestored(DecisionEvent, frozen=True, kw_only=True):
    """A link is back. `missing` lists the links that are not; when it is empty the call leaves
    `resuming`."""

    link: Link
    missing: tuple[Link, ...]
    voice_active: bool = False
    audio_unplayed: bool = False


@event("call.session_aged.v1")
class SessionAged(DecisionEvent, frozen=True, kw_only=True):
    """The Gemini session is so old that the next quiet moment is used to leave it: replies get
    slower with age."""

    age_ms: int


@event("call.model_history_verified.v1")
class ModelHistoryVerified(DecisionEvent, frozen=True, kw_only=True):
    """The first bill of a session showed whether it remembers the conversation.

    Gemini does not say so itself. But a model that remembers the conversation, by its handle or by
    its seed, reads all of it again, and bills that.
    """

    method: Literal["handle", "seed"]
    verdict: Literal["kept", "lost", "unknown"]
    evidence: Evidence


@event("call.history_corrected.v1", personal=("heard_text",))
class HistoryCorrected(DecisionEvent, frozen=True, kw_only=True):
    """A note gave the model the part of a reply that the candidate had heard.

    Its own history holds all that it sent.
    """

    generation: int
    method: Literal["note"]
    heard_ms: int
    heard_text: str
