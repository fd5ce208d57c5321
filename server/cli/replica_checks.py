"""What `omnibus doctor` looks at where standbys answer reads."""

from collections.abc import Iterator
from contextlib import suppress

from server.cli.checks import Check, Verdict
from server.config import Settings
from server.embedded import StartError, find_running
from store.standbys import Look, examine_standbys

_ADVICE = "see that it runs, follows this primary and that OMNIBUS_REPLICA_URLS names it; reads go elsewhere meanwhile"


async def look_at_replicas(settings: Settings) -> list[Check]:
    """Look once at every standby that is named or ours and runs here; nothing is sold less where one is away."""
    primary, replicas = settings.database_url, settings.replica_urls
    if primary is None:
        with suppress(StartError, OSError):  # told by who looks at the database
            running = find_running(settings.data_dir)
            if running is not None:
                primary = running.database_url
                ours = (running.replica_url,) if running.replica_url else ()
                replicas = replicas or ours
    if primary is None or not replicas:
        return []
    looks = await examine_standbys(primary, replicas, settings.replica_lag_seconds)
    return [*judge_replicas(looks)]


def judge_replicas(looks: list[Look]) -> Iterator[Check]:
    for look in looks:
        if look.fault:
            yield Check("replica", Verdict.WARN, f"{look.name} {look.fault}", _ADVICE)
        else:
            behind = f"{look.lag_bytes or 0:,} bytes behind" if look.lag_bytes else "in step"
            yield Check("replica", Verdict.OK, f"{look.name} answers reads, {behind}")
