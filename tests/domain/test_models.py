"""What a call cost is computed from raw usage and dated prices, as often as one likes."""

from decimal import Decimal

import pytest

from domain.models import Catalogue, Model, Prices, UnknownModelError, usage_cost

PRICES = Prices(
    as_of="2026-10",
    source="a test",
    text_in=Decimal("0.75"),
    audio_in=Decimal(3),
    text_out=Decimal("4.50"),
    audio_out=Decimal(12),
)
USAGE = {
    "promptTokenCount": 522,
    "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 332}, {"modality": "AUDIO", "tokenCount": 165}],
    "responseTokenCount": 42,
    "responseTokensDetails": [{"modality": "AUDIO", "tokenCount": 42}],
    "thoughtsTokenCount": 136,
    "totalTokenCount": 564,
}


def test_a_snapshot_is_priced_by_modality_and_what_has_none_as_text() -> None:
    """Real figures: 25 prompt tokens belong to no modality, and thoughts are in no detail."""
    text_in, text_out = 522 - 165, 136
    expected = (text_in * Decimal("0.75") + 165 * 3 + text_out * Decimal("4.5") + 42 * 12) / 1_000_000
    assert usage_cost(USAGE, PRICES) == expected


def test_tokens_of_tools_are_paid_as_text_in() -> None:
    """They are part of what the model reads."""
    assert usage_cost({"toolUsePromptTokenCount": 1_000_000}, PRICES) == Decimal("0.75")


def test_a_price_per_minute_stands_in_for_one_per_token() -> None:
    """1,500 tokens are a minute."""
    prices = Prices(as_of="2025", source="a test", audio_in_minute=Decimal("0.002"))
    usage = {"promptTokenCount": 3_000, "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": 3_000}]}
    assert usage_cost(usage, prices) == Decimal("0.004")


def test_a_missing_price_makes_the_cost_unknown_only_where_it_was_needed() -> None:
    """Unknown is not free."""
    prices = Prices(as_of="2025", source="a test", text_in=Decimal(1))
    assert usage_cost({"promptTokenCount": 1_000_000}, prices) == Decimal(1)
    assert usage_cost(USAGE, prices) is None
    assert usage_cost({}, prices) == 0


def test_a_model_without_prices_costs_nobody_knows_what() -> None:
    """And one with several is priced by the newest, which stand first."""
    bare = Model(id="m", services=("vertex",), status="stable")
    assert bare.cost(USAGE) is None
    dearer = Prices(as_of="2027", source="a test", text_in=Decimal(9), text_out=Decimal(9))
    priced = Model(id="m", services=("vertex",), status="stable", prices=(dearer, PRICES))
    assert priced.cost({"promptTokenCount": 1_000_000}) == Decimal(9)


def test_an_unknown_model_is_answered_with_those_that_exist() -> None:
    """The message says what to use instead."""
    catalogue = Catalogue((Model(id="good", services=("vertex",), status="stable"),))
    assert catalogue.find("good").id == "good"
    with pytest.raises(UnknownModelError, match="good"):
        catalogue.find("bad")


def test_live_models_are_those_of_the_service_that_are_not_retired() -> None:
    """In the catalogue's order."""
    here = Model(id="here", services=("gemini-api",), status="preview")
    gone = Model(id="gone", services=("gemini-api",), status="retired")
    there = Model(id="there", services=("vertex",), status="stable")
    catalogue = Catalogue((here, gone, there))
    assert catalogue.live() == (here, there)
    assert catalogue.live("vertex") == (there,)
