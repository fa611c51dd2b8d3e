"""Reads the catalogue of models from `models.json` beside this file, or from an operator's own."""

from functools import lru_cache
from pathlib import Path

import msgspec

from domain.errors import VivaError
from domain.models import Catalogue

OWN = Path(__file__).with_name("models.json")


class CatalogueError(VivaError):
    """A catalogue file cannot be used; the message says where and why."""


def takes_history(model: str) -> bool:
    """Whether `model` can be given a past without answering it; believed of a model that is not in
    the catalogue."""
    known = {each.id: each.supports.initial_history for each in load_catalogue().models}
    return known.get(model, True)


@lru_cache(maxsize=4)
def load_catalogue(path: Path = OWN) -> Catalogue:
    """The catalogue in `path`, read once a process. Blocking: touches the disk. Raises
    `CatalogueError`."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Catalogue)
    except (OSError, msgspec.DecodeError) as error:
        raise CatalogueError(f"The model catalogue {path.name} cannot be used, correct it: {error}") from error
