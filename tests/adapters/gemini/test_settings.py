"""Settings are complete or say which variable is missing."""

import pytest

from adapters.gemini.settings import GeminiSettings, SettingsError, read_settings


def test_a_key_is_enough() -> None:
    """White space around it is a copying accident."""
    assert read_settings({"GEMINI_API_KEY": " k \n"}) == GeminiSettings(api_key="k")


def test_a_rehearsal_needs_no_key() -> None:
    """Only where it is and whom to trust."""
    got = read_settings({"GEMINI_BASE_URL": "https://127.0.0.1:1", "GEMINI_CA_FILE": "ca.pem"})
    assert got == GeminiSettings(base_url="https://127.0.0.1:1", ca_file="ca.pem")


def test_a_rehearsal_can_be_called_one() -> None:
    """Given an address, the service may be named, so that the log tells rehearsals from interviews."""
    got = read_settings({"GEMINI_SERVICE": "rehearsal", "GEMINI_BASE_URL": "https://127.0.0.1:1"})
    assert got == GeminiSettings(service="rehearsal", base_url="https://127.0.0.1:1")


def test_vertex_takes_its_own_location_before_the_general_one() -> None:
    """Live models are not served everywhere the rest of a project runs."""
    environ = {"GEMINI_SERVICE": "vertex", "GOOGLE_CLOUD_PROJECT": "p", "GOOGLE_CLOUD_LOCATION": "general"}
    assert read_settings(environ).location == "general"
    assert read_settings(environ | {"GEMINI_LOCATION": "us-central1"}).location == "us-central1"


@pytest.mark.parametrize(
    ("environ", "variable"),
    [
        ({}, "GEMINI_API_KEY"),
        ({"GEMINI_SERVICE": "vertex", "GEMINI_API_KEY": "k"}, "GOOGLE_CLOUD_PROJECT"),
        ({"GEMINI_SERVICE": "rehearsal", "GEMINI_API_KEY": "k"}, "GEMINI_BASE_URL"),
        ({"GEMINI_SERVICE": "openai", "GEMINI_API_KEY": "k"}, "GEMINI_SERVICE"),
    ],
)
def test_what_is_missing_is_named(environ: dict[str, str], variable: str) -> None:
    """The message is what an operator reads."""
    with pytest.raises(SettingsError, match=variable):
        read_settings(environ)


def test_the_key_does_not_show() -> None:
    """Settings are logged at start."""
    assert "secret" not in repr(GeminiSettings(api_key="secret"))
