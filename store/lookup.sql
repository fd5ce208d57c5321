-- name: read_booking
-- The booking as it is now, expired when its time to pay is over, swept or not: $1 bus, $2 booking.
SELECT
    b.booking_id, b.ref,
    CASE WHEN b.status = 'PENDING' AND b.expires_at <= clock_timestamp() THEN 'EXPIRED' ELSE b.status END AS status,
    b.user_id, b.sold_by, b.rules_id, b.hold_id, b.from_idx, b.to_idx, b.seats, b.prices,
    b.names::text[] AS names, b.categories, b.method, b.email, b.phone, b.locale, b.created_at,
    b.expires_at, b.confirmed_at,
    p.payment_ids, p.payment_statuses, p.payment_devices, p.payment_refs, p.payment_takers,
    t.seat_nos AS ticket_seats, t.codes AS ticket_codes, t.statuses AS ticket_statuses,
    coalesce(r.refunded, 0) AS refunded
FROM bookings AS b
LEFT JOIN LATERAL (
    -- First the one that counts, then the latest.
    SELECT
        array_agg(q.payment_id ORDER BY q.status <> 'SUCCEEDED', q.created_at DESC, q.payment_id) AS payment_ids,
        array_agg(q.status ORDER BY q.status <> 'SUCCEEDED', q.created_at DESC, q.payment_id) AS payment_statuses,
        array_agg(q.device_id ORDER BY q.status <> 'SUCCEEDED', q.created_at DESC, q.payment_id) AS payment_devices,
        array_agg(q.provider_ref ORDER BY q.status <> 'SUCCEEDED', q.created_at DESC, q.payment_id) AS payment_refs,
        array_agg(q.taken_by ORDER BY q.status <> 'SUCCEEDED', q.created_at DESC, q.payment_id) AS payment_takers
    FROM payments AS q
    WHERE q.bus_id = b.bus_id AND q.booking_id = b.booking_id
) AS p ON true
LEFT JOIN LATERAL (
    SELECT
        array_agg(t.seat_no ORDER BY t.seat_no) AS seat_nos,
        array_agg(t.code ORDER BY t.seat_no) AS codes,
        array_agg(t.status ORDER BY t.seat_no) AS statuses
    FROM tickets AS t
    WHERE t.bus_id = b.bus_id AND t.booking_id = b.booking_id
) AS t ON true
LEFT JOIN LATERAL (
    -- Of what it was sold for: money in another currency is no part of that.
    SELECT sum(r.amount)::bigint AS refunded
    FROM payments AS p2
    INNER JOIN refunds AS r ON r.bus_id = p2.bus_id AND r.payment_id = p2.payment_id
    WHERE p2.bus_id = b.bus_id AND p2.booking_id = b.booking_id AND p2.currency IS NULL
) AS r ON true
WHERE b.bus_id = $1 AND b.booking_id = $2;

-- name: find_boarded
-- The seats of a booking whose passengers are on the bus: $1 bus, $2 booking.
SELECT s.seat_no FROM scans AS s
WHERE s.bus_id = $1 AND s.booking_id = $2 AND s.verdict = 'ok' AND s.undone_at IS NULL;

-- name: find_by_ref
SELECT b.bus_id, b.booking_id FROM bookings AS b WHERE b.ref = $1;

-- name: find_by_ticket
-- Of which booking a ticket is: $1 bus, $2 code.
SELECT b.ref
FROM tickets AS t
INNER JOIN bookings AS b ON b.bus_id = t.bus_id AND b.booking_id = t.booking_id
WHERE t.bus_id = $1 AND t.code = $2;

-- name: find_of_user
SELECT b.bus_id, b.booking_id FROM bookings AS b WHERE b.ref = $1 AND b.user_id = $2;

-- name: find_of_operators
-- What staff may see: $1 ref, $2 their operators (NULL: the house sees all).
SELECT b.bus_id, b.booking_id, b.operator_id
FROM bookings AS b
WHERE b.ref = $1 AND ($2::integer[] IS NULL OR b.operator_id = any($2::integer[]));

-- name: list_of_user
-- Newest first: $1 user, $2 created before, $3 bus and $4 booking of the last one seen, $5 limit.
SELECT b.bus_id, b.booking_id, b.created_at
FROM bookings AS b
WHERE b.user_id = $1 AND (b.created_at, b.bus_id, b.booking_id) < ($2, $3, $4)
ORDER BY b.created_at DESC, b.bus_id DESC, b.booking_id DESC
LIMIT $5;
