"""A peer that keeps no protocol: bytes to a TCP connection, and websocket frames of any shape. It
blocks: run it aside.

Each attack is a function of the server's address that returns what came back.
"""

import base64
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from urllib.parse import urlsplit

CONTINUATION, TEXT, BINARY, PING, PONG = 0, 1, 2, 9, 10
_KEY = base64.b64encode(bytes(16)).decode()


def request(path: str = "/ws/audio", *headers: str, subprotocol: str = "viva.v1") -> bytes:
    """The opening handshake of a websocket."""
    lines = [f"GET {path} HTTP/1.1", "Host: viva", "Upgrade: websocket", "Connection: Upgrade"]
    lines += ["Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {_KEY}", f"Sec-WebSocket-Protocol: {subprotocol}"]
    return "\r\n".join([*lines, *headers, "", ""]).encode()


def frame(opcode: int, payload: bytes = b"", *, final: bool = True, announced: int | None = None) -> bytes:
    """A client's frame, masked with zeros; `announced` is the length that its header claims."""
    size = len(payload) if announced is None else announced
    head = bytes([(0x80 if final else 0) | opcode])
    if size < 126:
        head += bytes([0x80 | size])
    elif size < 65_536:
        head += bytes([0x80 | 126]) + struct.pack("!H", size)
    else:
        head += bytes([0x80 | 127]) + struct.pack("!Q", size)
    return head + bytes(4) + payload


class RawPeer:
    """One TCP connection. Sending stops quietly once the other side has closed."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.socket = socket.create_connection(address, timeout=10)
        self.open = True
        self.sent = 0

    def send(self, data: bytes) -> bool:
        """Send all of it; False once the connection has ended."""
        try:
            self.socket.sendall(data)
            self.sent += len(data)
        except OSError:
            self.open = False
        return self.open

    def flood(self, data: bytes, seconds: float) -> None:
        """Send `data` over and over, without reading, as long as the other side takes it and the
        time lasts."""
        until_s = monotonic() + seconds
        self.socket.settimeout(0.1)
        while self.open and monotonic() < until_s:
            try:
                self.sent += self.socket.send(data)
            except TimeoutError:
                continue
            except OSError:
                self.open = False
        self.socket.settimeout(10)

    def upgrade(self, path: str = "/ws/audio") -> None:
        """Become a websocket."""
        self.send(request(path))
        assert self.socket.recv(4_096).startswith(b"HTTP/1.1 101")

    def say(self, text: str) -> None:
        """Send a text message."""
        self.send(frame(TEXT, text.encode()))

    def rest(self, within_s: float = 10.0) -> bytes:
        """Everything until the other side closes. Raises `TimeoutError` if it does not."""
        received = b""
        until_s = monotonic() + within_s
        try:
            while piece := self.socket.recv(65_536):
                received += piece
                if monotonic() > until_s:
                    raise TimeoutError("the connection is still open")
                self.socket.settimeout(max(0.01, until_s - monotonic()))
        except ConnectionError:
            pass
        return received


def close_code(received: bytes) -> int | None:
    """The code of the close frame at the end of what a server sent, None without one."""
    codes = [
        at for at in range(len(received) - 3) if received[at] == 0x88 and received[at + 1] == len(received) - at - 2
    ]
    return int.from_bytes(received[codes[-1] + 2 : codes[-1] + 4], "big") if codes else None


@contextmanager
def peer(url: str) -> Iterator[RawPeer]:
    """A connection to the server at `url`, closed at the end of the block."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    one = RawPeer((parts.hostname, parts.port))
    try:
        yield one
    finally:
        one.socket.close()
