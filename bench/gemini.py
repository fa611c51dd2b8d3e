"""What the link to Gemini costs in processor time: `python -m bench.gemini`.

A peer in a process of its own, over TLS on loopback, confirms the set-up, sends the interviewer's
voice as fast as it is taken, and reads what it is sent. Counted is this process's CPU time per
message, the event loop's and TLS's included, the best of several rounds; beside it what that is for
a call, in which 25 messages a second go each way.
"""

import argparse
import asyncio
import base64
import json
import multiprocessing
import ssl
import tempfile
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from time import monotonic, process_time

import trustme
from rich.console import Console
from rich.table import Table
from websockets.asyncio.server import ServerConnection, serve

from adapters.gemini.client import open_client
from adapters.gemini.link import GeminiLink
from adapters.gemini.live_setup import LiveSetup
from adapters.gemini.settings import GeminiSettings
from domain.effects import DialModel
from domain.inputs import Input, ModelAudio, ModelConnected, ModelTurnCompleted
from domain.ports.model_link import LinkSink
from domain.record.conversation import SeedRequest, Turn

MESSAGES = 1_000
ROUNDS = 3
MESSAGES_PER_SECOND = 25
VOICE = bytes(2 * 24_000 * 40 // 1000)
CHUNK = bytes(2 * 16_000 * 40 // 1000)


async def serve_peer(pipe: Connection, folder: str) -> None:
    """Answer a text with `MESSAGES` of voice, and every `MESSAGES` of audio with a completed turn."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(f"{folder}/ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    data = base64.b64encode(VOICE).decode()
    part = {"inlineData": {"mimeType": "audio/pcm;rate=24000", "data": data}}
    voice = json.dumps({"serverContent": {"modelTurn": {"parts": [part]}}}).encode()
    completed = json.dumps({"serverContent": {"turnComplete": True}}).encode()

    async def converse(connection: ServerConnection) -> None:
        await connection.recv()
        await connection.send(b'{"setupComplete": {}}')
        heard = 0
        async for frame in connection:
            if '"client_content"' in str(frame)[:40]:
                for _ in range(MESSAGES):
                    await connection.send(voice)
                await connection.send(completed)
            else:
                heard += 1
                if heard % MESSAGES == 0:
                    await connection.send(completed)

    async with serve(converse, "127.0.0.1", 0, ssl=context, compression=None) as server:
        pipe.send(server.sockets[0].getsockname()[1])
        await asyncio.to_thread(pipe.recv)


def run_peer(pipe: Connection, folder: str) -> None:
    asyncio.run(serve_peer(pipe, folder))


class News(LinkSink):
    """In a call's place: all but audio, in order."""

    def __init__(self) -> None:
        self.items: asyncio.Queue[Input] = asyncio.Queue(maxsize=8)

    def now_us(self) -> int:
        return int(monotonic() * 1_000_000)

    async def conversation(self, request: SeedRequest) -> tuple[Turn, ...]:
        return ()

    def feed(self, happened: Input) -> None:
        if not isinstance(happened, ModelAudio):
            self.items.put_nowait(happened)


async def measure(settings: GeminiSettings) -> tuple[float, float]:
    """CPU microseconds per message sent and per message received."""
    news = News()

    async def until(kind: type) -> None:
        while not isinstance(await news.items.get(), kind):
            pass

    async def timed(act: Callable[[], None]) -> float:
        began = process_time()
        act()
        await until(ModelTurnCompleted)
        return (process_time() - began) / MESSAGES * 1e6

    async with (
        open_client(settings) as client,
        GeminiLink(client=client, settings=settings, setup=LiveSetup(instruction=""), sink=news) as link,
    ):
        link.dial(DialModel(attempt=1, wait_ms=0, handle="", model="any"))
        await until(ModelConnected)

        def send_all() -> None:
            for _ in range(MESSAGES):
                link.send_audio(CHUNK)

        sent = [await timed(send_all) for _ in range(ROUNDS)]
        received = [await timed(lambda: link.send_text("Speak.")) for _ in range(ROUNDS)]
    return min(sent), min(received)


def main() -> None:
    argparse.ArgumentParser(prog="python -m bench.gemini", description=__doc__).parse_args()
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    with tempfile.TemporaryDirectory() as folder:
        peer = context.Process(target=run_peer, args=(theirs, folder))
        peer.start()
        try:
            settings = GeminiSettings(base_url=f"https://127.0.0.1:{ours.recv()}", ca_file=str(Path(folder, "ca.pem")))
            sent_us, received_us = asyncio.run(measure(settings))
        finally:
            ours.send("done")
            peer.join(10)
    table = Table("40 ms of audio", "CPU per message", "share of a core per call")
    for name, cost_us in (("sent", sent_us), ("received", received_us)):
        table.add_row(name, f"{cost_us:.0f} µs", f"{cost_us * MESSAGES_PER_SECOND / 10_000:.2f} %")
    Console().print(table)


if __name__ == "__main__":
    main()
