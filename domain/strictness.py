"""Fields that nobody knows: refused where people write them, passed over where the log is read.

What is recorded with a call (its policy, its context) must stay readable when a later version has
dropped or renamed a field, so these types take unknown fields; a typing error in a file or a
request must not pass unseen all the same.
"""

from collections.abc import Iterator
from typing import Any

import msgspec


def unknown_fields(raw: Any, decoded: Any) -> Iterator[str]:
    """The paths in `raw` (plain JSON) that the types of `decoded`, which was made from it, do not
    have."""
    yield from _unknown(raw, msgspec.to_builtins(decoded), "")


def _unknown(raw: Any, known: Any, path: str) -> Iterator[str]:
    if isinstance(raw, dict) and isinstance(known, dict):
        for name, value in raw.items():
            if name in known:
                yield from _unknown(value, known[name], f"{path}{name}.")
            else:
                yield f"{path}{name}"
    elif isinstance(raw, list) and isinstance(known, (list, tuple)):
        for index, (value, each) in enumerate(zip(raw, known, strict=True)):
            yield from _unknown(value, each, f"{path}{index}.")
