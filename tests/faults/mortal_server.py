"""The server that dies when it is told to: at the next fault point of a name, once SIGUSR1 has come.

Started like the real one, as `python -m tests.faults.mortal_server <point> serve`.
"""

import os
import signal
import sys

from server.cli import main
from store import fault_points


def _arm(point: str) -> None:
    def die(name: str) -> None:
        if name == point:
            os.kill(os.getpid(), signal.SIGKILL)

    fault_points.arm(die)
    os.write(2, b"\narmed\n")


if __name__ == "__main__":
    point = sys.argv.pop(1)
    assert point in fault_points.POINTS
    signal.signal(signal.SIGUSR1, lambda *_: _arm(point))
    main()
