"""Every read model there is, by name."""

from collections.abc import Iterable

from domain.errors import VivaError
from projections.calls import Calls
from projections.latency import Latency
from projections.read_model import ReadModel
from projections.transcript import Transcript

READ_MODELS: dict[str, ReadModel] = {model.name: model for model in (Calls(), Transcript(), Latency())}


class UnknownProjectionError(VivaError):
    """There is no projection of that name."""


def named(names: Iterable[str]) -> list[ReadModel]:
    """The read models called `names`, all of them if there are none. Raises
    `UnknownProjectionError`."""
    wanted = list(names) or list(READ_MODELS)
    if unknown := [name for name in wanted if name not in READ_MODELS]:
        raise UnknownProjectionError(f"no projection is called {unknown[0]!r}: choose from {', '.join(READ_MODELS)}")
    return [READ_MODELS[name] for name in wanted]
