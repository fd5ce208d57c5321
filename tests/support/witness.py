"""Says what a process finds itself to be, and stays until it is ended: `python -m tests.support.witness <words>`."""

import asyncio
import gc
import json
import os
import resource
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

from server import refusals
from store import jobs


def describe() -> dict[str, Any]:
    """Return what must be so for every process of ours, however it was started."""
    return {
        "arguments": sys.argv,
        "environment": dict(os.environ),  # noqa: TID251 - what it was given
        "files": sorted(int(each.name) for each in Path("/proc/self/fd").iterdir())[:-1],
        "folder": str(Path.cwd()),
        "found in": sys.path,
        "name": __name__,
        "group": os.getpgrp(),
        "session": os.getsid(0),
        "time zone": time.tzname,
        "limit": resource.getrlimit(resource.RLIMIT_NOFILE),
        "threads": threading.active_count(),
        "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, ())),
        "signals": {
            each.name: str(signal.getsignal(each)).split(" at ")[0]
            for each in (
                signal.SIGTERM,
                signal.SIGINT,
                signal.SIGCHLD,
                signal.SIGPIPE,
                signal.SIGHUP,
            )
        },
        "encodings": [each.encoding for each in (sys.stdin, sys.stdout, sys.stderr)],
        "collects": gc.isenabled(),
        "loops": asyncio.get_event_loop_policy().__class__.__name__,
    }


if __name__ == "__main__":
    chance = [refusals._RANDOM.getrandbits(64), next(jobs._turns), os.getpid()]
    sys.stdout.write(json.dumps({"chance": chance, "self": describe()}) + "\n")
    sys.stdout.flush()
    signal.pause()
