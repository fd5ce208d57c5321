"""Webhooks over HTTP, as an operator's administrators keep them; nothing is sent here, no worker runs."""

import uuid
from collections.abc import AsyncIterator
from typing import cast

import httpx2
import pytest

from server.webhooks.events import body_of_test
from store.webhook_outbox import Happening
from store.webhooks import ENDPOINTS_MAX, EventType
from tests.api.answers import bad_input, problem
from tests.api.back_office import logged, make
from tests.api.shop import Json, Shop

Client = httpx2.AsyncClient
EVENTS = ["booking.confirmed", "booking.cancelled"]


def url() -> str:
    """Return a public address that no other test has; nothing is ever sent there."""
    return f"https://93.184.216.34/{uuid.uuid4().hex}"


async def add(client: Client, **more: object) -> Json:
    return await make(client, "webhooks", **({"url": url(), "events": EVENTS} | more))


@pytest.fixture(autouse=True)
async def clean(shop: Shop) -> AsyncIterator[None]:
    """Ten webhooks are all that an operator may have."""
    yield
    for table in ("webhook_attempts", "webhook_deliveries", "webhook_endpoints", "webhook_counts"):
        await shop.owner.execute(f"DELETE FROM {table}")  # noqa: S608 - of constants


async def happen(shop: Shop, webhook: Json, state: str = "WAITING") -> str:
    """Let something happen that a webhook is to be told of, and return the delivery's id."""
    told = Happening(int(webhook["operator"]), EventType.BOOKING_CONFIRMED, uuid.uuid4(), 1)
    assert await shop.store.webhook_outbox.queue(told, body_of_test(1)) == 1
    row = await shop.owner.fetchrow(
        "UPDATE webhook_deliveries SET state = $2, done_at = CASE WHEN $2 <> 'WAITING' THEN now() END"
        " WHERE endpoint_id = $1 AND sequence ="
        " (SELECT max(sequence) FROM webhook_deliveries WHERE endpoint_id = $1) RETURNING delivery_id",
        int(webhook["id"]),
        state,
    )
    assert row is not None
    return str(row["delivery_id"])


async def test_a_webhook_is_added_and_its_secret_told_once(shop: Shop, manager: Client) -> None:
    added = await add(manager, description="ERP")
    assert added["secret"].startswith("whsec_")
    assert len(added["secret"]) == 50
    shown = (await manager.get(f"/admin/webhooks/{added['id']}")).json()
    assert shown == {name: value for name, value in added.items() if name != "secret"}
    assert (shown["enabled"], shown["waiting"], shown["sequence"]) == (True, 0, 0)
    assert (shown["events"], shown["description"]) == (sorted(EVENTS), "ERP")
    listed = (await manager.get("/admin/webhooks")).json()
    assert listed["items"] == [shown]
    assert added["secret"] not in str(listed)
    again = {"url": added["url"], "events": EVENTS}
    problem(await manager.post("/admin/webhooks", json=again), 409, "already_exists")
    assert await logged(shop, f"webhook {added['id']}") == ["webhook.create"]


async def test_a_webhook_is_changed_switched_off_and_on_and_deleted(
    shop: Shop, manager: Client
) -> None:
    added = await add(manager)
    there = f"/admin/webhooks/{added['id']}"
    moved = url()
    changed = await manager.patch(there, json={"url": moved, "events": ["refund.paid"]})
    assert (changed.json()["url"], changed.json()["events"]) == (moved, ["refund.paid"])
    assert (await manager.patch(there, json={"events": ["refund.paid"]})).json() == changed.json()
    off = (await manager.patch(there, json={"enabled": False})).json()
    assert (off["enabled"], off["disabled_because"]) == (False, "staff")
    problem(await manager.post(f"{there}/test"), 409, "wrong_state")
    await shop.owner.execute(
        "UPDATE webhook_endpoints SET disabled_because = 'failing', failing_since = now() WHERE endpoint_id = $1",
        int(added["id"]),
    )
    on = (await manager.patch(there, json={"enabled": True})).json()
    assert (on["enabled"], on["disabled_at"], on["failing_since"]) == (True, None, None)
    other = await add(manager)
    problem(await manager.patch(there, json={"url": other["url"]}), 409, "already_exists")
    assert (await manager.delete(there)).status_code == 204
    problem(await manager.get(there), 404, "not_found")
    problem(await manager.delete(there), 404, "not_found")
    deeds = ["create", "change", "change", "change", "delete"]
    assert await logged(shop, f"webhook {added['id']}") == [f"webhook.{deed}" for deed in deeds]
    # What was there may be there again, as another one.
    assert (await add(manager, url=moved))["id"] != added["id"]


async def test_an_operator_has_ten_at_most(manager: Client, rival: Client) -> None:
    for _ in range(ENDPOINTS_MAX):
        await add(manager)
    wanted = {"url": url(), "events": EVENTS}
    problem(await manager.post("/admin/webhooks", json=wanted), 409, "wrong_state")
    await add(rival)
    first = (await manager.get("/admin/webhooks?limit=6")).json()
    cursor = first["next_cursor"]
    rest = (await manager.get(f"/admin/webhooks?limit=6&cursor={cursor}")).json()
    ids = [int(each["id"]) for each in (*first["items"], *rest["items"])]
    assert ids == sorted(ids)
    assert (len(ids), rest["next_cursor"]) == (ENDPOINTS_MAX, None)


async def test_another_secret_is_told_once_and_the_old_one_lasts_a_day(
    shop: Shop, manager: Client
) -> None:
    added = await add(manager)
    rotated = (await manager.post(f"/admin/webhooks/{added['id']}/rotate")).json()
    assert rotated["secret"] != added["secret"]
    shown = (await manager.get(f"/admin/webhooks/{added['id']}")).json()
    assert shown["old_secret_ends_at"] == rotated["old_secret_ends_at"]
    hours = await shop.owner.fetchval(
        "SELECT extract(EPOCH FROM $1::text::timestamptz - now()) / 3600",
        rotated["old_secret_ends_at"],
    )
    assert 23.9 < hours <= 24
    assert await logged(shop, f"webhook {added['id']}") == ["webhook.create", "webhook.rotate"]


@pytest.mark.parametrize(
    "address",
    [
        "https://127.0.0.1/",
        "https://localhost/",
        "http://93.184.216.34/",
        "https://user:secret@93.184.216.34/",
        "https://[::ffff:10.0.0.1]/",
        "https://169.254.169.254/latest",
        "https://93.184.216.34:22/",
        "ftp://93.184.216.34/",
    ],
)
async def test_an_address_that_leads_inside_is_refused_when_it_is_named(
    manager: Client, address: str
) -> None:
    refused = await manager.post("/admin/webhooks", json={"url": address, "events": EVENTS})
    assert bad_input(refused) == ["/url"]
    there = f"/admin/webhooks/{(await add(manager))['id']}"
    assert bad_input(await manager.patch(there, json={"url": address})) == ["/url"]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"events": []}, "/events"),
        ({"events": ["webhook.test"]}, "/events/0"),
        ({"events": ["booking.*"]}, "/events/0"),
        ({"events": EVENTS, "secret": "mine"}, "/secret"),
        ({"events": EVENTS, "url": 5}, "/url"),
        ({"events": EVENTS, "description": "a\nb"}, "/description"),
    ],
)
async def test_what_makes_no_sense_is_refused(manager: Client, body: Json, pointer: str) -> None:
    refused = await manager.post("/admin/webhooks", json={"url": url()} | body)
    assert bad_input(refused) == [pointer]


async def test_what_was_told_is_listed_and_narrowed(shop: Shop, manager: Client) -> None:
    added = await add(manager)
    ids = [await happen(shop, added, state) for state in ("FAILED", "DELIVERED", "WAITING")]
    tested = await manager.post(f"/admin/webhooks/{added['id']}/test")
    assert (tested.status_code, tested.json()["event"]) == (202, "webhook.test")
    there = f"/admin/webhooks/{added['id']}/deliveries"

    async def listed(query: str = "") -> list[str]:
        return [each["id"] for each in (await manager.get(there + query)).json()["items"]]

    assert await listed() == [tested.json()["id"], *ids[::-1]]
    assert await listed("?status=failed") == ids[:1]
    assert await listed("?event=webhook.test") == [tested.json()["id"]]
    assert await listed("?booking=K7QX2M") == []
    assert await listed("?from=2199-01-01T00:00:00Z") == []
    assert await listed("?to=2199-01-01T00:00:00Z") == await listed()
    page = (await manager.get(f"{there}?limit=2")).json()
    rest = (await manager.get(f"{there}?limit=2&cursor={page['next_cursor']}")).json()
    assert [each["id"] for each in rest["items"]] == ids[1::-1]
    assert bad_input(await manager.get(f"{there}?from=2030-01-01T00:00:00")) == ["/from"]
    assert bad_input(await manager.get(f"{there}?status=lost")) == ["/status"]


async def test_a_delivery_is_shown_with_what_was_sent_and_every_attempt(
    shop: Shop, manager: Client
) -> None:
    added = await add(manager)
    delivery = await happen(shop, added, "FAILED")
    await shop.owner.execute(
        "INSERT INTO webhook_attempts VALUES ($1, $2, 1, now(), 12, 'refused', 500, 'no', NULL)",
        int(added["operator"]),
        uuid.UUID(delivery),
    )
    shown = (await manager.get(f"/admin/webhooks/{added['id']}/deliveries/{delivery}")).json()
    assert (shown["status"], shown["next_attempt_at"]) == ("failed", None)
    assert shown["body"]["sequence"] == shown["sequence"] == 1
    (tried,) = shown["tries"]
    assert (tried["number"], tried["status"], tried["answer"]) == (1, 500, "no")
    for unknown in (str(uuid.uuid4()), "7", "x"):
        there = f"/admin/webhooks/{added['id']}/deliveries/{unknown}"
        problem(await manager.get(there), 404, "not_found")
        problem(await manager.post(f"{there}/resend"), 404, "not_found")


async def test_one_is_sent_again_under_its_number_also_if_it_had_arrived(
    shop: Shop, manager: Client
) -> None:
    added = await add(manager)
    delivery = await happen(shop, added, "DELIVERED")
    there = f"/admin/webhooks/{added['id']}/deliveries/{delivery}"
    before = (await manager.get(there)).json()
    again = await manager.post(f"{there}/resend")
    assert again.status_code == 202
    assert (again.json()["id"], again.json()["status"]) == (delivery, "waiting")
    assert (await manager.get(there)).json()["body"] == before["body"]
    assert await logged(shop, f"webhook {added['id']}") == ["webhook.create", "webhook.resend"]


async def test_all_that_failed_since_is_sent_again(shop: Shop, manager: Client) -> None:
    added = await add(manager)
    for state in ("FAILED", "DELIVERED", "FAILED"):
        await happen(shop, added, state)
    there = f"/admin/webhooks/{added['id']}"
    later = await manager.post(f"{there}/resend", json={"since": "2199-01-01T00:00:00Z"})
    assert later.json() == {"resent": 0, "more": False}
    all_of_them = await manager.post(f"{there}/resend", json={"since": "2020-01-01T00:00:00Z"})
    assert all_of_them.json() == {"resent": 2, "more": False}
    assert (await manager.get(there)).json()["waiting"] == 2
    missing = await manager.post(f"{there}/resend", json={"since": "2020-01-01T00:00:00"})
    assert bad_input(missing) == ["/since"]


async def test_another_operators_webhook_is_not_there(
    shop: Shop, manager: Client, rival: Client
) -> None:
    added = await add(manager)
    delivery = await happen(shop, added, "FAILED")
    there = f"/admin/webhooks/{added['id']}"
    asks: list[tuple[str, str, Json | None]] = [
        ("GET", there, None),
        ("PATCH", there, {"enabled": False}),
        ("DELETE", there, None),
        ("POST", f"{there}/rotate", None),
        ("POST", f"{there}/test", None),
        ("GET", f"{there}/deliveries", None),
        ("GET", f"{there}/deliveries/{delivery}", None),
        ("POST", f"{there}/deliveries/{delivery}/resend", None),
        ("POST", f"{there}/resend", {"since": "2020-01-01T00:00:00Z"}),
        ("GET", f"/admin/webhooks?operator={added['operator']}", None),
        (
            "POST",
            "/admin/webhooks",
            {"url": url(), "events": EVENTS, "operator": added["operator"]},
        ),
    ]
    for method, path, body in asks:
        problem(await rival.request(method, path, json=body), 404, "not_found")
    # Nor by way of one's own.
    own = await add(rival)
    foreign = f"/admin/webhooks/{own['id']}/deliveries/{delivery}"
    problem(await rival.get(foreign), 404, "not_found")
    problem(await rival.post(f"{foreign}/resend"), 404, "not_found")
    assert [each["id"] for each in (await rival.get("/admin/webhooks")).json()["items"]] == [
        own["id"]
    ]
    assert (await manager.get(there)).json()["waiting"] == 0


async def test_who_watches_sees_how_webhooks_are(shop: Shop, manager: Client) -> None:
    added = await add(manager)
    await happen(shop, added)
    await shop.owner.execute(
        "UPDATE webhook_deliveries SET due_at = due_at - interval '1 hour' WHERE endpoint_id = $1",
        int(added["id"]),
    )
    await shop.owner.execute("INSERT INTO webhook_counts VALUES ('delivered', 41)")
    off = await add(manager)
    await manager.patch(f"/admin/webhooks/{off['id']}", json={"enabled": False})
    text = (await shop.client(prefix="").get("/metrics")).text
    lines = dict(cast("tuple[str, str]", tuple(line.rsplit(" ", 1))) for line in text.splitlines())
    assert 3600 <= float(lines["omnibus_webhooks_overdue_seconds"]) < 3700
    assert lines['omnibus_webhooks_disabled{because="staff"}'] == "1.0"
    assert lines['omnibus_webhook_attempts{outcome="delivered"}'] == "41.0"
