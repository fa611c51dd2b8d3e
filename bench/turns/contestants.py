"""Who competes: named policies, and for each the one parameter that trades cut-offs for delay."""

from collections.abc import Callable
from dataclasses import dataclass

from msgspec.structs import replace

from domain.policy import BargeInPolicy, EndpointPolicy, Policy, VoicePolicy

_AT_ONCE = BargeInPolicy(confirm_voiced_ms=0)
_SILENCES_MS = (100, 200, 300, 400, 500, 600, 700, 850, 1_000, 1_200, 1_400, 1_700, 2_000, 2_500)
_PATIENCE_PCT = (25, 35, 50, 65, 80, 100, 120, 150, 190, 240, 300)
_ADAPTS = "patience_pct" in EndpointPolicy.__struct_fields__
"""Whether the core has an adaptive endpoint; until then everybody has a silence timer."""


@dataclass(frozen=True, slots=True)
class Contestant:
    """`sweep(value)` is its policy with its endpoint parameter at `value`."""

    name: str
    what: str
    policy: Policy
    parameter: str
    values: tuple[int, ...]
    sweep: Callable[[int], Policy]


def _timer(policy: Policy) -> Policy:
    """A plain silence timer, whatever the default strategy is."""
    if not _ADAPTS:
        return policy
    return replace(policy, endpoint=replace(policy.endpoint, strategy="silence"))


def _with_silence(policy: Policy) -> Callable[[int], Policy]:
    return lambda value: replace(policy, endpoint=replace(policy.endpoint, silence_ms=value))


def _with_patience(policy: Policy) -> Callable[[int], Policy]:
    return lambda value: replace(policy, endpoint=replace(policy.endpoint, patience_pct=value))


def _contestants() -> dict[str, Contestant]:
    naive = _timer(Policy(voice=VoicePolicy(detector="webrtc"), barge_in=_AT_ONCE))
    silero = _timer(Policy(voice=VoicePolicy(detector="silero"), barge_in=_AT_ONCE))
    viva = Policy()
    sweep = (
        ("endpoint.patience_pct", _PATIENCE_PCT, _with_patience(viva))
        if _ADAPTS
        else ("endpoint.silence_ms", _SILENCES_MS, _with_silence(viva))
    )
    timer = "endpoint.silence_ms"
    everybody = (
        Contestant(
            "naive", "webrtcvad, yields at once, silence timer", naive, timer, _SILENCES_MS, _with_silence(naive)
        ),
        Contestant(
            "silero", "Silero, yields at once, silence timer", silero, timer, _SILENCES_MS, _with_silence(silero)
        ),
        Contestant("viva", "Viva's defaults", viva, *sweep),
    )
    return {each.name: each for each in everybody}


CONTESTANTS = _contestants()
TIMER = "silero"
"""Whose silence timer the endpoint curve is compared with: the better detector of the two."""
