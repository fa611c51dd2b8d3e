"""The Litestar application: handlers, what they are given, and how errors answer."""

from importlib.metadata import version
from pathlib import Path
from typing import Any

from litestar import Litestar, MediaType, Request, Response, get
from litestar.datastructures import State
from litestar.di import Provide
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin, YamlRenderPlugin
from litestar.static_files import create_static_files_router

from adapters.postgres.views import Views
from api.routes.audio_socket import audio_socket
from api.routes.errors import HANDLERS, count_refusal
from api.routes.health import live, ready
from api.routes.metrics import metrics
from api.routes.open_call import CallsController, list_agents
from api.services import Services

WEB = Path(__file__).with_name("web")
_LARGEST_BODY = 256 * 1024
_CONTENT_POLICY = (
    "default-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data:; base-uri 'none'; object-src 'none'"
)


@get("/", include_in_schema=False, media_type=MediaType.HTML, sync_to_thread=False)
def page(request: Request[Any, Any, Any]) -> Response[bytes]:
    """The page that holds an interview."""
    headers = {"Content-Security-Policy": _CONTENT_POLICY, "Referrer-Policy": "no-referrer"}
    return Response((WEB / "index.html").read_bytes(), media_type=MediaType.HTML, headers=headers)


async def _services(state: State) -> Services:
    services: Services = state.services
    return services


async def _pool(state: State) -> Any:
    return Views(state.services.store.pool)


def create_app(services: Services) -> Litestar:
    """The application over opened services, which outlive it."""
    app = Litestar(
        route_handlers=[
            page,
            live,
            ready,
            metrics,
            list_agents,
            CallsController,
            audio_socket,
            create_static_files_router(path="/web", directories=[WEB]),
        ],
        dependencies={"services": Provide(_services), "pool": Provide(_pool)},
        exception_handlers=HANDLERS,
        after_exception=[count_refusal],
        openapi_config=OpenAPIConfig(
            title="Viva",
            version=version("viva"),
            description="An AI voice interviewer.",
            path="/schema",
            # The interactive viewers would load their scripts from elsewhere: the description alone
            # needs nothing.
            render_plugins=[JsonRenderPlugin(path=["/", "/openapi.json"]), YamlRenderPlugin()],
        ),
        request_max_body_size=_LARGEST_BODY,
        logging_config=None,
        debug=False,
    )
    app.state.services = services
    return app
