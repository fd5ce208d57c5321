-- name: clock
SELECT clock_timestamp() AS now;

-- name: find_kiosk
-- A kiosk of an operator that sells: $1 device, $2 operator.
SELECT d.device_id FROM devices AS d
WHERE d.device_id = $1 AND d.operator_id = $2 AND d.kind = 'kiosk' AND d.revoked_at IS NULL;

-- name: open_shift
-- Nothing comes back when the seller has one open.
INSERT INTO shifts (operator_id, user_id, device_id, opened_at, opened_by, opening)
VALUES ($1, $2, $3, $4, $5, $6::text::jsonb)
ON CONFLICT DO NOTHING
RETURNING shift_id;

-- name: find_shift
SELECT
    s.shift_id, s.operator_id, s.user_id, s.device_id, s.opened_at, s.opening::text AS opening, s.closed_at,
    s.sold::text AS sold, s.paid_out::text AS paid_out, s.counted::text AS counted, clock_timestamp() AS now
FROM shifts AS s
WHERE s.shift_id = $1;

-- name: find_open
-- The open shift of a seller: $1 operator, $2 user or $3 device.
SELECT
    s.shift_id, s.operator_id, s.user_id, s.device_id, s.opened_at, s.opening::text AS opening, s.closed_at,
    s.sold::text AS sold, s.paid_out::text AS paid_out, s.counted::text AS counted, clock_timestamp() AS now
FROM shifts AS s
WHERE s.operator_id = $1 AND s.closed_at IS NULL AND (s.user_id = $2 OR s.device_id = $3);

-- name: lock_shift
-- Closed alone: whoever sells or pays out in it at this moment is waited for.
SELECT
    s.shift_id, s.operator_id, s.user_id, s.device_id, s.opened_at, s.opening::text AS opening, s.closed_at,
    s.sold::text AS sold, s.paid_out::text AS paid_out, s.counted::text AS counted
FROM shifts AS s
WHERE s.shift_id = $1
FOR UPDATE OF s;

-- name: list_shifts
-- Newest first: $1 operator (NULL: all), $2 only those that are open or closed, $3 before this number, $4 at most.
SELECT
    s.shift_id, s.operator_id, s.user_id, s.device_id, s.opened_at, s.opening::text AS opening, s.closed_at,
    s.sold::text AS sold, s.paid_out::text AS paid_out, s.counted::text AS counted, clock_timestamp() AS now
FROM shifts AS s
WHERE
    ($1::integer IS NULL OR s.operator_id = $1) AND ($2::boolean IS NULL OR (s.closed_at IS NULL) = $2)
    AND s.shift_id < $3
ORDER BY s.shift_id DESC
LIMIT $4;

-- name: list_lines
-- What was taken and paid out in a shift: $1 shift, $2 operator, $3 user, $4 device, from $5 on, before $6. What people
-- sold is found by their bookings, which in cash are paid when they are made; by the payments, what a kiosk took, and
-- what people took for seats that had been reserved.
SELECT
    'sale' AS kind, b.bus_id, b.ref, p.amount, x.currency::text AS currency, p.created_at AS at
FROM bookings AS b
INNER JOIN payments AS p
    ON p.bus_id = b.bus_id AND p.booking_id = b.booking_id AND p.method = 'cash' AND p.status = 'SUCCEEDED'
INNER JOIN buses AS x ON x.bus_id = b.bus_id
WHERE
    b.sold_by = $3 AND b.operator_id = $2 AND b.created_at >= $5 AND b.created_at < $6 AND p.device_id IS NULL
UNION ALL
SELECT
    'sale' AS kind, b.bus_id, b.ref, p.amount, x.currency::text AS currency, p.created_at AS at
FROM payments AS p
INNER JOIN bookings AS b ON b.bus_id = p.bus_id AND b.booking_id = p.booking_id
INNER JOIN buses AS x ON x.bus_id = p.bus_id
WHERE
    p.device_id = $4 AND p.operator_id = $2 AND p.status = 'SUCCEEDED' AND p.created_at >= $5 AND p.created_at < $6
UNION ALL
SELECT
    'sale' AS kind, b.bus_id, b.ref, p.amount, x.currency::text AS currency, p.created_at AS at
FROM payments AS p
INNER JOIN bookings AS b ON b.bus_id = p.bus_id AND b.booking_id = p.booking_id
INNER JOIN buses AS x ON x.bus_id = p.bus_id
WHERE
    p.taken_by = $3 AND p.operator_id = $2 AND p.status = 'SUCCEEDED' AND p.created_at >= $5 AND p.created_at < $6
UNION ALL
SELECT
    'payout' AS kind, o.bus_id, b.ref, o.amount, x.currency::text AS currency, o.paid_at AS at
FROM cash_payouts AS o
INNER JOIN refunds AS r ON r.bus_id = o.bus_id AND r.refund_id = o.refund_id
INNER JOIN payments AS p ON p.bus_id = r.bus_id AND p.payment_id = r.payment_id
INNER JOIN bookings AS b ON b.bus_id = p.bus_id AND b.booking_id = p.booking_id
INNER JOIN buses AS x ON x.bus_id = o.bus_id
WHERE o.shift_id = $1
ORDER BY at, bus_id, ref;

-- name: close_shift
UPDATE shifts
SET
    closed_at = $2, closed_by = $3, sold = $4::text::jsonb, paid_out = $5::text::jsonb, counted = $6::text::jsonb
WHERE shift_id = $1;

-- name: find_policy
SELECT o.cash_needs_shift FROM operators AS o WHERE o.operator_id = $1;

-- name: lock_operator
SELECT o.cash_needs_shift FROM operators AS o WHERE o.operator_id = $1 FOR NO KEY UPDATE OF o;

-- name: set_policy
UPDATE operators SET cash_needs_shift = $2 WHERE operator_id = $1;

-- name: take_time
SET LOCAL statement_timeout = '30s';

-- name: touch_buses
-- Whoever knows the operator's buses learns anew how cash is taken for them: those that have not arrived.
WITH locked AS MATERIALIZED (
    SELECT b.bus_id
    FROM buses AS b
    WHERE b.operator_id = $1 AND b.departs_at > now() - interval '7 days' AND b.arrives_at > now()
    ORDER BY b.bus_id
    FOR NO KEY UPDATE OF b
)

UPDATE buses AS b SET facts = b.facts + 1
FROM locked AS l
WHERE b.bus_id = l.bus_id;
