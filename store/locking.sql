-- The locks of a sale, in their one order: buyer_holds, seats ascending, hold or booking, payment, bus row last.
-- No lock statement filters by state: a row that waited is read again as it is then, and Python decides.

-- name: lock_seats
-- $1 bus, $2 seats, $3 advisory key of the request or null, $4 key_hash or null.
WITH turn AS MATERIALIZED (
    SELECT coalesce(pg_try_advisory_xact_lock($3::bigint), true) AS is_ours
),

locked AS MATERIALIZED (
    SELECT s.seat_no, s.states
    FROM turn
    CROSS JOIN seats AS s
    WHERE turn.is_ours AND s.bus_id = $1 AND s.seat_no = any($2::smallint[])
    ORDER BY s.seat_no
    FOR UPDATE OF s
),

gathered AS MATERIALIZED (
    SELECT array_agg(l.seat_no) AS seat_nos, array_agg(l.states::text) AS states FROM locked AS l
)

SELECT
    turn.is_ours, g.seat_nos, g.states, clock_timestamp() AS now, b.facts, b.status,
    k.request_hash AS key_request, k.status AS key_status, k.response AS key_response
FROM gathered AS g
CROSS JOIN turn
CROSS JOIN buses AS b
LEFT JOIN idempotency_keys AS k ON k.bus_id = $1 AND k.key_hash = $4
WHERE b.bus_id = $1;

-- name: lock_hold
-- $1 bus, $2 hold, $3 further seats (a hold that is being replaced), $4 advisory key or null, $5 key_hash or null.
WITH turn AS MATERIALIZED (
    SELECT coalesce(pg_try_advisory_xact_lock($4::bigint), true) AS is_ours
),

wanted AS MATERIALIZED (
    SELECT h.seats || $3::smallint[] AS seats
    FROM turn
    CROSS JOIN holds AS h
    WHERE turn.is_ours AND h.bus_id = $1 AND h.hold_id = $2
),

locked AS MATERIALIZED (
    SELECT s.seat_no, s.states
    FROM wanted
    CROSS JOIN seats AS s
    WHERE s.bus_id = $1 AND s.seat_no = any(wanted.seats)
    ORDER BY s.seat_no
    FOR UPDATE OF s
),

gathered AS MATERIALIZED (
    SELECT array_agg(l.seat_no) AS seat_nos, array_agg(l.states::text) AS states FROM locked AS l
),

held AS MATERIALIZED (
    SELECT h.state, h.user_id, h.from_idx, h.to_idx, h.seats, h.prices, h.created_at, h.expires_at
    FROM gathered AS g
    INNER JOIN holds AS h ON g.seat_nos IS NOT NULL AND h.bus_id = $1 AND h.hold_id = $2
    FOR UPDATE OF h
)

SELECT
    turn.is_ours, g.seat_nos, g.states, clock_timestamp() AS now, b.facts, b.status,
    k.request_hash AS key_request, k.status AS key_status, k.response AS key_response,
    h.state AS hold_state, h.user_id, h.from_idx, h.to_idx, h.seats, h.prices, h.created_at, h.expires_at
FROM gathered AS g
CROSS JOIN turn
CROSS JOIN buses AS b
LEFT JOIN held AS h ON true
LEFT JOIN idempotency_keys AS k ON k.bus_id = $1 AND k.key_hash = $5
WHERE b.bus_id = $1;

-- name: lock_booking
-- $1 bus, $2 booking, $3 advisory key or null, $4 key_hash or null. The booking's payment is locked after it.
WITH turn AS MATERIALIZED (
    SELECT coalesce(pg_try_advisory_xact_lock($3::bigint), true) AS is_ours
),

wanted AS MATERIALIZED (
    SELECT b.seats
    FROM turn
    CROSS JOIN bookings AS b
    WHERE turn.is_ours AND b.bus_id = $1 AND b.booking_id = $2
),

locked AS MATERIALIZED (
    SELECT s.seat_no, s.states
    FROM wanted
    CROSS JOIN seats AS s
    WHERE s.bus_id = $1 AND s.seat_no = any(wanted.seats)
    ORDER BY s.seat_no
    FOR UPDATE OF s
),

gathered AS MATERIALIZED (
    SELECT array_agg(l.seat_no) AS seat_nos, array_agg(l.states::text) AS states FROM locked AS l
),

booked AS MATERIALIZED (
    SELECT b.booking_id
    FROM gathered AS g
    INNER JOIN bookings AS b ON g.seat_nos IS NOT NULL AND b.bus_id = $1 AND b.booking_id = $2
    FOR UPDATE OF b
),

paid AS MATERIALIZED (
    SELECT p.payment_id
    FROM booked
    INNER JOIN payments AS p ON p.bus_id = $1 AND p.booking_id = booked.booking_id
    ORDER BY p.payment_id
    FOR UPDATE OF p
)

SELECT
    turn.is_ours, g.seat_nos, g.states, clock_timestamp() AS now, b.facts, b.status,
    k.request_hash AS key_request, k.status AS key_status, k.response AS key_response,
    (SELECT count(*) FROM paid) AS payments
FROM gathered AS g
CROSS JOIN turn
CROSS JOIN buses AS b
LEFT JOIN idempotency_keys AS k ON k.bus_id = $1 AND k.key_hash = $4
WHERE b.bus_id = $1;

-- name: try_lock_seats
-- The sweeper's way: $1 bus, $2 seats; whoever is selling one of them right now goes first.
WITH locked AS MATERIALIZED (
    SELECT s.seat_no, s.states
    FROM seats AS s
    WHERE s.bus_id = $1 AND s.seat_no = any($2::smallint[])
    ORDER BY s.seat_no
    FOR UPDATE OF s SKIP LOCKED
)

SELECT array_agg(l.seat_no) AS seat_nos, array_agg(l.states::text) AS states, clock_timestamp() AS now
FROM locked AS l;

-- name: find_claims
-- Whose the seats are and until when; read after the seats are locked, so nobody else can change it.
SELECT c.seat_no, c.segment, c.hold_id, c.booking_id, coalesce(h.expires_at, b.expires_at) AS expires_at
FROM claims AS c
LEFT JOIN holds AS h ON h.bus_id = c.bus_id AND h.hold_id = c.hold_id
LEFT JOIN bookings AS b ON b.bus_id = c.bus_id AND b.booking_id = c.booking_id
WHERE c.bus_id = $1 AND c.seat_no = any($2::smallint[]);

-- name: lock_holds
-- Before an expired hold loses a seat, it is locked: an extension under way is waited for and then seen.
SELECT h.hold_id, h.expires_at
FROM holds AS h
WHERE h.bus_id = $1 AND h.hold_id = any($2::uuid[])
ORDER BY h.hold_id
FOR UPDATE OF h;

-- name: lock_bookings
-- The same for bookings whose time to pay is over: a payment under way is waited for and then seen.
SELECT b.booking_id, b.expires_at
FROM bookings AS b
WHERE b.bus_id = $1 AND b.booking_id = any($2::bigint[])
ORDER BY b.booking_id
FOR UPDATE OF b;

-- name: delete_claims
DELETE FROM claims AS c
USING unnest($2::smallint[], $3::smallint[]) AS expired (seat_no, segment)
WHERE c.bus_id = $1 AND c.seat_no = expired.seat_no AND c.segment = expired.segment;

-- name: store_answer
-- A refusal is an answer too: $1 bus, $2 operator, $3 key_hash, $4 request_hash, $5 status, $6 response.
INSERT INTO idempotency_keys (bus_id, operator_id, key_hash, request_hash, status, response)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (bus_id, key_hash) DO NOTHING
RETURNING key_hash;

-- name: find_answer
SELECT k.request_hash AS key_request, k.status AS key_status, k.response AS key_response
FROM idempotency_keys AS k
WHERE k.bus_id = $1 AND k.key_hash = $2;
