-- name: change_holds
-- Casts of texts count as stable, and what is stable may not be applied to columns while rows are changed: cast before.
WITH w AS MATERIALIZED (
    SELECT
        u.bus_id, u.hold_id, u.seats::smallint[] AS seats, u.prices::integer[] AS prices, u.expires_at, u.is_extended
    FROM unnest($1::bigint[], $2::uuid[], $3::text[], $4::text[], $5::timestamptz[], $6::boolean[])
        AS u (bus_id, hold_id, seats, prices, expires_at, is_extended)
)

UPDATE holds AS h
SET seats = w.seats, prices = w.prices, expires_at = w.expires_at, is_extended = w.is_extended
FROM w
WHERE h.bus_id = w.bus_id AND h.bus_id = any($1::bigint[]) AND h.hold_id = w.hold_id;

-- name: reseat_bookings
-- As the seats of holds.
WITH w AS MATERIALIZED (
    SELECT u.bus_id, u.booking_id, u.seats::smallint[] AS seats
    FROM unnest($1::bigint[], $2::bigint[], $3::text[]) AS u (bus_id, booking_id, seats)
)

UPDATE bookings AS b SET seats = w.seats
FROM w
WHERE b.bus_id = w.bus_id AND b.bus_id = any($1::bigint[]) AND b.booking_id = w.booking_id;
