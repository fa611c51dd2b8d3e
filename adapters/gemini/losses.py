"""Why a session ended, in words a person can act on, and whether trying again can help.

The SDK reports a closed connection as `APIError` with the websocket close code, a refused handshake
as websockets' `InvalidStatus`, and a failing send as websockets' `ConnectionClosed`.
"""

import ssl
from typing import Final

from google.auth.exceptions import GoogleAuthError, TransportError
from google.genai.errors import APIError
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from adapters.gemini.settings import GeminiSettings
from domain.errors import VivaError

FATAL_CLOSE_CODES: Final = frozenset({1007, 1008})
"""Bad payload or exhausted context; wrong model or operation. The same set-up can never work again."""
TRY_AGAIN_STATUSES: Final = frozenset({408, 425, 429})
LONGEST_REASON = 300

FAILURES = (APIError, WebSocketException, GoogleAuthError, OSError, EOFError, ValueError)
"""What connecting may raise: all of it is the peer's, the network's or the settings' fault.
Timeouts are OSErrors."""


class LostError(VivaError):
    """A session is lost. The fields are those of `ModelLost`."""

    def __init__(self, code: int, reason: str, *, retryable: bool) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
        self.retryable = retryable


def loss_of(error: BaseException, settings: GeminiSettings, handle: str = "") -> LostError:
    """What `error` means for the call. Reasons never hold the API key or the resumption handle."""
    code, reason, retryable = _explain(error, settings)
    for secret, name in ((settings.api_key, "[key]"), (handle, "[handle]")):
        if secret:
            reason = reason.replace(secret, name)
    return LostError(code, reason[:LONGEST_REASON], retryable=retryable)


def _explain(error: BaseException, settings: GeminiSettings) -> tuple[int, str, bool]:
    match error:
        case APIError() if isinstance(error.details, dict):  # said in a message, not by closing
            busy = error.code >= 500 or error.code in TRY_AGAIN_STATUSES
            return 0, f"Gemini reported an error ({error.code}): {_text(error.details)}", busy
        case APIError():
            return _closed(error.code, _text(error.details), settings)
        case ConnectionClosed():
            return _closed(error.rcvd.code, error.rcvd.reason, settings) if error.rcvd else _closed(1006, "", settings)
        case InvalidStatus():
            return _refused(error.response.status_code, settings)
        case ssl.SSLCertVerificationError():
            return 0, f"Gemini's certificate is not trusted ({error.verify_message}): check GEMINI_CA_FILE.", False
        case TimeoutError():
            return 0, f"Gemini did not answer within {settings.connect_timeout_ms / 1000:g} s.", True
        case TransportError():
            return 0, "Google's sign-in service cannot be reached.", True
        case GoogleAuthError():
            return 0, f"{_credentials(settings)} ({type(error).__name__})", False
        case OSError():
            return 0, f"Gemini cannot be reached: {error.strerror or type(error).__name__}.", True
        case ValueError():  # its text may quote what the server sent, which is personal
            return 0, "Gemini answered the set-up with something that cannot be read.", True
        case _:
            return 0, f"The connection to Gemini failed ({type(error).__name__}).", True


def _closed(code: int, reason: str, settings: GeminiSettings) -> tuple[int, str, bool]:
    if "api key" in reason.lower():
        return code, _credentials(settings), False
    retryable = code not in FATAL_CLOSE_CODES
    return code, f"Gemini closed the session ({code}): {reason or 'no reason given'}", retryable


def _refused(status: int, settings: GeminiSettings) -> tuple[int, str, bool]:
    if status in (401, 403):
        return 0, _credentials(settings), False
    retryable = status >= 500 or status in TRY_AGAIN_STATUSES
    return 0, f"Gemini refused the connection (HTTP {status}).", retryable


def _credentials(settings: GeminiSettings) -> str:
    if settings.service == "vertex":
        return "Google refused the credentials: run `gcloud auth application-default login`, or check the project."
    return "Gemini refused the API key: check GEMINI_API_KEY."


def _text(details: object) -> str:
    """The reason of a close, or the message of an error that came as JSON."""
    if isinstance(details, dict):
        inner = details.get("error", details)
        details = inner.get("message", "") if isinstance(inner, dict) else inner
    return details if isinstance(details, str) else ""
