"""The live layer of a process: commits go in, frames come out, the rest is its own affair."""

import asyncio
import logging
import random
import time
from collections import Counter
from collections.abc import Collection
from typing import cast

import msgspec
from msgspec import UNSET

from realtime import frames
from realtime.audience import WORDS, Audience
from realtime.bus import Bus, BusCallbacks
from realtime.check import PositionCheck
from realtime.connection import Authenticate, Connection, Principal, Surroundings
from realtime.counters import Counters
from realtime.effects import Change, Head
from realtime.health import Health
from realtime.hub import Hub
from realtime.lag import Lag
from realtime.limits import Admission, Refusal
from realtime.loader import SeatSource
from realtime.onlookers import Held, Onlooker
from realtime.outlet import Outlet
from realtime.protocol import BusStatus, Bye, CloseCode, Status
from realtime.settings import LiveSettings
from realtime.speakers import Speakers
from realtime.stream import EventOutlet, Stream
from realtime.supervise import cancel, supervise
from realtime.topics import Topics, TopicSource
from realtime.wheel import Wheel
from store.events import SeatsChanged

log = logging.getLogger(__name__)

STARTUP_SECONDS_MAX = 1.0

Client = Connection | Stream


async def _know_nobody(_: str) -> Principal | None:
    return None


class Live:
    """Construct anywhere; everything else happens in the event loop that called `start`."""

    def __init__(
        self,
        source: SeatSource,
        *,
        topics: TopicSource | None = None,
        redis_url: str | None = None,
        is_only_process: bool = False,  # then nobody needs Redis to hear of a commit
        authenticate: Authenticate = _know_nobody,
        settings: LiveSettings | None = None,
    ) -> None:
        self.settings = settings = settings or LiveSettings()
        self.counters = Counters()
        self.is_draining = False
        self._connections: set[Client] = set()
        self._went_live = asyncio.Event()
        self._onlooker: Onlooker | None = None
        self._health = Health("source", "bus", changed=self._tell_status)
        self._health.report("source", is_well=True)  # until a read fails
        self._health.report("bus", is_well=redis_url is None and is_only_process)
        self._hub = Hub(
            source,
            settings.hub,
            self.counters,
            source_answered=lambda is_well: self._health.report("source", is_well=is_well),
        )
        self._check = PositionCheck(
            self._hub, source, settings.hub, health=self._health, counters=self.counters
        )
        self._audience = Audience(self._watching, settings.audience)
        self._topics = Topics(topics, settings.topics, self.counters, watching=self._audience.count)
        self._audience.changed = self._topics.note_audience
        self._admission = Admission(settings.admission)
        self._around = Surroundings(
            self._hub,
            self._topics,
            authenticate,
            self._admission,
            settings.connection,
            self.counters,
            self._schedule,
            Speakers(),
        )
        self._wheel: Wheel[Client] = Wheel(
            2 * settings.connection.heartbeat_seconds, now=time.monotonic()
        )
        self._lag = Lag(settings.hub.lag_seconds)
        self._redis_url = redis_url
        self._bus: Bus | None = None
        self._tasks: list[asyncio.Task[None]] = []

    # Life.

    def tell(self, onlooker: Onlooker) -> None:
        """Have somebody hear of every change from now on, and what they hold compared with the database; only one."""
        self._onlooker = onlooker
        self._check.holder = Held(self._hub, onlooker)

    async def start(self) -> None:
        """Returns when clients get changes at once, or soon: nothing here is needed to serve."""
        if self._redis_url is not None:
            callbacks = BusCallbacks(
                is_wanted=self._is_wanted,
                received=self._receive,
                said=self._hear,
                missed=self._check.hurry,
                health_changed=self._note_bus,
            )
            self._bus = Bus(self._redis_url, self.settings.bus, callbacks, self.counters)
            self._audience.say = self._bus.say
            self._bus.start()
        self._tasks = [
            asyncio.create_task(supervise("position check", self._check.run)),
            asyncio.create_task(supervise("heartbeats", self._beat)),
        ]
        if self._bus is None and not self._health.part("bus"):
            return  # by the position check alone, and clients are told
        try:
            async with asyncio.timeout(STARTUP_SECONDS_MAX):
                await self._went_live.wait()
        except TimeoutError:
            log.warning("updates may lag: Redis or the database does not answer")

    async def drain(self) -> None:
        """Say goodbye to every client, spread over a bounded time; new ones are refused at once."""
        self.is_draining = True
        leaving = list(self._connections)
        random.shuffle(leaving)
        seconds = min(self.settings.drain_seconds, len(leaving) / self.settings.drain_per_second)
        started_at = time.monotonic()
        for number, connection in enumerate(leaving):
            wait = started_at + seconds * number / len(leaving) - time.monotonic()
            if wait > 0:
                await asyncio.sleep(wait)
            self._dismiss(connection)

    async def stop(self) -> None:
        await self.drain()
        await cancel(self._tasks)
        await self._topics.stop()
        if self._bus is not None:
            await self._bus.stop()
        await self._hub.stop()

    @property
    def healthy(self) -> bool:
        """Whether clients get changes at once; otherwise the position check brings them."""
        return self._health.is_live

    # Commits.

    def announce(self, *events: SeatsChanged) -> None:
        """After the commit, in the event loop: shows them here at once and tells the others.

        Never waits and never raises, for what is committed cannot be taken back. What is announced together is
        published together.
        """
        self.counters.announced += len(events)
        for event in events:
            try:
                self._announce(event)
            except Exception:
                self.counters.announce_failures += 1
                log.exception("announcing %r failed", event)

    def _announce(self, event: SeatsChanged) -> None:
        self._topics.note(event.bus_id)
        if self._onlooker is not None:
            # A bus that is something else from now on is to be read anew, whatever became of its seats.
            seats = event.seats if event.status is None else ()
            self._onlooker.note(event.bus_id, event.epoch, event.prev, event.rev, seats)
        is_watched = self._hub.is_known(event.bus_id)
        if self._bus is None and not is_watched:
            return
        payload = frames.encode_change(event)
        if is_watched:
            wire = frames.frame(payload)
            at = frames.commit_time(event.at)
            status = cast("BusStatus | None", event.status)
            change = Change(event.epoch, event.prev, event.rev, event.seats, wire, at, status)
            self.counters.commit_to_hub.observe(frames.age_seconds(at))
            self._hub.apply(event.bus_id, change)
        if self._bus is not None:
            self._bus.publish(event.bus_id, payload)

    # Clients.

    def admit(self, address: str | None) -> Refusal | None:
        """Count a client in, before its handshake is answered; None means come in."""
        refusal = self._admission.admit(address, now=time.monotonic())
        if refusal is not None:
            self.counters.refused[refusal] += 1
        return refusal

    def release(self, address: str | None) -> None:
        self._admission.release(address)

    def attach(self, outlet: Outlet, *, must_authenticate: bool = False) -> Connection:
        """After the handshake: greets the client and serves it until `detach`."""
        connection = Connection(outlet, self._around, must_authenticate=must_authenticate)
        self._connections.add(connection)
        self.counters.opened += 1
        connection.greet()
        if not self.healthy:
            connection.send(Status(live=False))
        self._schedule(connection, connection.first_due)
        if self.is_draining:  # since its handshake was let through
            self._dismiss(connection)
        return connection

    def attach_stream(self, outlet: EventOutlet, bus_id: int, claim: Head | None) -> Stream:
        """Let a one-way client watch a bus, from where it says it is, until `detach`."""
        stream = Stream(outlet, self._around)
        self._connections.add(stream)
        self.counters.opened += 1
        self._hub.subscribe(stream, bus_id, 0, claim)
        self._schedule(stream, time.monotonic() + self._around.settings.heartbeat_seconds / 2)
        return stream

    def detach(self, connection: Client) -> None:
        connection.lost()
        self._connections.discard(connection)
        self._wheel.remove(connection)

    def end_session(self, user_id: int, session_id: str) -> None:
        """Close what speaks for a session that is over: its token would be believed until it expires."""
        for connection in self._around.speakers.find(user_id, session_id):
            connection.close(CloseCode.UNAUTHENTICATED)

    def principals(self) -> list[Principal]:
        """Return who has shown a token, once for every connection."""
        shown = (each.principal for each in self._connections if isinstance(each, Connection))
        return [principal for principal in shown if principal is not None]

    def expel(self, principals: Collection[Principal]) -> None:
        """Close the connections of those who may not be here any more."""
        theirs = {id(principal) for principal in principals}
        for each in list(self._connections):
            if isinstance(each, Connection) and id(each.principal) in theirs:
                each.close(CloseCode.UNAUTHENTICATED)

    # What the metrics endpoint reads beside the counters.

    def gauges(self) -> dict[str, int]:
        return {
            "connections": len(self._connections),
            "streams": sum(isinstance(each, Stream) for each in self._connections),
            "admitted": self._admission.total,
            "users": self._admission.users,
            "subscriptions": sum(len(connection.buses) for connection in self._connections),
            "buses_held": self._hub.feed_count,
            "buses_watched": self._hub.watched_count,
            "sockets_full": self._hub.full_count,
            "timers": len(self._wheel),
            "topics_open": self._topics.open_count,
        }

    # Inside.

    def _dismiss(self, connection: Client) -> None:
        if not connection.is_closed:
            connection.send(Bye(CloseCode.DRAINING, self.settings.reconnect_in_ms))
            connection.close(CloseCode.DRAINING)

    def _is_wanted(self, bus_id: int) -> bool:
        return (
            self._hub.is_known(bus_id)
            or self._topics.is_wanted(bus_id)
            or (self._onlooker is not None and self._onlooker.is_known(bus_id))
        )

    def _watching(self) -> dict[int, int]:
        return Counter(bus_id for each in self._connections for bus_id in each.buses)

    def _hear(self, origin: bytes, word: bytes, payload: bytes) -> bool:
        return word in WORDS and self._audience.hear(origin, word, payload)

    def _receive(self, bus_id: int, payload: bytes) -> None:
        """A delta of another process, already in the clients' own words."""
        self._topics.note(bus_id)
        try:
            delta = frames.decode_change(payload)
        except (msgspec.DecodeError, RecursionError):
            self.counters.bus_garbage += 1
            return
        if delta.bus != str(bus_id) or delta.rev <= delta.prev:
            self.counters.bus_garbage += 1
            return
        if self._lag.is_late(delta.at, now=time.time()):
            self._check.hurry()
        if self._onlooker is not None:
            seats = delta.seats if delta.status is UNSET else ()
            self._onlooker.note(bus_id, delta.epoch, delta.prev, delta.rev, seats)
        wire = frames.frame(payload)
        status = None if delta.status is UNSET else delta.status
        change = Change(delta.epoch, delta.prev, delta.rev, delta.seats, wire, delta.at, status)
        try:
            self.counters.commit_to_hub.observe(frames.age_seconds(delta.at))
        except ValueError:
            self.counters.bus_garbage += 1
            return
        self._hub.apply(bus_id, change)

    def _note_bus(self, is_healthy: bool) -> None:  # noqa: FBT001 - the callback's only argument
        self._health.report("bus", is_well=is_healthy)
        self._check.hurry()

    def _tell_status(self, is_live: bool) -> None:  # noqa: FBT001 - the callback's only argument
        if self._onlooker is not None:
            self._onlooker.distrust()
        if is_live:
            self._went_live.set()
        wire = frames.pack(Status(live=is_live))
        for connection in list(self._connections):
            if not self._hub.is_full(connection):
                connection.send_packed(wire)

    def _schedule(self, connection: Client, due: float) -> None:
        if connection in self._connections:
            self._wheel.put(connection, due)

    async def _beat(self) -> None:
        while True:
            due_at = time.monotonic() + self._wheel.slot_seconds
            await asyncio.sleep(self._wheel.slot_seconds)
            now = time.monotonic()
            self.counters.loop_lag.observe(max(0.0, now - due_at))
            for connection in self._wheel.turn(now):
                try:
                    due = connection.beat(now)
                except Exception:  # one client's trouble must not cost the others their timer
                    log.exception("a heartbeat failed")
                    connection.abort()
                    continue
                if due is not None:
                    self._wheel.put(connection, due)
