"""What is not accepted, with the close code and words that Gemini gives; spoken by a bare
websocket."""

import json

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from adapters.rehearsal import RehearsalServer
from tests.adapters.rehearsal.dialogue import quick
from tests.adapters.rehearsal.exchange import KEY, STUDIO, exchange, setup

pytestmark = pytest.mark.simulated

ALPHA = STUDIO.replace("v1beta", "v1alpha")
VERTEX = "/ws/google.cloud.aiplatform.v1beta1.LlmBidiService/BidiGenerateContent"
SETUP = {"setup": {"model": "models/gemini-3.8-live"}}


async def close_of(server: RehearsalServer, *messages: object, headers: dict[str, str] = KEY) -> tuple[int, str]:
    """The code and reason with which the server ends a connection that sends `messages`."""
    async with connect(server.ws_url + STUDIO, additional_headers=headers) as socket:
        try:
            for message in messages:
                await socket.send(message if isinstance(message, str | bytes) else json.dumps(message))
            while True:
                await socket.recv()
        except ConnectionClosed as closed:
            assert closed.rcvd is not None
            return closed.rcvd.code, closed.rcvd.reason


REFUSED_SETUPS = [
    (setup(model="models/gemini-9"), 1008, "models/gemini-9 is not found"),
    ({"setup": {}}, 1007, "model is required"),
    (setup(modle="x"), 1007, "Unknown name \"modle\" at 'setup'"),
    (setup(generationConfig={"temprature": 1}), 1007, "at 'setup.generationConfig'"),
    (setup(generationConfig={"responseModalities": ["AUDIO", "TEXT"]}), 1007, "one response modality"),
    (setup(generationConfig={"responseModalities": ["TEXT"]}), 1007, "non-audio"),
    (setup(systemInstruction="be nice"), 1007, "Invalid value at 'setup.systemInstruction'"),
    (setup(tools={}), 1007, "not repeating"),
    (setup(realtimeInputConfig={"activityHandling": "MAYBE"}), 1007, "activityHandling"),
    (setup(realtimeInputConfig={"automaticActivityDetection": {"silenceDurationMs": -1}}), 1007, "silenceDurationMs"),
    (setup(sessionResumption={"handle": "made-up"}), 1008, "session not found"),
    ("not json", 1007, "Invalid JSON payload"),
    ([], 1007, "Expected an object"),
    ({}, 1007, "Exactly one of"),
    ({"hello": {}}, 1007, 'Unknown name "hello"'),
    ({"realtimeInput": {"text": "x"}}, 1007, "setup must be the first message"),
]

REFUSED_MESSAGES = [
    (SETUP, 1007, "setup must be sent once"),
    ({"realtimeInput": {"audio": {"data": "!!", "mimeType": "audio/pcm"}}}, 1007, "Base64"),
    ({"realtimeInput": {"audio": {"data": "AAA=", "mimeType": "audio/mp3"}}}, 1007, "audio/mp3"),
    ({"realtimeInput": {"audio": {"data": "AA==", "mimeType": "audio/pcm"}}}, 1007, "even number"),
    (
        {"realtimeInput": {"mediaChunks": [{"data": "AAA=", "mimeType": "audio/pcm"}]}},
        1007,
        "media_chunks is deprecated",
    ),
    ({"realtimeInput": {"activityStart": {}}}, 1007, "Explicit activity control"),
    ({"clientContent": {"turns": [{"role": "system", "parts": []}]}}, 1007, "valid role"),
    ({"toolResponse": {"functionResponses": [{"nme": "x"}]}}, 1007, "toolResponse.functionResponses[0]"),
]


@pytest.mark.parametrize(("message", "code", "reason"), REFUSED_SETUPS)
async def test_a_setup_that_cannot_be_is_refused(message: object, code: int, reason: str) -> None:
    """Given a new connection, when its first message is wrong, then it is closed saying why."""
    async with RehearsalServer(quick(tls_port=None)) as server:
        closed = await close_of(server, message)

    assert closed[0] == code
    assert reason in closed[1]


@pytest.mark.parametrize(("message", "code", "reason"), REFUSED_MESSAGES)
async def test_a_message_that_cannot_be_is_refused(message: object, code: int, reason: str) -> None:
    """Given a session, when a message is wrong, then it is closed saying why."""
    async with RehearsalServer(quick(tls_port=None)) as server:
        closed = await close_of(server, SETUP, message)

    assert closed[0] == code
    assert reason in closed[1]


async def test_a_key_is_needed_and_must_be_valid_where_keys_are_set() -> None:
    """Given keys are set, when a client brings none or another one, then it is refused."""
    async with RehearsalServer(quick(tls_port=None, api_keys=("right",))) as server:
        assert (await close_of(server, SETUP, headers={}))[0] == 1008
        assert await close_of(server, SETUP, headers={"x-goog-api-key": "wrong"}) == (
            1007,
            "API key not valid. Please pass a valid API key.",
        )


async def test_another_path_is_not_found() -> None:
    """Given the server, when a client dials an address that Gemini does not have, then it gets 404."""
    async with RehearsalServer(quick(tls_port=None)) as server:
        with pytest.raises(InvalidStatus) as refusal:
            await connect(server.ws_url + "/ws/elsewhere")

    assert refusal.value.response.status_code == 404


@pytest.mark.parametrize("path", [STUDIO, ALPHA, VERTEX, "/" + STUDIO, STUDIO + "?key=rehearsal"])
@pytest.mark.parametrize("binary", [False, True])
async def test_every_address_frame_and_spelling_is_understood(path: str, binary: bool) -> None:
    """Given any of Gemini's addresses, when text or binary frames in snake_case come, then they are
    answered."""
    message = {
        "setup": {
            "model": "projects/p/locations/l/publishers/google/models/gemini-3.8-live",
            "generation_config": {"response_modalities": ["AUDIO"], "max_output_tokens": "100"},
            "output_audio_transcription": {},
            "system_instruction": {"parts": [{"text": "1. Why?"}], "role": None},
        }
    }
    async with RehearsalServer(quick(tls_port=None)) as server:
        headers = {} if "key=" in path else {"Authorization": "Bearer token"}
        async with connect(server.ws_url + path, additional_headers=headers) as socket:
            received = await exchange(socket, message, binary=binary)

    assert list(received[0]) == ["setupComplete"]
    words = [item.get("serverContent", {}).get("outputTranscription", {}).get("text", "") for item in received]
    assert "".join(words) == "Hello, and welcome. Why?"
