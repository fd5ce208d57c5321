"""`omnibus worker` with handlers of the tests', in a process that can be killed where it hurts.

Started as `python -m tests.carriers.hauler <folder> <fault point or -> worker ...`. In the folder, `hold` lets handlers
wait before their effect, and `kill` ends the process right after the next one.
"""

import asyncio
import os
import signal
import sys
from datetime import timedelta
from functools import partial
from pathlib import Path

from server.cli import main
from server.work import outbox
from server.work.handler import Handler, Work
from server.work.handlers import HANDLERS
from server.work.relay import RelayPace
from server.work.runner import Pace
from store import fault_points
from store.jobs import Job, JobKind
from tests.carriers.effects import leave_effect

LEASE_SECONDS = 1.0


def mortal(folder: Path) -> Handler:
    async def handle(job: Job, work: Work) -> None:
        while (folder / "hold").exists():
            (folder / "holding").touch()
            await asyncio.sleep(0.01)
        await leave_effect(job, work)
        if (folder / "kill").exists():
            (folder / "kill").unlink()
            os.kill(os.getpid(), signal.SIGKILL)

    return handle


def _die(at: str, name: str) -> None:
    if name == at:
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    folder, point = Path(sys.argv.pop(1)), sys.argv.pop(1)
    assert isinstance(HANDLERS, dict), "tests put their own in"
    HANDLERS.update(dict.fromkeys(JobKind, (mortal(folder),)))
    lease = timedelta(seconds=LEASE_SECONDS)
    vars(outbox).update(
        Pace=partial(Pace, lease=lease, renew_seconds=0.3),
        RelayPace=partial(RelayPace, claim_seconds=LEASE_SECONDS, handed_seconds=2.0),
    )
    if point != "-":
        assert point in fault_points.RELAY_POINTS
        fault_points.arm(partial(_die, point))
    main()
