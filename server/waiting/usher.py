"""Who may take seats of a bus at present: asked of every hold and every direct booking, answered from memory.

Where no room is open that is one look at an empty dictionary. What there is of rooms is told by the bulletin, so it is
the same in every process a moment later, and stays known while nothing is heard.
"""

import time
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import UTC, datetime
from uuid import UUID

from server.waiting.tokens import Kind, RoomToken, RoomTokens, is_over
from store.errors import MustWait, NotFound
from store.rooms import Room, Scope

_BUSES_KEPT = 50_000
Subjects = Callable[[int], Awaitable[tuple[int | None, int] | None]]


class Usher:
    """`subjects_of` tells the route and the operator of a bus; it is asked once of each, and only if need be."""

    def __init__(
        self, tokens: RoomTokens, subjects_of: Subjects, *, counts_demand: bool = False
    ) -> None:
        self.tokens = tokens
        self._subjects_of = subjects_of
        self._counts_demand = counts_demand
        self._subjects: OrderedDict[int, tuple[int | None, int]] = OrderedDict()
        self._known: dict[int, Room] = {}
        self._open: dict[tuple[Scope, int], Room] = {}
        self._told: dict[int, int] = {}
        self._is_bus_only = True
        self._ahead_seconds = 0.0
        self.demand: Counter[int] = Counter()
        """How often seats of each bus without a room were asked for since somebody last looked, if load opens rooms."""

    def use(self, rooms: Sequence[Room], now: datetime | None) -> None:
        """Learn which rooms there are, and what time it is where they are kept."""
        if now is not None:
            self._ahead_seconds = now.timestamp() - time.time()
        self._known = {room.room_id: room for room in rooms}
        self._told = {each: told for each, told in self._told.items() if each in self._known}
        self._open = {
            (room.scope, room.subject_id): room for room in rooms if room.closed_at is None
        }
        self._is_bus_only = all(scope is Scope.BUS for scope, _ in self._open)

    def forget_subjects(self) -> None:
        """A bus may have gone to another route."""
        self._subjects.clear()

    @property
    def open_rooms(self) -> Collection[Room]:
        return self._open.values()

    def now(self) -> datetime:
        """Return the database's time, as far as it is known here."""
        return datetime.fromtimestamp(time.time() + self._ahead_seconds, UTC)

    def find(self, room_id: int) -> Room:
        """Return a room that is open, or was until lately; raise NotFound."""
        room = self._known.get(room_id)
        if room is None:
            raise NotFound("room")
        return room

    def is_free(self, bus_id: int) -> bool:
        """Whether nobody has to wait before this bus, as far as can be told without asking."""
        is_free = not self._open or (self._is_bus_only and (Scope.BUS, bus_id) not in self._open)
        if is_free:
            self.count_demand(bus_id)
        return is_free

    def count_demand(self, bus_id: int) -> None:
        """Note that seats of a bus without a room were asked for: whom one refuses or lets in needs no other."""
        if self._counts_demand:
            self.demand[bus_id] += 1

    async def room_before(self, bus_id: int) -> Room | None:
        """Return the room before a bus: its own, else that of its route, else that of its operator."""
        room = self._open.get((Scope.BUS, bus_id))
        if room is not None or self._is_bus_only:
            return room
        subjects = self._subjects.get(bus_id) or await self._learn(bus_id)
        if subjects is None:
            return None
        route_id, operator_id = subjects
        if route_id is not None and (room := self._open.get((Scope.ROUTE, route_id))) is not None:
            return room
        return self._open.get((Scope.OPERATOR, operator_id))

    def require_admission(self, room: Room, given: str | None, buyer: UUID | None) -> None:
        """Raise MustWait unless `given` is an admission to this room, of the one who answers for the seats."""
        if given is None:
            raise MustWait(room.room_id, "take a place in the waiting room first")
        token = self.tokens.read(given)
        if token is None:
            raise MustWait(room.room_id, "this is no token of a waiting room")
        if token.kind is not Kind.ADMISSION or token.room_id != room.room_id:
            raise MustWait(room.room_id, "this token is not an admission to this waiting room")
        if token.buyer != buyer:
            raise MustWait(room.room_id, "this admission is somebody else's")
        if is_over(token, self.now()):
            raise MustWait(room.room_id, "this admission is over; take a new place")

    def serving(self, room: Room) -> int:
        """Return the highest number whose turn has come; never less than this process told before.

        A pace is known here a moment after it fell or stood still. Whoever was told meanwhile that it is their turn may
        rely on it, and comes in here; another process may tell a little less for a moment, and asks for patience.
        """
        told = max(room.serving_at(self.now()), self._told.get(room.room_id, 0))
        self._told[room.room_id] = told
        return told

    def read_place(self, room: Room, given: str, buyers: Collection[UUID]) -> RoomToken:
        """Return the place that a token stands for; raise MustWait for what is none of the caller's here."""
        token = self.tokens.read(given)
        if token is None or token.kind is not Kind.PLACE or token.room_id != room.room_id:
            raise MustWait(room.room_id, "this is no place in this waiting room")
        if token.buyer not in buyers:
            raise MustWait(room.room_id, "this place is somebody else's")
        if is_over(token, self.now()):
            raise MustWait(room.room_id, "this token is over; ask for the place again")
        return token

    async def _learn(self, bus_id: int) -> tuple[int | None, int] | None:
        found = await self._subjects_of(bus_id)
        if found is not None:
            self._subjects[bus_id] = found
            while len(self._subjects) > _BUSES_KEPT:
                self._subjects.popitem(last=False)
        return found
