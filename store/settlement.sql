-- name: find_by_payment
SELECT p.booking_id FROM payments AS p WHERE p.bus_id = $1 AND p.payment_id = $2 AND p.method = $3;

-- name: write_confirmed
-- Paid in time: $8 booking, $9 payment, $10 seats and $11 codes of the tickets.
WITH sold AS (
    UPDATE seats AS s SET states = new.states
    FROM unnest($3::smallint[], $4::text[]) AS new (seat_no, states)
    WHERE s.bus_id = $1 AND s.seat_no = new.seat_no
),

paid AS (
    UPDATE payments SET status = 'SUCCEEDED', settled_at = $5
    WHERE bus_id = $1 AND payment_id = $9
),

confirmed AS (
    UPDATE bookings SET status = 'CONFIRMED', confirmed_at = $5, expires_at = NULL
    WHERE bus_id = $1 AND booking_id = $8
),

issued AS (
    INSERT INTO tickets (bus_id, operator_id, booking_id, seat_no, code, issued_at)
    SELECT $1, $2, $8, t.seat_no, t.code, $5
    FROM unnest($10::smallint[], $11::uuid[]) AS t (seat_no, code)
),

bus AS (
    UPDATE buses SET rev = rev + 1
    WHERE bus_id = $1
    RETURNING rev, epoch
)

INSERT INTO events (bus_id, operator_id, rev, epoch, kind, seats, at)
SELECT $1, $2, bus.rev, bus.epoch, $7, $6, $5 FROM bus
RETURNING rev, epoch;

-- name: write_ended
-- Cancelled before payment, expired, or declined: $8 booking, $9 its last status, $10 its payments' last status.
WITH freed AS (
    UPDATE seats AS s SET states = new.states
    FROM unnest($3::smallint[], $4::text[]) AS new (seat_no, states)
    WHERE s.bus_id = $1 AND s.seat_no = new.seat_no
),

given_up AS (
    DELETE FROM claims AS c
    WHERE c.bus_id = $1 AND c.seat_no = any($3::smallint[]) AND c.booking_id = $8
),

settled AS (
    UPDATE payments SET status = $10, settled_at = $5
    WHERE bus_id = $1 AND booking_id = $8 AND status = 'PENDING'
),

ended AS (
    UPDATE bookings SET status = $9, ended_at = $5
    WHERE bus_id = $1 AND booking_id = $8
),

bus AS (
    UPDATE buses SET rev = rev + 1
    WHERE bus_id = $1
    RETURNING rev, epoch
)

INSERT INTO events (bus_id, operator_id, rev, epoch, kind, seats, at)
SELECT $1, $2, bus.rev, bus.epoch, $7, $6, $5 FROM bus
RETURNING rev, epoch;

-- name: write_cancelled
-- Paid seats given back: $8 booking, $9 its new status, $10 when it ended or null, $11 payment, $12 refund id,
-- $13 amount (0: none), $14 the seats cancelled.
WITH freed AS (
    UPDATE seats AS s SET states = new.states
    FROM unnest($3::smallint[], $4::text[]) AS new (seat_no, states)
    WHERE s.bus_id = $1 AND s.seat_no = new.seat_no
),

given_up AS (
    DELETE FROM claims AS c
    WHERE c.bus_id = $1 AND c.seat_no = any($14::smallint[]) AND c.booking_id = $8
),

voided AS (
    UPDATE tickets SET status = 'CANCELLED', cancelled_at = $5
    WHERE bus_id = $1 AND booking_id = $8 AND seat_no = any($14::smallint[])
),

refunded AS (
    INSERT INTO refunds (bus_id, operator_id, refund_id, payment_id, amount, seats, created_at)
    SELECT $1, $2, $12, $11, $13::bigint, $14, $5
    WHERE $13::bigint > 0
),

ended AS (
    UPDATE bookings SET status = $9, ended_at = $10
    WHERE bus_id = $1 AND booking_id = $8
),

bus AS (
    UPDATE buses SET rev = rev + 1
    WHERE bus_id = $1
    RETURNING rev, epoch
)

INSERT INTO events (bus_id, operator_id, rev, epoch, kind, seats, at)
SELECT $1, $2, bus.rev, bus.epoch, $7, $6, $5 FROM bus
RETURNING rev, epoch;

-- name: clock
SELECT clock_timestamp() AS now;
