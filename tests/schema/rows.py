"""A small complete data set, and for every table one further row that is good: cases spoil it.

Values are SQL expressions, so that a case reads like the statement it stands for.
"""

from collections.abc import Collection, Mapping


def uuid(number: int) -> str:
    return f"'00000000-0000-0000-0000-{number:012}'"


def digest(number: int) -> str:
    return f"sha256('{number}')"


_SOON = "'2040-01-01 10:00+00'"
_LATER = "'2040-01-01 12:00+00'"
_NOW = "'2030-01-01 10:00+00'"
_IN_FIVE_MINUTES = "'2030-01-01 10:05+00'"

HOLD, NEXT_HOLD = uuid(1), uuid(2)
BLOCK, NEXT_BLOCK = uuid(11), uuid(12)
PAYMENT, NEXT_PAYMENT = uuid(21), uuid(22)

Row = Mapping[str, str]
ROWS: dict[str, Row] = {
    "operators": {"operator_id": "9", "name": "'Nine'", "time_zone": "'UTC'", "currency": "'EUR'"},
    "stops": {
        "stop_id": "9",
        "source": "'test'",
        "code": "'nine'",
        "name": "'Nine'",
        "latitude": "52.5",
        "longitude": "13.4",
        "time_zone": "'UTC'",
    },
    "routes": {"route_id": "9", "operator_id": "1", "name": "'Nine'", "source_key": "'nine'"},
    "route_stops": {
        "route_id": "1",
        "idx": "1",
        "operator_id": "1",
        "stop_id": "2",
        "arrival_seconds": "600",
        "departure_seconds": "660",
    },
    "layouts": {"layout_id": "9", "operator_id": "1", "name": "'Nine'"},
    "layout_seats": {
        "layout_id": "1",
        "seat_no": "3",
        "operator_id": "1",
        "label": "'2A'",
        "deck": "1",
        "row_no": "2",
        "column_no": "1",
        "seat_class": "'standard'",
        "attributes": "'{window}'",
        "price_percent": "100",
    },
    "vehicles": {
        "vehicle_id": "9",
        "operator_id": "1",
        "registration": "'N 9'",
        "layout_id": "1",
        "name": "'Nine'",
    },
    "buses": {
        "bus_id": "9",
        "operator_id": "1",
        "route_id": "1",
        "layout_id": "1",
        "departs_at": _SOON,
        "arrives_at": _LATER,
        "total_seats": "2",
        "currency": "'EUR'",
        "fares": "'{1000,500}'",
        "name": "'The nine'",
        "source_key": "'nine'",
        "service_date": "'2040-01-01'",
        "status": "'SCHEDULED'",
    },
    "bus_stops": {
        "bus_id": "1",
        "idx": "2",
        "operator_id": "1",
        "stop_id": "3",
        "arrives_at": _LATER,
        "departs_at": _LATER,
    },
    "leg_fares": {
        "bus_id": "1",
        "from_idx": "0",
        "to_idx": "1",
        "operator_id": "1",
        "amount": "900",
    },
    "seats": {"bus_id": "1", "seat_no": "3", "operator_id": "1", "states": "'AA'"},
    "buyer_holds": {
        "bus_id": "1",
        "buyer": uuid(2),
        "operator_id": "1",
        "seats_held": "0",
        "seats_max": "6",
        "holds_held": "0",
        "holds_max": "2",
    },
    "holds": {
        "bus_id": "1",
        "hold_id": NEXT_HOLD,
        "operator_id": "1",
        "state": "'ACTIVE'",
        "user_id": "1",
        "from_idx": "0",
        "to_idx": "2",
        "seats": "'{1,2}'",
        "prices": "'{1500,1500}'",
        "created_at": _NOW,
        "expires_at": _IN_FIVE_MINUTES,
    },
    "bookings": {
        "bus_id": "1",
        "booking_id": "2",
        "operator_id": "1",
        "ref": "'ABC234'",
        "status": "'PENDING'",
        "user_id": "1",
        "from_idx": "0",
        "to_idx": "2",
        "seats": "'{1,2}'",
        "prices": "'{1500,1500}'",
        "names": "'{Ann,Bob}'",
        "categories": "'{adult,child}'",
        "method": "'demo'",
        "email": "'ann@example.org'",
        "phone": "'+49 30 123456'",
        "created_at": _NOW,
        "expires_at": _IN_FIVE_MINUTES,
    },
    "blocks": {
        "bus_id": "1",
        "block_id": NEXT_BLOCK,
        "operator_id": "1",
        "from_idx": "0",
        "to_idx": "2",
        "seats": "'{2}'",
        "reason": "'belt'",
        "created_at": _NOW,
    },
    "claims": {
        "bus_id": "1",
        "seat_no": "1",
        "segment": "1",
        "operator_id": "1",
        "hold_id": HOLD,
    },
    "tickets": {
        "bus_id": "1",
        "booking_id": "1",
        "seat_no": "2",
        "operator_id": "1",
        "code": uuid(32),
        "issued_at": _NOW,
    },
    "payments": {
        "bus_id": "1",
        "payment_id": NEXT_PAYMENT,
        "booking_id": "1",
        "operator_id": "1",
        "method": "'demo'",
        "status": "'PENDING'",
        "amount": "1500",
        "created_at": _NOW,
    },
    "refunds": {
        "bus_id": "1",
        "refund_id": uuid(42),
        "payment_id": PAYMENT,
        "operator_id": "1",
        "amount": "100",
        "seats": "'{2}'",
        "created_at": _NOW,
    },
    "events": {
        "bus_id": "1",
        "rev": "2",
        "operator_id": "1",
        "epoch": "1",
        "kind": "'held'",
        "seats": """'[["1A","LL"]]'""",
        "at": _NOW,
    },
    "idempotency_keys": {
        "bus_id": "1",
        "key_hash": uuid(52),
        "operator_id": "1",
        "request_hash": uuid(50),
        "status": "200",
        "response": "'{}'",
    },
    "users": {
        "user_id": "9",
        "name": "'Nina'",
        "email": "'nina@example.org'",
        "password_hash": "'hash'",
        "role": "'rider'",
    },
    "refresh_tokens": {
        "digest": digest(9),
        "family": uuid(60),
        "user_id": "1",
        "parent": digest(1),
        "issued_at": _NOW,
        "expires_at": _SOON,
        "family_expires_at": _LATER,
    },
    "mails": {
        "mail_id": uuid(72),
        "user_id": "1",
        "template": "'verify_email'",
        "recipient": "'nina@example.org'",
        "parameters": "'{}'",
        "state": "'QUEUED'",
        "attempts": "0",
        "created_at": _NOW,
        "due_at": _NOW,
    },
    "mailed_tokens": {
        "digest": digest(72),
        "purpose": "'verify_email'",
        "user_id": "1",
        "email": "'nina@example.org'",
        "created_at": _NOW,
        "expires_at": _SOON,
    },
    "session_ends": {"family": uuid(71), "user_id": "1", "ended_at": _NOW},
    "second_factors": {"user_id": "2", "sealed_secret": "'sealed'", "begun_at": _NOW},
    "recovery_codes": {"user_id": "1", "digest": digest(81)},
    "house_keys": {"purpose": "'tokens'", "key_id": "'2'", "secret": "'secret'"},
    "invariant_checks": {
        "name": "'nine'",
        "violations": "1",
        "bus_ids": "'{1}'",
        "checked_at": _NOW,
    },
    "devices": {
        "device_id": "9",
        "operator_id": "1",
        "stop_id": "1",
        "kind": "'kiosk'",
        "name": "'Hall'",
        "key_digest": digest(79),
        "key_issued_at": _NOW,
        "paired_at": _NOW,
        "version": "'1.0'",
    },
    "device_codes": {
        "code_digest": digest(89),
        "operator_id": "1",
        "stop_id": "1",
        "kind": "'kiosk'",
        "name": "'Hall'",
        "created_at": _NOW,
        "expires_at": _IN_FIVE_MINUTES,
        "wrong_tries": "0",
    },
    "pairing_tries": {"address": uuid(91), "wrong_tries": "1", "since": _NOW},
    "scans": {
        "bus_id": "1",
        "scan_id": uuid(102),
        "operator_id": "1",
        "device_id": "1",
        "reading": "'ABC234 1A'",
        "booking_id": "1",
        "seat_no": "1",
        "verdict": "'already_boarded'",
        "is_offline": "false",
        "scanned_at": _NOW,
        "received_at": _NOW,
    },
    "audit_log": {
        "operator_id": "1",
        "action": "'bus.create'",
        "subject": "'bus 1'",
        "detail": "'{}'",
    },
    "audit_heads": {"operator_id": "9"},
    "audit_seals": {
        "operator_id": "1",
        "position": "9",
        "audit_id": "9",
        "previous": digest(1),
        "hash": digest(2),
    },
    "audit_checks": {
        "operator_id": "9",
        "position": "0",
        "hash": digest(1),
        "broken_at": "NULL",
        "checked_at": _NOW,
    },
}

# What others write, in cases their owner: seals are the database's own, what came of looking at things the worker's.
NOT_THE_APPLICATIONS = {"audit_heads", "audit_seals", "audit_checks", "invariant_checks"}

# What is there already: the first of everything, of two operators.
BASE: tuple[tuple[str, Row], ...] = (
    ("operators", {"operator_id": "1", "name": "'One'"}),
    ("operators", {"operator_id": "2", "name": "'Two'"}),
    ("stops", {"stop_id": "1", "code": "'one'"}),
    ("stops", {"stop_id": "2", "code": "'two'"}),
    ("stops", {"stop_id": "3", "code": "'three'"}),
    ("routes", {"route_id": "1", "name": "'One'", "source_key": "'one'"}),
    ("routes", {"route_id": "2", "name": "'Two'", "operator_id": "2"}),
    ("route_stops", {"idx": "0", "stop_id": "1"}),
    ("layouts", {"layout_id": "1", "name": "'One'"}),
    ("layouts", {"layout_id": "2", "name": "'Two'", "operator_id": "2"}),
    ("layout_seats", {"seat_no": "1", "label": "'1A'", "row_no": "1"}),
    ("layout_seats", {"seat_no": "2", "label": "'1B'", "row_no": "1", "column_no": "2"}),
    ("vehicles", {"vehicle_id": "1", "registration": "'N 1'"}),
    ("vehicles", {"vehicle_id": "2", "operator_id": "2", "layout_id": "2"}),
    ("buses", {"bus_id": "1"}),
    ("buses", {"bus_id": "2", "operator_id": "2", "route_id": "2", "layout_id": "2"}),
    ("bus_stops", {"idx": "0", "stop_id": "1", "arrives_at": _SOON, "departs_at": _SOON}),
    ("bus_stops", {"idx": "1", "stop_id": "2", "arrives_at": _SOON, "departs_at": _SOON}),
    ("bus_stops", {"bus_id": "2", "idx": "0", "operator_id": "2"}),
    ("bus_stops", {"bus_id": "2", "idx": "1", "operator_id": "2"}),
    ("leg_fares", {"bus_id": "2", "operator_id": "2"}),
    ("seats", {"seat_no": "1"}),
    ("seats", {"seat_no": "2"}),
    ("seats", {"bus_id": "2", "seat_no": "1", "operator_id": "2"}),
    ("buyer_holds", {"buyer": uuid(1), "seats_held": "2", "holds_held": "1"}),
    ("holds", {"hold_id": HOLD}),
    ("holds", {"bus_id": "2", "hold_id": NEXT_HOLD, "operator_id": "2"}),
    ("bookings", {"booking_id": "1", "hold_id": HOLD}),
    ("bookings", {"bus_id": "2", "booking_id": "3", "operator_id": "2"}),
    ("blocks", {"block_id": BLOCK}),
    ("blocks", {"bus_id": "2", "block_id": NEXT_BLOCK, "operator_id": "2"}),
    ("claims", {"segment": "0"}),
    ("claims", {"bus_id": "2", "operator_id": "2", "hold_id": NEXT_HOLD}),
    ("tickets", {"seat_no": "1", "code": uuid(31)}),
    ("tickets", {"bus_id": "2", "booking_id": "3", "operator_id": "2"}),
    ("payments", {"payment_id": PAYMENT, "status": "'SUCCEEDED'", "settled_at": _NOW}),
    ("payments", {"bus_id": "2", "booking_id": "3", "operator_id": "2"}),
    ("refunds", {"refund_id": uuid(41), "seats": "'{1}'"}),
    ("refunds", {"bus_id": "2", "payment_id": NEXT_PAYMENT, "operator_id": "2"}),
    ("events", {"rev": "1"}),
    ("events", {"bus_id": "2", "rev": "1", "operator_id": "2"}),
    ("idempotency_keys", {"key_hash": uuid(51)}),
    ("idempotency_keys", {"bus_id": "2", "operator_id": "2"}),
    ("buyer_holds", {"bus_id": "2", "operator_id": "2"}),
    ("users", {"user_id": "1", "email": "'one@example.org'"}),
    ("users", {"user_id": "2", "email": "'two@example.org'"}),
    ("refresh_tokens", {"digest": digest(1), "parent": "NULL"}),
    ("mails", {"mail_id": uuid(71), "user_id": "NULL"}),
    ("mailed_tokens", {"digest": digest(71)}),
    ("session_ends", {"family": uuid(70)}),
    ("second_factors", {"user_id": "1"}),
    ("recovery_codes", {"digest": digest(80)}),
    ("house_keys", {"key_id": "'1'"}),
    (
        "devices",
        {
            "device_id": "1",
            "key_digest": digest(71),
            "old_key_digest": digest(70),
            "old_key_ends_at": _LATER,
        },
    ),
    ("devices", {"device_id": "2", "operator_id": "2", "key_digest": digest(72)}),
    ("device_codes", {"code_digest": digest(81), "device_id": "1"}),
    ("device_codes", {"code_digest": digest(82), "operator_id": "2"}),
    ("pairing_tries", {"address": uuid(90)}),
    ("scans", {"scan_id": uuid(101), "verdict": "'boarded'"}),
    (
        "scans",
        {
            "bus_id": "2",
            "scan_id": uuid(101),
            "operator_id": "2",
            "device_id": "2",
            "booking_id": "3",
            "seat_no": "2",
        },
    ),
    ("audit_log", {}),
    ("audit_log", {"operator_id": "2"}),
    ("audit_log", {"operator_id": "NULL"}),
)


def insert(table: str, /, **changes: str) -> str:
    """Return the statement that adds the table's further row, with these columns changed."""
    row = {**ROWS[table], **changes}
    columns, values = ", ".join(row), ", ".join(row.values())
    return f"INSERT INTO {table} ({columns}) VALUES ({values})"  # noqa: S608 - of constants


def base(tables: Collection[str] | None = None, *, has_buyers: bool = True) -> list[str]:
    """Return the statements that add it all, also as it was with fewer tables, or before buyers had numbers."""
    return [
        insert(table, **changes)
        for table, changes in BASE
        if (tables is None or table in tables) and (has_buyers or table != "buyer_holds")
    ]


def looked_at() -> list[str]:
    """Return the statements that add what workers have found."""
    return [insert("invariant_checks", name="'one'"), insert("audit_checks", operator_id="1")]
