"""What ran while a call was held: facts about the process, which nothing but the log can keep."""

from typing import Literal

import msgspec

Service = Literal["gemini-api", "vertex", "rehearsal"]
"""Which service speaks as the interviewer."""


class Runtime(msgspec.Struct, frozen=True, kw_only=True):
    """The code and the networks of a process.

    - `build`: the package's version, with `+` and the build's own name (`VIVA_BUILD`) where one is set.
    - `detector_version`: raised whenever a voice detector may say something else about the same sound.
    - `networks`: the SHA-256 of each network's file in use, by the network's name.
    """

    build: str = "unknown"
    detector_version: int = 0
    networks: dict[str, str] = {}
