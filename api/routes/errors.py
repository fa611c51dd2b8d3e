"""Every error of the HTTP API has the body `{"code", "message"}`; the message says what to do."""

from typing import Any

import structlog
from litestar import Request, Response
from litestar.enums import ScopeType
from litestar.exceptions import HTTPException, ValidationException
from litestar.status_codes import HTTP_500_INTERNAL_SERVER_ERROR, HTTP_503_SERVICE_UNAVAILABLE
from litestar.types import Scope

from api.routes.read_calls import ErrorBody, answer_invalid
from api.services import Services
from domain.errors import PeerError, StoreError

_log = structlog.get_logger(__name__)
_STATUS = {"agent_unknown": 404, "call_not_found": 404, "server_full": 503, "body_too_big": 413}
_RETRY_AFTER_S = {"server_full": 5, "store_unavailable": 2}

_REFUSALS = {
    400: ("malformed_json", "The body is not what /schema describes: send it as one JSON object."),
    404: ("not_found", "There is nothing at this path: see /schema for what is served."),
    405: ("method_not_allowed", "This path does not take this method: see /schema for what it takes."),
    413: ("body_too_big", "The body has more than 256 KiB: send less."),
}

AnyRequest = Request[Any, Any, Any]


def answer_peer(_: AnyRequest, error: PeerError) -> Response[ErrorBody]:
    """The caller's mistake, or a server that is full."""
    wait_s = _RETRY_AFTER_S.get(error.code)
    headers = {} if wait_s is None else {"Retry-After": str(wait_s)}
    return Response(ErrorBody(error.code, error.message), status_code=_STATUS.get(error.code, 400), headers=headers)


def answer_store(_: AnyRequest, error: StoreError) -> Response[ErrorBody]:
    """The database is away: the caller may try again."""
    _log.error("store_error", error=str(error))
    body = ErrorBody("store_unavailable", "The database does not answer now: try again in a moment.")
    headers = {"Retry-After": str(_RETRY_AFTER_S["store_unavailable"])}
    return Response(body, status_code=HTTP_503_SERVICE_UNAVAILABLE, headers=headers)


def answer_http(_: AnyRequest, error: HTTPException) -> Response[ErrorBody]:
    """What Litestar refuses: unknown paths, wrong methods, bodies too big."""
    code, message = _REFUSALS.get(error.status_code, ("refused", f"{error.detail}: see /schema for what is served."))
    return Response(ErrorBody(code, message), status_code=error.status_code)


def answer_unreadable(_: AnyRequest, __: Exception) -> Response[ErrorBody]:
    """A body that is no text, or nested without end."""
    code, message = _REFUSALS[400]
    return Response(ErrorBody(code, message), status_code=400)


def answer_bug(request: AnyRequest, error: Exception) -> Response[ErrorBody]:
    """Our mistake: the log has its trace, the answer does not."""
    _log.error("request_failed", path=request.url.path, exc_info=error)
    body = ErrorBody("internal", "The server failed; it is logged.")
    return Response(body, status_code=HTTP_500_INTERNAL_SERVER_ERROR)


async def count_refusal(error: Exception, scope: Scope) -> None:
    """Count what a request was refused for; its answer is one of the above."""
    if scope["type"] != ScopeType.HTTP:
        return
    services: Services = scope["litestar_app"].state.services
    services.counts.http_refusals[_code_of(error)] += 1


def _code_of(error: Exception) -> str:
    match error:
        case PeerError():
            return error.code
        case StoreError():
            return "store_unavailable"
        case ValidationException():
            return "invalid_parameter"
        case HTTPException():
            return _REFUSALS.get(error.status_code, ("refused",))[0]
        case _:
            return "internal"


HANDLERS: dict[Any, Any] = {
    PeerError: answer_peer,
    StoreError: answer_store,
    ValidationException: answer_invalid,
    HTTPException: answer_http,
    UnicodeDecodeError: answer_unreadable,
    RecursionError: answer_unreadable,
    Exception: answer_bug,
}
