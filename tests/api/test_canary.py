"""Words that nobody else would say are put into everything; they come out where their owner asks, and nowhere else."""

import asyncio
import json
import re
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import httpx2
from redis.asyncio import Redis
from websockets.asyncio.client import connect

from tests.api.served import Served
from tests.api.shop import Json, Shop, new_key, purchase
from tests.api.test_health import let_in, shut_out
from tests.support import forked
from tests.support.databases import Databases
from tests.support.servers import ThrowawayValkey
from tests.support.waiting import wait_until

TALKATIVE = "tests.api.talkative_server"
LIMITS = {"OMNIBUS_RATE_LIMITS": "on", "OMNIBUS_RATE_POLICIES": "login=3/1h"}
WORDS = {
    "name": "Qanarina Vogelsang",
    "email": "qanary.bird@nest.example",
    "phone": "+49 30 55501234",
    "password": "qanary-sings-loudly",
    "wrong password": "qanary-sings-wrongly",
    "one-time secret": "JBSWQANARY3DPEHPK3PXP",
    "made-up token": "eyJhbGciOiJub25lIn0.qanary.x",
    "made-up key": "qanary-knows-no-key",
    "made-up cookie": "qanary-has-no-cookie",
}
# What a log would keep of it however it is written: in JSON, in an address, without its signs.
_PIECES = ("anarina", "ogelsang", "anary", "ANARY", "55501234")


async def test_what_is_secret_or_personal_is_found_nowhere_but_with_its_owner(
    databases: Databases, tmp_path: Path
) -> None:
    with ThrowawayValkey() as valkey:
        async with (
            databases.fresh() as url,
            await Shop.open(url) as shop,
            overheard(valkey) as heard,
            Served(url, valkey.url, module=(TALKATIVE, "serve"), settings=LIMITS) as served,
            working(url, valkey.url, tmp_path / "worker.log"),
        ):
            shop.url = served.url
            use = Use(served, shop)
            # Both processes are up: the worker listens, too.
            await wait_until(lambda: sum('"SUBSCRIBE"' in line for line in heard) >= 2)
            await use.everything()
            written = {
                "log": served.log(),
                "worker's log": (tmp_path / "worker.log").read_text(),
                "metrics": (await use.client.get(f"{served.url}/metrics")).text,
                "refusals": "\n".join(use.refusals),
                "Redis": "\n".join(heard) + await dump(valkey),
            }
            await use.client.aclose()
    assert len(use.secrets) >= 4
    assert len(use.refusals) >= 12
    for place, text in written.items():
        assert text or place == "worker's log", place
        for piece in (*_PIECES, *use.secrets):
            assert piece not in text, (place, piece, around(text, piece))


def around(text: str, piece: str) -> str:
    at = text.index(piece)
    return text[max(0, at - 200) : at + 200]


class Use:
    """One buyer who does all there is to do, and all wrongly once."""

    def __init__(self, served: Served, shop: Shop) -> None:
        self.served, self.shop = served, shop
        self.refusals: list[str] = []
        self.secrets: list[str] = []
        self.client = httpx2.AsyncClient(
            base_url=f"{served.url}/api/v1",
            event_hooks={"response": [self._note]},
            trust_env=False,
            verify=False,
            timeout=30,
        )

    async def _note(self, answer: httpx2.Response) -> None:
        if answer.status_code >= 400:
            await answer.aread()
            self.refusals.append(f"{answer.headers}\n{answer.text}")

    async def everything(self) -> None:
        token = await self.sign_in()
        await self.buy(token)
        await self.watch(token)
        await self.be_refused()
        await shut_out(self.shop)
        who = {"name": WORDS["name"], "email": WORDS["email"], "password": WORDS["password"]}
        await self.client.post("/auth/register", json=who)
        await let_in(self.shop)

    async def sign_in(self) -> str:
        who = {"name": WORDS["name"], "email": WORDS["email"], "password": WORDS["password"]}
        answer = await self.client.post("/auth/register", json=who)
        known = {"email": WORDS["email"], "password": WORDS["password"]}
        signed_in = await self.client.post("/auth/login", json=known)
        refreshed = await self.client.post("/auth/refresh")
        tokens = [""]
        for each in (answer, signed_in, refreshed):
            if each.status_code < 400:
                tokens.append(each.json()["access_token"])
                self.secrets.append(
                    SimpleCookie(each.headers["set-cookie"])["omnibus_refresh"].value
                )
        self.secrets += tokens[1:]
        return tokens[-1]

    async def buy(self, token: str) -> None:
        bus, signed = await self.shop.bus(), {"authorization": f"Bearer {token}"}
        for seat, headers in (("1A", signed), ("1B", {})):
            booked = await self.book(bus, seat, headers)
            await self.book(bus, seat, headers)
            await self.manage(booked.json())
        await self.client.get("/bookings", headers=signed)
        await self.client.get("/auth/me", headers=signed)

    async def book(self, bus: str, seat: str, headers: dict[str, str]) -> httpx2.Response:
        wanted = purchase([seat]) | {"bus_id": bus, "seats": [seat]}
        wanted["contact"] = {"email": WORDS["email"], "phone": WORDS["phone"]}
        wanted["passengers"] = [{"seat": seat, "name": WORDS["name"]}]
        key = {"idempotency-key": f"qanary-{uuid.uuid4()}"}
        return await self.client.post("/bookings", json=wanted, headers=headers | key)

    async def manage(self, booking: Json) -> None:
        self.secrets += [booking["access_key"], booking["payment"]["id"]]
        paid = f"/payments/{booking['payment']['id']}/demo"
        await self.client.post(paid, json={"outcome": "succeeded"}, headers=new_key())
        for key in (booking["access_key"], WORDS["made-up key"]):
            headers = {"x-booking-key": key}
            await self.client.get(f"/bookings/{booking['ref']}", headers=headers)
            url = f"/bookings/{booking['ref']}/cancel"
            await self.client.post(url, json={}, headers=headers | new_key())

    async def watch(self, token: str) -> None:
        url = f"ws://127.0.0.1:{self.served.port}/ws"
        for said in (token, WORDS["made-up token"]):
            async with connect(url) as socket:
                await socket.send(json.dumps({"type": "auth", "id": 1, "token": said}))
                await socket.recv()
                told = cast("str", await socket.recv())
                if json.loads(told)["type"] == "error":
                    self.refusals.append(told)
        with suppress(Exception):
            async with connect(f"{url}?token={WORDS['made-up token']}"):
                pass

    async def be_refused(self) -> None:
        """Put the words where they do not belong."""
        email, password = WORDS["email"], WORDS["wrong password"]
        for body in (
            {"email": email, "password": password},
            {"email": email, "password": password, "otp": WORDS["one-time secret"]},
            {"email": email, "password": {"otp": WORDS["one-time secret"]}},
            {"email": [email], "password": password},
            {"email": email, "password": password * 20},
            {"email": email, "password": password},
            {"email": email, "password": password},
            {"email": email, "password": password},
        ):
            await self.client.post("/auth/login", json=body)
        await self.client.post("/auth/login", content=f'{{"password": "{password}'.encode())
        await self.client.get(
            "/auth/me", headers={"authorization": f"Bearer {WORDS['made-up token']}"}
        )
        await self.client.get(
            "/auth/me", headers={"authorization": f"Basic {WORDS['made-up token']}"}
        )
        cookie = {"cookie": f"omnibus_refresh={WORDS['made-up cookie']}"}
        self.client.cookies.clear()
        await self.client.post("/auth/refresh", headers=cookie)
        for path in ("/bookings/QANARY", "/holds/qanary", "/payments/qanary/demo", "/qanary"):
            await self.client.get(path)
            await self.client.get("/buses", params={"cursor": email, "date": password})
        await self.client.post("/auth/logout", headers={"origin": "https://qanary.example"})


@asynccontextmanager
async def working(database_url: str, redis_url: str, log: Path) -> AsyncIterator[None]:
    """Run a worker that says all it does."""
    with log.open("wb") as written:
        settings = {"OMNIBUS_DATABASE_URL": database_url, "OMNIBUS_REDIS_URL": redis_url}
        worker = forked.Process.start(TALKATIVE, "worker", environment=settings, stderr=written)
    try:
        yield
    finally:
        worker.terminate()
        await worker.wait()


@asynccontextmanager
async def overheard(valkey: ThrowawayValkey) -> AsyncIterator[list[str]]:
    """Hear every command that Redis gets, published messages among them."""
    path = re.sub(r"\?.*", "", urlsplit(valkey.url).path)
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(b"MONITOR\r\n")
    await reader.readline()
    heard: list[str] = []

    async def listen() -> None:
        while line := await reader.readline():
            heard.append(line.decode("latin-1"))

    listening = asyncio.create_task(listen())
    try:
        yield heard
    finally:
        listening.cancel()
        writer.close()


async def dump(valkey: ThrowawayValkey) -> str:
    """Return all that Redis keeps."""
    async with Redis.from_url(valkey.url) as client:
        keys: list[Any] = [key async for key in client.scan_iter()]
        assert keys
        return "\n".join([f"{key!r} {await client.get(key)!r}" for key in keys])
