-- name: lock_seats
-- First in the lock order, as everywhere; then whatever is not paid, so that nothing is held, booked or paid meanwhile.
SELECT s.seat_no FROM seats AS s WHERE s.bus_id = $1 ORDER BY s.seat_no FOR UPDATE OF s;

-- name: lock_holds
SELECT h.hold_id FROM holds AS h
WHERE h.bus_id = $1 AND h.state = 'ACTIVE'
ORDER BY h.hold_id
FOR UPDATE OF h;

-- name: lock_bookings
SELECT b.booking_id FROM bookings AS b
WHERE b.bus_id = $1 AND b.status = 'PENDING'
ORDER BY b.booking_id
FOR UPDATE OF b;

-- name: end_holds
-- $1 bus, $2 the time it is.
UPDATE holds AS h
SET state = CASE WHEN h.expires_at <= $2 THEN 'EXPIRED' ELSE 'RELEASED' END, ended_at = $2, network = NULL
WHERE h.bus_id = $1 AND h.state = 'ACTIVE'
RETURNING h.hold_id;

-- name: end_bookings
-- The same for what waits to be paid.
UPDATE bookings AS b
SET
    status = CASE WHEN b.expires_at <= $2 THEN 'EXPIRED' ELSE 'CANCELLED' END, expires_at = NULL, ended_at = $2,
    network = NULL
WHERE b.bus_id = $1 AND b.status = 'PENDING'
RETURNING b.booking_id, b.hold_id, b.seats, b.status;

-- name: drop_claims
-- What has ended owns nothing: $1 bus, $2 holds, those that bookings were made of among them, $3 bookings.
DELETE FROM claims AS c
WHERE c.bus_id = $1 AND (c.hold_id = any($2::uuid[]) OR c.booking_id = any($3::bigint[]));

-- name: free_seats
-- No live hold and no unpaid booking is left, so nothing is locked.
UPDATE seats AS s SET states = translate(s.states, 'L', 'A')
FROM buses AS b
INNER JOIN layout_seats AS l ON l.layout_id = b.layout_id
WHERE s.bus_id = $1 AND b.bus_id = $1 AND l.seat_no = s.seat_no AND strpos(s.states, 'L') > 0
RETURNING s.seat_no, l.label, s.states::text AS states;

-- name: find_progress
-- How far the refunds of a cancelled bus have come; what was cancelled before it is not counted.
SELECT
    b.operator_id, b.status, b.currency::text AS currency, b.cancelled_at,
    count(k.booking_id) FILTER (
        WHERE k.confirmed_at IS NOT NULL AND k.ended_at >= b.cancelled_at
    ) AS refunded,
    count(k.booking_id) FILTER (
        WHERE k.status IN ('CONFIRMED', 'PARTIALLY_CANCELLED') AND b.cancelled_at IS NOT NULL
    ) AS to_go,
    coalesce(
        (
            SELECT sum(r.amount)
            FROM refunds AS r
            INNER JOIN payments AS p ON p.bus_id = r.bus_id AND p.payment_id = r.payment_id AND p.currency IS NULL
            WHERE r.bus_id = $1 AND r.created_at >= b.cancelled_at
        ), 0
    )::bigint AS amount
FROM buses AS b
LEFT JOIN bookings AS k ON k.bus_id = $1
WHERE b.bus_id = $1
GROUP BY b.bus_id, b.operator_id, b.status, b.currency, b.cancelled_at;
