"""Every way a session can end has a kind of its own: try again, or do not."""

import socket

import pytest
from google.auth.exceptions import DefaultCredentialsError, TransportError
from google.genai.errors import APIError
from websockets.exceptions import InvalidMessage

from adapters.gemini.losses import loss_of
from adapters.gemini.settings import GeminiSettings

pytestmark = pytest.mark.simulated

API = GeminiSettings(api_key="k-e-y")
VERTEX = GeminiSettings(service="vertex", project="p", location="l")


@pytest.mark.parametrize(
    ("code", "retryable"),
    [(1000, True), (1001, True), (1005, True), (1006, True), (1011, True), (1012, True), (1007, False), (1008, False)],
)
def test_only_1007_and_1008_are_final(code: int, retryable: bool) -> None:
    """The set-up itself is what was refused there."""
    loss = loss_of(APIError(code, "reason"), API)
    assert (loss.code, loss.retryable) == (code, retryable)
    assert loss.reason == f"Gemini closed the session ({code}): reason"


@pytest.mark.parametrize(
    ("error", "retryable", "words"),
    [
        (TimeoutError(), True, "within 6 s"),
        (socket.gaierror(-2, "Name or service not known"), True, "Name or service not known"),
        (ConnectionRefusedError(111, "Connection refused"), True, "Connection refused"),
        (OSError("Multiple exceptions: [...]"), True, "OSError"),
        (EOFError(), True, "EOFError"),
        (InvalidMessage("did not receive a valid HTTP response"), True, "InvalidMessage"),
        (ValueError("Failed to parse response: I have diabetes"), True, "cannot be read"),
    ],
)
def test_the_network_is_tried_again(error: Exception, retryable: bool, words: str) -> None:
    """There was no close code."""
    loss = loss_of(error, API)
    assert (loss.code, loss.retryable) == (0, retryable)
    assert words in loss.reason
    assert "diabetes" not in loss.reason


def test_missing_google_credentials_say_how_to_get_some() -> None:
    """But a sign-in service that is away is only away."""
    missing = loss_of(DefaultCredentialsError("no"), VERTEX)  # type: ignore[no-untyped-call]
    assert not missing.retryable
    assert "gcloud auth application-default login" in missing.reason
    assert loss_of(TransportError("down"), VERTEX).retryable  # type: ignore[no-untyped-call]


def test_a_reason_is_kept_short() -> None:
    """It goes into an event."""
    assert len(loss_of(APIError(1011, "x" * 1000), API).reason) == 300
