"""One transaction, one bus: what lets the same schema run on one PostgreSQL and on a sharded one."""

from store.citus.distribute import REFERENCE as COPIED
from store.db import Connection

# Everything a booking touches; each is split by bus_id when the data is.
BOOKING_PATH = {
    "buses",
    "bus_stops",
    "leg_fares",
    "seats",
    "buyer_holds",
    "holds",
    "bookings",
    "blocks",
    "claims",
    "tickets",
    "payments",
    "intents",
    "refunds",
    "refund_attempts",
    "postings",
    "events",
    "idempotency_keys",
    "scans",
    "jobs",
    "cash_payouts",
    "job_inbox",
}
# Small enough to be copied to every shard.
REFERENCE = {
    *("operators", "stops", "routes", "route_stops", "layouts", "layout_seats", "vehicles"),
    *("devices", "device_codes"),
    *("refund_rules", "refund_defaults", "shifts"),
}
# What searches go by, said once more of the buses: a cluster has a view in its place.
SEARCHED = {"calls"}
# On the first shard only: nothing of a booking points at them.
ELSEWHERE = {
    "users",
    "refresh_tokens",
    "mails",
    "mailed_tokens",
    "session_ends",
    "second_factors",
    "recovery_codes",
    "house_keys",
    "audit_log",
    "audit_seals",
    "audit_heads",
    "audit_checks",
    "schema_migrations",
    "invariant_checks",
    "pairing_tries",
    "job_counts",
    *("provider_events", "demo_payments", "demo_refunds", "demo_webhooks"),
    *("webhook_endpoints", "webhook_deliveries", "webhook_attempts", "webhook_counts"),
    "imports",
    "region_servers",
    "rooms",
    "room_places",
    "conflict_counts",
}

_UNIQUE = """
SELECT t.relname AS table_name, i.relname AS name,
    (SELECT a.attname FROM pg_attribute AS a WHERE a.attrelid = t.oid AND a.attnum = x.indkey[0]) AS first
FROM pg_index AS x
JOIN pg_class AS i ON i.oid = x.indexrelid
JOIN pg_class AS t ON t.oid = x.indrelid
WHERE t.relnamespace = 'public'::regnamespace AND x.indisunique
"""
_POINTERS = """
SELECT c.conname AS name, c.conrelid::regclass::text AS source, c.confrelid::regclass::text AS target,
    (SELECT a.attname FROM pg_attribute AS a WHERE a.attrelid = c.conrelid AND a.attnum = c.conkey[1]) AS here,
    (SELECT a.attname FROM pg_attribute AS a WHERE a.attrelid = c.confrelid AND a.attnum = c.confkey[1]) AS there
FROM pg_constraint AS c
WHERE c.contype = 'f' AND c.connamespace = 'public'::regnamespace
"""


async def test_the_small_tables_are_those_that_a_cluster_copies() -> None:
    assert set(COPIED) == REFERENCE


async def test_every_table_has_its_place(app: Connection) -> None:
    tables = await app.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    assert {row["tablename"] for row in tables} == BOOKING_PATH | REFERENCE | SEARCHED | ELSEWHERE
    of_a_bus = await app.fetch(
        "SELECT c.relname AS table_name FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid"
        " WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attname = 'bus_id'"
    )
    assert {row["table_name"] for row in of_a_bus} == BOOKING_PATH


async def test_every_key_of_the_booking_path_leads_with_the_bus(app: Connection) -> None:
    keys = [row for row in await app.fetch(_UNIQUE) if row["table_name"] in BOOKING_PATH]
    assert {row["table_name"] for row in keys} == BOOKING_PATH
    assert [row["name"] for row in keys if row["first"] != "bus_id"] == []


async def test_every_pointer_of_the_booking_path_stays_in_its_bus_or_goes_to_a_small_table(
    app: Connection,
) -> None:
    pointers = [row for row in await app.fetch(_POINTERS) if row["source"] in BOOKING_PATH]
    astray = [
        row["name"]
        for row in pointers
        if row["target"] not in REFERENCE
        and not (row["target"] in BOOKING_PATH and row["here"] == row["there"] == "bus_id")
    ]
    assert astray == []
    assert len(pointers) >= 20


async def test_a_small_table_points_at_small_tables_only(app: Connection) -> None:
    pointers = await app.fetch(_POINTERS)
    assert [
        row["name"]
        for row in pointers
        if row["source"] in REFERENCE and row["target"] not in REFERENCE
    ] == []


async def test_every_table_of_the_booking_path_has_a_primary_key(app: Connection) -> None:
    rows = await app.fetch(
        "SELECT conrelid::regclass::text AS table_name FROM pg_constraint"
        " WHERE contype = 'p' AND connamespace = 'public'::regnamespace"
    )
    assert {row["table_name"] for row in rows} >= BOOKING_PATH
