"""What a call is about: the interview's context, the agent that holds it, and the words the model
is given.

The context comes with `POST /calls` and is validated here; the system instruction is built from it
and recorded with the call, so that a replay and an audit see the instruction that the model had.
"""

from typing import Annotated

import msgspec

from domain.policy import Policy

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=r"\S")]
Question = Annotated[str, msgspec.Meta(min_length=1, max_length=1_000, pattern=r"\S")]
Language = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*$", max_length=35)]


class InterviewContext(msgspec.Struct, frozen=True, kw_only=True):
    """`questions` are asked in order; `language` is a BCP 47 tag such as "en-US"; the minutes bound
    the call."""

    role: Name
    questions: Annotated[tuple[Question, ...], msgspec.Meta(min_length=1, max_length=50)]
    language: Language = "en-US"
    duration_minutes: Annotated[int, msgspec.Meta(ge=1, le=180)] = 30


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """The person interviewed. `reference` is the caller's own id for them."""

    name: Name
    reference: Annotated[str, msgspec.Meta(max_length=200)] = ""


class Agent(msgspec.Struct, frozen=True, kw_only=True):
    """An interviewer: how it sounds, how it behaves, and which models it may use, in order of
    preference."""

    id: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
    name: Name
    models: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
    voice: str = "Kore"
    instructions: Annotated[str, msgspec.Meta(max_length=20_000)] = ""
    policy: Policy = Policy()


OPENING = "The candidate is connected. Greet them briefly by name and ask the first question."
"""Sent once, as text, when both links are up for the first time: the interviewer speaks first."""

NUDGE = "Please go on with the interview: respond to the candidate's last answer."
"""Sent as text to a model that has not answered in time."""


def heard_note(heard_text: str, heard_ms: int) -> str:
    """The note to a model whose reply was cut: its own history holds all that it sent.

    The note quotes the heard words, or says how long the candidate listened where there is no
    transcript yet.
    """
    if heard_ms and not heard_text:
        seconds = f"{heard_ms / 1000:.1f}"
        return f"[Note, not said by the candidate: of your last reply only the first {seconds} s were heard.]"
    if not heard_ms:
        return "[Note, not said by the candidate: nothing of your last reply was heard. Do not refer to it as said.]"
    return f'[Note, not said by the candidate: of your last reply only this was heard: "{heard_text}"]'


def seed_note(minutes: int, left_out: int) -> str:
    """What stands before the conversation that a new session is given: it must go on, not begin."""
    omitted = f" The first {left_out} turns are left out." if left_out else ""
    return (
        f"[Note, not said by the candidate: the connection was lost. The interview has been going on for {minutes} "
        f"minutes; what was said so far follows, as it was heard.{omitted} Go on from there: do not greet again, and "
        "do not ask again what has been answered.]"
    )


LOST_CALL = "The connection was lost before the answer arrived. It was carried out: do not call it again."
"""The error that a resumed session is given for a function call of the session before."""

END_TOOL = "end_interview"
"""The function the model calls when the interview is over."""


def system_instruction(agent: Agent, context: InterviewContext, candidate: Candidate) -> str:
    """The instruction that a session is set up with."""
    questions = "\n".join(f"{number}. {question}" for number, question in enumerate(context.questions, start=1))
    return "\n".join(
        line
        for line in (
            f"You are {agent.name}, interviewing {candidate.name} for the role of {context.role}.",
            agent.instructions,
            f"Speak {context.language}. The interview takes about {context.duration_minutes} minutes.",
            "Ask these questions one at a time, in order; react briefly to each answer before the next question.",
            "Questions:",
            questions,
            f"After the last answer, thank the candidate, say goodbye, and call {END_TOOL}.",
        )
        if line
    )
