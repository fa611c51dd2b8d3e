"""What a process says about itself in the events with which it begins to own a call."""

import hashlib
from importlib.metadata import version

from adapters.voice import silero, smart_turn
from adapters.voice.factory import DETECTOR_VERSION
from api.runtime import read_runtime


async def test_the_networks_in_use_are_named_by_their_hashes() -> None:
    """Given a process that runs the turn detector, both networks are named, each with its file's
    hash."""
    runtime = await read_runtime("", turn_detector=True)
    assert runtime.networks == {
        "silero": hashlib.sha256(silero.model_path().read_bytes()).hexdigest(),
        "smart_turn": hashlib.sha256(smart_turn.model_path().read_bytes()).hexdigest(),
    }
    assert runtime.detector_version == DETECTOR_VERSION


async def test_a_network_that_is_not_used_is_not_named() -> None:
    """Given a process without the turn detector, Smart Turn need not even be installed."""
    runtime = await read_runtime("", turn_detector=False)
    assert runtime.networks.keys() == {"silero"}


async def test_a_build_is_named_after_the_version() -> None:
    """Given a named build, calls record it beside the package's version; else the version alone."""
    named = await read_runtime("1a2b3c4", turn_detector=False)
    unnamed = await read_runtime("", turn_detector=False)
    assert named.build == f"{version('viva')}+1a2b3c4"
    assert unnamed.build == version("viva")
