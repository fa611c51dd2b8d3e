"""What happens to a process whose orderly stop takes too long."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = """
import asyncio, os, signal, sys, threading
from api import stop_signals
stop_signals._THREADS_END_WITHIN_S = 0.2

async def main(way):
    answered = asyncio.Event()
    with stop_signals.StopSignals(0.5) as signals:
        signals.answer = answered.set
        os.kill(os.getpid(), signal.SIGTERM)
        await answered.wait()
        if way == "block":
            await asyncio.Event().wait()
        if way == "loop":
            threading.Event().wait()
        if way == "doubled":
            os.kill(os.getpid(), signal.SIGTERM)
        if way == "again":
            await asyncio.sleep(0.2)
            os.kill(os.getpid(), signal.SIGINT)
            threading.Event().wait()
        signals.code = 7
    if way == "thread":
        await asyncio.to_thread(threading.Event().wait)

asyncio.run(main(sys.argv[1]))
"""


@pytest.mark.parametrize(
    ("way", "code"), [("block", 1), ("loop", 1), ("again", 130), ("thread", 7), ("doubled", 0), ("nothing", 0)]
)
def test_the_process_ends_whatever_holds_it_up(way: str, code: int) -> None:
    """Given a stop that hangs, in a task, in the loop itself or in a thread, the process ends, with
    the right code."""
    ended = subprocess.run([sys.executable, "-c", SCRIPT, way], cwd=ROOT, timeout=30, capture_output=True, check=False)
    assert ended.returncode == code, ended.stderr.decode()
    assert (b"stop_overdue" in ended.stdout + ended.stderr) == (code == 1)
