"""Staff and their devices, as browser tests need them: a code to pair with, a clerk who changes what a board shows."""

import contextlib
import uuid
from collections.abc import AsyncIterator

import httpx2

from server.passwords import Passwords
from store import Store
from store.accounts import NewUser
from store.model import DeviceKind, Role
from store.pairing import NewDevice
from tests.browser.site import Site

_PASSWORD = "correct horse"


async def show_code(site: Site, bus: str, stop: str, kind: DeviceKind) -> str:
    """Have a code shown for a device of a bus's operator at a stop."""
    store = await Store.open(site.database_url)
    operator = (await store.buses.find(int(bus))).operator_id
    shown = await store.pairing.show_code(None, NewDevice(operator, kind, "Hall 1", int(stop)))
    await store.close()
    return shown.code


@contextlib.asynccontextmanager
async def clerk_of(site: Site, bus: str) -> AsyncIterator[httpx2.AsyncClient]:
    """Sign in as somebody who runs the operator of a bus."""
    passwords = Passwords()
    password_hash = await passwords.hash(_PASSWORD)
    passwords.close()
    store = await Store.open(site.database_url)
    operator = (await store.buses.find(int(bus))).operator_id
    email = f"{uuid.uuid4().hex}@staff.example"
    await store.accounts.add(NewUser("Clerk", email, password_hash, Role.OPERATOR, operator))
    await store.close()
    async with httpx2.AsyncClient(base_url=f"{site.url}/api/v1", trust_env=False) as client:
        who = {"email": email, "password": _PASSWORD}
        signed_in = (await client.post("/auth/login", json=who)).json()
        client.headers["authorization"] = f"Bearer {signed_in['access_token']}"
        yield client
