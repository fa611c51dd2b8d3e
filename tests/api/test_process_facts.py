"""What a process says about itself in the events with which it begins to own a call."""

import hashlib
from importlib.metadata import version

from adapters.voice import silero, smart_turn
from adapters.voice.factory import DETECTOR_VERSION
from api.process_facts import process_facts


async def test_the_networks_in_use_are_named_by_their_hashes() -> None:
    """Given a process that runs the turn detector, both networks are named, each with its file's
    hash."""
    facts = await process_facts("", "vertex", turn_detector=True)
    assert facts.runtime.networks == {
        "silero": hashlib.sha256(silero.model_path().read_bytes()).hexdigest(),
        "smart_turn": hashlib.sha256(smart_turn.model_path().read_bytes()).hexdigest(),
    }
    assert facts.runtime.detector_version == DETECTOR_VERSION
    assert facts.service == "vertex"


async def test_a_network_that_is_not_used_is_not_named() -> None:
    """Given a process without the turn detector, Smart Turn need not even be installed."""
    facts = await process_facts("", "rehearsal", turn_detector=False)
    assert facts.runtime.networks.keys() == {"silero"}


async def test_a_build_is_named_after_the_version() -> None:
    """Given a named build, calls record it beside the package's version; else the version alone."""
    named = await process_facts("1a2b3c4", "gemini-api", turn_detector=False)
    unnamed = await process_facts("", "gemini-api", turn_detector=False)
    assert named.runtime.build == f"{version('viva')}+1a2b3c4"
    assert unnamed.runtime.build == version("viva")
