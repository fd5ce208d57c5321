"""Devices that are paired: by which key they are known, what is known of them, and how they are shut out.

A lock on a device's row is the only one taken here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from store.authority import operator_asked_for
from store.db import Connection, Database, Record
from store.errors import Forbidden, InvalidRequest, NotFound
from store.model import Caller, DeviceKind, Role
from store.pairing import digest_key, log_device, new_key
from store.queries import Queries

SQL = Queries.beside(__file__)
OVERLAP = timedelta(minutes=10)
"""How long the key before is good beside a new one."""


@dataclass(frozen=True, slots=True)
class Known:
    """Whom a key stands for; `seconds_left` are those of a key that has been replaced."""

    caller: Caller
    seconds_left: float | None = None


@dataclass(frozen=True, slots=True)
class Device:
    """A device as its operator's administrators see it. Its names are those of operator and stop."""

    device_id: int
    operator_id: int
    operator: str
    kind: DeviceKind
    name: str
    stop_id: int | None
    stop: str | None
    stop_time_zone: str | None
    time_zone: str
    currency: str
    version: str | None
    paired_at: datetime
    key_issued_at: datetime
    old_key_ends_at: datetime | None
    last_seen_at: datetime | None
    last_sale_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class Rolled:
    """A device's new key, the only copy, and until when the old one is good."""

    device_id: int
    key: str
    old_key_ends_at: datetime


@dataclass(frozen=True, slots=True)
class Beat:
    now: datetime
    device: Device


class Devices:
    def __init__(self, db: Database) -> None:
        self._db = db

    async def authenticate(self, key: str) -> Known | None:
        """Return whom a key stands for now, None for one that opens nothing. Locks nothing."""

        async def read(connection: Connection) -> Record | None:
            return await connection.fetchrow(SQL["find_by_key"], digest_key(key))

        # A key may be anybody's: like signing in, this comes before any scope.
        row = await self._db.read(None, read)
        if row is None:
            return None
        caller = Caller(
            role=DeviceKind(row["kind"]),
            operator_id=row["operator_id"],
            device_id=row["device_id"],
        )
        left = (row["ends_at"] - row["now"]).total_seconds() if row["is_old"] else None
        return Known(caller, left)

    async def find_good(self, digests: set[bytes]) -> set[bytes]:
        """Return those of these digests whose keys still open something. Locks nothing."""

        async def read(connection: Connection) -> set[bytes]:
            rows = await connection.fetch(SQL["find_good_keys"], sorted(digests))
            return {row["digest"] for row in rows}

        return await self._db.read(None, read)

    async def list(
        self, caller: Caller | None, operator_id: int | None, *, after: int = 0, limit: int
    ) -> list[Device]:
        """Return devices by number, those revoked among them; an operator's administrators see their own only.

        `caller` is None for whoever owns the database. Raises NotFound for an operator that is not theirs, Forbidden.
        """
        if caller is not None and caller.role not in (Role.ADMIN, Role.SUPPORT):
            operator_id = operator_asked_for(caller, operator_id)
            if operator_id is None or not caller.manages(operator_id):
                raise Forbidden("an operator's devices are its administrators'")

        async def read(connection: Connection) -> list[Device]:
            rows = await connection.fetch(SQL["list_devices"], operator_id, after, limit)
            return [_device(row) for row in rows]

        return await self._db.read(_scope(caller), read)

    async def find(self, caller: Caller | None, device_id: int) -> Device:
        """Return a device to those who may see it: itself, its operator's administrators, the house; raise NotFound."""

        async def read(connection: Connection) -> Device:
            return await _read(connection, caller, device_id)

        return await self._db.read(_scope(caller), read)

    async def change(
        self, caller: Caller, device_id: int, *, name: str | None, stop_id: int | None
    ) -> Device:
        """Give a device another name, or another place; writes the audit log.

        Locks the device. Raises NotFound (also for one that is revoked), InvalidRequest.
        """

        async def work(connection: Connection) -> Device:
            row = await _lock(connection, caller, device_id)
            if stop_id is not None and not await connection.fetchval(SQL["has_stop"], stop_id):
                raise InvalidRequest("/stop", "unknown_stop", "there is no such stop")
            before = {"name": row["name"], "stop": row["stop_id"]}
            after = {"name": name or row["name"], "stop": stop_id or row["stop_id"]}
            if before != after:
                await connection.execute(SQL["change_device"], device_id, *after.values())
                detail = {
                    key: [before[key], after[key]] for key in after if before[key] != after[key]
                }
                await _log(connection, row, caller, ("device.change", device_id), detail)
            return await _read(connection, caller, device_id)

        return await self._db.transaction(_scope(caller), work)

    async def revoke(self, caller: Caller | None, device_id: int) -> None:
        """Shut a device out, for good; once more changes nothing. Writes the audit log.

        Locks the device. Raises NotFound.
        """

        async def work(connection: Connection) -> None:
            row = await _lock(connection, caller, device_id, is_revoked_too=True)
            if row["revoked_at"] is None:
                now: datetime = await connection.fetchval(SQL["clock"])
                await connection.execute(SQL["revoke_device"], device_id, now)
                await connection.execute(SQL["tell"], device_id)
                await _log(connection, row, caller, ("device.revoke", device_id), {})

        await self._db.transaction(_scope(caller), work)

    async def roll(
        self, caller: Caller | None, device_id: int, *, in_hand: str | None = None
    ) -> Rolled:
        """Give a device another key; the one that it replaces is good for ten minutes more, the one before that is not.

        A device may do so itself, with the key that it has `in_hand`: that one stays good, so that an answer may be
        lost and the same be asked again. Locks the device, writes the audit log. Raises NotFound, OutcomeUnknown.
        """
        key = new_key()

        async def work(connection: Connection) -> Rolled:
            row = await _lock(connection, caller, device_id)
            now: datetime = await connection.fetchval(SQL["clock"])
            until = now + OVERLAP
            kept = row["key_digest"] if in_hand is None else digest_key(in_hand)
            await connection.execute(SQL["roll_key"], device_id, digest_key(key), now, kept, until)
            await _log(connection, row, caller, ("device.roll", device_id), {})
            return Rolled(device_id, key, until)

        return await self._db.transaction(_scope(caller), work)

    async def beat(self, caller: Caller, version: str, last_sale_at: datetime | None) -> Beat:
        """Note that a device lives, what runs on it, and when it last sold; return what it should know of itself.

        Locks the device. Raises NotFound when it has just been revoked.
        """
        assert caller.device_id is not None
        device_id = caller.device_id

        async def work(connection: Connection) -> Beat:
            await _lock(connection, caller, device_id)
            now: datetime = await connection.fetchval(SQL["clock"])
            await connection.execute(SQL["note_heartbeat"], device_id, now, version, last_sale_at)
            return Beat(now, await _read(connection, caller, device_id))

        return await self._db.transaction(_scope(caller), work)


def _scope(caller: Caller | None) -> tuple[int, ...] | None:
    """Return whose rows a caller can possibly see; all of them for whoever owns the database."""
    return None if caller is None else caller.reach


def _may_see(caller: Caller | None, row: Record) -> bool:
    if caller is None or caller.role is Role.SUPPORT:
        return True
    return caller.device_id == row["device_id"] or caller.manages(row["operator_id"])


def _may_change(caller: Caller | None, device_id: int, row: Record) -> bool:
    return caller is None or caller.device_id == device_id or caller.manages(row["operator_id"])


async def _lock(
    connection: Connection, caller: Caller | None, device_id: int, *, is_revoked_too: bool = False
) -> Record:
    row = await connection.fetchrow(SQL["lock_device"], device_id)
    if row is None or not _may_change(caller, device_id, row):
        raise NotFound("device")
    if row["revoked_at"] is not None and not is_revoked_too:
        raise NotFound("device; it was revoked")
    return row


async def _read(connection: Connection, caller: Caller | None, device_id: int) -> Device:
    row = await connection.fetchrow(SQL["find_device"], device_id)
    if row is None or not _may_see(caller, row):
        raise NotFound("device")
    return _device(row)


async def _log(
    connection: Connection,
    row: Record,
    caller: Caller | None,
    what: tuple[str, int],
    detail: Mapping[str, object],
) -> None:
    action, device_id = what
    actor_id = None if caller is None else caller.user_id
    told = {"name": row["name"], "kind": row["kind"], **detail}
    await log_device(
        connection, row["operator_id"], actor_id, (action, f"device {device_id}"), told
    )


def _device(row: Record) -> Device:
    return Device(
        device_id=row["device_id"],
        operator_id=row["operator_id"],
        operator=row["operator"],
        kind=DeviceKind(row["kind"]),
        name=row["name"],
        stop_id=row["stop_id"],
        stop=row["stop"],
        stop_time_zone=row["stop_time_zone"],
        time_zone=row["time_zone"],
        currency=row["currency"],
        version=row["version"],
        paired_at=row["paired_at"],
        key_issued_at=row["key_issued_at"],
        old_key_ends_at=row["old_key_ends_at"],
        last_seen_at=row["last_seen_at"],
        last_sale_at=row["last_sale_at"],
        revoked_at=row["revoked_at"],
    )
