"""Every error of the HTTP API has the body `{"code", "message"}`; the message says what to do."""

from typing import Any

import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.status_codes import HTTP_500_INTERNAL_SERVER_ERROR, HTTP_503_SERVICE_UNAVAILABLE

from api.reading import ErrorBody, answer_invalid
from domain.errors import PeerError, StoreError

_log = structlog.get_logger(__name__)
_STATUS = {"agent_unknown": 404, "call_not_found": 404, "server_full": 503, "body_too_big": 413}

AnyRequest = Request[Any, Any, Any]


def answer_peer(_: AnyRequest, error: PeerError) -> Response[ErrorBody]:
    """The caller's mistake, or a server that is full."""
    return Response(ErrorBody(error.code, error.message), status_code=_STATUS.get(error.code, 400))


def answer_store(_: AnyRequest, error: StoreError) -> Response[ErrorBody]:
    """The database is away: the caller may try again."""
    _log.error("store_error", error=str(error))
    body = ErrorBody("store_unavailable", "The server cannot record anything now: try again in a moment.")
    return Response(body, status_code=HTTP_503_SERVICE_UNAVAILABLE)


def answer_http(_: AnyRequest, error: HTTPException) -> Response[ErrorBody]:
    """What Litestar refuses: unknown paths, wrong methods, bodies too big."""
    code = {404: "not_found", 405: "method_not_allowed", 413: "body_too_big"}.get(error.status_code, "refused")
    return Response(ErrorBody(code, error.detail or "See /schema for what is served."), status_code=error.status_code)


def answer_bug(request: AnyRequest, error: Exception) -> Response[ErrorBody]:
    """Our mistake: logged with its trace, told without."""
    _log.error("request_failed", path=request.url.path, exc_info=error)
    body = ErrorBody("internal", "The server failed; it is logged.")
    return Response(body, status_code=HTTP_500_INTERNAL_SERVER_ERROR)


HANDLERS: dict[Any, Any] = {
    PeerError: answer_peer,
    StoreError: answer_store,
    ValidationException: answer_invalid,
    HTTPException: answer_http,
    Exception: answer_bug,
}
