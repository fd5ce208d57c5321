-- name: take_census
SELECT
    count(*) AS operators,
    count(*) FILTER (WHERE o.source_key LIKE 'demo:%') AS demos
FROM operators AS o;

-- name: clock
SELECT now();

-- name: find_operator
SELECT o.operator_id FROM operators AS o WHERE o.source_key = $1;

-- name: list_fresh
-- What `add_departures` has added, from its temporary tables.
WITH pairs AS (
    SELECT p.run_no, array_agg(p.from_idx) AS starts, array_agg(p.to_idx) AS ends, array_agg(p.amount) AS amounts
    FROM staged_pairs AS p
    GROUP BY p.run_no
)

SELECT
    f.bus_id, f.source_key, f.service_date, f.base + r.starts * interval '1 second' AS departs_at,
    r.fares, r.layout_id, pairs.starts, pairs.ends, pairs.amounts
FROM fresh_buses AS f
INNER JOIN staged_runs AS r ON r.run_no = f.run_no
LEFT JOIN pairs ON pairs.run_no = f.run_no
ORDER BY f.place;

-- name: stage_sales
CREATE TEMPORARY TABLE staged_sales (
    bus_id bigint NOT NULL,
    booking_id bigint NOT NULL,
    ref text NOT NULL,
    user_id bigint,
    from_idx smallint NOT NULL,
    to_idx smallint NOT NULL,
    seats smallint[] NOT NULL,
    prices integer[] NOT NULL,
    names text[] NOT NULL,
    categories text[] NOT NULL,
    method text NOT NULL,
    payment_id uuid NOT NULL,
    codes uuid[] NOT NULL,
    created_at timestamptz NOT NULL
) ON COMMIT DROP;
CREATE TEMPORARY TABLE staged_states (
    bus_id bigint NOT NULL,
    seat_no smallint NOT NULL,
    states text NOT NULL
) ON COMMIT DROP;

-- name: clear_sales
TRUNCATE staged_sales, staged_states;

-- name: add_bookings
INSERT INTO bookings (
    bus_id, operator_id, booking_id, ref, status, user_id, from_idx, to_idx, seats, prices,
    names, categories, method, created_at, confirmed_at
)
SELECT
    s.bus_id, $1, s.booking_id, s.ref, 'CONFIRMED', s.user_id, s.from_idx, s.to_idx, s.seats, s.prices,
    s.names::person_name[], s.categories, s.method, s.created_at, s.created_at AS confirmed_at
FROM staged_sales AS s;

-- name: add_payments
INSERT INTO payments (bus_id, operator_id, payment_id, booking_id, method, status, amount, created_at, settled_at)
SELECT
    s.bus_id, $1, s.payment_id, s.booking_id, s.method, 'SUCCEEDED',
    (SELECT sum(price) FROM unnest(s.prices) AS price), s.created_at, s.created_at AS settled_at
FROM staged_sales AS s;

-- name: add_postings
INSERT INTO postings (bus_id, operator_id, group_id, payment_id, account, amount, created_at)
SELECT s.bus_id, $1, s.payment_id AS group_id, s.payment_id, line.account, line.sign * paid.amount, s.created_at
FROM staged_sales AS s
CROSS JOIN LATERAL (SELECT sum(price) AS amount FROM unnest(s.prices) AS price) AS paid
CROSS JOIN (VALUES ('cash_drawer', 1), ('provider_clearing', 1), ('sales', -1)) AS line (account, sign)
WHERE
    paid.amount > 0
    AND line.account IN ('sales', CASE s.method WHEN 'cash' THEN 'cash_drawer' ELSE 'provider_clearing' END);

-- name: add_tickets
INSERT INTO tickets (bus_id, operator_id, booking_id, seat_no, code, issued_at)
SELECT s.bus_id, $1, s.booking_id, t.seat_no, t.code, s.created_at
FROM staged_sales AS s
CROSS JOIN unnest(s.seats, s.codes) AS t (seat_no, code);

-- name: add_claims
INSERT INTO claims (bus_id, operator_id, seat_no, segment, booking_id)
SELECT s.bus_id, $1, seat_no, segment, s.booking_id
FROM staged_sales AS s
CROSS JOIN unnest(s.seats) AS seat_no
CROSS JOIN generate_series(s.from_idx, s.to_idx - 1) AS segment;

-- name: mark_seats
UPDATE seats AS s SET states = new.states
FROM staged_states AS new
WHERE s.bus_id = new.bus_id AND s.seat_no = new.seat_no;

-- name: find_last_seats
-- The next bus of that key with few seats left: $1 operator, $2 source key.
SELECT b.bus_id
FROM buses AS b
WHERE
    b.operator_id = $1 AND b.source_key = $2 AND b.departs_at > now()
    AND (SELECT count(*) FROM seats AS s WHERE s.bus_id = b.bus_id AND strpos(s.states, 'A') > 0) <= 2
ORDER BY b.departs_at
LIMIT 1;
