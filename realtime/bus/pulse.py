"""Is the way through Redis open? Asked by a message that must come back."""

from redis.exceptions import RedisError

from realtime.settings import BusSettings


class ProbeLost(RedisError):
    """The subscription is silent although something was published: it is dead, or Redis is."""


class Pulse:
    def __init__(self, settings: BusSettings, *, now: float) -> None:
        self._settings = settings
        self._heard_at = now
        self._probed_at = now
        self._silent_since: float | None = None  # the first probe nothing has answered

    def hear(self, now: float) -> None:
        self._heard_at = now
        self._silent_since = None

    def wants_probe(self, now: float, *, is_publishing: bool) -> bool:
        settings = self._settings
        if is_publishing:
            quiet_since = max(self._heard_at, self._probed_at)
            is_due = now - quiet_since >= settings.probe_idle_seconds
        else:
            # What other processes publish says nothing about this one.
            is_due = now - self._probed_at >= settings.probe_degraded_seconds
        if is_due:
            self._probed_at = now
            if self._silent_since is None:
                self._silent_since = now
        return is_due

    def is_lost(self, now: float) -> bool:
        since = self._silent_since
        return since is not None and now - since >= self._settings.probe_timeout_seconds

    def shortest_seconds(self) -> float:
        settings = self._settings
        return min(
            settings.probe_idle_seconds,
            settings.probe_degraded_seconds,
            settings.probe_timeout_seconds,
        )
