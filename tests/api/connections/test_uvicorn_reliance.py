"""What our connections rely on in uvicorn's private classes.

They override methods that uvicorn does not promise to keep; pyproject.toml therefore bounds its
version. When a new version fails here, read the changes of the class that is named, mend
`api/connections` or `api/serve.py`, then this table, then raise the bound.
"""

import asyncio
import inspect
import tomllib
from pathlib import Path
from typing import Any

import h11
import pytest
import uvicorn
from packaging.requirements import Requirement
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.server import ServerProtocol

from api.connections.http import HttpConnection
from api.connections.websocket import WebsocketConnection
from api.serve import CallServer

OVERRIDDEN: dict[type, dict[str, list[str]]] = {
    HttpConnection: {
        "__init__": ["config", "server_state", "app_state", "_loop"],
        "connection_made": ["transport"],
        "connection_lost": ["exc"],
        "data_received": ["data"],
        "handle_events": [],
        "handle_websocket_upgrade": ["event"],
        "on_response_complete": [],
        "timeout_keep_alive_handler": [],
    },
    WebsocketConnection: {
        "__init__": ["config", "server_state", "app_state", "_loop"],
        "connection_made": ["transport"],
        "connection_lost": ["exc"],
        "data_received": ["data"],
        "handle_connect": ["event"],
        "handle_cont": ["event"],
        "handle_text": ["event"],
        "handle_bytes": ["event"],
        "handle_ping": [],
        "handle_pong": ["event"],
        "on_task_complete": ["task"],
    },
    CallServer: {
        "__init__": ["config"],
        "startup": ["sockets"],
        "shutdown": ["sockets"],
        "capture_signals": [],
    },
}
"""Our class, and the methods of uvicorn's that it overrides, with their parameters."""

CALLED: dict[type, dict[str, list[str]]] = {
    WebSocketsSansIOProtocol: {"handle_parser_exception": [], "handle_events": []},
    uvicorn.Server: {"serve": ["sockets"]},
}
"""Methods that we call, or that have to call ours."""

READ: dict[type, dict[str, object]] = {
    H11Protocol: {"conn": h11.Connection, "cycle": None, "loop": asyncio.AbstractEventLoop, "transport": None},
    WebSocketsSansIOProtocol: {
        "close_timeout": float,
        "conn": ServerProtocol,
        "close_sent": bool,
        "disconnected": bool,
        "frames": list,
        "handshake_complete": bool,
        "handshake_initiated": bool,
        "loop": asyncio.AbstractEventLoop,
        "transport": None,
    },
}
"""Attributes of a new connection that we read or set, with their types (None: there later)."""


def parameters(owner: type, name: str) -> list[str]:
    found = getattr(owner, name, None)
    assert found is not None, f"uvicorn {uvicorn.__version__}: {owner.__name__}.{name} is gone"
    return [parameter for parameter in inspect.signature(found).parameters if parameter != "self"]


def theirs(ours: type) -> type:
    """The class of uvicorn's that ours is made of."""
    return next(each for each in ours.__mro__ if each.__module__.startswith("uvicorn."))


async def uvicorns_own(kind: Any) -> Any:
    """A connection of uvicorn's, without anything of ours, before it is connected."""

    async def app(scope: Any, receive: Any, send: Any) -> None: ...

    config = uvicorn.Config(app, log_config=None, ws="websockets-sansio", http="h11")
    config.load()
    return kind(config=config, server_state=ServerState(), app_state={}, _loop=asyncio.get_running_loop())


@pytest.mark.parametrize("ours", list(OVERRIDDEN))
def test_what_is_overridden_is_still_there(ours: type) -> None:
    """Given each method that we override, uvicorn's class has it, with the parameters we pass on."""
    for name, wanted in OVERRIDDEN[ours].items():
        got = parameters(theirs(ours), name)
        assert got == wanted, f"uvicorn {uvicorn.__version__}: {theirs(ours).__name__}.{name} takes {got} now"


@pytest.mark.parametrize("ours", list(OVERRIDDEN))
def test_the_table_is_complete(ours: type) -> None:
    """Given our class, what it shares with uvicorn's by name is in the table: nothing is overridden
    by accident."""
    shared = {name for name, value in vars(ours).items() if callable(value) and hasattr(theirs(ours), name)}
    assert shared - {"__doc__"} == set(OVERRIDDEN[ours])


@pytest.mark.parametrize("owner", list(CALLED))
def test_what_is_called_is_still_there(owner: type) -> None:
    """Given each method that we call, uvicorn's class has it."""
    for name, wanted in CALLED[owner].items():
        assert parameters(owner, name) == wanted


@pytest.mark.parametrize("kind", list(READ))
async def test_attributes_are_still_there(kind: type) -> None:
    """Given a new connection of uvicorn's, it has each attribute that we read, of the type we take
    it for."""
    connection = await uvicorns_own(kind)
    for name, wanted in READ[kind].items():
        assert hasattr(connection, name), f"uvicorn {uvicorn.__version__}: {kind.__name__}.{name} is gone"
        assert wanted is None or isinstance(getattr(connection, name), wanted)  # type: ignore[arg-type]


def test_an_answer_says_how_far_it_is() -> None:
    """Given uvicorn's cycle of a request and its answer, it keeps whether the answer has begun and
    ended: by that we know whether another may be written."""
    source = inspect.getsource(RequestResponseCycle)
    assert "self.response_started = True" in source
    assert "self.response_complete = True" in source


async def test_a_server_can_be_asked_to_exit() -> None:
    """Given a server that does not run yet, it has the two flags that we read and set."""
    server = uvicorn.Server(uvicorn.Config("nowhere:app", log_config=None))
    assert (server.started, server.should_exit) == (False, False)


def test_its_version_is_bounded() -> None:
    """Given pyproject.toml, it admits the uvicorn that is installed, and not the next one."""
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())["project"]
    wanted = next(line for line in map(Requirement, project["dependencies"]) if line.name == "uvicorn")
    major, minor, _ = uvicorn.__version__.split(".")
    assert wanted.specifier.contains(uvicorn.__version__)
    assert not wanted.specifier.contains(f"{major}.{int(minor) + 1}.0")
