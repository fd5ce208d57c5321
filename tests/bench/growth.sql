-- Buses sold out long ago, twenty bookings of two seats each, all paid: $1 buses, copied from the first one. Loaded
-- with triggers and foreign keys asleep; the invariants hold. What is forgotten in time is not there: events and
-- idempotency keys. References are spelled from numbers, not by the codec.

-- name: add_buses
INSERT INTO buses (
    bus_id, operator_id, layout_id, departs_at, arrives_at, total_seats, currency, fares, name, service_date, rev
)
SELECT
    1000000 + n.bus, b.operator_id, b.layout_id, b.departs_at, b.arrives_at, b.total_seats, b.currency, b.fares,
    b.name, b.service_date, 20
FROM (SELECT * FROM buses ORDER BY bus_id LIMIT 1) AS b CROSS JOIN generate_series(1, $1::integer) AS n (bus);

-- name: add_stops
INSERT INTO bus_stops (bus_id, idx, operator_id, stop_id, arrives_at, departs_at)
SELECT 1000000 + n.bus, s.idx, s.operator_id, s.stop_id, s.arrives_at, s.departs_at
FROM bus_stops AS s CROSS JOIN generate_series(1, $1::integer) AS n (bus)
WHERE s.bus_id = (SELECT min(bus_id) FROM buses);

-- name: add_calls
INSERT INTO calls (bus_id, idx, operator_id, stop_id, departs_at, can_board, can_alight)
SELECT s.bus_id, s.idx, s.operator_id, s.stop_id, s.departs_at, s.can_board, s.can_alight
FROM bus_stops AS s
WHERE s.bus_id BETWEEN 1000001 AND 1000000 + $1::integer;

-- name: add_seats
INSERT INTO seats (bus_id, seat_no, operator_id, states)
SELECT 1000000 + n.bus, s.seat_no, s.operator_id, 'B'
FROM seats AS s CROSS JOIN generate_series(1, $1::integer) AS n (bus)
WHERE s.bus_id = (SELECT min(bus_id) FROM buses);

-- name: add_bookings
INSERT INTO bookings (
    bus_id, operator_id, booking_id, ref, status, user_id, from_idx, to_idx, seats, prices, names, categories, method,
    email, created_at, confirmed_at
)
SELECT
    1000000 + n.bus, b.operator_id, made.id, lpad(translate(made.id::text, '01', 'AB'), 7, 'Z'), 'CONFIRMED',
    made.id % 200000 + 1, 0, 1, ARRAY[2 * p.pair - 1, 2 * p.pair]::smallint[], ARRAY[2000, 2000],
    ARRAY['Asha Rao', 'Ben Okri'], ARRAY['adult', 'adult'], 'demo', 'asha@rider.example',
    now() - made.id * interval '1 second', now() - made.id * interval '1 second'
FROM (SELECT * FROM buses ORDER BY bus_id LIMIT 1) AS b
CROSS JOIN generate_series(1, $1::integer) AS n (bus)
CROSS JOIN generate_series(1, 20) AS p (pair)
CROSS JOIN LATERAL (SELECT (n.bus - 1) * 20 + p.pair AS id) AS made;

-- name: add_claims
INSERT INTO claims (bus_id, operator_id, seat_no, segment, booking_id)
SELECT b.bus_id, b.operator_id, s.seat_no, 0, b.booking_id
FROM bookings AS b CROSS JOIN unnest(b.seats) AS s (seat_no)
WHERE b.bus_id <= 1000000 + $1::integer;

-- name: add_payments
INSERT INTO payments (bus_id, operator_id, payment_id, booking_id, method, status, amount, created_at, settled_at)
SELECT
    b.bus_id, b.operator_id, gen_random_uuid(), b.booking_id, b.method, 'SUCCEEDED', 4000, b.created_at, b.confirmed_at
FROM bookings AS b
WHERE b.bus_id <= 1000000 + $1::integer;

-- name: add_postings
INSERT INTO postings (bus_id, operator_id, group_id, payment_id, account, amount, created_at)
SELECT p.bus_id, p.operator_id, p.payment_id, p.payment_id, line.account, line.amount, p.created_at
FROM payments AS p
CROSS JOIN LATERAL (VALUES ('provider_clearing', p.amount), ('sales', -p.amount)) AS line (account, amount)
WHERE p.bus_id <= 1000000 + $1::integer;

-- name: add_tickets
INSERT INTO tickets (bus_id, operator_id, booking_id, seat_no, code, issued_at)
SELECT b.bus_id, b.operator_id, b.booking_id, s.seat_no, gen_random_uuid(), b.confirmed_at
FROM bookings AS b CROSS JOIN unnest(b.seats) AS s (seat_no)
WHERE b.bus_id <= 1000000 + $1::integer;

-- name: move_numbers
SELECT setval('booking_numbers', (20 * $1::bigint / 1000 + 1) * 1000 + 1);
