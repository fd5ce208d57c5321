"""Who manages whom: platform admins everybody, an operator's managers their own people, nobody themselves out."""

import json
from collections.abc import Sequence

import httpx2
import pytest

from store.accounts import User
from store.model import Role
from tests.api.answers import bad_input, problem
from tests.api.shop import PASSWORD, Json, Shop

Client = httpx2.AsyncClient


def newcomer(number: str, role: str = "agent", operator: str | None = None) -> Json:
    who = {"name": "New One", "email": f"{number}@invited.example", "role": role}
    return who if operator is None else who | {"operator": operator}


async def pages(client: Client, **query: str | int) -> list[Json]:
    """Return everybody on all pages."""
    found: list[Json] = []
    cursor: dict[str, str | int] = {}
    while True:
        answer = await client.get("/admin/users", params={**query, **cursor})
        assert answer.status_code == 200, answer.text
        page = answer.json()
        found += page["items"]
        if page["next_cursor"] is None:
            return found
        cursor = {"cursor": page["next_cursor"]}


async def audited(shop: Shop, user_id: str) -> list[Json]:
    rows = await shop.owner.fetch(
        "SELECT action, actor_id, operator_id, detail FROM audit_log WHERE subject = $1 ORDER BY audit_id",
        f"user {user_id}",
    )
    return [dict(row) | {"detail": json.loads(row["detail"])} for row in rows]


async def test_an_admin_sees_everybody_page_by_page(shop: Shop, admin: Client) -> None:
    everybody = await pages(admin, limit=3)
    ids = [int(person["id"]) for person in everybody]
    assert ids == sorted(set(ids))
    assert {person.user_id for person in shop.people.values()} <= set(ids)
    staff = await pages(admin, operator=shop.operators["Northline"], limit=100)
    assert {person["operator"] for person in staff} == {shop.operators["Northline"]}
    (found,) = await pages(admin, q="RIVAL@EXAMPLE")
    assert found["email"] == "rival@example.org"
    assert {person["role"] for person in await pages(admin, role="support")} == {"support"}


@pytest.mark.parametrize("text", ["%", "r_der", "ri%r", "\\", "'; --", "nobody at all", "\x00"])
async def test_what_is_looked_for_is_taken_as_it_stands(admin: Client, text: str) -> None:
    assert await pages(admin, q=text) == []


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ({"limit": 0}, "/limit"),
        ({"limit": 101}, "/limit"),
        ({"role": "king"}, "/role"),
        ({"operator": "x"}, "/operator"),
        ({"cursor": "x"}, "/cursor"),
        ({"sort": "email"}, "/sort"),
    ],
)
async def test_a_query_that_makes_no_sense_is_refused(
    admin: Client, query: Json, pointer: str
) -> None:
    assert bad_input(await admin.get("/admin/users", params=query)) == [pointer]


async def test_a_manager_sees_the_people_of_its_own_operator_only(
    shop: Shop, manager: Client
) -> None:
    found = await pages(manager, limit=100)
    assert {person["operator"] for person in found} == {shop.operators["Northline"]}
    assert await pages(manager, operator=shop.operators["Southline"]) == []
    assert await pages(manager, q="rider") == []
    for stranger in ("rival", "rival_agent", "rider", "admin", "support"):
        path = f"/admin/users/{shop.people[stranger].user_id}"
        problem(await manager.get(path), 404, "not_found")
        problem(await manager.patch(path, json={"disabled": True}), 404, "not_found")
    for nobody in ("999999999", "0", "x", "1e3"):
        problem(await manager.get(f"/admin/users/{nobody}"), 404, "not_found")


async def test_who_is_invited_gets_a_token_once_and_cannot_sign_in_by_guessing(
    shop: Shop, manager: Client, guest: Client
) -> None:
    who = newcomer("invited-one")
    answer = await manager.post("/admin/users", json=who)
    assert answer.status_code == 201, answer.text
    told = answer.json()
    user = told["user"]
    assert (user["role"], user["operator"]) == ("agent", shop.operators["Northline"])
    assert (user["disabled"], user["second_factor"]) == (False, False)
    assert len(told["token"]) >= 43
    kept = await shop.owner.fetch("SELECT i::text AS row FROM mailed_tokens AS i")
    assert not any(told["token"] in row["row"] for row in kept)
    for password in ("", PASSWORD, told["token"]):
        refused = await guest.post(
            "/auth/login", json={"email": who["email"], "password": password}
        )
        problem(refused, 401, "unauthenticated")
    chosen = {"token": told["token"], "password": "of my own choosing"}
    assert (await guest.post("/auth/password/reset", json=chosen)).status_code == 204
    problem(await guest.post("/auth/password/reset", json=chosen), 410, "link_expired")
    entered = {"email": who["email"], "password": chosen["password"]}
    assert (await guest.post("/auth/login", json=entered)).status_code == 200
    problem(await manager.post("/admin/users", json=who), 409, "already_exists")
    # What was tried at the door is written down some seconds later, or already.
    (line,) = [line for line in await audited(shop, user["id"]) if "login" not in line["action"]]
    assert (line["action"], line["actor_id"]) == ("user.invite", shop.people["manager"].user_id)
    assert line["operator_id"] == int(shop.operators["Northline"])
    assert who["email"] not in json.dumps(line["detail"]), "addresses have to be forgettable"


async def test_a_manager_makes_agents_and_managers_of_its_own_and_nobody_else(
    shop: Shop, manager: Client
) -> None:
    south = shop.operators["Southline"]
    for body in (newcomer("a", operator=south), newcomer("b", "operator", south)):
        problem(await manager.post("/admin/users", json=body), 404, "not_found")
    for role in ("admin", "support", "rider"):
        answer = await manager.post("/admin/users", json=newcomer("c", role))
        assert answer.status_code in {403, 422}, answer.text
    agent = await shop.hire(Role.AGENT, "Northline")
    path = f"/admin/users/{agent.user_id}"
    for change in ({"role": "admin"}, {"role": "support"}):
        problem(await manager.patch(path, json=change), 403, "forbidden")
    problem(await manager.patch(path, json={"operator": south}), 404, "not_found")
    for change in ({"role": "rider", "operator": south}, {"role": "admin", "operator": south}):
        assert bad_input(await manager.patch(path, json=change)) == ["/operator"]
    answer = await manager.patch(path, json={"role": "operator"})
    assert (answer.status_code, answer.json()["role"]) == (200, "operator")
    answer = await manager.patch(path, json={"role": "rider"})
    assert (answer.status_code, answer.json()["operator"]) == (200, None)
    problem(await manager.get(path), 404, "not_found")
    assert await audited(shop, str(agent.user_id)) != []


@pytest.mark.parametrize("field", ["email", "password", "password_hash", "user_id", "id"])
async def test_only_what_may_be_changed_is_read(shop: Shop, admin: Client, field: str) -> None:
    path = f"/admin/users/{shop.people['agent'].user_id}"
    assert bad_input(await admin.patch(path, json={field: "x"})) == [f"/{field}"]


async def test_whoever_is_changed_must_sign_in_again_and_whoever_is_renamed_need_not(
    shop: Shop, manager: Client
) -> None:
    agent = await shop.hire(Role.AGENT, "Northline")
    path = f"/admin/users/{agent.user_id}"

    async def is_signed_in(token: str) -> bool:
        headers = {"authorization": f"Bearer {token}"}
        return (await shop.client().get("/stops", headers=headers)).status_code == 200

    token, _ = await shop.begin_session(agent)
    renamed = await manager.patch(path, json={"name": "Someone Else"})
    assert renamed.json()["name"] == "Someone Else"
    assert await is_signed_in(token)
    closed = await manager.patch(path, json={"disabled": True})
    assert closed.json()["disabled"] is True
    assert not await is_signed_in(token), "at once, where it was said"
    opened = await manager.patch(path, json={"disabled": False})
    assert opened.json()["disabled"] is False
    assert not await is_signed_in(token)
    lines = await audited(shop, str(agent.user_id))
    assert [line["detail"] for line in lines] == [
        {"role": "agent"},
        {"name": "changed"},
        {"is_disabled": [False, True]},
        {"is_disabled": [True, False]},
    ]
    assert (await manager.patch(path, json={"disabled": False})).status_code == 200
    assert len(await audited(shop, str(agent.user_id))) == 4, "nothing has changed"


async def _operator_with(shop: Shop, name: str, managers: int) -> Sequence[User]:
    shop.operators[name] = str(
        await shop.owner.fetchval(
            "INSERT INTO operators (name, time_zone, currency) VALUES ($1, 'UTC', 'EUR')"
            " RETURNING operator_id",
            name,
        )
    )
    return [await shop.hire(Role.OPERATOR, name) for _ in range(managers)]


async def _patch(shop: Shop, who: User, whom: User, **change: object) -> httpx2.Response:
    token, _ = await shop.begin_session(who)
    return await shop.client().patch(
        f"/admin/users/{whom.user_id}",
        json=change,
        headers={"authorization": f"Bearer {token}"},
    )


async def test_the_last_manager_of_an_operator_cannot_leave(shop: Shop, admin: Client) -> None:
    first, second = await _operator_with(shop, "Twinline", 2)
    assert (await _patch(shop, first, second, disabled=True)).status_code == 200
    for change in ({"disabled": True}, {"role": "agent"}, {"role": "rider"}):
        problem(await _patch(shop, first, first, **change), 409, "wrong_state")
    assert (await _patch(shop, first, first, name="Still Here")).status_code == 200
    # The platform's admin may: it can name somebody else.
    path = f"/admin/users/{first.user_id}"
    assert (await admin.patch(path, json={"disabled": True})).status_code == 200


async def test_the_last_admin_of_the_house_cannot_leave(shop: Shop, admin: Client) -> None:
    other = await shop.hire(Role.ADMIN)
    own = shop.people["admin"]
    await shop.owner.execute(
        "UPDATE users SET disabled_at = now() WHERE role = 'admin' AND user_id <> ALL ($1)",
        [own.user_id, other.user_id],
    )
    path = f"/admin/users/{other.user_id}"
    assert (await admin.patch(path, json={"disabled": True})).status_code == 200
    for change in ({"disabled": True}, {"role": "support"}):
        answer = await admin.patch(f"/admin/users/{own.user_id}", json=change)
        problem(answer, 409, "wrong_state")
