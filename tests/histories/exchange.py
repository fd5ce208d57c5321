"""How a buyer asks: one request at a time, again while its outcome is unknown, and every attempt is written down."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any, Literal

from tests.faults.client import Answer as HttpAnswer
from tests.faults.client import Client, Refused, Unanswered
from tests.histories.records import Answer, Attempt, Glimpse, Leg, Seats, Writer

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PASSER_BY = 0
_TRIES = 60
_PAUSE_SECONDS = 0.05
_LONGEST_PAUSE_SECONDS = 1.0
_FORGETS = 0.06
_IMPATIENT = 0.02
_IMPATIENCE_SECONDS = 0.04

NOT_YET = frozenset({"overloaded", "request_in_progress", "rate_limited", "unsent"})
"""Answers that settle nothing: the same request is worth another try."""
_UNSTORED = frozenset({"not_found", "hold_not_found", "invalid_request", "idempotency_key_reused"})


@dataclass(frozen=True, slots=True)
class Order:
    """Something to be done, as it goes over the wire and as it is written down."""

    op: str
    method: str
    path: str
    bus: str
    body: Any
    seats: Seats = ()
    leg: Leg | None = None
    of: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    is_keyed: bool = True


@dataclass(frozen=True, slots=True)
class Told:
    """A definite answer."""

    attempt: Attempt
    document: dict[str, Any]

    @property
    def is_done(self) -> bool:
        return self.attempt.outcome == "ok"

    @property
    def is_stored(self) -> bool:
        """Whether asking again must bring the very same answer."""
        return self.attempt.key is not None and self.attempt.code not in _UNSTORED

    @property
    def code(self) -> str | None:
        return self.attempt.code

    @property
    def answer(self) -> Answer:
        assert self.attempt.answer is not None
        return self.attempt.answer

    @property
    def id(self) -> str:
        return self.answer.id or ""


@dataclass(slots=True)
class Journal:
    """Where all buyers of a run write, and how many operations they have begun and shall begin."""

    operations: Writer
    watchers: Writer
    wanted: int
    begun: int = 0
    attempts: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)

    @property
    def is_full(self) -> bool:
        return self.begun >= self.wanted

    def write(self, attempt: Attempt) -> None:
        self.operations.write(attempt)
        self.attempts += 1
        self.outcomes[attempt.outcome] += 1


class Exchange:
    def __init__(
        self,
        process: int,
        clients: Sequence[Client],
        journal: Journal,
        stops: Mapping[str, Sequence[str]],
        chance: random.Random,
    ) -> None:
        self._process = process
        self._clients = clients
        self._journal = journal
        self._stops = stops
        self._chance = chance
        self._number = 0
        self._key: str | None = None

    async def carry_out(self, order: Order) -> Told | None:
        """Ask until there is a definite answer; None when the buyer forgot about it, or could not ask again.

        What has no key cannot be asked again: a second time would be another request.
        """
        self._number += 1
        self._journal.begun += 1
        self._key = f"{self._chance.getrandbits(128):032x}" if order.is_keyed else None
        pause = _PAUSE_SECONDS
        for _ in range(_TRIES):
            attempt, document = await self._attempt(order)
            if attempt.outcome != "info" and attempt.code not in NOT_YET:
                return Told(attempt, document)
            if not order.is_keyed:
                return None
            if attempt.outcome == "info" and self._chance.random() < _FORGETS:
                return None
            await asyncio.sleep(self._chance.uniform(0, pause))
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
        return None

    async def send_again(self, order: Order) -> None:
        """Repeat what has been answered, under its key."""
        await self._attempt(order)

    async def misuse_key(self, order: Order) -> None:
        """Ask for something else under the same key."""
        if order.op in {"hold", "replace", "cancel"}:
            body = {**order.body, "seats": ["1B" if order.seats == ("1A",) else "1A"]}
            await self._attempt(
                Order("misuse", order.method, order.path, order.bus, body, headers=order.headers)
            )

    async def look(self, bus: str) -> None:
        """Read the seats of a bus, as a page does that opens; it counts if there is something to see."""
        try:
            answer = await self._chance.choice(self._clients).send(
                "GET", f"/api/v1/buses/{bus}/seats"
            )
        except Unanswered:
            return
        if answer.status == 200:
            self._journal.begun += 1
            read = answer.document
            seats = tuple((seat["seat"], seat["states"]) for seat in read["seats"])
            glimpse = Glimpse(_PASSER_BY, bus, read["epoch"], read["rev"], now(), seats)
            self._journal.watchers.write(glimpse)

    async def _attempt(self, order: Order) -> tuple[Attempt, dict[str, Any]]:
        start = now()
        answer, code = await self._send(order)
        end = now()
        document: dict[str, Any] = answer.document if answer and answer.body else {}
        if answer is not None and answer.status >= 400:
            code = str(document.get("code", answer.status))
        attempt = Attempt(
            process=self._process,
            number=self._number,
            op=order.op,
            bus=order.bus,
            start=start,
            end=end,
            outcome=_outcome(answer, code),
            seats=order.seats,
            leg=order.leg,
            of=order.of,
            key=self._key,
            status=answer.status if answer else 0,
            code=code,
            is_replayed=answer.is_replayed if answer else False,
            digest=_digest(answer),
            answer=self._read(order.bus, document) if document else None,
        )
        self._journal.write(attempt)
        return attempt, document

    async def _send(self, order: Order) -> tuple[HttpAnswer | None, str | None]:
        client = self._chance.choice(self._clients)
        headers = dict(order.headers)
        if self._key is not None:
            headers["idempotency-key"] = self._key
        sending = client.send(order.method, f"/api/v1{order.path}", order.body, headers)
        try:
            if self._chance.random() > _IMPATIENT:
                return await sending, None
            async with asyncio.timeout(self._chance.uniform(0, _IMPATIENCE_SECONDS)):
                return await sending, None
        except Refused:
            return None, "unsent"
        except Unanswered:
            return None, "unanswered"
        except TimeoutError:
            client.close()
            return None, "impatient"

    def _read(self, bus: str, document: Mapping[str, Any]) -> Answer:
        if "code" in document:
            hurdles = tuple((seat["seat"], seat["status"]) for seat in document.get("seats", ()))
            return Answer(hurdles=hurdles)
        stops = self._stops[bus]
        return Answer(
            id=document.get("ref") or document["id"],
            seats=tuple(sorted(document["seats"])),
            leg=(stops.index(document["from_stop"]), stops.index(document["to_stop"])),
            created=_micros(document.get("created_at")),
            expires=_micros(document.get("expires_at")),
            status=document.get("status"),
            total=document["total"]["amount"],
            refunded=document.get("refunded", {}).get("amount", 0),
            valid=tuple(
                sorted(
                    person["seat"]
                    for person in document.get("passengers", ())
                    if person.get("status") == "VALID"
                )
            ),
        )


def now() -> int:
    """Return the wall clock in microseconds: the one that this machine's PostgreSQL reads, too."""
    return time.time_ns() // 1000


def _outcome(answer: HttpAnswer | None, code: str | None) -> Literal["ok", "fail", "info"]:
    if answer is None:
        return "fail" if code == "unsent" else "info"
    if answer.status < 400:
        return "ok"
    is_known = answer.status < 500 or (answer.status == 503 and code == "overloaded")
    return "fail" if is_known else "info"


def _digest(answer: HttpAnswer | None) -> str | None:
    return blake2b(answer.body, digest_size=8).hexdigest() if answer else None


def _micros(text: str | None) -> int | None:
    if text is None:
        return None
    return (datetime.fromisoformat(text) - _EPOCH) // timedelta(microseconds=1)
