"""Endpoints of operators' systems: where they are, what they are told, and how they know that it is us who tells.

A secret is a keyed digest of its endpoint and a number (`store/seals.py`), so it is stored nowhere and shown once.
Locks are taken in this order: the operator's row, the endpoint, its deliveries, the head of the audit chain.
"""

import base64
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from store.authority import note, operator_asked_for, require_in_business, scope_of
from store.db import Connection, Database, Record
from store.errors import AlreadyExists, Forbidden, NotFound, WrongState
from store.house_keys import HouseKey, HouseKeys
from store.model import Caller, Role
from store.queries import Queries
from store.seals import Seals

SQL = Queries.beside(__file__)
KEY = "webhook_secrets"
"""The key that secrets are made with: besides that of links in mails the one that workers may know."""
ENDPOINTS_MAX = 10
"""Of one operator."""
OVERLAP = timedelta(hours=24)
"""How long a message is signed with the secret before, too."""
_PREFIX = "whsec_"


class EventType(StrEnum):
    """What an endpoint can be told. `webhook.test` goes to whichever is tested, asked for or not."""

    BOOKING_CONFIRMED = "booking.confirmed"
    BOOKING_CANCELLED = "booking.cancelled"
    BOOKING_EXPIRED = "booking.expired"
    BOOKING_FAILED = "booking.failed"
    BUS_CANCELLED = "bus.cancelled"
    BUS_RESCHEDULED = "bus.rescheduled"
    REFUND_PAID = "refund.paid"
    TEST = "webhook.test"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One as its operator's administrators see it; `waiting` are deliveries that are not over."""

    endpoint_id: int
    operator_id: int
    url: str
    description: str | None
    event_types: tuple[str, ...]
    api_version: str
    old_secret_ends_at: datetime | None
    last_sequence: int
    failing_since: datetime | None
    disabled_at: datetime | None
    disabled_because: str | None
    created_at: datetime
    waiting: int


@dataclass(frozen=True, slots=True)
class NewEndpoint:
    operator_id: int
    url: str
    event_types: Collection[EventType]
    description: str | None = None


@dataclass(frozen=True, slots=True)
class EndpointEdit:
    """What shall be otherwise; None stays as it is."""

    url: str | None = None
    event_types: Collection[EventType] | None = None
    description: str | None = None
    is_enabled: bool | None = None


@dataclass(frozen=True, slots=True)
class Added:
    endpoint: Endpoint
    secret: str = field(repr=False)
    """The only time that it is told."""


@dataclass(frozen=True, slots=True)
class Rotated:
    endpoint_id: int
    secret: str = field(repr=False)
    old_secret_ends_at: datetime


@dataclass(frozen=True, slots=True)
class Health:
    """Of all operators together: how late the oldest delivery is, endpoints that are disabled, attempts ever."""

    overdue_seconds: float
    disabled: Mapping[str, int]
    attempts: Mapping[str, int]


class Secrets:
    """Makes the secrets of endpoints, with a key that is looked up when the first is wanted."""

    def __init__(self, house_keys: HouseKeys) -> None:
        self._house_keys = house_keys
        self._seals: Seals | None = None

    async def of(self, endpoint_id: int, secret_no: int) -> bytes:
        """Return the 256 bits that messages to an endpoint are signed with."""
        if self._seals is None:
            keys = await self._house_keys.find_or_make(KEY, _new_key)
            self._seals = Seals(bytes.fromhex(keys[-1].secret))
        return self._seals.webhook_secret(endpoint_id, secret_no)

    async def told(self, endpoint_id: int, secret_no: int) -> str:
        """Return a secret as it is shown, and as libraries for Standard Webhooks take it."""
        return _PREFIX + base64.b64encode(await self.of(endpoint_id, secret_no)).decode()


class Webhooks:
    """What administrators do with endpoints. `caller` is None for whoever has the database in hand."""

    def __init__(self, db: Database, endpoint_secrets: Secrets) -> None:
        self._db = db
        self._secrets = endpoint_secrets

    async def list(
        self, caller: Caller | None, operator_id: int | None, *, after: int = 0, limit: int
    ) -> list[Endpoint]:
        """Return endpoints by number: an operator's administrators see their own, the house all. Locks nothing.

        Raises Forbidden, NotFound for another operator's.
        """
        wanted = operator_id if caller is None else operator_asked_for(caller, operator_id)
        if caller is not None and wanted is not None and not _may_see(caller, wanted):
            raise Forbidden("an operator's webhooks are its administrators'")

        async def read(connection: Connection) -> list[Endpoint]:
            rows = await connection.fetch(SQL["list_endpoints"], wanted, after, limit)
            return [_endpoint(row) for row in rows]

        return await self._db.read(_scope(caller), read)

    async def find(self, caller: Caller | None, endpoint_id: int) -> Endpoint:
        """Return an endpoint to those who may see it; raise NotFound. Locks nothing."""

        async def read(connection: Connection) -> Endpoint:
            return await read_endpoint(connection, caller, endpoint_id)

        return await self._db.read(_scope(caller), read)

    async def add(self, caller: Caller, new: NewEndpoint) -> Added:
        """Add an endpoint, enabled, and tell its secret; writes the audit log.

        Locks the operator's row. Raises Forbidden (also while the operator is disabled), NotFound, AlreadyExists (one
        is of that address), WrongState (there are ten).
        """
        operator_asked_for(caller, new.operator_id)
        if not caller.manages(new.operator_id):
            raise Forbidden("an operator's webhooks are its administrators'")

        async def work(connection: Connection) -> tuple[Endpoint, int]:
            if await connection.fetchval(SQL["lock_operator"], new.operator_id) is None:
                raise NotFound("operator")
            await require_open(connection, caller, new.operator_id)
            if await connection.fetchval(SQL["count_endpoints"], new.operator_id) >= ENDPOINTS_MAX:
                raise WrongState("full", f"an operator has at most {ENDPOINTS_MAX} webhooks")
            now: datetime = await connection.fetchval(SQL["clock"])
            row = await connection.fetchrow(
                SQL["add_endpoint"],
                new.operator_id,
                new.url,
                new.description,
                _sorted(new.event_types),
                now,
            )
            if row is None:
                raise AlreadyExists("url")
            await _log(connection, caller, new.operator_id, "create", row["endpoint_id"])
            added = await read_endpoint(connection, caller, row["endpoint_id"])
            return added, row["secret_no"]

        endpoint, secret_no = await self._db.transaction(_scope(caller), work)
        return Added(endpoint, await self._secrets.told(endpoint.endpoint_id, secret_no))

    async def change(self, caller: Caller, endpoint_id: int, edit: EndpointEdit) -> Endpoint:
        """Change an endpoint, disable or enable it; writes the audit log, naming what is otherwise and no address.

        What waits stays as it is: it waits while the endpoint is disabled, and goes where the endpoint is then. What
        happens meanwhile is not kept. Locks the endpoint. Raises NotFound, Forbidden, AlreadyExists.
        """

        async def work(connection: Connection) -> Endpoint:
            await lock_endpoint(connection, caller, endpoint_id)
            before = await read_endpoint(connection, caller, endpoint_id)
            wanted = _edited(before, edit)
            changed = [name for name, value in wanted.items() if value != _told(before)[name]]
            if not changed:
                return before
            if "url" in changed and await connection.fetchval(
                SQL["has_url"], before.operator_id, endpoint_id, wanted["url"]
            ):
                raise AlreadyExists("url")
            now: datetime = await connection.fetchval(SQL["clock"])
            await connection.execute(
                SQL["change_endpoint"],
                endpoint_id,
                wanted["url"],
                wanted["description"],
                wanted["events"],
                None if wanted["enabled"] else now,
            )
            detail: dict[str, Any] = {"changed": changed}
            if "enabled" in changed:
                detail["enabled"] = wanted["enabled"]
            await _log(connection, caller, before.operator_id, "change", endpoint_id, **detail)
            return await read_endpoint(connection, caller, endpoint_id)

        return await self._db.transaction(_scope(caller), work)

    async def rotate(self, caller: Caller, endpoint_id: int) -> Rotated:
        """Give an endpoint another secret and tell it; for a day messages carry both signatures.

        The one before the one before is used no more. Locks the endpoint, writes the audit log. Raises NotFound.
        """

        async def work(connection: Connection) -> tuple[int, datetime]:
            row = await lock_endpoint(connection, caller, endpoint_id)
            now: datetime = await connection.fetchval(SQL["clock"])
            until = now + OVERLAP
            number: int = await connection.fetchval(SQL["rotate_secret"], endpoint_id, until)
            await _log(connection, caller, row["operator_id"], "rotate", endpoint_id)
            return number, until

        number, until = await self._db.transaction(_scope(caller), work)
        return Rotated(endpoint_id, await self._secrets.told(endpoint_id, number), until)

    async def delete(self, caller: Caller, endpoint_id: int) -> None:
        """Tell an endpoint nothing any more, for good; a worker forgets what it was told.

        Locks the endpoint, writes the audit log. Raises NotFound.
        """

        async def work(connection: Connection) -> None:
            row = await lock_endpoint(connection, caller, endpoint_id)
            now: datetime = await connection.fetchval(SQL["clock"])
            await connection.execute(SQL["delete_endpoint"], endpoint_id, now)
            await _log(connection, caller, row["operator_id"], "delete", endpoint_id)

        await self._db.transaction(_scope(caller), work)

    async def health(self) -> Health:
        """Return what there is to watch, of all operators. Locks nothing; raises Overloaded."""

        async def read(connection: Connection) -> Health:
            row = await connection.fetchrow(SQL["health"])
            assert row is not None
            counts = await connection.fetch(SQL["counts"])
            disabled = {why: row[why] for why in ("staff", "gone", "failing")}
            attempts = {each["outcome"]: each["attempts"] for each in counts}
            return Health(row["overdue_seconds"], disabled, attempts)

        return await self._db.read(None, read)


async def read_endpoint(
    connection: Connection, caller: Caller | None, endpoint_id: int
) -> Endpoint:
    """Return an endpoint to those who may see it; raise NotFound."""
    row = await connection.fetchrow(SQL["find_endpoint"], endpoint_id)
    if row is None or not _may_see(caller, row["operator_id"]):
        raise NotFound("webhook")
    return _endpoint(row)


async def lock_endpoint(connection: Connection, caller: Caller | None, endpoint_id: int) -> Record:
    """Lock an endpoint for whoever may change it; raise NotFound, Forbidden while its operator is disabled."""
    row = await connection.fetchrow(SQL["lock_endpoint"], endpoint_id)
    if row is None or not (caller is None or caller.manages(row["operator_id"])):
        raise NotFound("webhook")
    await require_open(connection, caller, row["operator_id"])
    return row


async def require_open(connection: Connection, caller: Caller | None, operator_id: int) -> None:
    """Raise Forbidden for the staff of an operator that is disabled."""
    if caller is not None:
        is_disabled = await connection.fetchval(SQL["is_disabled"], operator_id)
        require_in_business(caller, is_suspended=bool(is_disabled))


def _scope(caller: Caller | None) -> Any:
    return None if caller is None else scope_of(caller)


def _may_see(caller: Caller | None, operator_id: int) -> bool:
    return caller is None or caller.role is Role.SUPPORT or caller.manages(operator_id)


def _edited(before: Endpoint, edit: EndpointEdit) -> dict[str, Any]:
    """Return what an endpoint is to be, by the names that the log has for it."""
    wanted = _told(before)
    if edit.url is not None:
        wanted["url"] = edit.url
    if edit.description is not None:
        wanted["description"] = edit.description or None
    if edit.event_types is not None:
        wanted["events"] = _sorted(edit.event_types)
    if edit.is_enabled is not None:
        wanted["enabled"] = edit.is_enabled
    return wanted


def _told(endpoint: Endpoint) -> dict[str, Any]:
    return {
        "url": endpoint.url,
        "description": endpoint.description,
        "events": list(endpoint.event_types),
        "enabled": endpoint.disabled_at is None,
    }


def _sorted(event_types: Collection[EventType]) -> list[str]:
    return sorted({each.value for each in event_types})


async def _log(
    connection: Connection,
    caller: Caller,
    operator_id: int,
    deed: str,
    endpoint_id: int,
    **detail: Any,
) -> None:
    subject = f"webhook {endpoint_id}"
    await note(connection, caller, operator_id, f"webhook.{deed}", subject, **detail)


def _endpoint(row: Record) -> Endpoint:
    values = dict(row)
    values["event_types"] = tuple(values["event_types"])
    return Endpoint(**values)


def _new_key() -> HouseKey:
    return HouseKey("1", secrets.token_hex(32))
