"""Who competes: named policies, and for each the one parameter that trades cut-offs for delay."""

from collections.abc import Callable
from dataclasses import dataclass

from msgspec.structs import replace

from domain.policy import BargeInPolicy, EagerPolicy, EndpointPolicy, Policy, VoicePolicy

_AT_ONCE = BargeInPolicy(
    suspect_voiced_ms=80, confirm_voiced_ms=0, fall_db=100, fading_db=100, side_db=100, overlap_ms=0
)
"""Any voice over the interviewer interrupts, as soon as it is one."""
_TIMER = EndpointPolicy(strategy="silence", turn_detector="none")
_PLAIN = VoicePolicy(above_floor_db=0, fall_db=100, echo_margin_db=0)
"""The detector's word alone: no level, no echo reference."""
_SILENCES_MS = (100, 200, 300, 400, 500, 600, 700, 850, 1_000, 1_200, 1_400, 1_700, 2_000, 2_500)
_PATIENCE_PCT = (25, 35, 50, 65, 80, 100, 120, 150, 190, 240, 300)


@dataclass(frozen=True, slots=True)
class Contestant:
    """`sweep(value)` is its policy with its endpoint parameter at `value`."""

    name: str
    what: str
    policy: Policy
    parameter: str
    values: tuple[int, ...]
    sweep: Callable[[int], Policy]


def _with_silence(policy: Policy) -> Callable[[int], Policy]:
    return lambda value: replace(policy, endpoint=replace(policy.endpoint, silence_ms=value))


def _with_patience(policy: Policy) -> Callable[[int], Policy]:
    return lambda value: replace(policy, endpoint=replace(policy.endpoint, patience_pct=value))


def _believing(confirm_ms: int, long_ms: int) -> Policy:
    """Viva's defaults but for how much voice an interruption takes."""
    policy = Policy()
    barge_in = replace(policy.barge_in, confirm_voiced_ms=confirm_ms, confirm_long_ms=long_ms)
    return replace(policy, barge_in=barge_in)


def _contestants() -> dict[str, Contestant]:
    naive = Policy(voice=replace(_PLAIN, detector="webrtc"), endpoint=_TIMER, barge_in=_AT_ONCE)
    silero = Policy(voice=replace(_PLAIN, detector="silero"), endpoint=_TIMER, barge_in=_AT_ONCE)
    viva = Policy()
    patience = "endpoint.patience_pct"
    timer = "endpoint.silence_ms"
    everybody = (
        Contestant(
            "naive", "webrtcvad, yields at once, silence timer", naive, timer, _SILENCES_MS, _with_silence(naive)
        ),
        Contestant(
            "silero", "Silero, yields at once, silence timer", silero, timer, _SILENCES_MS, _with_silence(silero)
        ),
        Contestant("viva", "Viva's defaults", viva, patience, _PATIENCE_PCT, _with_patience(viva)),
        *(
            Contestant(name, what, policy, patience, _PATIENCE_PCT, _with_patience(policy))
            for name, what, policy in (
                ("sooner", "Viva, quicker to believe an interruption", _believing(160, 320)),
                ("calmer", "Viva, slower to", _believing(340, 520)),
                ("calmest", "Viva, slower still", _believing(440, 640)),
                ("eager", "Viva, with eager ends", replace(viva, eager=EagerPolicy(enabled=True))),
            )
        ),
    )
    return {each.name: each for each in everybody}


CONTESTANTS = _contestants()
BASELINES = ("naive", "silero")
USUAL = (*BASELINES, "viva")
"""Who competes unless others are named; the rest are other points on Viva's own trades."""
TIMER = "silero"
"""Whose silence timer the endpoint curve is compared with: the better detector of the two."""
