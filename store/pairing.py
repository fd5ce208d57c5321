"""Pairing: six digits on the screen of staff become a key in a device.

What a code is worth to whoever guesses: there are 10^6 of them, and every wrong try, wherever it is made, wears all
codes that live. One that was guessed at 20 times is dead, so that each code that is ever shown is hit with a chance
of 20 in 1,000,000 at most, by however many addresses. One address has five wrong tries in ten minutes. While no code
lives there is nothing to guess: such tries are not counted, and cost nothing.
"""

import asyncio
import hashlib
import hmac
import secrets
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import blake2b

import msgspec

from store.authority import require_in_business
from store.db import Connection, Database, Record
from store.errors import (
    InvalidRequest,
    NotFound,
    Overloaded,
    TooManyTries,
    WrongState,
)
from store.house_keys import HouseKey, HouseKeys
from store.model import Caller, DeviceKind
from store.queries import Queries
from store.tenancy import Tenancy

SQL = Queries.beside(__file__)
LIFETIME = timedelta(minutes=5)
WRONG_TRIES_OF_ADDRESS = 5
WRONG_TRIES_WITHIN = timedelta(minutes=10)
LIVE_CODES_MAX = 20
"""Of one operator: each further one would give a guess one chance more."""
KEY_PREFIX = "omd_"
_CODES = 10**6
_DRAWS = 20
_WAITING_MAX = 16
_KEPT = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class NewDevice:
    """What a code is for: whose device, what it does, and where."""

    operator_id: int
    kind: DeviceKind
    name: str
    stop_id: int | None = None


@dataclass(frozen=True, slots=True)
class PairingCode:
    code: str = field(repr=False)
    """Six digits; the only copy."""
    device: NewDevice
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Paired:
    device_id: int
    device: NewDevice
    key: str = field(repr=False)
    """Opaque, 256 bits; the only copy."""


class Pairing:
    """Shows codes and swaps them for keys. One swap at a time in a process: they wait for each other anyway."""

    def __init__(self, db: Database, house_keys: HouseKeys, tenancy: Tenancy) -> None:
        self._db = db
        self._tenancy = tenancy
        self._house_keys = house_keys
        self._seal: bytes | None = None
        self._turn = asyncio.Lock()
        self._waiting = 0

    async def show_code(self, caller: Caller | None, new: NewDevice) -> PairingCode:
        """Make a code for a device to be, good once and for five minutes; writes the audit log.

        `caller` is None for whoever owns the database. Locks the operator's row. Raises Forbidden (also while the
        operator is disabled), NotFound (operator, stop), InvalidRequest (a place is missing), WrongState (too many
        codes wait).
        """
        if caller is not None:
            why = "an operator's devices are its administrators'"
            await self._tenancy.require_manager(caller, new.operator_id, what="operator", why=why)
        if new.stop_id is None and new.kind is not DeviceKind.SCANNER:
            raise InvalidRequest("/stop", "required", f"say where the {new.kind} stands")
        by = None if caller is None else caller.user_id
        seal = await self._find_seal()

        async def work(connection: Connection) -> PairingCode:
            await _require_place(connection, caller, new)
            await connection.execute(SQL["lock_operator"], new.operator_id)
            now: datetime = await connection.fetchval(SQL["clock"])
            live = await connection.fetchval(SQL["count_live_codes"], new.operator_id, now)
            if live >= LIVE_CODES_MAX:
                raise WrongState("waiting", f"{live} codes wait already; let some be used first")
            for _ in range(_DRAWS):
                code, until = f"{secrets.randbelow(_CODES):06}", now + LIFETIME
                row = (_digest(seal, code), new.operator_id, new.stop_id, new.kind, new.name)
                if await connection.fetchval(SQL["add_code"], *row, by, now, until):
                    await log_device(
                        connection, new.operator_id, by, ("device.code", "a device"), new
                    )
                    return PairingCode(code, new, until)
            raise Overloaded

        scope = [new.operator_id] if caller is None else caller.scope_at(new.operator_id)
        return await self._db.transaction(scope, work)

    async def pair(self, code: str, address: uuid.UUID, version: str) -> Paired:
        """Swap a code for a device's own key; writes the audit log.

        `address` is a digest of where the try comes from. Locks every live code, the try's address with them. Raises
        NotFound (no such code, or not any more), TooManyTries, Overloaded, OutcomeUnknown (the code may be used up).
        """
        if self._waiting >= _WAITING_MAX:
            raise Overloaded
        self._waiting += 1
        try:
            async with self._turn:
                return await self._pair(code, address, version)
        finally:
            self._waiting -= 1

    async def purge(self) -> None:
        """Forget codes that are over, and tries that count no more. For a worker."""

        async def work(connection: Connection) -> None:
            now: datetime = await connection.fetchval(SQL["clock"])
            await connection.execute(SQL["purge_codes"], now - _KEPT)
            await connection.execute(SQL["purge_tries"], now - WRONG_TRIES_WITHIN)

        await self._db.transaction(None, work)

    async def _pair(self, code: str, address: uuid.UUID, version: str) -> Paired:
        digest = _digest(await self._find_seal(), code)
        key = new_key()

        async def work(connection: Connection) -> Paired | None:
            before: datetime = await connection.fetchval(SQL["clock"])
            live = await connection.fetch(SQL["lock_live_codes"], before)
            now: datetime = await connection.fetchval(SQL["clock"])
            live = [row for row in live if row["expires_at"] > now]
            if not live:
                # Nothing can be guessed, so no try is worth counting.
                return None
            tries = await _require_tries_left(connection, address, now)
            found = [row for row in live if hmac.compare_digest(row["code_digest"], digest)]
            if not found:
                await connection.execute(SQL["note_wrong_try"], address, *tries)
                await connection.execute(SQL["wear_codes"], [row["code_digest"] for row in live])
                return None
            return await _add_device(connection, found[0], (key, version, now))

        # The code may be anybody's.
        paired = await self._db.transaction(None, work)
        if paired is None:
            raise NotFound("code; it may have been used, or its five minutes are over")
        return paired

    async def _find_seal(self) -> bytes:
        if self._seal is None:
            keys = await self._house_keys.find_or_make("device_codes", _new_seal)
            self._seal = bytes.fromhex(keys[-1].secret)
        return self._seal


def new_key() -> str:
    return KEY_PREFIX + secrets.token_urlsafe(32)


def digest_key(key: str) -> bytes:
    """Return what is stored of a device's key."""
    return hashlib.sha256(key.encode()).digest()


async def log_device(
    connection: Connection,
    operator_id: int,
    actor_id: int | None,
    what: tuple[str, str],
    detail: object,
) -> None:
    """Write what was done with a device (action, subject) into the operator's audit log."""
    text = msgspec.json.encode(detail).decode()
    await connection.execute(SQL["log"], operator_id, actor_id, *what, text)


async def _require_place(connection: Connection, caller: Caller | None, new: NewDevice) -> None:
    row = await connection.fetchrow(SQL["find_place"], new.operator_id, new.stop_id)
    assert row is not None
    if row["operator_id"] is None:
        raise NotFound("operator")
    if row["stop_id"] != new.stop_id:
        raise NotFound("stop")
    if caller is not None:
        require_in_business(caller, is_suspended=row["is_disabled"])


async def _require_tries_left(
    connection: Connection, address: uuid.UUID, now: datetime
) -> tuple[int, datetime]:
    """Return how many wrong tries of this address it makes with one more, since when; raise TooManyTries."""
    row = await connection.fetchrow(SQL["find_tries"], address)
    if row is None or row["since"] + WRONG_TRIES_WITHIN <= now:
        return 1, now
    if row["wrong_tries"] >= WRONG_TRIES_OF_ADDRESS:
        wait: timedelta = row["since"] + WRONG_TRIES_WITHIN - now
        raise TooManyTries(int(wait.total_seconds()) + 1)
    return row["wrong_tries"] + 1, row["since"]


async def _add_device(
    connection: Connection, code: Record, given: tuple[str, str, datetime]
) -> Paired:
    key, version, now = given
    new = NewDevice(code["operator_id"], DeviceKind(code["kind"]), code["name"], code["stop_id"])
    device_id: int = await connection.fetchval(
        SQL["add_device"],
        *(new.operator_id, new.stop_id, new.kind, new.name, digest_key(key), now, version),
    )
    await connection.execute(SQL["use_code"], code["code_digest"], device_id)
    subject = f"device {device_id}"
    await log_device(connection, new.operator_id, code["created_by"], ("device.pair", subject), new)
    return Paired(device_id, new, key)


def _digest(seal: bytes, code: str) -> bytes:
    return blake2b(code.encode(), key=seal, person=b"pairing", digest_size=32).digest()


def _new_seal() -> HouseKey:
    return HouseKey("1", secrets.token_hex(32))
