"""What every process must hear at once: sessions that ended, keys and timetables that changed. Redis has no part in it.

One connection of its own, past the pool: it LISTENs, and reads what stands written, all of it after each (re)connection
and the latest once a second. So a notification that is lost costs a second, and a connection that died without a word
shows in three. Behind a pooler in transaction mode LISTEN hears nothing; then the reading is all there is.
"""

import asyncio
import itertools
import logging
import random
import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

import asyncpg

from store.db import Connection, Database
from store.errors import Overloaded
from store.house_keys import HouseKey, read_keys
from store.pooler import Address
from store.queries import Queries
from store.rooms import Room, read_rooms
from store.session_ends import KEPT, SessionEnd, Told

SQL = Queries.beside(__file__)
log = logging.getLogger(__name__)

CHANNEL = "omnibus_bulletin"
_READ_SECONDS = 1.0
_LATE_SECONDS = 1.5
"""How long an answer may take before it is doubted that we would hear of anything."""
_ANSWER_SECONDS = 4.0
_CONNECT_SECONDS = 5.0
_PROOF_SECONDS = 1.0
_READS_BETWEEN_PROOFS = 30
_LATELY = timedelta(minutes=1)
"""No transaction of ours takes as long, so what was written before is committed or never will be."""
_TROUBLE = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)


class Hearing(Enum):
    AT_ONCE = "at once"
    EVERY_SECOND = "every second"
    NOT = "not"


@dataclass(frozen=True, slots=True, kw_only=True)
class Readers:
    """Who is told what, in the event loop that reads.

    Of ended sessions the same may be told again. `device_changed` is told at once or never: what is known of devices
    does not last. So is `catalogue_changed`, with the table that was changed, and with "" whenever something may have
    been missed: who keeps what searches find relies on it only while `hearing` is AT_ONCE. `rooms_read` is told of the
    waiting rooms each time that they are read, with the database's time.
    """

    ended: Told
    device_changed: Callable[[int], None] = lambda _: None
    catalogue_changed: Callable[[str], None] = lambda _: None
    rooms_read: Callable[[Sequence[Room], datetime | None], None] = lambda _rooms, _now: None


class Bulletin:
    """Tells `readers`, and of keys, only when they change, whom `keys_changed` names by what the keys are for."""

    def __init__(
        self,
        dsn: str,
        db: Database,
        keys_changed: Mapping[str, Callable[[list[HouseKey]], None]],
        readers: Readers,
    ) -> None:
        self.hearing = Hearing.NOT
        self._at_best = Hearing.EVERY_SECOND
        self._dsn = dsn
        self._db = db
        self._keys_changed = keys_changed
        self._readers = readers
        self._keys: dict[str, list[HouseKey]] = {}
        self._proof = ""
        self._proved = asyncio.Event()
        self._hurry = asyncio.Event()

    async def run(self) -> None:
        """Listen until cancelled, with a new connection whenever one is lost."""
        while True:
            try:
                await self._attend()
            except _TROUBLE as error:
                if self.hearing is not Hearing.NOT:
                    log.warning("hears of no ended sessions, so writes ask: %s", error)
            finally:
                self.hearing = Hearing.NOT
            await asyncio.sleep(random.uniform(0.1, 0.5))  # noqa: S311 - jitter

    async def _attend(self) -> None:
        connection: Connection = await asyncpg.connect(
            Address.read(self._dsn).dsn,
            timeout=_CONNECT_SECONDS,
            command_timeout=_ANSWER_SECONDS,
            statement_cache_size=0,  # a pooler may give every transaction another session
            server_settings={"application_name": "omnibus bulletin"},
        )
        try:
            connection.add_termination_listener(self._lose)
            await connection.add_listener(CHANNEL, self._hear)
            self._readers.catalogue_changed("")
            self._at_best = Hearing.EVERY_SECOND
            await self._read(connection, KEPT)
            for number in itertools.count():
                if number % _READS_BETWEEN_PROOFS == 0 and self.hearing is Hearing.EVERY_SECOND:
                    await self._prove()
                self._hurry.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(_READ_SECONDS):
                        await self._hurry.wait()
                await self._read(connection, _LATELY)
        finally:
            self.hearing = Hearing.NOT
            with suppress(*_TROUBLE):
                await connection.close(timeout=1.0)

    async def _prove(self) -> None:
        """Send word from another session and see whether it arrives."""
        self._proof = secrets.token_hex(8)
        self._proved.clear()
        with suppress(Overloaded, TimeoutError):
            await self._db.fetch(SQL["send"], f"proof {self._proof}")
            async with asyncio.timeout(_PROOF_SECONDS):
                await self._proved.wait()
            self.hearing = self._at_best = Hearing.AT_ONCE

    async def _read(self, connection: Connection, age: timedelta) -> None:
        doubt = asyncio.get_running_loop().call_later(_LATE_SECONDS, self._doubt)
        try:
            # A transaction, so that a pooler keeps to one session; rolled back, for it changes nothing.
            await connection.execute("BEGIN READ ONLY; SET LOCAL ROLE omnibus_app")
            rows = await connection.fetch(SQL["read_ends"], age)
            keys = {each: await read_keys(connection, each) for each in self._keys_changed}
            rooms, now = await read_rooms(connection)
            await connection.execute("ROLLBACK")
        finally:
            doubt.cancel()
        if rows:
            self._readers.ended([SessionEnd(row["user_id"], str(row["family"])) for row in rows])
        self._readers.rooms_read(rooms, now)
        for purpose, found in keys.items():
            if found and found != self._keys.get(purpose):
                self._keys[purpose] = found
                self._keys_changed[purpose](found)
        self.hearing = self._at_best

    def _hear(self, _connection: Any, _pid: int, _channel: str, payload: object) -> None:
        match str(payload).split(" "):
            case ["ended", user_id, session_id] if user_id.isdecimal():
                self._readers.ended([SessionEnd(int(user_id), session_id)])
            case ["device", device_id] if device_id.isdecimal():
                self._readers.device_changed(int(device_id))
            case ["catalogue", table]:
                self._readers.catalogue_changed(table)
            case ["proof", self._proof]:
                self._proved.set()
            case ["keys"] | ["rooms"]:
                self._hurry.set()

    def _doubt(self) -> None:
        self.hearing = Hearing.NOT

    def _lose(self, _connection: Any) -> None:
        self.hearing = Hearing.NOT
        self._hurry.set()
