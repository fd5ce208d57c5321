"""Watchers that follow the client rule of the contract and write down every state they were shown."""

import asyncio
import json
import random
import socket
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from enum import Enum
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.typing import Subprotocol

from tests.faults.committed import Committed, Head, read_heads
from tests.faults.shop import Shop
from tests.support import promised
from tests.support.waiting import wait_until

Frame = dict[str, Any]
_SMALL_BYTES = 16_384
"""Of a receive buffer. With less, the kernels' timers for tiny windows decide how long a backlog takes, not we."""
_RETRY_SECONDS = 0.1
_LEAVING_SECONDS = 1.0
"""The library reads no further while its queue is full, so the other side's goodbye may never be seen."""
_BUSY_SECONDS = 4.0
"""At most, between two moods of a watcher that has them."""
_DOZE_SECONDS = 20.0
_HEALED_SECONDS = 5.0


class Manner(Enum):
    STEADY = "steady"
    RESTLESS = "restless"
    """Hangs up now and then and comes back, to whichever server, with what it knows."""
    SLOW = "slow"
    """Stops reading now and then, with next to no room for what comes meanwhile."""


@dataclass(frozen=True, slots=True)
class Arrival:
    head: Head
    is_whole: bool
    seats: Sequence[tuple[str, str]]


class Watcher:
    def __init__(
        self,
        ports: Sequence[int],
        buses: Sequence[str],
        chance: random.Random,
        manner: Manner = Manner.STEADY,
    ) -> None:
        self.buses = buses
        self.at: dict[str, Head] = {}
        self.seen: Counter[str] = Counter()
        """What it got, and how its sockets ended."""
        self._arrivals: defaultdict[str, list[Arrival]] = defaultdict(list)
        self._asked: set[str] = set()
        self._woken = asyncio.Event()
        self._ports = ports
        self._chance = chance
        self._manner = manner

    def is_at(self, heads: Mapping[str, Head]) -> bool:
        return all(self.at.get(bus) == heads[bus] for bus in self.buses)

    def describe(self, heads: Mapping[str, Head]) -> str:
        """Say what kind of watcher it is, what it got, and how far it is behind."""
        places = {bus: (self.at.get(bus), heads[bus]) for bus in self.buses}
        behind = {bus: place for bus, place in places.items() if place[0] != place[1]}
        return f"{self._manner.value} {dict(self.seen)} is behind: {behind}"

    def wake(self) -> None:
        """Read on, and doze no more."""
        self._woken.set()

    def check(self, committed: Committed) -> int:
        """Hold every state it went through against what was committed; return how many there were."""
        for bus, arrivals in self._arrivals.items():
            state: dict[str, str] = {}
            for arrival in arrivals:
                state = ({} if arrival.is_whole else state) | dict(arrival.seats)
                assert state == committed.states[bus][arrival.head], (bus, arrival)
        return sum(map(len, self._arrivals.values()))

    async def watch(self) -> None:
        """Watch until cancelled, over as many sockets as it takes."""
        while True:
            try:
                async with self._connect(self._chance.choice(self._ports)) as connection:
                    await self._follow(connection)
                self.seen["left"] += 1
            except ConnectionClosed as end:
                self.seen[f"closed {end.rcvd.code if end.rcvd else 1006}"] += 1
            except (OSError, InvalidHandshake):
                self.seen["refused"] += 1
                await asyncio.sleep(_RETRY_SECONDS)

    @asynccontextmanager
    async def _connect(self, port: int) -> AsyncIterator[ClientConnection]:
        is_slow = self._manner is Manner.SLOW
        # Closed by its connection, and by nobody else: the loop would take the next socket of its number for it.
        raw = socket.socket()
        try:
            if is_slow:
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SMALL_BYTES)
            raw.setblocking(False)  # noqa: FBT003 - the standard library's signature
            await asyncio.get_running_loop().sock_connect(raw, ("127.0.0.1", port))
        except BaseException:
            raw.close()
            raise
        async with connect(
            f"ws://127.0.0.1:{port}/ws",
            sock=raw,
            subprotocols=[Subprotocol("seatmap.v1")],
            compression=None,
            ping_interval=None,
            close_timeout=_LEAVING_SECONDS,
            max_queue=1 if is_slow else 16,
        ) as connection:
            yield connection

    async def _follow(self, connection: ClientConnection) -> None:
        """Follow the buses until the other side closes, or until a restless watcher has had enough."""
        self._asked.clear()
        for bus in self.buses:
            await self._subscribe(connection, bus)
        clock = asyncio.get_running_loop().time
        busy_until = clock() + self._chance.uniform(0, _BUSY_SECONDS)
        while True:
            text = str(await connection.recv())
            promised.heard(text)
            await self._heed(connection, json.loads(text))
            if self._manner is Manner.STEADY or clock() < busy_until:
                continue
            if self._manner is Manner.RESTLESS:
                return
            await self._doze()
            busy_until = clock() + self._chance.uniform(0, _BUSY_SECONDS)

    async def _doze(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._chance.uniform(0, _DOZE_SECONDS)):
                await self._woken.wait()

    async def _subscribe(self, connection: ClientConnection, bus: str) -> None:
        if bus not in self._asked:
            self._asked.add(bus)
            known = dict(zip(("epoch", "rev"), self.at.get(bus, ()), strict=False))
            await self._say(connection, "subscribe", id=1, bus=bus, **known)

    async def _heed(self, connection: ClientConnection, frame: Frame) -> None:
        self.seen[frame["type"] + frame.get("mode", "")] += 1
        match frame["type"]:
            case "heartbeat":
                await self._say(connection, "ack", revs=frame["revs"])
            case "subscribed" | "snapshot":
                self._take(frame)
            case "delta":
                epoch, rev = self.at[frame["bus"]]
                if frame["epoch"] != epoch or frame["prev"] > rev:
                    await self._subscribe(connection, frame["bus"])
                elif frame["rev"] > rev:
                    self._arrive(frame, is_whole=False)
            case "error":
                raise AssertionError(frame)

    def _take(self, frame: Frame) -> None:
        if frame["type"] == "subscribed":
            self._asked.discard(frame["bus"])
        if "seats" in frame:
            self._arrive(frame, is_whole=True)
        else:
            assert self.at[frame["bus"]] == (frame["epoch"], frame["rev"])

    def _arrive(self, frame: Frame, *, is_whole: bool) -> None:
        bus, head = frame["bus"], (frame["epoch"], frame["rev"])
        assert self.at.get(bus, head)[0] != head[0] or self.at.get(bus, head) <= head, "sent back"
        self.at[bus] = head
        seats = [(label, states) for label, states in frame["seats"]]
        self._arrivals[bus].append(Arrival(head, is_whole, seats))

    @staticmethod
    async def _say(connection: ClientConnection, type_: str, **members: object) -> None:
        await connection.send(json.dumps({"type": type_, **members}))


async def reach_head(watchers: Collection[Watcher], shop: Shop) -> None:
    """Wait until all are at the head, which nobody moves any more: within 5 s of whatever has healed."""
    heads = await read_heads(shop)
    try:
        await wait_until(
            lambda: all(watcher.is_at(heads) for watcher in watchers), seconds=_HEALED_SECONDS
        )
    except AssertionError:
        behind = [watcher.describe(heads) for watcher in watchers if not watcher.is_at(heads)]
        raise AssertionError(f"{len(behind)} watchers are behind: {behind}") from None


@asynccontextmanager
async def watching(watchers: Iterable[Watcher]) -> AsyncIterator[None]:
    """Have them watch meanwhile; a rule that was broken towards one of them is the test's failure."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(watcher.watch()) for watcher in watchers]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
