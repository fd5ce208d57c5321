"""Places in waiting rooms: taken by a crowd at once, drawn by lot at the opening, used once.

A crowd arrives within a second, so arrivals are written as bookings are: while one batch commits, those who come form
the next. Whoever was there before the opening gets a number by the draw, whoever comes later the next one.
"""

import asyncio
import logging
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from store.db import Connection, Database, Record
from store.errors import MustWait, StoreError, WrongState
from store.queries import Queries
from store.rooms import Room

SQL = Queries.beside(__file__)
log = logging.getLogger(__name__)

ADMITTED_FOR = timedelta(minutes=10)
"""How long whoever came in may take seats; whoever comes back later waits again."""
PLACES_MAX = 200_000
"""Of one room: a limit on everything."""
NETWORK_PLACES_MAX = 2_000
"""Of one room, taken from one network: a hundredth of a room, and more people than most networks have."""
_BATCH_MAX = 2_000
_DRAW_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Place:
    """Somebody's place; without a number until the draw."""

    place_id: uuid.UUID
    number: int | None
    joined_at: datetime
    entered_at: datetime | None


@dataclass(frozen=True, slots=True)
class _Arrival:
    """Somebody who waits to be written. `asker` is who would come in by the place, `network` where they are."""

    asker: uuid.UUID
    network: uuid.UUID | None
    answer: asyncio.Future[Place] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class RoomPlaces:
    def __init__(self, db: Database) -> None:
        self._db = db
        self._coming: dict[int, dict[uuid.UUID, _Arrival]] = {}
        self._writing: dict[int, asyncio.Task[None]] = {}

    async def join(
        self,
        room: Room,
        buyer: uuid.UUID,
        *,
        asker: uuid.UUID | None = None,
        network: uuid.UUID | None = None,
    ) -> Place:
        """Return a buyer's place in a room, a new one if there is none or what it was good for is over.

        `asker` is who would use it where that is not the buyer: an account, in a browser that has the place. One that
        somebody else has come in by is over for them. With others who come at the same moment, in one transaction:
        locks the room. Raises WrongState when the room is closed, or full for those who have no place yet, also of
        their network alone; Overloaded, OutcomeUnknown (ask again: it is the same place).
        """
        coming = self._coming.setdefault(room.room_id, {})
        arrival = coming.get(buyer)
        if arrival is None:
            arrival = coming[buyer] = _Arrival(asker or buyer, network)
        if room.room_id not in self._writing:
            self._writing[room.room_id] = asyncio.create_task(self._write(room))
        return await asyncio.shield(arrival.answer)

    async def open_due(self, room: Room) -> None:
        """Draw the order of those who wait, if it is time. Locks the room; a second time changes nothing."""

        async def work(connection: Connection) -> None:
            row = await connection.fetchrow(SQL["lock_room"], room.room_id)
            if row is not None and row["is_due"] and not row["is_open"]:
                await _draw(connection, room.room_id)

        await self._db.transaction([room.operator_id], work)

    async def enter(
        self, room: Room, buyer: uuid.UUID, place_id: uuid.UUID, asker: uuid.UUID
    ) -> datetime:
        """Use a buyer's place, as `asker`, whose alone it is from now on: return when it was used first.

        Locks the place. Raises MustWait when it is no more or somebody else has come in by it, Overloaded,
        OutcomeUnknown.
        """

        async def work(connection: Connection) -> datetime:
            row = await connection.fetchrow(SQL["enter"], room.room_id, buyer, place_id, asker)
            if row is None:
                raise MustWait(room.room_id, "this place is no more; take a new place")
            if row["entered_by"] != asker:
                raise MustWait(room.room_id, "somebody else has come in by this place")
            entered_at: datetime = row["entered_at"]
            return entered_at

        return await self._db.transaction([room.operator_id], work)

    async def list_drawn(self, room: Room, after: int, limit: int) -> list[tuple[uuid.UUID, int]]:
        """Return places and their numbers, in order, from the one after `after`. Locks nothing."""

        async def read(connection: Connection) -> list[tuple[uuid.UUID, int]]:
            rows = await connection.fetch(SQL["list_drawn"], room.room_id, after, limit)
            return [(row["place_id"], row["number"]) for row in rows]

        return await self._db.read([room.operator_id], read)

    async def _write(self, room: Room) -> None:
        """Write who comes until nobody does."""
        coming = self._coming[room.room_id]
        try:
            while coming:
                batch = {buyer: coming.pop(buyer) for buyer in list(coming)[:_BATCH_MAX]}
                await self._answer(room, batch)
        finally:
            del self._writing[room.room_id], self._coming[room.room_id]
            _refuse(coming, None)

    async def _answer(self, room: Room, batch: Mapping[uuid.UUID, _Arrival]) -> None:
        async def work(connection: Connection) -> Mapping[uuid.UUID, Place | WrongState]:
            return await _join(connection, room, batch)

        try:
            answers = await self._db.transaction([room.operator_id], work)
        except StoreError as error:
            _refuse(batch, error)
        except Exception as error:  # those who come after this batch have no part in it
            log.exception("places in room %s were not written", room.room_id)
            _refuse(batch, error)
        except BaseException:
            _refuse(batch, None)
            raise
        else:
            for buyer, arrival in batch.items():
                _tell(arrival, answers[buyer])


def _tell(arrival: _Arrival, answer: Place | Exception) -> None:
    if arrival.answer.done():
        return
    if isinstance(answer, Place):
        arrival.answer.set_result(answer)
    else:
        arrival.answer.set_exception(answer)


def _refuse(batch: Mapping[uuid.UUID, _Arrival], error: Exception | None) -> None:
    for arrival in batch.values():
        if error is None:
            arrival.answer.cancel()
        else:
            _tell(arrival, error)


async def _join(
    connection: Connection, room: Room, batch: Mapping[uuid.UUID, _Arrival]
) -> Mapping[uuid.UUID, Place | WrongState]:
    row = await connection.fetchrow(SQL["lock_room"], room.room_id)
    if row is None:
        raise WrongState("closed", "this waiting room is closed: go straight in")
    is_open = row["is_open"]
    if row["is_due"] and not is_open:
        await _draw(connection, room.room_id)
        is_open = True
    rows = await connection.fetch(SQL["find_places"], room.room_id, list(batch), ADMITTED_FOR)
    found = {each["buyer"]: each for each in rows}
    answers: dict[uuid.UUID, Place | WrongState] = {
        buyer: _place(each)
        for buyer, each in found.items()
        if not _is_over(each, batch[buyer].asker)
    }
    newcomers = [buyer for buyer in batch if buyer not in found]
    answers |= await _turn_away(connection, room, row["places"], newcomers, batch)
    placed = [buyer for buyer in batch if buyer not in answers]
    if placed:
        given = await connection.fetch(
            SQL["add_places"],
            room.room_id,
            room.operator_id,
            placed,
            [uuid.uuid4() for _ in placed],
            [batch[buyer].network for buyer in placed],
            is_open,
            row["joined"],
        )
        added = sum(1 for buyer in placed if buyer not in found)
        await connection.execute(SQL["count_in"], room.room_id, len(placed), added)
        answers |= {each["buyer"]: _place(each) for each in given}
    return answers


async def _turn_away(
    connection: Connection,
    room: Room,
    taken: int,
    newcomers: Sequence[uuid.UUID],
    batch: Mapping[uuid.UUID, _Arrival],
) -> dict[uuid.UUID, WrongState]:
    """Return those for whom there is no room, each with why: it is full, or full of their network."""
    networks = {batch[buyer].network for buyer in newcomers} - {None}
    from_networks: Counter[uuid.UUID] = Counter()
    if networks:
        rows = await connection.fetch(SQL["count_networks"], room.room_id, list(networks))
        from_networks.update({each["network"]: each["places"] for each in rows})
    refused = {}
    for buyer in newcomers:
        network = batch[buyer].network
        if taken >= PLACES_MAX:
            refused[buyer] = WrongState("full", "this waiting room is full; come back later")
        elif network is not None and from_networks[network] >= NETWORK_PLACES_MAX:
            refused[buyer] = WrongState("full", "too many wait here from this network already")
        else:
            taken += 1
            if network is not None:
                from_networks[network] += 1
    return refused


def _is_over(row: Record, asker: uuid.UUID) -> bool:
    """Whether a place has let in whom it could: its time is over, or it was somebody else's turn."""
    return bool(row["is_used_up"]) or row["entered_by"] not in {None, asker}


async def _draw(connection: Connection, room_id: int) -> None:
    await connection.execute("SET LOCAL statement_timeout = '30s'")
    await connection.execute(SQL["draw"], room_id, timeout=_DRAW_SECONDS)
    await connection.execute(SQL["give_numbers"], room_id, timeout=_DRAW_SECONDS)


def _place(row: Record) -> Place:
    return Place(row["place_id"], row["number"], row["joined_at"], row["entered_at"])
