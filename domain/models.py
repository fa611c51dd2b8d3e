"""The catalogue of models: what exists, what it can do, and what it cost when somebody looked.

Prices are data with a date and a source, never code: what a call cost is computed from its recorded
raw usage and can be computed again when a price changes, or for another model.
"""

from decimal import Decimal
from typing import Literal

import msgspec

from domain.errors import PeerError
from domain.event import RawJson

MILLION = 1_000_000
AUDIO_TOKENS_PER_MINUTE = 1_500
"""25 tokens a second, as documented for the Live API; used where only a price per minute is known."""


class Prices(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One look at a price list. Per million tokens, or per minute of audio; None where the source
    does not say."""

    as_of: str
    """ISO 8601, to the day or the month that the source gives."""
    source: str
    currency: str = "USD"
    text_in: Decimal | None = None
    audio_in: Decimal | None = None
    text_out: Decimal | None = None
    audio_out: Decimal | None = None
    audio_in_minute: Decimal | None = None
    audio_out_minute: Decimal | None = None


class Supports(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What Viva has to know of a model before it uses it."""

    live: bool = True
    """Whether it holds a live session."""
    initial_history: bool = True
    """Whether it can be given a past at its beginning without answering that."""


class Model(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One model. `since` is ISO 8601 to the month, empty if unknown; `prices` the newest first,
    empty if unknown."""

    id: str
    services: tuple[Literal["gemini-api", "vertex"], ...]
    status: Literal["stable", "preview", "superseded", "retired"]
    since: str = ""
    note: str = ""
    supports: Supports = Supports()
    prices: tuple[Prices, ...] = ()

    def cost(self, usage: RawJson) -> Decimal | None:
        """What one usage snapshot cost by the newest prices; None if they do not cover what was
        used."""
        return usage_cost(usage, self.prices[0]) if self.prices else None


class UnknownModelError(PeerError):
    """A model id that the catalogue does not have."""

    def __init__(self, model: str, known: tuple[str, ...]) -> None:
        super().__init__(
            "unknown_model", f"The model {model!r} is not in the catalogue; use one of {', '.join(known)}."
        )


class Catalogue(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Every model that Viva knows."""

    models: tuple[Model, ...]

    def find(self, model: str) -> Model:
        """The model with this id. Raises `UnknownModelError`."""
        for candidate in self.models:
            if candidate.id == model:
                return candidate
        raise UnknownModelError(model, tuple(known.id for known in self.live()))

    def live(self, service: Literal["gemini-api", "vertex"] | None = None) -> tuple[Model, ...]:
        """The models an interview can be held with today, on `service` if one is named."""
        return tuple(
            model
            for model in self.models
            if model.supports.live and model.status != "retired" and (service is None or service in model.services)
        )


def prompt_tokens(usage: RawJson) -> int:
    """From how many tokens a turn was made, all of its history included. 0 where the report does
    not say."""
    count = usage.get("promptTokenCount", 0)
    return count if isinstance(count, int) else 0


def usage_cost(usage: RawJson, prices: Prices) -> Decimal | None:
    """What one snapshot (Gemini's `usageMetadata`) cost, in the prices' currency; None if a price
    is missing.

    Tokens in are the prompt's and the tools', tokens out the response's and the thoughts'. What
    Gemini counts in a total but attributes to no modality is taken for text, as thoughts are.
    """
    text_in, audio_in = _split(usage, "promptTokenCount", "promptTokensDetails")
    text_out, audio_out = _split(usage, "responseTokenCount", "responseTokensDetails")
    text_in += int(usage.get("toolUsePromptTokenCount", 0))
    text_out += int(usage.get("thoughtsTokenCount", 0))
    parts = (
        _part(text_in, prices.text_in, None),
        _part(audio_in, prices.audio_in, prices.audio_in_minute),
        _part(text_out, prices.text_out, None),
        _part(audio_out, prices.audio_out, prices.audio_out_minute),
    )
    known = [part for part in parts if part is not None]
    return sum(known, Decimal(0)) if len(known) == len(parts) else None


def _split(usage: RawJson, total: str, details: str) -> tuple[int, int]:
    """(text, audio) tokens; pictures and everything unattributed count as text."""
    audio = sum(int(item.get("tokenCount", 0)) for item in usage.get(details, ()) if item.get("modality") == "AUDIO")
    everything = max(int(usage.get(total, 0)), audio)
    return everything - audio, audio


def _part(tokens: int, per_million: Decimal | None, per_minute: Decimal | None) -> Decimal | None:
    if tokens == 0:
        return Decimal(0)
    if per_million is not None:
        return tokens * per_million / MILLION
    return None if per_minute is None else tokens * per_minute / AUDIO_TOKENS_PER_MINUTE
