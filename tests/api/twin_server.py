"""The server without its row locks: what the races run against to show what the locks are for.

Started like the real one, as `python -m tests.api.twin_server serve`. Every statement of the store loses its
`FOR UPDATE` when it is asked for; the rest is the real thing.
"""

import re

from server.cli import main
from store.queries import Queries

# Not the bus row's: without that one, revisions collide and nothing is sold at all.
_ROW_LOCK = re.compile(r"FOR UPDATE OF \w+( SKIP LOCKED)?")
_locking = Queries.__getitem__


def _without_locks(queries: Queries, name: str) -> str:
    return _ROW_LOCK.sub("", _locking(queries, name))


if __name__ == "__main__":
    Queries.__getitem__ = _without_locks  # type: ignore[method-assign]  # this process is the twin
    main()
