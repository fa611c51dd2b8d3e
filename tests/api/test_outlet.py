"""A connection's way out: in order, bounded, and closed after the last word."""

import asyncio
import json

from api.outlet import Outlet
from api.protocol import decode_server_audio


class Wire:
    """A websocket that takes messages only while its gate is open."""

    def __init__(self) -> None:
        self.sent: list[str | bytes | tuple[int, str]] = []
        self.gate = asyncio.Event()

    async def send_text(self, data: str) -> None:
        await self.gate.wait()
        self.sent.append(data)

    async def send_bytes(self, data: bytes) -> None:
        await self.gate.wait()
        self.sent.append(data)

    async def close(self, code: int, reason: str) -> None:
        self.sent.append((code, reason))


async def test_everything_goes_out_in_order_and_then_it_closes() -> None:
    """Given control and audio mixed, they arrive in order, audio numbered, and nothing after the end."""
    wire = Wire()
    wire.gate.set()
    outlet = Outlet(wire)
    assert outlet.send({"type": "hold"})
    assert outlet.send_audio(1, 480, b"\1\0")
    assert outlet.send_audio(1, 481, b"\2\0")
    outlet.finish(4409, "replaced")
    outlet.finish(1000, "too late")
    assert outlet.send({"type": "release"})
    await outlet.run()
    hold, first, second, close = wire.sent
    assert json.loads(str(hold)) == {"type": "hold"}
    assert isinstance(first, bytes)
    assert isinstance(second, bytes)
    assert decode_server_audio(first)[:3] == (0, 1, 480)
    assert decode_server_audio(second)[:3] == (1, 1, 481)
    assert close == (4409, "replaced")


async def test_a_full_queue_says_no() -> None:
    """Given nobody who reads, what fits is taken, the next is refused, and the end still fits."""
    wire = Wire()
    outlet = Outlet(wire, longest=3)
    assert [outlet.send({"number": number}) for number in range(5)] == [True, True, True, False, False]
    outlet.finish(4413, "slow")
    wire.gate.set()
    await outlet.run()
    assert [json.loads(str(each))["number"] for each in wire.sent[:-1]] == [0, 1, 2]
    assert wire.sent[-1] == (4413, "slow")


async def test_giving_up_what_waits_makes_room_for_the_reason() -> None:
    """Given a full queue that is given up, what is said afterwards goes out; so does an end that was asked before."""
    wire = Wire()
    outlet = Outlet(wire, longest=2)
    while outlet.send({"type": "state"}):
        pass
    outlet.give_up()
    assert outlet.send({"type": "error"})
    outlet.finish(4413, "slow")
    assert outlet.finishing.is_set()
    wire.gate.set()
    await outlet.run()
    assert [json.loads(str(each))["type"] for each in wire.sent[:-1]] == ["error"]
    ended = Outlet(wire, longest=2)
    ended.finish(1000, "")
    ended.give_up()
    await asyncio.wait_for(ended.run(), 1)


async def test_a_reason_fits_into_a_close_frame() -> None:
    """Given an endless reason, it is cut to what a websocket can carry."""
    wire = Wire()
    outlet = Outlet(wire)
    outlet.finish(4400, "r" * 1_000)
    await outlet.run()
    assert len(str(wire.sent[0][1])) <= 123
