"""What effects say to the client, as messages of `viva.v1`."""

from typing import Any, assert_never

from domain import effects as fx

ReplayableMessage = (
    fx.TellState
    | fx.TellTranscript
    | fx.TellLatency
    | fx.TellError
    | fx.TellGoAway
    | fx.HoldPlayback
    | fx.ReleasePlayback
    | fx.FlushPlayback
)


def message_of(effect: ReplayableMessage) -> dict[str, Any]:
    """The control message for an effect, without its `version`."""
    match effect:
        case fx.TellState(state, missing):
            return {"type": "state", "state": state, "missing": missing}
        case fx.TellTranscript(version, side, number, turn, text, interim):
            said = {"version": version, "who": side, "number": number, "turn": turn, "text": text, "interim": interim}
            return {"type": "transcript"} | said
        case fx.TellLatency():
            return {"type": "latency", **effect._asdict()}
        case fx.TellError(code, message):
            return complaint(code, message)
        case fx.TellGoAway(time_left_ms):
            return {"type": "go_away", "time_left_ms": time_left_ms}
        case fx.HoldPlayback():
            return {"type": "hold"}
        case fx.ReleasePlayback():
            return {"type": "release"}
        case fx.FlushPlayback():
            return {"type": "flush"}
        case _:
            assert_never(effect)


def complaint(code: str, message: str) -> dict[str, Any]:
    """A fatal error message."""
    return {"type": "error", "code": code, "message": message, "fatal": True}
