"""How a call begins, changes hands and ends."""

from typing import Literal

from domain.event import event
from domain.events.decision import DecisionEvent
from domain.interview import Agent, Candidate, InterviewContext
from domain.policy import Policy
from domain.runtime import Runtime, Service


@event("call.opened.v1", personal=("candidate", "context"))
class CallOpened(DecisionEvent, frozen=True, kw_only=True):
    """A call was asked for, by a process that owns it from now on. The call's clock starts here."""

    tenant: str
    agent: Agent
    candidate: Candidate
    context: InterviewContext
    policy: Policy
    opened_at: str
    """ISO 8601, UTC."""
    process: str = ""
    """Which process opened it."""
    runtime: Runtime = Runtime()
    service: Service = "gemini-api"
    """Which service the process is configured for."""


@event("call.ending_agreed.v1")
class EndingAgreed(DecisionEvent, frozen=True, kw_only=True):
    """The model called the end of the interview: the call closes once its last words were played."""

    tool_call_id: str


@event("call.handed_over.v1")
class CallHandedOver(DecisionEvent, frozen=True, kw_only=True):
    """Its process has given up the call in good order: nobody owns it until a process takes it
    over."""

    reason: Literal["drain", "asked"]


@event("call.closed.v1")
class CallClosed(DecisionEvent, frozen=True, kw_only=True):
    """The end. `reason` is for programs, `detail` for people; `ignored` counts inputs that changed
    nothing."""

    reason: str
    detail: str
    ignored: dict[str, int]


@event("call.settled.v1")
class CallSettled(DecisionEvent, frozen=True, kw_only=True):
    """The grace period of a closed call is over: nothing more of it will be recorded.

    `client_seq` is the last audio message that was taken; `after_close_ms` how much audio arrived
    after the close.
    """

    client_seq: int
    after_close_ms: int
