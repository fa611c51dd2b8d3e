"""Opening calls over HTTP, and the interviewers they can be opened with."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import JSONBody
from msgspec import Meta

from api.routes.read_calls import ErrorBody, ReadingController
from api.services import Services
from api.wire.protocol import SUBPROTOCOL
from domain.errors import PeerError
from domain.interview import Candidate, InterviewContext
from domain.strictness import unknown_fields


class OpenCall(msgspec.Struct, frozen=True, kw_only=True):
    """What `POST /calls` takes."""

    agent: Annotated[str, Meta(description="The id of an interviewer, see GET /agents.", max_length=64)]
    candidate: Candidate
    context: InterviewContext


class OpenedCall(msgspec.Struct, frozen=True, kw_only=True):
    """What `POST /calls` returns."""

    call_id: UUID
    token: Annotated[str, Meta(description="Good for this call; show it in `hello`.")]
    token_expires_at: Annotated[str, Meta(description="ISO 8601, UTC.")]
    url: Annotated[str, Meta(description="Open this websocket.")]
    subprotocol: str


class AgentView(msgspec.Struct, frozen=True):
    id: str
    name: str


class AgentList(msgspec.Struct, frozen=True):
    agents: list[AgentView]


_REFUSALS = {
    400: ResponseSpec(ErrorBody, description="The body does not fit; the message names the field."),
    404: ResponseSpec(ErrorBody, description="There is no such agent."),
    503: ResponseSpec(ErrorBody, description="The server is full, or cannot record the call."),
}


class CallsController(ReadingController):
    """Everything under `/calls`: reading them, and opening one."""

    @post("/", summary="Open a call", responses=_REFUSALS)
    async def open_call(
        self, data: JSONBody[OpenCall], request: Request[Any, Any, Any], services: NamedDependency[Services]
    ) -> OpenedCall:
        """The call is recorded when this returns; it waits a minute for its client's hello."""
        for field in unknown_fields(await request.json(), data):
            raise PeerError("invalid_parameter", f"{field}: there is no such field; see docs/protocol.md.")
        agent = services.agents.find(data.agent)
        call_id = await services.registry.open(agent, data.candidate, data.context)
        token = services.mint.issue(call_id)
        return OpenedCall(
            call_id=call_id,
            token=token.text,
            token_expires_at=token.expires,
            url=f"{_websocket_base(request, services)}/ws/audio",
            subprotocol=SUBPROTOCOL,
        )


@get("/agents", summary="The interviewers", tags=["calls"])
async def list_agents(services: NamedDependency[Services]) -> AgentList:
    """All that a call can be opened with."""
    return AgentList([AgentView(agent.id, agent.name) for agent in services.agents.all()])


def _websocket_base(request: Request[Any, Any, Any], services: Services) -> str:
    if services.settings.public_url:
        return services.settings.public_url.replace("http", "ws", 1)
    scheme = "wss" if request.url.scheme == "https" else "ws"
    return f"{scheme}://{request.url.netloc}"
