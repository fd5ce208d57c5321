"""What those who wait look at: the counter, as a cache in front shows it; and what they were told of their turns."""

import asyncio
import math
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from server.simulation.exchange import Answer, Exchange
from server.simulation.journal import Journal
from server.simulation.rush import Visitor
from server.simulation.visit import API

_GOOD_FOR = re.compile(r"max-age=(\d+)")


@dataclass(slots=True)
class Turn:
    """One who waits. Times are of `time.monotonic`; `is_drawn`: they were there before the opening."""

    place: str
    number: int | None
    is_drawn: bool
    asked: float
    told: float
    entered: float | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """What the counter said to somebody who asked and was answered then."""

    asked: float
    answered: float
    serving: int


@dataclass(frozen=True, slots=True)
class Loot:
    """What somebody who came in had in hand: a thief's dream."""

    visitor: Visitor
    cookies: Mapping[str, str]
    place_token: str
    admission: str
    expires_at: str


@dataclass(slots=True)
class Hall:
    """A waiting room, as its crowd knows it. `looks` are what people asked, `readings` what the server was asked.

    `opened` is when it was first seen open.
    """

    exchange: Exchange
    journal: Journal
    room: str
    turns: list[Turn] = field(default_factory=list)
    loot: list[Loot] = field(default_factory=list)
    readings: list[Reading] = field(default_factory=list)
    looks: int = 0
    opened: float = math.inf
    _shown: Answer | None = None
    _good_until: float = 0.0
    _asking: asyncio.Task[None] | None = None

    async def look(self) -> Mapping[str, Any] | None:
        """Show the counter: one request for all who look while it is good; None when there was no answer."""
        self.looks += 1
        if time.monotonic() >= self._good_until:
            if self._asking is None or self._asking.done():
                self._asking = asyncio.create_task(self._ask())
            await asyncio.shield(self._asking)
        return self._shown.document if self._shown is not None else None

    async def _ask(self) -> None:
        asked = time.monotonic()
        answer = await self.exchange.ask("GET", f"{API}/rooms/{self.room}")
        self.journal.note("counter", answer)
        now = time.monotonic()
        good_for = _GOOD_FOR.search(answer.headers.get("cache-control", ""))
        self._good_until = now + (int(good_for[1]) if good_for else 0)
        if answer.status == 200:
            if answer.document["status"] == "open":
                self.opened = min(self.opened, now)
            self._shown = answer
            self.readings.append(Reading(asked, now, answer.document["now_serving"]))
