"""What tests of the admin API have in common: fresh names, things made over HTTP, what the audit log says."""

import itertools
import uuid
from datetime import UTC, datetime, timedelta
from typing import cast

import httpx2

from tests.api.shop import Json, Shop

_numbers = itertools.count(1)
_RUN = uuid.uuid4().hex[:6]


def fresh(word: str) -> str:
    """Return a name that nothing has yet: the shop is one for all tests."""
    return f"{word} {_RUN}-{next(_numbers)}"


def if_match(answer: httpx2.Response) -> dict[str, str]:
    """Return the header of whoever has seen this answer and will change no other version."""
    return {"if-match": answer.headers["etag"]}


async def make(client: httpx2.AsyncClient, what: str, **body: object) -> Json:
    made = await client.post(f"/admin/{what}", json=body)
    assert made.status_code == 201, made.text
    return cast("Json", made.json())


async def do(client: httpx2.AsyncClient, bus: str, step: str) -> Json:
    """Take a bus one step on in its life."""
    done = await client.post(f"/admin/buses/{bus}/{step}")
    assert done.status_code == 200, done.text
    return cast("Json", done.json())


async def shown(client: httpx2.AsyncClient, bus: str) -> Json:
    """Return a bus as staff sees it."""
    answer = await client.get(f"/admin/buses/{bus}")
    assert answer.status_code == 200, answer.text
    return cast("Json", answer.json())


async def logged(shop: Shop, subject: str) -> list[str]:
    """Return what the audit log says was done to something, in order."""
    rows = await shop.owner.fetch(
        "SELECT action FROM audit_log WHERE subject = $1 ORDER BY audit_id", subject
    )
    return [row["action"] for row in rows]


def day(days: int) -> str:
    """Return a date that many days ahead, as Berlin's calendar nearly always has it, too."""
    return (datetime.now(UTC) + timedelta(days=days)).date().isoformat()
