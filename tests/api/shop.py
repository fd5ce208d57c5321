"""What the tests sell over HTTP: two operators, a line with five stops, and people of every role."""

import itertools
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Self, cast

import asyncpg
import httpx2

from server.passwords import Passwords
from server.tokens import Tokens, new_signing_key
from store import Store
from store.accounts import NewUser, User
from store.ids import format_owned
from store.invariants import Violations, find_violations, find_violations_on
from store.layouts import double_deck
from store.model import DeviceKind, Role
from store.pairing import NewDevice, Paired
from store.sessions import Session
from store.timetable import add_layout
from tests.api import conformance
from tests.support.cluster import above_scopes
from tests.support.databases import connect

PASSWORD = "correct horse"
Json = dict[str, Any]
_PEOPLE = (
    ("admin", Role.ADMIN, None),
    ("manager", Role.OPERATOR, "Northline"),
    ("agent", Role.AGENT, "Northline"),
    ("rival", Role.OPERATOR, "Southline"),
    ("rival_agent", Role.AGENT, "Southline"),
    ("support", Role.SUPPORT, None),
    ("rider", Role.RIDER, None),
    ("other_rider", Role.RIDER, None),
)
_DEVICES = (
    ("kiosk", DeviceKind.KIOSK, "Northline"),
    ("board", DeviceKind.BOARD, "Northline"),
    ("scanner", DeviceKind.SCANNER, "Northline"),
    ("rival_kiosk", DeviceKind.KIOSK, "Southline"),
)


@dataclass(slots=True)
class Shop:
    """The world behind one or more serving processes. Ids are as clients see them."""

    url: str
    store: Store
    owner: "asyncpg.Connection[asyncpg.Record]"
    tokens: Tokens
    operators: dict[str, str]
    stops: tuple[str, ...]
    route: str
    layout: str
    people: dict[str, User]
    devices: dict[str, Paired]
    _clients: dict[tuple[str | None, str], httpx2.AsyncClient] = field(default_factory=dict)
    _newest_bus: int = 0
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    @classmethod
    async def open(cls, database_url: str) -> Self:
        """Fill a migrated, empty database."""
        owner = await connect(above_scopes(database_url))
        store = await Store.open(database_url)
        operators = {name: await _add_operator(owner, name) for name in ("Northline", "Southline")}
        # The same few people buy in every test: limits have tests, and operators, of their own.
        await owner.execute("UPDATE operators SET holds_per_buyer = 1000")
        await owner.execute(
            f"SET omnibus.operators = '{{{','.join(map(str, operators.values()))}}}'"
        )
        north = operators["Northline"]
        stops = [
            await _add_stop(owner, name) for name in ("Ahorn", "Birke", "Eiche", "Linde", "Ulme")
        ]
        people = await _add_people(store, operators)
        return cls(
            url="",
            store=store,
            owner=owner,
            tokens=Tokens(await store.house_keys.find_or_make("access_tokens", new_signing_key)),
            operators={name: str(number) for name, number in operators.items()},
            stops=tuple(map(str, stops)),
            route=str(await _add_route(owner, north, stops)),
            layout=str(await add_layout(owner, north, double_deck())),
            people=people,
            devices=await _pair_devices(store, operators, stops[0]),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        await self.forget_clients()
        await self.store.close()
        await self.owner.close()

    async def violations(self) -> dict[str, list[str]]:
        return await find_violations(self.store.db)

    async def new_violations(self) -> dict[str, Violations]:
        """Ask the invariants of the buses that were put on sale since this was asked before."""
        rows = await self.store.db.fetch(
            "SELECT bus_id FROM buses WHERE bus_id > $1 ORDER BY bus_id", self._newest_bus
        )
        buses = [row["bus_id"] for row in rows]
        if not buses:
            return {}
        self._newest_bus = buses[-1]
        return await find_violations_on(self.store.db, buses, statement_seconds=60)

    def client(self, who: str | None = None, prefix: str = "/api/v1") -> httpx2.AsyncClient:
        """Return a client of the API: a guest, or one of the people with a fresh token."""
        if (known := self._clients.get((who, prefix))) is not None:
            return known
        headers = {"authorization": f"Bearer {self.token(who)}"} if who else {}
        # Nothing here is encrypted, and reading the world's certificates costs 20 ms a client.
        client = httpx2.AsyncClient(
            base_url=self.url + prefix,
            headers=headers,
            event_hooks={"response": [conformance.check]},
            timeout=30,
            trust_env=False,
            verify=False,
        )
        self._clients[who, prefix] = client
        return client

    def token(self, who: str) -> str:
        """Return an access token as signing in would give it, or a device's key."""
        if who in self.devices:
            return self.devices[who].key
        return self.tokens.issue(self.people[who], str(uuid.uuid4()))

    async def begin_session(self, user: User) -> tuple[str, Session]:
        """Sign somebody in; return their access token and the session behind it."""
        session = await self.store.sessions.start(user.user_id)
        return self.tokens.issue(user, session.session_id), session

    async def hire(self, role: Role = Role.RIDER, operator: str | None = None) -> User:
        """Add somebody whom no other test knows."""
        number = next(self._numbers)
        operator_id = int(self.operators[operator]) if operator else None
        known = self.people["rider"].password_hash
        new = NewUser(
            f"Person {number}", f"person-{number}@hired.example", known, role, operator_id
        )
        return await self.store.accounts.add(new)

    async def give_up(self, bus: str) -> list[str]:
        """Let workers have given up all jobs of a bus; return them, newest first."""
        rows = await self.owner.fetch(
            "UPDATE jobs SET state = 'DEAD', attempts = 15, last_error = 'no such letter'"
            " WHERE bus_id = $1 AND state = 'QUEUED' RETURNING bus_id, job_id",
            int(bus),
        )
        rows.sort(key=lambda row: row["job_id"], reverse=True)
        return [format_owned(row["bus_id"], row["job_id"]) for row in rows]

    async def pair(
        self, kind: DeviceKind, operator: str = "Northline", name: str = "A device"
    ) -> Paired:
        """Pair one more device, as staff and it would; `lend` gives it a name among the clients."""
        await self.forget_codes()
        return await pair(self.store, int(self.operators[operator]), kind, int(self.stops[0]), name)

    async def forget_codes(self) -> None:
        """Let no code wait that a test has had shown: twenty at a time is all that an operator may have."""
        await self.owner.execute("DELETE FROM device_codes WHERE device_id IS NULL")

    async def take_key(self, who: str, key: str) -> None:
        """Let a device go on with another key: the one that it had lasts ten minutes only."""
        self.devices[who] = replace(self.devices[who], key=key)
        await self.forget_clients()

    async def lend(self, who: str, kind: DeviceKind, operator: str = "Northline") -> Paired:
        """Pair one more device, and let `client(who)` be it."""
        await self.forget_clients()
        self.devices[who] = await self.pair(kind, operator, who)
        return self.devices[who]

    async def forget_clients(self) -> None:
        """Close every client: tokens do not last as long as a run of the tests may."""
        while self._clients:
            _, client = self._clients.popitem()
            await client.aclose()

    async def bus(self, *, segments: int = 1, seats: int = 40, **more: object) -> str:
        """Put a bus on sale over HTTP, as the operator would; return its id."""
        assert segments in (1, 4), "the line has five stops"
        wanted: Json = {
            "name": f"Bus {next(self._numbers)}",
            "departs_at": in_days(1),
            "price": 2000,
            "total_seats": seats,
            "operator": self.operators["Northline"],
        }
        if segments > 1:
            wanted["route_id"] = self.route
        made = await self.client("admin").post("/admin/buses", json=wanted | more)
        assert made.status_code == 201, made.text
        return str(made.json()["id"])

    async def hold(
        self, client: httpx2.AsyncClient, bus: str, seats: Sequence[str], **more: object
    ) -> Json:
        held = await client.post(f"/buses/{bus}/holds", json={"seats": list(seats), **more})
        assert held.status_code == 201, held.text
        return cast("Json", held.json())

    async def book(
        self,
        client: httpx2.AsyncClient,
        bus: str,
        seats: Sequence[str],
        *,
        method: str = "demo",
        **more: object,
    ) -> Json:
        wanted = purchase(seats, method) | {"bus_id": bus, "seats": list(seats)} | more
        booked = await client.post("/bookings", json=wanted, headers=new_key())
        assert booked.status_code == 201, booked.text
        return cast("Json", booked.json())

    async def pay(self, booking: Json, outcome: str = "succeeded") -> Json:
        url = f"/payments/{booking['payment']['id']}/demo"
        paid = await self.client().post(url, json={"outcome": outcome})
        assert paid.status_code == 200, paid.text
        return cast("Json", paid.json())

    async def seats(self, bus: str, **leg: str) -> dict[str, str]:
        """Return each seat's status on a leg."""
        shown = await self.client().get(f"/buses/{bus}/seats", params=leg)
        return {seat["seat"]: seat["status"] for seat in shown.json()["seats"]}

    async def rev(self, bus: str) -> int:
        return int((await self.client().get(f"/buses/{bus}/seats")).json()["rev"])

    async def let_time_pass(self, bus: str) -> None:
        """Make every live hold and unpaid booking of a bus a day older, so that its time is over."""
        for table, is_live in (("holds", "state = 'ACTIVE'"), ("bookings", "status = 'PENDING'")):
            await self.owner.execute(
                f"UPDATE {table} SET created_at = created_at - interval '1 day',"  # noqa: S608 - of constants
                f" expires_at = expires_at - interval '1 day' WHERE bus_id = $1 AND {is_live}",
                int(bus),
            )

    async def let_it_leave(self, bus: str) -> None:
        """Move a bus's departure into the past; whoever knows its facts looks again."""
        earlier = "departs_at = departs_at - interval '2 days', arrives_at = arrives_at - interval '2 days'"
        for change in (f"bus_stops SET {earlier}", f"buses SET facts = facts + 1, {earlier}"):
            await self.owner.execute(f"UPDATE {change} WHERE bus_id = $1", int(bus))

    async def stop_selling(self, bus: str) -> None:
        await self.owner.execute("UPDATE buses SET status = 'CLOSED' WHERE bus_id = $1", int(bus))


def purchase(seats: Sequence[str], method: str = "demo") -> Json:
    """Return what a booking needs besides its seats: who travels, whom to reach, how it is paid."""
    return {
        "passengers": [{"seat": seat, "name": f"Passenger {seat}"} for seat in seats],
        "contact": {"email": "ann@example.org"},
        "payment_method": method,
    }


def new_key() -> dict[str, str]:
    """Return the header of an idempotency key that nobody has used."""
    return {"idempotency-key": str(uuid.uuid4())}


def in_days(days: int) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).isoformat()


async def _add_people(store: Store, operators: dict[str, int]) -> dict[str, User]:
    passwords = Passwords()
    password_hash = await passwords.hash(PASSWORD)
    passwords.close()
    return {
        name: await store.accounts.add(
            NewUser(
                name.title(),
                f"{name}@example.org",
                password_hash,
                role,
                operators[operator] if operator else None,
            )
        )
        for name, role, operator in _PEOPLE
    }


async def pair(
    store: Store, operator_id: int, kind: DeviceKind, stop_id: int | None, name: str
) -> Paired:
    shown = await store.pairing.show_code(None, NewDevice(operator_id, kind, name, stop_id))
    return await store.pairing.pair(shown.code, uuid.UUID(int=1), "1.0")


async def _pair_devices(store: Store, operators: dict[str, int], stop_id: int) -> dict[str, Paired]:
    return {
        name: await pair(store, operators[operator], kind, stop_id, name)
        for name, kind, operator in _DEVICES
    }


async def _add_operator(owner: "asyncpg.Connection[asyncpg.Record]", name: str) -> int:
    return cast(
        "int",
        await owner.fetchval(
            "INSERT INTO operators (name, time_zone, currency) VALUES ($1, 'Europe/Berlin', 'EUR')"
            " RETURNING operator_id",
            name,
        ),
    )


async def _add_stop(owner: "asyncpg.Connection[asyncpg.Record]", name: str) -> int:
    return cast(
        "int",
        await owner.fetchval(
            "INSERT INTO stops (source, code, name, time_zone) VALUES ('test', lower($1), $1, 'Europe/Berlin')"
            " RETURNING stop_id",
            name,
        ),
    )


async def _add_route(
    owner: "asyncpg.Connection[asyncpg.Record]", operator: int, stops: Sequence[int]
) -> int:
    route: int = await owner.fetchval(
        "INSERT INTO routes (operator_id, name) VALUES ($1, 'Tree line') RETURNING route_id",
        operator,
    )
    await owner.executemany(
        "INSERT INTO route_stops VALUES ($1, $2, $3, $4, $5, $5)",
        [(route, index, operator, stop, index * 1800) for index, stop in enumerate(stops)],
    )
    return route
