"""`omnibus webhooks` against a real database."""

import uuid

from store.webhooks import EventType, NewEndpoint
from tests.cli.commands import Ran, omnibus
from tests.support.world import World


async def add(world: World) -> int:
    new = NewEndpoint(
        world.operator_id, "https://93.184.216.34/hook", {EventType.REFUND_PAID}, "ERP"
    )
    return (await world.store.webhooks.add(world.admin, new)).endpoint.endpoint_id


def command(world: World, *arguments: object) -> Ran:
    return omnibus("webhooks", *map(str, arguments), DATABASE_URL=world.url)


async def test_webhooks_are_listed_tested_and_repeated(world: World) -> None:
    number = await add(world)
    (item,) = command(world, "list", "--json").json["items"]
    assert (item["id"], item["status"], item["waiting"]) == (str(number), "enabled", 0)
    tested = command(world, "test", number, "--json").json
    assert tested["status"] == "waiting"
    ran = command(world, "list")
    assert ran.code == 0, ran.err
    assert ran.out.split() == [
        *(str(number), "enabled", str(world.operator_id), "https://93.184.216.34/hook"),
        *("1", "waiting"),
    ]
    await world.edit("UPDATE webhook_deliveries SET state = 'FAILED', done_at = clock_timestamp()")
    ran = command(world, "resend", number, tested["id"])
    assert (ran.code, ran.out) == (0, f"delivery {tested['id']} waits for a worker\n"), ran.err
    await world.edit("UPDATE webhook_deliveries SET state = 'FAILED', done_at = clock_timestamp()")
    since = ("--since", "2020-01-01T00:00:00Z")
    assert command(world, "resend", number, *since, "--json").json == {"resent": 1, "more": False}
    rows = await world.edit(
        "SELECT action FROM audit_log WHERE operator_id IS NOT NULL ORDER BY audit_id"
    )
    assert [row["action"] for row in rows] == [
        *("webhook.create", "webhook.test", "webhook.resend", "webhook.resend"),
    ]


async def test_what_is_not_there_is_one_message(world: World) -> None:
    number = await add(world)
    ran = command(world, "test", 4711)
    assert (ran.code, ran.err) == (1, "omnibus: there is no such webhook\n")
    ran = command(world, "resend", number, uuid.uuid4())
    assert (ran.code, ran.err) == (1, "omnibus: there is no such delivery\n")
    ran = command(world, "resend", number)
    assert (ran.code, ran.err) == (1, "omnibus: name either a delivery or --since\n")
