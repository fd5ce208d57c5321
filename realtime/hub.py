"""The process' view of every watched bus: tells the feeds what happened, does what they ask."""

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from itertools import islice
from typing import assert_never

import msgspec

from realtime import frames
from realtime.congestion import Congestion
from realtime.counters import Counters
from realtime.effects import (
    Answer,
    Broadcast,
    Change,
    Effects,
    Evict,
    Forget,
    Head,
    Load,
    Refuse,
    Resync,
)
from realtime.feed import NEVER, Feed
from realtime.loader import Loader, SeatSource
from realtime.protocol import CloseCode, Delta, Heartbeat, Snapshot, Subscribed
from realtime.settings import HubSettings
from realtime.watcher import Watcher
from store.events import Position, SeatMap


class Hub:
    def __init__(
        self,
        source: SeatSource,
        settings: HubSettings,
        counters: Counters,
        *,
        source_answered: Callable[[bool], None] = lambda _: None,
    ) -> None:
        self._settings = settings
        self._counters = counters
        self._report_source = source_answered
        self._loader = Loader(source, self, settings, counters)
        self._feeds: dict[int, Feed[Watcher]] = {}
        self._alarms: dict[int, tuple[float, asyncio.Handle]] = {}
        self._congestion = Congestion(settings, counters, drained=self._resync)
        self._heartbeats: dict[frozenset[int], bytes] = {}
        self._heartbeats_at = -NEVER

    async def stop(self) -> None:
        await self._loader.stop()
        for _, alarm in self._alarms.values():
            alarm.cancel()
        self._alarms.clear()
        self._congestion.stop()

    # What connections ask for.

    def subscribe(self, watcher: Watcher, bus_id: int, request_id: int, claim: Head | None) -> None:
        feed = self._feeds.get(bus_id)
        if feed is None:
            if len(self._feeds) >= self._settings.feeds_max and not self._drop_unwatched():
                watcher.refuse(request_id, "overloaded")
                return
            feed = self._feeds[bus_id] = Feed(self._settings.feed, self._counters)
        watcher.buses.add(bus_id)
        self._run(bus_id, feed, feed.subscribe(watcher, request_id, claim, now=time.monotonic()))

    def unsubscribe(self, watcher: Watcher, bus_id: int) -> None:
        watcher.buses.discard(bus_id)
        feed = self._feeds.get(bus_id)
        if feed is not None:
            feed.unsubscribe(watcher, now=time.monotonic())
            self._arm(bus_id, feed)

    def leave(self, watcher: Watcher) -> None:
        for bus_id in list(watcher.buses):
            self.unsubscribe(watcher, bus_id)
        self._congestion.forget(watcher)

    def heartbeat(self, bus_ids: AbstractSet[int], *, now: float) -> bytes:
        """Say what watchers of these buses must have by now: made once for all that are due at `now`."""
        if now != self._heartbeats_at:
            self._heartbeats.clear()
            self._heartbeats_at = now
        watched = frozenset(bus_ids)
        wire = self._heartbeats.get(watched)
        if wire is None:
            feeds = ((bus_id, self._feeds.get(bus_id)) for bus_id in bus_ids)
            told = ((bus_id, feed.told) for bus_id, feed in feeds if feed is not None)
            revs = {str(bus_id): head.rev for bus_id, head in told if head is not None}
            wire = self._heartbeats[watched] = frames.pack(Heartbeat(revs, frames.timestamp_now()))
        return wire

    def spoke_at(self, bus_ids: Iterable[int]) -> float:
        """When watchers of any of these buses were last sent something (monotonic clock)."""
        feeds = (self._feeds.get(bus_id) for bus_id in bus_ids)
        return max((feed.spoke_at for feed in feeds if feed is not None), default=-NEVER)

    def note_reply(self, watcher: Watcher) -> None:
        """After a direct reply: a client that asks and never reads must not fill the memory."""
        if watcher.outlet.is_full:
            self._congestion.note(watcher)

    def is_full(self, watcher: Watcher) -> bool:
        return watcher in self._congestion

    # What happened to buses.

    def is_known(self, bus_id: int) -> bool:
        return bus_id in self._feeds

    def apply(self, bus_id: int, change: Change) -> None:
        feed = self._feeds.get(bus_id)
        if feed is not None:
            self._run(bus_id, feed, feed.apply(change, now=time.monotonic()))

    def heads(self) -> dict[int, Head]:
        return {id_: feed.head for id_, feed in self._feeds.items() if feed.head is not None}

    def learn(self, asked: dict[int, Head], positions: Sequence[Position]) -> None:
        """The answer to a position check for the buses in `asked`, which were at these heads."""
        now = time.monotonic()
        found = {position.bus_id: Head(position.epoch, position.rev) for position in positions}
        for bus_id, asked_at in asked.items():
            feed = self._feeds.get(bus_id)
            if feed is None:
                continue
            if (position := found.get(bus_id)) is None:
                self._run(bus_id, feed, feed.suspect())
                continue
            effects = feed.learned(position, asked_at=asked_at, now=now)
            if effects or position != feed.head:  # hardly ever
                self._run(bus_id, feed, effects)

    def loaded(self, bus_id: int, seat_map: SeatMap) -> None:
        feed = self._feeds.get(bus_id)
        if feed is not None:
            self._run(bus_id, feed, feed.loaded(seat_map, now=time.monotonic()))

    def missing(self, bus_id: int) -> None:
        feed = self._feeds.get(bus_id)
        if feed is not None:
            self._run(bus_id, feed, feed.missing())

    def load_failed(self, bus_id: int) -> None:
        feed = self._feeds.get(bus_id)
        if feed is not None:
            self._run(bus_id, feed, feed.failed(now=time.monotonic()))

    def source_answered(self, *, is_healthy: bool) -> None:
        self._report_source(is_healthy)

    @property
    def feed_count(self) -> int:
        return len(self._feeds)

    @property
    def watched_count(self) -> int:
        return sum(feed.is_watched for feed in self._feeds.values())

    @property
    def full_count(self) -> int:
        return len(self._congestion)

    # Effects become frames, loads and alarms.

    def _run(self, bus_id: int, feed: Feed[Watcher], effects: Effects[Watcher]) -> None:
        for effect in effects:
            match effect:
                case Broadcast():
                    self._broadcast(bus_id, feed, effect)
                case Resync(watchers):
                    self._counters.resyncs += len(watchers)
                    self._write(feed, watchers, self._snapshot(bus_id, feed))
                case Answer():
                    self._answer(bus_id, feed, effect)
                case Refuse():
                    self._refuse(bus_id, effect)
                case Load():
                    self._loader.request(bus_id)
                case Evict(watchers):
                    self._evict(watchers)
                case Forget():
                    self._forget(bus_id, feed)
                case _:
                    assert_never(effect)
        self._arm(bus_id, feed)

    def _broadcast(self, bus_id: int, feed: Feed[Watcher], effect: Broadcast[Watcher]) -> None:
        """Tell some at once and the others as the loop comes round, lest nobody else has a turn."""
        change, watchers = effect.change, effect.watchers
        wire = change.wire or self._wire(bus_id, change)
        if len(watchers) <= self._settings.slice_watchers:
            self._write(feed, watchers, wire)
            self._note_lag(change)
            feed.delivered()
            return
        self._tell_some(bus_id, feed, change, wire, iter(watchers))

    def _tell_some(
        self, bus_id: int, feed: Feed[Watcher], change: Change, wire: bytes, rest: Iterator[Watcher]
    ) -> None:
        size = self._settings.slice_watchers
        some = list(islice(rest, size)) if feed.head and feed.head.epoch == change.epoch else []
        self._write(feed, [watcher for watcher in some if watcher in feed.current], wire)
        if len(some) == size:
            loop = asyncio.get_running_loop()
            loop.call_soon(self._tell_some, bus_id, feed, change, wire, rest)
            return
        self._note_lag(change)
        feed.delivered()
        if self._feeds.get(bus_id) is feed:
            self._arm(bus_id, feed)

    def _write(self, feed: Feed[Watcher], watchers: Sequence[Watcher], wire: bytes) -> None:
        late = [watcher for watcher in watchers if not watcher.outlet.offer(wire)]
        for watcher in late:
            feed.fell_behind(watcher)
            self._congestion.note(watcher)
        self._counters.fell_behind += len(late)
        self._counters.deliveries += len(watchers) - len(late)

    def _note_lag(self, change: Change) -> None:
        """After the last of its watchers: once a change, not once a socket."""
        if change.at is not None:
            self._counters.commit_to_socket.observe(frames.age_seconds(change.at))

    def _answer(self, bus_id: int, feed: Feed[Watcher], effect: Answer[Watcher]) -> None:
        head = feed.head
        assert head is not None, "a feed answers only when it knows the bus"
        answer = Subscribed(
            id=effect.request_id,
            bus=str(bus_id),
            mode="same" if effect.is_same else "snapshot",
            epoch=head.epoch,
            rev=head.rev,
            seats=msgspec.UNSET if effect.is_same else tuple(feed.seats.items()),
        )
        # Answers pass a full socket: they are as few as the requests a client may send.
        effect.watcher.outlet.write(frames.pack(answer))
        self.note_reply(effect.watcher)

    def _refuse(self, bus_id: int, effect: Refuse[Watcher]) -> None:
        if effect.code == "not_found":
            effect.watcher.buses.discard(bus_id)
        effect.watcher.refuse(effect.request_id, effect.code)

    def _evict(self, watchers: Sequence[Watcher]) -> None:
        for watcher in watchers:
            watcher.close(CloseCode.REBUILT)

    def _forget(self, bus_id: int, feed: Feed[Watcher]) -> None:
        if not feed.is_watched:
            self._feeds.pop(bus_id, None)

    def _resync(self, watcher: Watcher) -> None:
        """Its socket has drained: one snapshot for every bus it missed something of."""
        now = time.monotonic()
        for bus_id in list(watcher.buses):
            feed = self._feeds.get(bus_id)
            if feed is not None:
                self._run(bus_id, feed, feed.drained(watcher, now=now))

    def _wire(self, bus_id: int, change: Change) -> bytes:
        return frames.pack(
            Delta(
                bus=str(bus_id),
                epoch=change.epoch,
                prev=change.prev,
                rev=change.rev,
                seats=change.seats,
                at=change.at or frames.timestamp_now(),
                status=change.status or msgspec.UNSET,
            )
        )

    def _snapshot(self, bus_id: int, feed: Feed[Watcher]) -> bytes:
        head = feed.head
        assert head is not None, "a feed resyncs only when it knows the bus"
        seats = tuple(feed.seats.items())
        return frames.pack(Snapshot(str(bus_id), head.epoch, head.rev, seats))

    def _arm(self, bus_id: int, feed: Feed[Watcher]) -> None:
        due = feed.due if bus_id in self._feeds else NEVER
        armed = self._alarms.get(bus_id)
        if armed is None and due == NEVER:
            return  # a healthy, watched bus
        if armed is not None:
            if armed[0] == due:
                return
            armed[1].cancel()
            del self._alarms[bus_id]
        if due != NEVER:
            loop = asyncio.get_running_loop()
            delay = due - time.monotonic()
            # What is due now waits for the end of this turn of the loop: its changes leave as one.
            self._alarms[bus_id] = (
                due,
                loop.call_soon(self._ring, bus_id, feed)
                if delay <= 0
                else loop.call_later(delay, self._ring, bus_id, feed),
            )

    def _ring(self, bus_id: int, feed: Feed[Watcher]) -> None:
        del self._alarms[bus_id]
        if self._feeds.get(bus_id) is feed:
            # The loop's clock may be a hair early; a feed looks at what was due, not at the time.
            self._run(bus_id, feed, feed.tick(now=max(time.monotonic(), feed.due)))

    def _drop_unwatched(self) -> bool:
        # Every unwatched feed has an alarm, hardly any other: the search is short.
        for bus_id in self._alarms:
            feed = self._feeds[bus_id]
            if feed.is_idle:
                del self._feeds[bus_id]
                self._arm(bus_id, feed)
                return True
        return False
