"""Reads a client's frame as protobuf's JSON parser does.

Names are accepted in camelCase and in snake_case, text and binary frames alike, null means absent,
and what the schema does not have is refused with Gemini's close code and wording.
"""

import base64
import binascii
from collections.abc import Mapping
from typing import Any

import msgspec

from adapters.rehearsal.wire.refusal import invalid, invalid_value, unknown_field
from adapters.rehearsal.wire.schema import CLIENT_MESSAGE, Kind, Shape

_decode_json = msgspec.json.Decoder().decode


def read_message(frame: str | bytes) -> tuple[str, dict[str, Any]]:
    """The one field of a client message, as (camelCase name, normalised value).

    Raises `RefusalError` (1007) when the frame is not JSON, names an unknown field, or holds more
    or less than one.
    """
    try:
        raw = _decode_json(frame)
    except msgspec.DecodeError as error:
        raise invalid(f"Invalid JSON payload received. {error}") from error
    if not isinstance(raw, dict):
        raise invalid("Invalid JSON payload received. Expected an object.")
    message = _normalise_message(raw, CLIENT_MESSAGE, "")
    if len(message) != 1:
        raise invalid(f"Exactly one of {', '.join(CLIENT_MESSAGE)} must be set, found {len(message)}.")
    return next(iter(message.items()))


def decode_base64(text: str, where: str) -> bytes:
    """Bytes of a protobuf JSON bytes field: standard or URL-safe alphabet, padding optional.
    Refuses anything else."""
    try:
        if "-" in text or "_" in text:
            return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise invalid(f"Invalid JSON payload received. Base64 decoding failed at '{where}'.") from error


def _camel(name: str) -> str:
    if "_" not in name:
        return name
    head, *rest = name.split("_")
    return head + "".join(word[:1].upper() + word[1:] for word in rest)


def _normalise_message(raw: Mapping[str, Any], fields: Mapping[str, Shape], where: str) -> dict[str, Any]:
    message: dict[str, Any] = {}
    for name, value in raw.items():
        field = name if name in fields else _camel(name)
        shape = fields.get(field)
        if shape is None:
            raise unknown_field(name, where)
        if value is not None:
            message[field] = _normalise(value, shape, f"{where}.{field}" if where else field)
    return message


def _normalise(value: Any, shape: Shape, where: str) -> Any:
    if isinstance(shape, Kind):
        return _scalar(value, shape, where)
    if isinstance(shape, Mapping):
        if not isinstance(value, dict):
            raise invalid_value(where, value)
        return _normalise_message(value, shape, where)
    if not isinstance(value, list):
        raise invalid(f"Invalid JSON payload received. Proto field is not repeating, cannot start list at '{where}'.")
    return [_normalise(item, shape[0], f"{where}[{index}]") for index, item in enumerate(value)]


def _scalar(value: Any, kind: Kind, where: str) -> Any:
    match kind:
        case Kind.OPAQUE:
            return value
        case Kind.TEXT if isinstance(value, str):
            return value
        case Kind.FLAG if isinstance(value, bool):
            return value
        case Kind.ENUM if isinstance(value, str | int) and not isinstance(value, bool):
            return value
        case Kind.NUMBER if isinstance(value, int | float) and not isinstance(value, bool):
            return value
        case Kind.NUMBER if isinstance(value, str):  # protobuf's JSON writes 64-bit numbers as strings
            try:
                return float(value) if "." in value else int(value)
            except ValueError as error:
                raise invalid_value(where, value) from error
        case _:
            raise invalid_value(where, value)
