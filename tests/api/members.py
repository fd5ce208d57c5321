"""Somebody with an account of their own, so that what happens to it happens to nobody else."""

import uuid
from dataclasses import dataclass, field
from typing import Self

import httpx2

from tests.api.shop import Json, Shop

COOKIE = "omnibus_refresh"


@dataclass(slots=True)
class Member:
    shop: Shop
    email: str
    password: str
    name: str = "Mila Muster"
    token: str = ""
    session: str = field(default="", repr=False)

    @classmethod
    async def register(cls, shop: Shop, *, name: str = "Mila Muster") -> Self:
        member = cls(shop, f"{uuid.uuid4()}@example.org", "correct horse", name)
        answer = await member.ask(
            "POST",
            "/auth/register",
            {"name": name, "email": member.email, "password": member.password},
        )
        assert answer.status_code == 201, answer.text
        member.enter(answer)
        return member

    def enter(self, answer: httpx2.Response) -> None:
        """Go on with the session that an answer has begun."""
        self.token = answer.json()["access_token"]
        self.session = answer.headers["set-cookie"].partition(";")[0].partition("=")[2]

    async def ask(self, method: str, path: str, body: Json | None = None) -> httpx2.Response:
        """Ask as this person on this device."""
        client = self.shop.client()
        client.cookies.clear()
        headers = {"cookie": f"{COOKIE}={self.session}"} if self.session else {}
        if self.token:
            headers["authorization"] = f"Bearer {self.token}"
        return await client.request(method, path, json=body, headers=headers)

    async def sign_in(self, password: str | None = None) -> httpx2.Response:
        """Try to sign in on another device."""
        given = {"email": self.email, "password": password or self.password}
        return await self.shop.client().post("/auth/login", json=given)

    async def is_session_alive(self, session: str | None = None) -> bool:
        """Whether a session can be refreshed; if it can, it was."""
        client = self.shop.client()
        client.cookies.clear()
        headers = {"cookie": f"{COOKIE}={session or self.session}"}
        return (await client.post("/auth/refresh", headers=headers)).status_code == 200

    async def me(self) -> Json:
        told: Json = (await self.ask("GET", "/auth/me")).json()
        return told
