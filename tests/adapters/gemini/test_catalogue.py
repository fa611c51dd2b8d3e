"""The catalogue that comes with Viva, and reading one."""

import re
from pathlib import Path

import pytest

from adapters.gemini.catalogue import CatalogueError, load_catalogue


def test_the_newest_models_and_the_replaced_systems_are_both_there() -> None:
    """One catalogue prices today's calls and compares them with yesterday's estimate."""
    known = {model.id: model for model in load_catalogue().models}
    assert known["gemini-3.8-live"].status == "stable"
    assert known["gemini-2.0-flash-live-001"].status == "retired"
    assert not known["gemini-1.5-flash"].supports.live
    assert len(known) == len(load_catalogue().models)


def test_every_price_says_when_and_where_it_was_seen() -> None:
    """A number without a date is a rumour."""
    prices = [price for model in load_catalogue().models for price in model.prices]
    assert prices
    for price in prices:
        assert re.fullmatch(r"20\d\d(-\d\d(-\d\d)?)?", price.as_of)
        assert len(price.source) > 10


def test_the_default_fallbacks_can_hold_an_interview() -> None:
    """On each service there is a live model that is not retired."""
    assert load_catalogue().live("gemini-api")[0].id == "gemini-3.8-live"
    assert "gemini-live-2.5-flash-native-audio" in {model.id for model in load_catalogue().live("vertex")}


@pytest.mark.parametrize("text", ["{", '{"models": [{"id": "x", "services": [], "status": "great"}]}'])
def test_a_catalogue_that_cannot_be_used_says_why(tmp_path: Path, text: str) -> None:
    """An operator may have edited it."""
    path = tmp_path / "mine.json"
    path.write_text(text)
    with pytest.raises(CatalogueError, match=r"mine\.json"):
        load_catalogue(path)
