"""Settings from environment variables: each field of a dataclass names its variable, and msgspec
converts and checks what is in it.

A field's annotation holds everything there is to know about it, and its default stands beside it:

    port: Annotated[int, Meta(ge=0, le=65_535), Variable("VIVA_PORT")] = 8000

A field without a variable keeps its default. White space around a value is a copying accident, and
an empty variable counts as one that is not set.
"""

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_type_hints

import msgspec
from msgspec import inspect

from domain.errors import VivaError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T", bound="DataclassInstance")


class Variable:
    """Where a field's value is found: in the first of these variables that is set. With a
    `separator`, the field is a tuple of what stands between them."""

    def __init__(self, *names: str, separator: str = "") -> None:
        self.names = names
        self.separator = separator


def read_variables(kind: type[T], environ: Mapping[str, str], error: type[VivaError], **given: Any) -> T:
    """A `kind` from its variables; `given` are fields that come from elsewhere.

    Raises `error`, which names the variable, what it is set to, and what it can be set to.
    """
    hints = get_type_hints(kind, include_extras=True)
    values = dict(given)
    for field in fields(kind):
        hint = hints[field.name]
        variable = next((note for note in getattr(hint, "__metadata__", ()) if isinstance(note, Variable)), None)
        for name in variable.names if variable is not None else ():
            text = environ.get(name, "").strip()
            if variable is not None and text:
                values[field.name] = _converted(name, text, variable.separator, hint, error)
                break
    return kind(**values)


def _converted(name: str, text: str, separator: str, hint: Any, error: type[VivaError]) -> Any:
    value = [part for part in text.split(separator) if part] if separator else text
    try:
        return msgspec.convert(value, hint, strict=False, dec_hook=_path)
    except msgspec.ValidationError:
        raise error(f"{name} is {text!r}: {_advice(inspect.type_info(hint))}.") from None


def _path(kind: type, text: Any) -> Path:
    if kind is not Path:
        raise NotImplementedError(f"no variable holds a {kind.__name__}")
    return Path(text)


def _advice(wanted: inspect.Type) -> str:
    """What to do, in words: a description in the annotation goes before what its type says."""
    match wanted:
        case inspect.Metadata(extra_json_schema={"description": str(words)}):
            return words
        case inspect.IntType(ge=least, le=most):
            return f"set it to a whole number from {least} to {most}"
        case inspect.FloatType(ge=least, le=most):
            return f"set it to a number from {least:g} to {most:g}"
        case inspect.LiteralType(values=values):
            return f"set it to {' or '.join(str(value) for value in values)}"
        case _:
            return "set it to something else, or unset it"
