"""The audit log over HTTP: what is in it, and who reads which part."""

from collections.abc import Sequence

import httpx2
import pytest

from server import security_log
from server.security_log import SecurityLog
from store.audit import Audit, NewEntry
from store.model import Caller, Role
from tests.api.answers import bad_input, problem
from tests.api.shop import PASSWORD, Json, Shop, new_key
from tests.support.waiting import wait_until


async def entries(client: httpx2.AsyncClient, **query: str) -> list[Json]:
    answer = await client.get("/admin/audit", params=query)
    assert answer.status_code == 200, answer.text
    items: list[Json] = answer.json()["items"]
    return items


async def test_what_staff_does_is_told_to_its_administrators(
    shop: Shop, manager: httpx2.AsyncClient, rival: httpx2.AsyncClient, admin: httpx2.AsyncClient
) -> None:
    bus = await shop.bus()
    wanted = {"bus_id": bus, "seats": ["1A"], "reason": "belt"}
    block = (await manager.post("/admin/blocks", json=wanted)).json()["id"]
    await manager.delete(f"/admin/blocks/{block}")
    await manager.put(f"/admin/buses/{bus}/fares", json={"fares": [], "segments": [900]})
    about = await entries(manager, subject=f"bus {bus}")
    assert [entry["action"] for entry in about] == [
        *("bus.fares", "seats.unblock", "seats.block", "bus.create")
    ]
    assert {entry["operator"] for entry in about} == {shop.operators["Northline"]}
    assert about[2]["actor"] == str(shop.people["manager"].user_id)
    assert about[2]["detail"] == {"seats": ["1A"], "reason": "belt"}
    assert len(about[2]["hash"]) == 64
    assert about == await entries(admin, subject=f"bus {bus}")
    assert await entries(rival, subject=f"bus {bus}") == []


async def test_pages_follow_each_other_without_gaps(shop: Shop, admin: httpx2.AsyncClient) -> None:
    for _ in range(3):
        await shop.bus()
    whole = await entries(admin, limit="7")
    page = (await admin.get("/admin/audit", params={"limit": "3"})).json()
    rest = await entries(admin, limit="4", cursor=page["next_cursor"])
    assert [entry["id"] for entry in [*page["items"], *rest]] == [entry["id"] for entry in whole]
    newest = whole[0]["at"]
    assert len(await entries(admin, **{"from": newest})) >= 1
    assert await entries(admin, **{"from": "2199-01-01T00:00:00Z"}) == []


async def test_nobody_reads_another_operators_log(
    shop: Shop, rival: httpx2.AsyncClient, admin: httpx2.AsyncClient
) -> None:
    query = {"operator": shop.operators["Northline"]}
    problem(await rival.get("/admin/audit", params=query), 404, "not_found")
    support = shop.client("support")
    assert await entries(support, **query) == await entries(admin, **query)


@pytest.mark.parametrize(
    "query",
    [
        {"operator": "x"},
        {"action": "Drop Table"},
        {"subject": "a\nb"},
        {"from": "yesterday"},
        {"to": "2030-01-01T00:00:00"},
        {"from": "0001-01-01T00:00:00Z"},
        {"cursor": "-1"},
        {"limit": "0"},
        {"user": "1"},
    ],
    ids=str,
)
async def test_questions_that_make_no_sense_are_refused(
    admin: httpx2.AsyncClient, query: dict[str, str]
) -> None:
    bad_input(await admin.get("/admin/audit", params=query))


async def test_logins_of_staff_are_logged_and_failed_ones_are_counted(
    shop: Shop, guest: httpx2.AsyncClient, admin: httpx2.AsyncClient
) -> None:
    who = f"user {shop.people['rival_agent'].user_id}"
    wrong = {"email": "rival_agent@example.org", "password": "not that"}
    for _ in range(3):
        assert (await guest.post("/auth/login", json=wrong)).status_code == 401
    assert (await guest.post("/auth/login", json=wrong | {"password": PASSWORD})).status_code == 200

    async def are_told() -> bool:
        return {entry["action"] for entry in await entries(admin, subject=who)} >= {
            "login",
            "login.failed",
        }

    await wait_until(are_told, seconds=20)
    told = {entry["action"]: entry for entry in await entries(admin, subject=who)}
    assert told["login"]["actor"] == str(shop.people["rival_agent"].user_id)
    assert told["login.failed"]["operator"] == shop.operators["Southline"]
    assert 1 <= told["login.failed"]["detail"]["count"] <= 3
    riders = f"user {shop.people['rider'].user_id}"
    assert await entries(admin, subject=riders) == []


async def test_refusals_to_those_who_manage_are_logged_with_who_was_refused(
    shop: Shop, rival: httpx2.AsyncClient, agent: httpx2.AsyncClient, admin: httpx2.AsyncClient
) -> None:
    bus = await shop.bus()
    wanted = {"bus_id": bus, "seats": ["1A"], "reason": "mine"}
    for stranger in (rival, agent):
        refused = await stranger.post("/admin/blocks", json=wanted, headers=new_key())
        assert refused.status_code in {403, 404}
    actors = {str(shop.people[name].user_id) for name in ("rival", "agent")}

    async def are_told() -> bool:
        told = await entries(admin, action="access.refused", subject="create_block")
        return {entry["actor"] for entry in told} >= actors

    await wait_until(are_told, seconds=20)


async def test_a_device_that_tries_what_is_not_for_its_kind_is_in_the_log(
    shop: Shop, admin: httpx2.AsyncClient
) -> None:
    board = shop.devices["board"].device_id
    for _ in range(2):
        refused = await shop.client("board").delete(f"/admin/devices/{board}")
        assert refused.status_code == 403

    async def is_told() -> bool:
        subject = f"revoke_device by device {board}"
        return bool(await entries(admin, action="access.refused", subject=subject))

    await wait_until(is_told, seconds=20)


async def test_however_hard_somebody_tries_the_log_grows_slowly(shop: Shop) -> None:
    written: list[NewEntry] = []

    class Noting(Audit):
        async def add(self, entries: Sequence[NewEntry]) -> None:
            written.extend(entries)

    log = SecurityLog(Noting(shop.store.db, shop.store.reader))
    for number in range(10 * security_log.KINDS_MAX):
        log.note_refusal(Caller(1 + number % 500, Role.OPERATOR, 2), "create_block")
    await log.write()
    await log.write()
    assert len(written) == security_log.KINDS_MAX + 1
    assert sum(int(str(entry.detail["count"])) for entry in written) == 1000
    log.note_refusal(Caller(1, Role.OPERATOR, 2), "create_block")
    await log.write()
    assert len(written) == security_log.KINDS_MAX + 1
    await log.close()
    assert written[-1].detail == {"count": 1}
