"""One server: the way out to it, the way in from it, and the pulse that tells whether both are open."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from realtime.bus.publisher import Publisher
from realtime.bus.servers import Server
from realtime.bus.subscriber import Subscriber
from realtime.counters import Counters
from realtime.settings import BusSettings
from realtime.supervise import cancel, supervise

PROBE = b"probe"


@dataclass(frozen=True, slots=True)
class LinkEvents:
    received: Callable[[bytes], None]
    subscribed: Callable[[], None]
    lost: Callable[[BaseException], None]  # the subscription; it is being rebuilt
    health_changed: Callable[[], None]


class Link:
    def __init__(
        self,
        server: Server,
        settings: BusSettings,
        events: LinkEvents,
        counters: Counters,
        *,
        prefix: bytes,
    ) -> None:
        self.url, self.channels = server.url, server.channels
        self._counters = counters
        self.publisher = Publisher(
            server, settings, counters, prefix=prefix, changed=events.health_changed
        )
        self._subscriber = Subscriber(
            server,
            settings,
            received=events.received,
            subscribed=events.subscribed,
            lost=events.lost,
            probe=self._probe,
        )
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def is_healthy(self) -> bool:
        return self._subscriber.is_subscribed and self.publisher.is_well

    def start(self) -> None:
        self._tasks = [
            asyncio.create_task(supervise("publisher", self.publisher.run)),
            asyncio.create_task(supervise("subscriber", self._subscriber.run)),
        ]

    async def stop(self) -> None:
        await cancel(self._tasks)

    def _probe(self, now: float) -> None:
        """Send one if it is time. It takes the way of every delta, through another channel each time."""
        if self._subscriber.pulse.wants_probe(now, is_publishing=self.publisher.is_well):
            self._counters.probes += 1
            channel = self.channels[self._counters.probes % len(self.channels)]
            self.publisher.put(channel, PROBE + b"|")
