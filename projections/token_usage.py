"""Gemini's token counts, as kinds and modalities.

A usage snapshot names its totals and, for most of them, their parts by modality. It is read in both
spellings, the wire's (`promptTokenCount`) and the SDK's (`prompt_token_count`).
"""

from collections import Counter
from typing import Any

from domain.event import RawJson

_KINDS = {
    "prompt": ("promptTokenCount", "promptTokensDetails"),
    "cached": ("cachedContentTokenCount", "cacheTokensDetails"),
    "tool_use": ("toolUsePromptTokenCount", "toolUsePromptTokensDetails"),
    "response": ("responseTokenCount", "responseTokensDetails"),
    "thoughts": ("thoughtsTokenCount", "thoughtsTokensDetails"),
}
"""Total and parts of each kind. Cached tokens are a part of the prompt's, not on top of them."""

UNSPECIFIED = "UNSPECIFIED"
"""The modality of what a total has beyond its parts."""


def token_counts(usage: RawJson) -> dict[tuple[str, str], int]:
    """Tokens of one snapshot by (kind, modality), zeros left out; the modality is Gemini's: AUDIO,
    TEXT, ...

    Raises `TypeError` or `ValueError` for counts that are no numbers.
    """
    counts: Counter[tuple[str, str]] = Counter()
    for kind, (total, details) in _KINDS.items():
        parts = 0
        for part in _field(usage, details) or ():
            tokens = int(_field(part, "tokenCount") or 0)
            counts[kind, _modality(_field(part, "modality"))] += tokens
            parts += tokens
        counts[kind, UNSPECIFIED] += max(0, int(_field(usage, total) or 0) - parts)
    return {key: tokens for key, tokens in counts.items() if tokens}


def _field(record: RawJson, name: str) -> Any:
    snake = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
    value = record.get(name)
    return record.get(snake) if value is None else value


def _modality(given: Any) -> str:
    """The bare name: "AUDIO", however the enumeration was written out."""
    return str(given).rsplit(".", 1)[-1].upper() if given else UNSPECIFIED
