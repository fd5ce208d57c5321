"""A random world around the pure feed: two processes, lossy channels between them, slow clients.

The oracle is the list of committed states. Whatever a client applies is compared with it there and
then, so that a violation names the frame that caused it.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from random import Random

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
from realtime.feed import Feed
from realtime.settings import FeedSettings
from store.events import SeatMap
from tests.realtime.dice import Dice

BUS = 7
BUFFER_MAX = 3  # frames a socket takes before the client counts as slow
STATES = ("A", "L", "B", "X")
SLICE = 2  # sockets told in one go
SETTINGS = FeedSettings(
    early_max=4,
    keep_seconds=5.0,
    calm_watchers=2,
    calm_per_second=3,
    tick_seconds=0.2,
    tick_seconds_a_watcher=0.1,
    tick_seconds_max=0.3,
)

State = dict[str, str]
FeedFactory = Callable[[FeedSettings, Counters], Feed["Socket"]]


class Violation(AssertionError):
    pass


class History:
    """What the database has committed, revision by revision."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.head = Head(1, 0)
        self.state: State = dict.fromkeys(("1A", "1B", "2A", "2B"), "A")
        self.states: dict[Head, State] = {self.head: self.state}

    def commit(self) -> Change:
        prev = self.head
        labels = self.rng.sample(list(self.state), self.rng.choice((1, 1, 2)))
        seats = tuple((label, self.rng.choice(STATES)) for label in labels)
        self._record(Head(prev.epoch, prev.rev + 1), {**self.state, **dict(seats)})
        return Change(prev.epoch, prev.rev, self.head.rev, seats, at="then")

    def rebuild(self) -> None:
        """A new epoch; at times with another layout, and with revisions that start over."""
        state = {label: self.rng.choice(STATES) for label in self.state}
        if self.rng.random() < 0.5:
            state.pop("2B", None) or state.setdefault("2B", "A")
        rev = self.rng.choice((0, self.head.rev + 1))
        self._record(Head(self.head.epoch + 1, rev), state)

    def read(self) -> SeatMap:
        return SeatMap(BUS, *self.head, tuple(self.state.items()))

    def _record(self, head: Head, state: State) -> None:
        self.head, self.state = head, state
        self.states[head] = state


@dataclass(eq=False)
class Socket:
    """One connection: frames arrive in order, or not at all once it is gone."""

    frames: list[tuple[object, Head, State]] = field(default_factory=list)

    @property
    def is_full(self) -> bool:
        return len(self.frames) >= BUFFER_MAX


@dataclass(eq=False)
class Client:
    history: History
    at: Head | None = None
    state: State = field(default_factory=dict)
    socket: Socket | None = None
    process: "Process | None" = None
    is_subscribed: bool = False  # an answer came on this socket
    requests: int = 0
    seen: Counter[str] = field(default_factory=Counter)

    def receive(self) -> None:
        assert self.socket is not None
        frame, head, state = self.socket.frames.pop(0)
        if isinstance(frame, Heartbeat):
            if self.at is None or self.at < head:
                raise Violation(f"told to be at {head}, is at {self.at}")
            return
        self.seen["same" if getattr(frame, "is_same", False) else type(frame).__name__] += 1
        match frame:
            case Answer(is_same=True):
                if self.at != head:
                    raise Violation(f"told 'same' at {head}, is at {self.at}")
                self.is_subscribed = True
            case Answer() | Resync():
                if isinstance(frame, Resync) and not self.is_subscribed:
                    raise Violation("an unasked snapshot before the first answer")
                if self.at is not None and head < self.at:
                    raise Violation(f"sent back from {self.at} to {head}")
                self.at, self.state, self.is_subscribed = head, dict(state), True
            case Change():
                self._apply(frame)
        if self.at is None or self.state != self.history.states.get(self.at):
            raise Violation(f"{frame} leads to {self.state} at {self.at}")

    def _apply(self, change: Change) -> None:
        """The client rule; where it would subscribe again, the hub has broken its promise."""
        if not self.is_subscribed or self.at is None or change.epoch != self.at.epoch:
            raise Violation(f"{change} for a client at {self.at}")
        if change.rev <= self.at.rev:
            self.seen["ignored"] += 1
            return
        if change.prev > self.at.rev:
            raise Violation(f"a gap: {change} for a client at {self.at}")
        self.seen["merged"] += change.rev > change.prev + 1 and change.at is not None
        self.state.update(change.seats)
        self.at = Head(change.epoch, change.rev)


class Heartbeat:
    """What every watcher of a bus must have by now."""


class Process:
    """The asyncio shell in miniature: it carries out effects, late where reality would be late."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self.feed: Feed[Socket] | None = None
        self.inbox: list[Change] = []
        self.is_reading = False  # a load was asked for
        self.read: SeatMap | None = None  # what it saw, not yet delivered
        self.question: Head | None = None
        self.position: Head | None = None
        self.telling: Iterator[Socket] | None = None  # whom a broadcast has not reached yet
        self.told: Change | None = None

    def subscribe(self, socket: Socket, request_id: int, claim: Head | None) -> None:
        if self.feed is None:
            self.feed = self.world.make_feed(SETTINGS, self.world.counters)
        self.run(self.feed.subscribe(socket, request_id, claim, now=self.world.now))

    def apply(self, change: Change) -> None:
        if self.feed is not None:
            self.run(self.feed.apply(change, now=self.world.now))

    def tick(self) -> None:
        if self.feed is not None and self.feed.due <= self.world.now:
            self.run(self.feed.tick(now=self.world.now))

    def finish_load(self, *, is_failing: bool = False) -> None:
        feed, read = self.feed, self.read
        if feed is None or not self.is_reading or (read is None and not is_failing):
            return
        self.is_reading, self.read = False, None
        now = self.world.now
        if is_failing or read is None:
            self.run(feed.failed(now=now))
        else:
            self.run(feed.loaded(read, now=now))

    def ask_position(self) -> None:
        if self.feed is not None and self.feed.head is not None:
            self.question, self.position = self.feed.head, self.world.history.head

    def learn_position(self) -> None:
        question, position = self.question, self.position
        self.question = self.position = None
        if self.feed is not None and position is not None:
            self.run(self.feed.learned(position, asked_at=question, now=self.world.now))

    def tell_some(self) -> None:
        """A broadcast goes on: a few sockets at a time, and the world moves in between."""
        feed, telling, change = self.feed, self.telling, self.told
        if feed is None or telling is None or change is None:
            return
        some = list(islice(telling, SLICE)) if feed.head and feed.head[0] == change.epoch else []
        for socket in some:
            if socket in feed.current:
                self._write(socket, change)
        if len(some) < SLICE:
            self.telling = self.told = None
            feed.delivered()

    def tell_all(self) -> None:
        while self.telling is not None:
            self.tell_some()

    def beat(self) -> None:
        feed = self.feed
        if feed is not None and feed.told is not None:
            for socket in feed.current:
                if not socket.is_full:
                    socket.frames.append((Heartbeat(), feed.told, {}))

    def relieve(self) -> None:
        feed = self.feed
        if feed is None:
            return
        for socket in [one for one in feed.behind if not one.is_full]:
            self.run(feed.drained(socket, now=self.world.now))

    def run(self, effects: Effects[Socket]) -> None:
        for effect in effects:
            match effect:
                case Load():
                    if self.is_reading:
                        raise Violation("two loads at a time")
                    self.is_reading = True
                case Broadcast(change, watchers):
                    self._begin_to_tell(change, watchers)
                case Resync(watchers):
                    for socket in watchers:
                        self._write(socket, effect)
                case Answer(socket):
                    self._send(socket, effect)  # answers are few: they pass a full socket
                case Forget():
                    self._forget()
                case Refuse() | Evict():
                    raise Violation(f"{effect} without cause")

    def _begin_to_tell(self, change: Change, watchers: tuple[Socket, ...]) -> None:
        if self.telling is not None:
            raise Violation("two broadcasts at a time")
        self.told, self.telling = change, iter(watchers)
        self.tell_some()

    def _forget(self) -> None:
        if self.feed is not None and not self.feed.is_watched:
            self.feed = self.telling = self.told = None

    def _write(self, socket: Socket, frame: object) -> None:
        assert self.feed is not None
        if socket.is_full:
            self.feed.fell_behind(socket)
        else:
            self._send(socket, frame)

    def _send(self, socket: Socket, frame: object) -> None:
        assert self.feed is not None
        assert self.feed.head is not None
        state = {} if isinstance(frame, Change) else dict(self.feed.seats)
        socket.frames.append((frame, self.feed.head, state))


class World:
    def __init__(self, seed: int, make_feed: FeedFactory = Feed) -> None:
        self.rng = Dice(seed)
        self.make_feed = make_feed
        self.counters = Counters()
        self.now = 0.0
        self.loss = self.rng.choice((0.0, 0.05, 0.3))
        self.disorder = self.rng.choice((0.0, 0.1, 0.5))
        self.history = History(self.rng)
        self.processes = [Process(self) for _ in range(2)]
        self.clients = [Client(self.history) for _ in range(self.rng.choice((1, 2, 3, 5)))]

    def play(self, steps: int) -> None:
        actions = (
            *(self._commit,) * 6,
            *(self._deliver,) * 10,
            *(self._client_reads,) * 6,
            self._client_acts,
            *(self._pass_time,) * 3,
            *(self._load_moves,) * 6,
            self._check,
            self._check,
            self._relieve,
            *(self._turn,) * 8,
            self._beat,
        )
        for client in self.clients:
            self._connect(client)
        for _ in range(steps):
            self.rng.choice(actions)()

    def heal(self) -> None:
        """No more faults: what must happen by itself, happens; then everybody is at the head."""
        for client in self.clients:
            if client.socket is None and client.at is not None:
                self._connect(client)
        for _ in range(4):
            for process in self.processes:
                self._settle(process)
        for client in self.clients:
            if client.socket is not None and client.requests and client.at != self.history.head:
                raise Violation(f"left behind at {client.at}, head is {self.history.head}")

    def _settle(self, process: Process) -> None:
        process.ask_position()
        process.learn_position()
        for _ in range(3):
            self.now += 3.0
            process.tell_all()
            process.tick()
            process.read = self.history.read() if process.is_reading else None
            process.finish_load()
        process.tell_all()
        for client in self.clients:
            while client.socket is not None and client.socket.frames:
                client.receive()
        process.relieve()

    def _commit(self) -> None:
        if self.rng.random() < 0.02:
            self.history.rebuild()  # announced to nobody
            return
        change = self.history.commit()
        home = self.rng.choice((*self.processes, None))  # None: a worker that watches nothing
        for process in self.processes:
            if process is home:
                process.apply(change)
            elif self.rng.random() >= self.loss:
                process.inbox += [change] * self.rng.choice((1, 1, 1, 2))

    def _deliver(self) -> None:
        process = self.rng.choice(self.processes)
        if process.inbox:
            is_in_order = self.rng.random() >= self.disorder
            index = 0 if is_in_order else self.rng.randrange(len(process.inbox))
            process.apply(process.inbox.pop(index))

    def _client_reads(self) -> None:
        client = self.rng.choice(self.clients)
        if client.socket is not None:
            for _ in range(min(len(client.socket.frames), self.rng.choice((1, 2, 5)))):
                client.receive()

    def _client_acts(self) -> None:
        client = self.rng.choice(self.clients)
        if client.socket is None:
            self._connect(client)
            return
        process = client.process
        assert process is not None
        dice = self.rng.random()
        if dice < 0.3:
            self._subscribe(client)  # a duplicate
        elif process.feed is not None:
            process.feed.unsubscribe(client.socket, now=self.now)
            client.socket = None  # an unsubscribe and a lost connection look the same from here

    def _connect(self, client: Client) -> None:
        client.socket = Socket()
        client.process = self.rng.choice(self.processes)
        client.is_subscribed = False
        if self.rng.random() < 0.3:
            client.at, client.state = None, {}  # a reloaded page
        self._subscribe(client)

    def _subscribe(self, client: Client) -> None:
        assert client.process is not None
        assert client.socket is not None
        # Whoever has an answer on this socket may ask afresh without saying where it is.
        is_silent = client.is_subscribed and self.rng.random() < 0.2
        claim = None if is_silent else client.at
        client.requests += 1
        client.process.subscribe(client.socket, client.requests, claim)

    def _pass_time(self) -> None:
        self.now += self.rng.choice((0.01, 0.05, 0.11, 0.3, 3.0, 6.0))
        for process in self.processes:
            process.tick()

    def _load_moves(self) -> None:
        process = self.rng.choice(self.processes)
        if process.is_reading and process.read is None and self.rng.random() < 0.8:
            process.read = self.history.read()
        else:
            process.finish_load(is_failing=self.rng.random() < 0.15)

    def _check(self) -> None:
        process = self.rng.choice(self.processes)
        if process.position is None:
            process.ask_position()
        elif self.rng.random() < 0.05 and process.feed is not None:
            process.run(process.feed.suspect())
        else:
            process.learn_position()

    def _turn(self) -> None:
        """The event loop comes round: what is due is told, and what was begun goes on."""
        process = self.rng.choice(self.processes)
        process.tell_some()
        process.tick()

    def _beat(self) -> None:
        self.rng.choice(self.processes).beat()

    def _relieve(self) -> None:
        self.rng.choice(self.processes).relieve()
