"""Does the log know what was heard? `python -m bench.heard [--calls N] [--json]`.

Calls are held through the page in a real Chromium, whose microphone interrupts the interviewer again and again. The
sound is recorded at a sound card (a private PulseAudio), and what was last audible of each cut reply is found in it
and compared with `heard_ms` of the log. Without PulseAudio the page's own output is recorded instead, which the table
says.
"""

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from adapters.postgres.embedded import EmbeddedPostgres
from adapters.postgres.migrate import upgrade
from adapters.gemini.rehearsal.config import RehearsalConfig
from bench.heard_call import Cut, cuts_of, interrupted_call, make_noisy, write_script
from bench.heard_sound import SoundCard, sound_card_missing
from bench.heard_tap import tap_recorded, tapped
from bench.report import Section, console, percentile
from tests.api.web.chromium import Chromium, chromium_path
from tests.fixtures.server import RECORDINGS, Desk, agents_file, running_desk

COMMAND = "python -m bench.heard"
CALLS, INTERRUPTIONS = 3, 8
MARK_MS = 60
GAPS_S = (2.5, 6.5)


@dataclass(frozen=True, slots=True)
class Condition:
    """One row of the table."""

    name: str
    policy: dict[str, Any] = field(default_factory=dict)
    flags: tuple[str, ...] = ()


CONDITIONS = {
    "default": Condition("default policy"),
    "slow": Condition("default policy, a loudspeaker 190 ms late", flags=("--audio-buffer-size=8192",)),
    "gemini": Condition("Gemini decides turns", policy={"endpoint": {"turns": "gemini"}}),
}
