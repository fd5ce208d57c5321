"""The product's server as the live sections run it: `python -m tests.bench.live_server serve`.

Its deltas tell when COMMIT was answered, to the microsecond, instead of what the database's clock said before; and it
collects its garbage when SIGUSR1 asks for it, so that memory can be weighed.
"""

import gc
import signal
from datetime import UTC, datetime

from msgspec.structs import replace

from realtime import frames
from realtime.live import Live
from server.cli import main
from store.events import SeatsChanged

_announce = Live.announce


def _announce_now(live: Live, *events: SeatsChanged) -> None:
    committed_at = datetime.now(UTC)
    _announce(live, *(replace(event, at=committed_at) for event in events))


if __name__ == "__main__":
    Live.announce = _announce_now  # type: ignore[method-assign, assignment]  # this process measures
    frames.commit_time = datetime.isoformat  # type: ignore[assignment]  # the same
    signal.signal(signal.SIGUSR1, lambda _, __: gc.collect() and None)
    main()
