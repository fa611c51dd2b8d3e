"""Why a connection is closed on a client: the close code and the sentence Gemini gives with it."""

from domain.errors import PeerError

BAD_PAYLOAD = 1007
"""What was sent cannot be accepted: unknown field, wrong type, not allowed in this mode."""
POLICY = 1008
"""What was asked for does not exist or is not offered: unknown model, lost session, no key."""
INTERNAL = 1011

_REASON_LIMIT_BYTES = 123  # RFC 6455 5.5: a control frame's payload is 125 bytes, two of them the code


class RefusalError(PeerError):
    """The client did something the service does not accept; the connection ends with `close_code`."""

    def __init__(self, close_code: int, reason: str) -> None:
        super().__init__(f"close_{close_code}", reason)
        self.close_code = close_code
        self.reason = reason.encode()[:_REASON_LIMIT_BYTES].decode(errors="ignore")


def invalid(reason: str) -> RefusalError:
    """A refusal of what was sent (1007)."""
    return RefusalError(BAD_PAYLOAD, reason)


def unknown_field(name: str, where: str) -> RefusalError:
    """The refusal protobuf's JSON parser gives for a field the message does not have (1007)."""
    at = f" at '{where}'" if where else ""
    return invalid(f'Invalid JSON payload received. Unknown name "{name}"{at}: Cannot find field.')


def invalid_value(where: str, value: object) -> RefusalError:
    """The refusal protobuf's JSON parser gives for a value of the wrong type (1007)."""
    return invalid(f"Invalid JSON payload received. Invalid value at '{where}', {str(value)[:40]!r}")
