"""A worker that does the jobs of tests, and dies when it comes by a point for the n-th time.

Started as `python -m tests.work.mortal_worker <point> <n> worker`; otherwise it is the real one, with shorter leases.
"""

import os
import signal
import sys
from collections import Counter
from functools import partial

from server import serve
from server.cli import main
from server.work.handlers import HANDLERS
from server.work.runner import Runner
from store import fault_points
from tests.work.effects import KIND, leave_effect
from tests.work.workers import QUICK

_hits: Counter[str] = Counter()


def _strike(name: str) -> None:
    _hits[name] += 1
    if name == point and _hits[name] == times:
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    point, times = sys.argv.pop(1), int(sys.argv.pop(1))
    fault_points.arm(_strike)
    pause = 30.0 if point == "slow" else 0.0
    HANDLERS[KIND] = (leave_effect(pause=pause, strike=_strike),)  # type: ignore[index]  # this process has its own
    vars(serve)["Runner"] = partial(Runner, pace=QUICK)
    main()
