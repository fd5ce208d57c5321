"""Secrets that all processes of an installation share, made by whichever comes first, and taken turns with.

Keys of a purpose are in one of four states: a new one *waits*, so that every process knows it before it is used; the
newest that does not wait *signs*; those before it *verify* what they signed; *retired* ones do nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from store.db import Connection, Database
from store.errors import NotFound, WrongState
from store.queries import Queries
from store.session_ends import KEPT

SQL = Queries.beside(__file__)
TICKETS = "ticket_signing"
"""What signs tickets. What one of these has signed is good until the last bus has come for which it may have."""
ROOMS = "waiting_rooms"
"""What signs the tokens of waiting rooms."""
PLACE_LASTS = timedelta(hours=24)
"""So long the token of a place is good, the longest of what these sign."""
BOARDING_LASTS = timedelta(hours=6)
"""So long after a bus should have come its tickets may be read still."""
SAFE_DELAY = timedelta(seconds=60)
"""Processes look for keys every second, and hear of them sooner; this is for those in trouble."""


@dataclass(frozen=True, slots=True)
class HouseKey:
    key_id: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class KeyState:
    """`state` is `waits`, `signs`, `verifies` or `retired`; `free_at` is when nothing it signed is good any more."""

    key_id: str
    state: str
    created_at: datetime
    signs_at: datetime
    retired_at: datetime | None
    free_at: datetime | None
    is_free: bool


class HouseKeys:
    def __init__(self, db: Database) -> None:
        self._db = db

    async def find_or_make(self, purpose: str, make: Callable[[], HouseKey]) -> list[HouseKey]:
        """Return the live keys of a purpose, the one that signs first, making the first one if there is none.

        Locks the purpose (an advisory lock), so that two processes never make two first keys.
        """

        async def work(connection: Connection) -> list[HouseKey]:
            await connection.execute(SQL["lock_purpose"], purpose)
            first = make()
            await connection.execute(SQL["add_first_key"], purpose, first.key_id, first.secret)
            return await read_keys(connection, purpose)

        rows = await self._db.fetch(SQL["find_keys"], purpose)
        if rows:
            return [HouseKey(row["key_id"], row["secret"]) for row in rows]
        return await self._db.transaction([], work)

    async def list_states(self, purpose: str) -> list[KeyState]:
        """Return all keys of a purpose, newest first, the retired among them."""

        async def read(connection: Connection) -> list[KeyState]:
            return await _read_states(connection, purpose)

        return await self._db.read(None, read)

    async def rotate(self, purpose: str, key: HouseKey, *, after: timedelta = SAFE_DELAY) -> None:
        """Add a key that verifies from now on and signs after a while; tell every process. Locks the purpose."""

        async def work(connection: Connection) -> None:
            await connection.execute(SQL["lock_purpose"], purpose)
            await connection.execute(SQL["add_key"], purpose, key.key_id, key.secret, after)
            await connection.execute(SQL["tell"])

        await self._db.transaction([], work)

    async def retire(self, purpose: str, key_id: str, *, at_once: bool = False) -> None:
        """Let a key do nothing any more, and tell every process; a second time changes nothing.

        `at_once` also while something it signed is good, for a key that others may know; the newest key takes its place
        if it signed. Locks the purpose. Raises NotFound, and WrongState if something it signed may still be good or
        nobody could sign without it.
        """

        async def work(connection: Connection) -> None:
            await connection.execute(SQL["lock_purpose"], purpose)
            keys = {key.key_id: key for key in await _read_states(connection, purpose)}
            if key_id not in keys:
                raise NotFound("key")
            if keys[key_id].state != "retired":
                _require_spare(keys, key_id, at_once=at_once)
                await connection.execute(SQL["retire"], purpose, key_id)
                await connection.execute(SQL["let_newest_sign"], purpose)
                await connection.execute(SQL["tell"])

        # Of all operators: whose tickets a key has signed is asked of every bus.
        await self._db.transaction(None, work)


async def read_keys(connection: Connection, purpose: str) -> list[HouseKey]:
    """Return the live keys of a purpose, the one that signs first."""
    rows = await connection.fetch(SQL["find_keys"], purpose)
    return [HouseKey(row["key_id"], row["secret"]) for row in rows]


async def _read_states(connection: Connection, purpose: str) -> list[KeyState]:
    lasts = {TICKETS: BOARDING_LASTS, ROOMS: PLACE_LASTS}.get(purpose, KEPT)
    rows = await connection.fetch(SQL["list_states"], purpose, lasts)
    states = [KeyState(**dict(row)) for row in rows]
    if purpose != TICKETS:
        return states
    return [await _until_the_last_bus(connection, state) for state in states]


async def _until_the_last_bus(connection: Connection, state: KeyState) -> KeyState:
    """Return the state of a key that signed tickets: a ticket is read as long as its bus has not come."""
    if state.state != "verifies" or state.free_at is None:
        return state
    signed_until = state.free_at - BOARDING_LASTS
    last = await connection.fetchval(SQL["last_bus"], signed_until, BOARDING_LASTS)
    if last is None:
        return state
    return replace(state, free_at=max(last, state.free_at), is_free=False)


def _require_spare(keys: dict[str, KeyState], key_id: str, *, at_once: bool) -> None:
    key = keys[key_id]
    if not any(other.state != "retired" for name, other in keys.items() if name != key_id):
        raise WrongState(key.state, "it is the only key there is; rotate first")
    if at_once or key.is_free:
        return
    if key.state == "signs":
        raise WrongState(key.state, "it signs; rotate, and wait until the new key does")
    raise WrongState(
        key.state, f"what it signed may be good until {key.free_at:%Y-%m-%d %H:%M:%S %Z}"
    )
