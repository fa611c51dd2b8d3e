"""Names the fields of Gemini's frames that the SDK throws away.

The SDK removes every field it does not know before anybody sees the message, and fails with a
`TypeError` on one that holds nothing else. So the connection leaves each frame for the session to
look at. A session wants its frames by opening its connection inside `FrameTap.attached()`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

import msgspec
from google.genai import types
from websockets.typing import Data

UNREADABLE: Final = "unreadable"

_attached: ContextVar["FrameTap | None"] = ContextVar("attached_frame_tap", default=None)
_decode = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def _wire_names(model: type[types.LiveServerMessage | types.LiveServerContent]) -> frozenset[str]:
    return frozenset(field.alias or name for name, field in model.model_fields.items())


MESSAGE_FIELDS: Final = _wire_names(types.LiveServerMessage)
CONTENT_FIELDS: Final = _wire_names(types.LiveServerContent)


class FrameTap:
    """The newest frame of one connection."""

    def __init__(self) -> None:
        self.frame: Data = b""

    @contextmanager
    def attached(self) -> Iterator[None]:
        """Connections opened inside, by this task, leave their frames here."""
        token = _attached.set(self)
        try:
            yield
        finally:
            _attached.reset(token)

    @staticmethod
    def current() -> "FrameTap | None":
        """The tap that a connection opened now belongs to."""
        return _attached.get()

    def unknown_fields(self) -> tuple[str, ...]:
        """What the newest frame holds that this version of the SDK has no name for.

        ("unreadable",) if it is no JSON object, or its content is none.
        """
        try:
            message = _decode(self.frame)
            unknown = [name for name in message if name not in MESSAGE_FIELDS]
            if content := message.get("serverContent"):
                inner = _decode(content)
                unknown += [f"serverContent.{name}" for name in inner if name not in CONTENT_FIELDS]
        except msgspec.DecodeError:
            return (UNREADABLE,)
        return tuple(unknown)
