-- name: share_shift
-- Nobody closes it until we are done; any number may pay out in it. $1 operator, $2 user.
SELECT s.shift_id FROM shifts AS s
WHERE s.operator_id = $1 AND s.user_id = $2 AND s.closed_at IS NULL
FOR SHARE OF s;

-- name: lock_booking
-- After the shift: whoever pays out, or cancels more of the booking, waits here. $1 bus, $2 refund.
SELECT b.booking_id, b.operator_id
FROM refunds AS r
INNER JOIN payments AS p ON p.bus_id = r.bus_id AND p.payment_id = r.payment_id
INNER JOIN bookings AS b ON b.bus_id = p.bus_id AND b.booking_id = p.booking_id
WHERE r.bus_id = $1 AND r.refund_id = $2
FOR UPDATE OF b;

-- name: find_refund
-- Asked under the lock, so whoever was before us is seen: $1 bus, $2 refund.
SELECT
    r.bus_id, r.refund_id, b.ref, r.operator_id, r.amount, x.currency::text AS currency, r.seats, p.method,
    r.created_at, o.paid_at, o.shift_id, r.payment_id, clock_timestamp() AS now
FROM refunds AS r
INNER JOIN payments AS p ON p.bus_id = r.bus_id AND p.payment_id = r.payment_id
INNER JOIN bookings AS b ON b.bus_id = p.bus_id AND b.booking_id = p.booking_id
INNER JOIN buses AS x ON x.bus_id = r.bus_id
LEFT JOIN cash_payouts AS o ON o.bus_id = r.bus_id AND o.refund_id = r.refund_id
WHERE r.bus_id = $1 AND r.refund_id = $2;

-- name: list_of_booking
-- $1 bus, $2 booking.
SELECT
    r.bus_id, r.refund_id, b.ref, r.operator_id, r.amount,
    coalesce(p.currency, x.currency)::text AS currency, r.seats, p.method,
    r.created_at, o.paid_at, o.shift_id
FROM payments AS p
INNER JOIN refunds AS r ON r.bus_id = p.bus_id AND r.payment_id = p.payment_id
INNER JOIN bookings AS b ON b.bus_id = p.bus_id AND b.booking_id = p.booking_id
INNER JOIN buses AS x ON x.bus_id = r.bus_id
LEFT JOIN cash_payouts AS o ON o.bus_id = r.bus_id AND o.refund_id = r.refund_id
WHERE p.bus_id = $1 AND p.booking_id = $2
ORDER BY r.created_at, r.refund_id;

-- name: add_payout
INSERT INTO cash_payouts (bus_id, refund_id, operator_id, shift_id, user_id, amount, paid_at)
VALUES ($1, $2, $3, $4, $5, $6, $7);
