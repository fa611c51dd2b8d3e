"""An interview of which the model's session is lost, for tests of what the next session knows."""

from typing import Any, NamedTuple

from domain import effects as fx
from domain import inputs as inp
from domain.policy import EndpointPolicy, Policy
from domain.ports import Side
from domain.record.conversation import Turn
from tests.domain.calls import Driver

QUESTION = "one two three four five six seven eight nine ten"
GEMINI_DECIDES = Policy(endpoint=EndpointPolicy(strategy="silence", turns="gemini"))


def asked(policy: Policy | None = None, handle: str = "first") -> Driver:
    """The first question was heard; the handle, if there is one, stands for exactly that."""
    driver = Driver(policy).connected()
    asks(driver, handle)
    forget_effects(driver)
    return driver


def forget_effects(driver: Driver) -> None:
    """All but the audio, which belongs to the log."""
    driver.effects = [effect for effect in driver.effects if isinstance(effect, fx.StoreAudio)]


def asks(driver: Driver, handle: str, text: str = QUESTION) -> None:
    driver.happens(inp.ModelTranscribed(text=text))
    driver.model_sends(1_000)
    driver.happens(inp.ModelTurnCompleted())
    if handle:
        driver.happens(inp.ResumptionHandleIssued(handle=handle, resumable=True))
    driver.client_plays(1_200)


def answers(driver: Driver, text: str = "Because.") -> None:
    driver.speaks(1_000)
    driver.keeps_silent(700)
    driver.happens(inp.ResumptionHandleIssued(handle="", resumable=False))
    if text:
        driver.happens(inp.CandidateTranscribed(text=text))


class Dialled(NamedTuple):
    """A dial, with the turns that its session is given."""

    handle: str
    model: str
    attempt: int
    wait_ms: int
    seed: tuple[Turn, ...]


def loses(driver: Driver, code: int = 1011) -> Dialled:
    """The session ends, or a dial fails; what is dialled then."""
    forget_effects(driver)
    driver.happens(inp.ModelLost(code=code, reason="lost", retryable=code not in (1007, 1008)))
    return dials(driver)[0]


def dials(driver: Driver) -> list[Dialled]:
    """Everything that was dialled."""
    return [
        Dialled(effect.handle, effect.model, effect.attempt, effect.wait_ms, driver.seed_of(effect))
        for effect in driver.effects
        if isinstance(effect, fx.DialModel)
    ]


def regains(driver: Driver, dialled: Dialled, after_us: int = 100_000) -> None:
    """The session that was dialled is there."""
    forget_effects(driver)
    characters = sum(len(turn.text) for turn in dialled.seed)
    resumed = bool(dialled.handle)
    connected = inp.ModelConnected(model=dialled.model, resumed=resumed, seeded_characters=characters, setup_ms=90)
    driver.happens(connected, after_us)


def seeded(dialled: Dialled) -> list[str]:
    """The conversation that the new session is seeded with after its note, one turn a line."""
    if not dialled.seed:
        return []
    assert dialled.seed[0].side is Side.CANDIDATE
    assert "do not greet again" in dialled.seed[0].text
    return [f"{turn.side}: {turn.text}" for turn in dialled.seed[1:]]


def to_model(driver: Driver) -> list[Any]:
    kinds = fx.OpenActivity | fx.CloseActivity | fx.SendCandidateAudio | fx.SendText | fx.SendNote | fx.AnswerTool
    return [effect for effect in driver.effects if isinstance(effect, kinds)]
