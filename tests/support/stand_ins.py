"""Providers' stand-ins as processes of their own, on free ports of this machine."""

import asyncio
import contextlib
import importlib.util
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from tests.support.waiting import wait_until

LOCALSTRIPE = "tests.support.localstripe_server"
RAZORPAY = "tests.support.razorpay_server"
_ROOT = Path(__file__).parents[2]


def has_localstripe() -> bool:
    return importlib.util.find_spec("localstripe") is not None


@contextlib.asynccontextmanager
async def stand_in(module: str) -> AsyncIterator[int]:
    """Run a stand-in, and yield the port that it listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", module, str(port)),
        cwd=_ROOT,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )

    async def is_there() -> bool:
        assert process.returncode is None, f"{module} has ended"
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            await writer.wait_closed()
            return True
        return False

    try:
        await wait_until(is_there, seconds=60)
        yield port
    finally:
        process.kill()
        await process.wait()
