"""Places where a process can be made to die, by name, so that tests kill it where that hurts most.

No setting and no request can arm them: only a program that imports this module and says so, as the tests' own server
does (`tests/faults/mortal_server.py`). Unarmed, a point costs one comparison.
"""

from collections.abc import Callable

POINTS = (
    "after_lock",
    "before_commit",
    "after_commit",
    "after_announce",
    "after_publish",
    "before_answer",
    "after_answer",
)
RELAY_POINTS = ("before_publish_of_jobs", "after_publish_of_jobs")
"""Those that only a relay of jobs comes by."""
WORK_POINTS = ("after_claim", "before_finish", "after_finish")
"""Those that only a worker of jobs comes by."""
Strike = Callable[[str], None]


class _Switch:
    strike: Strike | None = None


def fault_point(name: str) -> None:
    """Mark a named place. Where it stands, a process may end at any moment anyway; here a test can choose it."""
    if _Switch.strike is not None:
        _Switch.strike(name)


def arm(strike: Strike) -> None:
    """Have `strike` called with the name of every point that is reached from now on, in this process."""
    _Switch.strike = strike
