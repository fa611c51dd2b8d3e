"""The client's pure modules under node: wire format, outbox, playout arithmetic, transcript."""

import asyncio
import shutil
from pathlib import Path

import pytest

HERE = Path(__file__).parent
FILES = sorted(HERE.glob("*.test.mjs"))


@pytest.mark.node
@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed: the JavaScript modules are not tested")
@pytest.mark.parametrize("file", FILES, ids=[file.name.partition(".")[0] for file in FILES])
async def test_module(file: Path) -> None:
    """Every node test of one file passes."""
    process = await asyncio.create_subprocess_exec(
        "node", "--test", str(file), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
