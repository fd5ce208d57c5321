"""For every constraint, unique index, domain and trigger of the schema: a statement that it refuses.

A new one without a line here fails `test_constraints.py`.
"""

from dataclasses import dataclass

from tests.schema.rows import (
    BLOCK,
    HOLD,
    NEXT_HOLD,
    NOT_THE_APPLICATIONS,
    PAYMENT,
    digest,
    insert,
    uuid,
)

CHECK, UNIQUE, FOREIGN_KEY, FORBIDDEN = "23514", "23505", "23503", "42501"


@dataclass(frozen=True, slots=True)
class Case:
    name: str
    statement: str
    sqlstate: str
    speaks: str | None
    """The constraint that the error names, when another one of the same meaning comes first."""
    is_owners: bool = False
    """Whether the application may not even try."""


def check(name: str, table: str, /, **changes: str) -> Case:
    is_owners = table in NOT_THE_APPLICATIONS
    return Case(name, insert(table, **changes), CHECK, name, is_owners)


def unique(name: str, table: str, /, *, speaks: str | None = None, **changes: str) -> Case:
    is_owners = table in NOT_THE_APPLICATIONS
    return Case(name, insert(table, **changes), UNIQUE, speaks or name, is_owners)


def foreign(name: str, table: str, /, **changes: str) -> Case:
    return Case(name, insert(table, **changes), FOREIGN_KEY, name)


def move(name: str, statement: str, *, speaks: str | None = None) -> Case:
    return Case(name, statement, CHECK, speaks or name)


def forbidden(name: str, statement: str) -> Case:
    return Case(name, statement, FORBIDDEN, None)


_SOON = "'2040-01-01 10:00+00'"
LONG = "repeat('x', 70000)"

CASES = (
    # Domains
    check("label_check", "operators", name="''"),
    check("code_check", "stops", code="E'\\n'"),
    check("currency_check", "operators", currency="'euro'"),
    check("time_zone_check", "stops", time_zone="'Mid dle/Earth'"),
    check("seat_states_check", "seats", states="'AQ'"),
    check("person_name_check", "bookings", names="ARRAY['Ann', E'B\\tb']"),
    # Operators
    check("operators_seats_per_buyer_check", "operators", seats_per_buyer="0"),
    check("operators_seats_per_address_check", "operators", seats_per_address="201"),
    check("operators_seats_per_staff_check", "operators", seats_per_staff="101"),
    check("operators_holds_per_buyer_check", "operators", holds_per_buyer="0"),
    check("operators_holds_per_staff_check", "operators", holds_per_staff="1001"),
    check("operators_cooldown_seconds_check", "operators", cooldown_seconds="-1"),
    check("operators_extension_seconds_check", "operators", extension_seconds="1201"),
    check("operators_hold_seconds_max_check", "operators", hold_seconds_max="1201"),
    check("operators_not_the_platform", "operators", operator_id="0"),
    check("operators_version_check", "operators", version="0"),
    unique("operators_pkey", "operators", operator_id="1"),
    unique("operators_name_key", "operators", name="'ONE'"),
    # Stops
    check("stops_latitude_check", "stops", latitude="90.1"),
    check("stops_longitude_check", "stops", longitude="-180.1"),
    check("stops_not_own_parent", "stops", parent_id="9"),
    check("stops_version_check", "stops", version="0"),
    unique("stops_pkey", "stops", stop_id="1"),
    unique("stops_source_code_key", "stops", code="'one'"),
    foreign("stops_parent_id_fkey", "stops", parent_id="4711"),
    # Routes
    check("routes_version_check", "routes", version="0"),
    unique("routes_pkey", "routes", route_id="1"),
    unique("routes_operator_key", "routes", route_id="1", speaks="routes_pkey"),
    unique("routes_operator_source_key", "routes", source_key="'one'"),
    foreign("routes_operator_id_fkey", "routes", operator_id="3"),
    check("route_stops_idx_check", "route_stops", idx="-1"),
    check("route_stops_arrival_seconds_check", "route_stops", arrival_seconds="-1"),
    check("route_stops_order", "route_stops", departure_seconds="599"),
    unique("route_stops_pkey", "route_stops", idx="0"),
    foreign("route_stops_route_id_fkey", "route_stops", route_id="4711"),
    foreign("route_stops_operator_id_route_id_fkey", "route_stops", operator_id="2"),
    foreign("route_stops_stop_id_fkey", "route_stops", stop_id="4711"),
    # Layouts
    unique("layouts_pkey", "layouts", layout_id="1"),
    unique("layouts_operator_key", "layouts", layout_id="1", speaks="layouts_pkey"),
    unique("layouts_operator_name_key", "layouts", name="'One'"),
    foreign("layouts_operator_id_fkey", "layouts", operator_id="3"),
    check("layout_seats_seat_no_check", "layout_seats", seat_no="201"),
    check("layout_seats_label_check", "layout_seats", label="'1a'"),
    check("layout_seats_deck_check", "layout_seats", deck="4"),
    check("layout_seats_row_no_check", "layout_seats", row_no="61"),
    check("layout_seats_column_no_check", "layout_seats", column_no="13"),
    check("layout_seats_seat_class_check", "layout_seats", seat_class="'First class'"),
    check(
        "layout_seats_attributes_check",
        "layout_seats",
        attributes="array_fill('x'::text, ARRAY[13])",
    ),
    check(
        "layout_seats_attributes_short", "layout_seats", attributes="ARRAY[repeat('x', 501), 'y']"
    ),
    check("layout_seats_price_percent_check", "layout_seats", price_percent="1001"),
    unique("layout_seats_pkey", "layout_seats", seat_no="1"),
    unique("layout_seats_label_key", "layout_seats", label="'1A'"),
    unique("layout_seats_place_key", "layout_seats", row_no="1"),
    foreign("layout_seats_layout_id_fkey", "layout_seats", layout_id="4711"),
    foreign("layout_seats_operator_id_layout_id_fkey", "layout_seats", operator_id="2"),
    # Vehicles
    check("vehicles_version_check", "vehicles", version="0"),
    unique("vehicles_pkey", "vehicles", vehicle_id="1"),
    unique("vehicles_operator_key", "vehicles", vehicle_id="1", speaks="vehicles_pkey"),
    unique("vehicles_registration_key", "vehicles", registration="'N 1'"),
    foreign("vehicles_operator_id_fkey", "vehicles", operator_id="3"),
    foreign("vehicles_operator_id_layout_id_fkey", "vehicles", layout_id="2"),
    # Buses
    check("buses_bus_id_check", "buses", bus_id="0"),
    check("buses_epoch_check", "buses", epoch="0"),
    check("buses_rev_check", "buses", rev="-1"),
    check("buses_status_check", "buses", status="'LATE'"),
    check("buses_sales_close_seconds_check", "buses", sales_close_seconds="-1"),
    check("buses_total_seats_check", "buses", total_seats="201"),
    check("buses_times", "buses", arrives_at="'2040-01-01 10:00+00'"),
    check("buses_fares", "buses", fares="'{1000,-1}'"),
    unique("buses_pkey", "buses", bus_id="1"),
    unique("buses_operator_key", "buses", bus_id="1", speaks="buses_pkey"),
    foreign("buses_operator_id_fkey", "buses", operator_id="3", route_id="NULL"),
    foreign("buses_operator_id_route_id_fkey", "buses", route_id="2"),
    foreign("buses_operator_id_vehicle_id_fkey", "buses", vehicle_id="2"),
    move("buses_legal_move", "UPDATE buses SET status = 'DRAFT' WHERE bus_id = 1"),
    foreign("buses_operator_id_layout_id_fkey", "buses", layout_id="2"),
    check("bus_stops_idx_check", "bus_stops", idx="200"),
    check("bus_stops_bay_check", "bus_stops", bay="'north of the fountain'"),
    check("bus_stops_delay_seconds_check", "bus_stops", delay_seconds="21601"),
    check("bus_stops_times", "bus_stops", departs_at="'2040-01-01 11:59+00'"),
    unique("bus_stops_pkey", "bus_stops", idx="1"),
    foreign("bus_stops_bus_id_operator_id_fkey", "bus_stops", operator_id="2"),
    foreign("bus_stops_stop_id_fkey", "bus_stops", stop_id="4711"),
    move("bus_stops_ordered_on_insert", insert("bus_stops", idx="3"), speaks="bus_stops_ordered"),
    move(
        "bus_stops_ordered_on_update",
        "UPDATE bus_stops SET arrives_at = '2039-01-01', departs_at = '2039-01-01' WHERE idx = 1",
        speaks="bus_stops_ordered",
    ),
    check("leg_fares_amount_check", "leg_fares", amount="-1"),
    check("leg_fares_leg", "leg_fares", from_idx="1"),
    Case(
        "leg_fares_pkey",
        f"{insert('leg_fares')}; {insert('leg_fares', amount='1')}",
        UNIQUE,
        "leg_fares_pkey",
    ),
    foreign("leg_fares_bus_id_operator_id_fkey", "leg_fares", operator_id="2"),
    foreign("leg_fares_bus_id_from_idx_fkey", "leg_fares", from_idx="-1"),
    foreign("leg_fares_bus_id_to_idx_fkey", "leg_fares", to_idx="2"),
    check("seats_seat_no_check", "seats", seat_no="0"),
    unique("seats_pkey", "seats", seat_no="1"),
    foreign("seats_bus_id_operator_id_fkey", "seats", operator_id="2"),
    # Holds
    check("buyer_holds_cap", "buyer_holds", seats_held="7"),
    check("buyer_holds_seats_held_check", "buyer_holds", seats_held="-1"),
    check("buyer_holds_seats_max_check", "buyer_holds", seats_max="0"),
    check("buyer_holds_holds_cap", "buyer_holds", holds_held="3"),
    check("buyer_holds_holds_held_check", "buyer_holds", holds_held="-1"),
    check("buyer_holds_holds_max_check", "buyer_holds", holds_max="0"),
    unique("buyer_holds_pkey", "buyer_holds", buyer=uuid(1)),
    foreign("buyer_holds_bus_id_operator_id_fkey", "buyer_holds", operator_id="2"),
    check("holds_state_check", "holds", state="'GONE'", ended_at="now()"),
    check("holds_from_idx_check", "holds", from_idx="-1"),
    check("holds_leg", "holds", to_idx="0"),
    check("holds_seats_check", "holds", seats="'{}'", prices="'{}'"),
    check("holds_prices_check", "holds", prices="'{1500,-1}'"),
    check("holds_price_per_seat", "holds", prices="'{1500}'"),
    check("holds_lines_known", "holds", seats="'{1,NULL}'"),
    check("holds_lifetime", "holds", expires_at="'2030-01-01 10:20:01+00'"),
    check("holds_state_shape", "holds", ended_at="now()"),
    check("holds_network_while_live", "holds", network=uuid(3)),
    unique("holds_pkey", "holds", hold_id=HOLD),
    foreign("holds_bus_id_operator_id_fkey", "holds", operator_id="2"),
    foreign("holds_bus_id_part_of_fkey", "holds", part_of=uuid(4711)),
    move(
        "holds_extended_once",
        "UPDATE holds SET is_extended = true, expires_at = expires_at + interval '5 minutes' WHERE bus_id = 1;"
        " UPDATE holds SET expires_at = expires_at + interval '1 second' WHERE bus_id = 1",
    ),
    move(
        "holds_legal_move",
        "UPDATE holds SET state = 'EXPIRED', ended_at = now() WHERE bus_id = 1;"
        " UPDATE holds SET state = 'ACTIVE', ended_at = NULL WHERE bus_id = 1",
    ),
    # Bookings
    check("bookings_booking_id_check", "bookings", booking_id="0"),
    check("bookings_ref_check", "bookings", ref="'ABC10I'"),
    check("bookings_status_check", "bookings", status="'LOST'", ended_at="now()"),
    check("bookings_from_idx_check", "bookings", from_idx="-1"),
    check("bookings_leg", "bookings", to_idx="0"),
    check(
        "bookings_seats_check",
        "bookings",
        seats="'{}'",
        prices="'{}'",
        names="'{}'",
        categories="'{}'",
    ),
    check("bookings_prices_check", "bookings", prices="'{-1,1500}'"),
    check("bookings_categories_check", "bookings", categories="'{adult,Dog}'"),
    check("bookings_method_check", "bookings", method="'barter'"),
    check("bookings_email_check", "bookings", email="'a@'"),
    check("bookings_phone_check", "bookings", phone="'call me'"),
    check("bookings_categories_short", "bookings", categories="ARRAY['adult', repeat('x', 2001)]"),
    check("bookings_line_per_seat", "bookings", names="'{Ann}'"),
    check("bookings_lines_known", "bookings", names="'{Ann,NULL}'"),
    check("bookings_deadline", "bookings", expires_at="NULL"),
    check("bookings_state_shape", "bookings", confirmed_at="now()"),
    check("bookings_network_while_unpaid", "bookings", network=uuid(3)),
    unique("bookings_pkey", "bookings", booking_id="1"),
    unique("bookings_hold_key", "bookings", hold_id=HOLD),
    foreign("bookings_bus_id_operator_id_fkey", "bookings", operator_id="2"),
    foreign("bookings_bus_id_hold_id_fkey", "bookings", hold_id=NEXT_HOLD),
    move(
        "bookings_legal_move",
        "UPDATE bookings SET status = 'EXPIRED', ended_at = now() WHERE bus_id = 1;"
        " UPDATE bookings SET status = 'CONFIRMED', confirmed_at = now(), expires_at = NULL WHERE bus_id = 1",
    ),
    # Blocks
    check("blocks_from_idx_check", "blocks", from_idx="-1"),
    check("blocks_leg", "blocks", to_idx="0"),
    check("blocks_seats_check", "blocks", seats="'{}'"),
    unique("blocks_pkey", "blocks", block_id=BLOCK),
    foreign("blocks_bus_id_operator_id_fkey", "blocks", operator_id="2"),
    move(
        "blocks_legal_move",
        "UPDATE blocks SET lifted_at = now() WHERE bus_id = 1; UPDATE blocks SET lifted_at = NULL WHERE bus_id = 1",
    ),
    # Claims
    check("claims_segment_check", "claims", segment="199"),
    check("claims_one_kind_of_owner", "claims", booking_id="1"),
    unique("claims_one_owner_per_seat_and_segment", "claims", segment="0"),
    Case(
        "claims_of_seat_and_owner_on_insert",
        insert("claims", operator_id="2"),
        FOREIGN_KEY,
        "claims_of_seat_and_owner",
    ),
    forbidden("claims_of_seat_and_owner_on_update", "UPDATE claims SET segment = 9"),
    Case(
        "seats_with_claims_stay",
        "DELETE FROM seats WHERE bus_id = 1",
        FOREIGN_KEY,
        "seats_with_claims_stay",
    ),
    forbidden("bookings_with_claims_stay", "DELETE FROM bookings"),
    forbidden("holds_with_claims_stay", "DELETE FROM holds"),
    forbidden("blocks_with_claims_stay", "DELETE FROM blocks"),
    # Tickets
    check("tickets_status_check", "tickets", status="'LOST'"),
    check("tickets_state_shape", "tickets", status="'CANCELLED'"),
    unique("tickets_pkey", "tickets", seat_no="1"),
    unique("tickets_code_key", "tickets", code=uuid(31)),
    foreign("tickets_bus_id_booking_id_fkey", "tickets", booking_id="3"),
    foreign("tickets_bus_id_operator_id_fkey", "tickets", operator_id="2"),
    move(
        "tickets_legal_move",
        "UPDATE tickets SET status = 'CANCELLED', cancelled_at = now() WHERE bus_id = 1;"
        " UPDATE tickets SET status = 'VALID', cancelled_at = NULL WHERE bus_id = 1",
    ),
    # Payments
    check("payments_method_check", "payments", method="'barter'"),
    check("payments_status_check", "payments", status="'LOST'", settled_at="now()"),
    check("payments_amount_check", "payments", amount="-1"),
    check("payments_state_shape", "payments", status="'SUCCEEDED'"),
    unique("payments_pkey", "payments", payment_id=PAYMENT),
    unique("payments_one_applied", "payments", status="'SUCCEEDED'", settled_at="now()"),
    foreign("payments_bus_id_booking_id_fkey", "payments", booking_id="3"),
    foreign("payments_bus_id_operator_id_fkey", "payments", operator_id="2"),
    move(
        "payments_legal_move", "UPDATE payments SET status = 'DECLINED' WHERE status = 'SUCCEEDED'"
    ),
    check("refunds_amount_check", "refunds", amount="0"),
    check("refunds_seats_check", "refunds", seats="'{}'"),
    unique("refunds_pkey", "refunds", refund_id=uuid(41)),
    unique("refunds_once", "refunds", seats="'{1}'"),
    foreign("refunds_bus_id_payment_id_fkey", "refunds", payment_id=uuid(99)),
    foreign("refunds_bus_id_operator_id_fkey", "refunds", operator_id="2"),
    # Events and keys
    check("events_rev_check", "events", rev="0"),
    check("events_kind_check", "events", kind="'Held'"),
    check("events_seats_check", "events", seats=LONG),
    unique("events_one_per_rev", "events", rev="1"),
    check("idempotency_keys_bus_id_check", "idempotency_keys", bus_id="-1"),
    check("idempotency_keys_status_check", "idempotency_keys", status="503"),
    check("idempotency_keys_response_check", "idempotency_keys", response=f"{LONG}::bytea"),
    check("idempotency_keys_complete", "idempotency_keys", response="NULL"),
    unique("idempotency_keys_once", "idempotency_keys", key_hash=uuid(51)),
    # People and sessions
    check("users_email_check", "users", email="'nina @example.org'"),
    check("users_password_hash_check", "users", password_hash="repeat('x', 301)"),
    check("users_role_check", "users", role="'king'"),
    check("users_operator_of_role", "users", role="'agent'"),
    unique("users_pkey", "users", user_id="1"),
    unique("users_email_key", "users", email="'ONE@example.org'"),
    foreign("users_operator_id_fkey", "users", role="'agent'", operator_id="3"),
    check("refresh_tokens_digest_check", "refresh_tokens", digest="'short'"),
    check("refresh_tokens_lifetime", "refresh_tokens", expires_at="'2050-01-01'"),
    unique("refresh_tokens_pkey", "refresh_tokens", digest=digest(1)),
    Case(
        "refresh_tokens_one_unused_child",
        f"{insert('refresh_tokens')}; {insert('refresh_tokens', digest=digest(10))}",
        UNIQUE,
        "refresh_tokens_one_unused_child",
    ),
    foreign("refresh_tokens_user_id_fkey", "refresh_tokens", user_id="4711"),
    foreign("refresh_tokens_parent_fkey", "refresh_tokens", parent=digest(4711)),
    check("users_erased_cannot_enter", "users", erased_at="now()"),
    check("mails_template_check", "mails", template="'Verify!'"),
    check("mails_recipient_check", "mails", recipient="E'a@b.org\\nBcc: c@d.org'"),
    check("mails_parameters_check", "mails", parameters=f"jsonb_build_object('a', {LONG})"),
    check("mails_state_check", "mails", state="'LOST'"),
    check("mails_attempts_check", "mails", attempts="-1"),
    check("mails_last_error_check", "mails", last_error="repeat('x', 301)"),
    check("mails_state_shape", "mails", sent_at="now()"),
    unique("mails_pkey", "mails", mail_id=uuid(71)),
    unique("mails_one_waits_for_its_user", "mails", user_id="NULL", recipient="'NINA@example.org'"),
    foreign("mails_user_id_fkey", "mails", user_id="4711"),
    check("mailed_tokens_digest_check", "mailed_tokens", digest="'short'"),
    check("mailed_tokens_purpose_check", "mailed_tokens", purpose="'enter'"),
    check("mailed_tokens_email_check", "mailed_tokens", email="'nina @example.org'"),
    check("mailed_tokens_lifetime", "mailed_tokens", expires_at="'2020-01-01'"),
    unique("mailed_tokens_pkey", "mailed_tokens", digest=digest(71)),
    foreign("mailed_tokens_user_id_fkey", "mailed_tokens", user_id="4711"),
    unique("session_ends_pkey", "session_ends", family=uuid(70)),
    check("second_factors_sealed_secret_check", "second_factors", sealed_secret=LONG),
    check("second_factors_failures_check", "second_factors", failures="5"),
    unique("second_factors_pkey", "second_factors", user_id="1"),
    foreign("second_factors_user_id_fkey", "second_factors", user_id="4711"),
    check("recovery_codes_digest_check", "recovery_codes", digest="'short'"),
    unique("recovery_codes_pkey", "recovery_codes", digest=digest(80)),
    foreign("recovery_codes_user_id_fkey", "recovery_codes", user_id="4711"),
    check("house_keys_purpose_check", "house_keys", purpose="'x'"),
    check("house_keys_key_id_check", "house_keys", key_id="'two words'"),
    check("house_keys_secret_check", "house_keys", secret=LONG),
    unique("house_keys_pkey", "house_keys", key_id="'1'"),
    check("audit_log_action_check", "audit_log", action="'Bus created'"),
    check("audit_log_subject_check", "audit_log", subject="repeat('x', 201)"),
    check("audit_log_detail_check", "audit_log", detail=f"jsonb_build_object('a', {LONG})"),
    forbidden("audit_log_append_only", "UPDATE audit_log SET subject = 'nothing'"),
    forbidden("audit_log_sealed", insert("audit_seals")),
    forbidden("audit_seals_append_only", "DELETE FROM audit_seals"),
    check("audit_seals_position_check", "audit_seals", position="0"),
    check("audit_seals_previous_check", "audit_seals", previous="'short'"),
    check("audit_seals_hash_check", "audit_seals", hash="'short'"),
    unique("audit_seals_pkey", "audit_seals", position="1"),
    unique("audit_seals_once", "audit_seals", audit_id="(SELECT min(audit_id) FROM audit_log)"),
    check("audit_heads_position_check", "audit_heads", position="-1"),
    check("audit_heads_hash_check", "audit_heads", hash="'short'"),
    unique("audit_heads_pkey", "audit_heads", operator_id="1"),
    check("audit_checks_position_check", "audit_checks", position="-1"),
    check("audit_checks_hash_check", "audit_checks", hash="'short'"),
    check("audit_checks_broken_at_check", "audit_checks", broken_at="-1"),
    unique("audit_checks_pkey", "audit_checks", operator_id="1"),
    check("invariant_checks_name_check", "invariant_checks", name="'Two words'"),
    check("invariant_checks_violations_check", "invariant_checks", violations="-1"),
    check(
        "invariant_checks_bus_ids_check",
        "invariant_checks",
        bus_ids="array_fill(1::bigint, ARRAY[1001])",
    ),
    unique("invariant_checks_pkey", "invariant_checks", name="'one'"),
    # Devices
    check("devices_kind_check", "devices", kind="'toaster'"),
    check("devices_key_digest_check", "devices", key_digest="'short'"),
    check(
        "devices_old_key_digest_check",
        "devices",
        old_key_digest="'short'",
        old_key_ends_at="now()",
    ),
    check("devices_version_check", "devices", version="'one two'"),
    check("devices_place", "devices", stop_id="NULL"),
    check("devices_old_key", "devices", old_key_digest=digest(78)),
    unique("devices_pkey", "devices", device_id="1"),
    unique("devices_operator_key", "devices", device_id="1", speaks="devices_pkey"),
    unique("devices_key_digest_key", "devices", key_digest=digest(71)),
    unique(
        "devices_old_key_digest_key",
        "devices",
        old_key_digest=digest(70),
        old_key_ends_at="now()",
    ),
    foreign("devices_operator_id_fkey", "devices", operator_id="3"),
    foreign("devices_stop_id_fkey", "devices", stop_id="4711"),
    move(
        "devices_legal_move",
        "UPDATE devices SET revoked_at = now(); UPDATE devices SET revoked_at = NULL",
    ),
    check("device_codes_code_digest_check", "device_codes", code_digest="'123456'"),
    check("device_codes_kind_check", "device_codes", kind="'toaster'"),
    check("device_codes_wrong_tries_check", "device_codes", wrong_tries="21"),
    check("device_codes_place", "device_codes", stop_id="NULL"),
    check("device_codes_lifetime", "device_codes", expires_at="'2030-01-01 10:05:01+00'"),
    unique("device_codes_pkey", "device_codes", code_digest=digest(81)),
    unique("device_codes_device_key", "device_codes", device_id="1"),
    foreign("device_codes_operator_id_fkey", "device_codes", operator_id="3"),
    foreign("device_codes_stop_id_fkey", "device_codes", stop_id="4711"),
    foreign("device_codes_operator_id_device_id_fkey", "device_codes", device_id="2"),
    check("pairing_tries_wrong_tries_check", "pairing_tries", wrong_tries="6"),
    unique("pairing_tries_pkey", "pairing_tries", address=uuid(90)),
    check("payments_device_takes_cash", "payments", device_id="1"),
    foreign("payments_operator_id_device_id_fkey", "payments", method="'cash'", device_id="2"),
    move(
        "holds_change_hands_from_devices",
        "UPDATE holds SET buyer = gen_random_uuid() WHERE bus_id = 1",
    ),
    check("scans_reading_check", "scans", reading="E'ABC\\t234'"),
    check("scans_verdict_check", "scans", verdict="'perhaps'"),
    check("scans_by_one", "scans", user_id="1"),
    check("scans_whole_ticket", "scans", seat_no="NULL", verdict="'unknown'"),
    check("scans_boarded_somebody", "scans", booking_id="NULL", seat_no="NULL"),
    check("scans_not_ahead_of_time", "scans", scanned_at=_SOON),
    unique("scans_once", "scans", scan_id=uuid(101)),
    unique("scans_boarded_once", "scans", verdict="'boarded'"),
    foreign("scans_bus_id_operator_id_fkey", "scans", operator_id="2", device_id="2"),
    foreign("scans_bus_id_booking_id_seat_no_fkey", "scans", seat_no="2"),
    foreign("scans_operator_id_device_id_fkey", "scans", device_id="2"),
    # Keys that the application cannot even try: the number is the database's, the ledger the migrations'.
    Case("audit_log_pkey", insert("audit_log", audit_id="1"), "428C9", None),
    forbidden(
        "schema_migrations_pkey", "INSERT INTO schema_migrations VALUES ('0001_catalogue.sql', '')"
    ),
)
