-- name: month_of_holds
-- A hold a minute of operator $2 on bus $1, in order of time.
INSERT INTO holds (
    bus_id, hold_id, operator_id, state, from_idx, to_idx, seats, prices, created_at, expires_at, ended_at
)
SELECT
    $1, gen_random_uuid(), $2, 'RELEASED', 0, 1, '{1}', '{2000}', m.minute, m.minute + interval '5 minutes', m.minute
FROM generate_series(now() - interval '30 days', now(), '1 minute') AS m (minute);

-- name: month_of_bookings
-- The same of bookings that nobody paid.
INSERT INTO bookings (
    bus_id, booking_id, operator_id, ref, status, from_idx, to_idx, seats, prices, names, categories, method,
    created_at, ended_at
)
SELECT
    $1, 1000000 + row_number() OVER (ORDER BY m.minute), $2, 'ABCDEF', 'FAILED', 0, 1, '{1}', '{2000}', '{Ann}',
    '{adult}', 'demo', m.minute, m.minute
FROM generate_series(now() - interval '30 days', now(), '1 minute') AS m (minute);

-- name: month_of_answers
-- The same of refusals under a key.
INSERT INTO idempotency_keys (bus_id, key_hash, operator_id, request_hash, status, response, created_at)
SELECT $1, gen_random_uuid(), $2, gen_random_uuid(), 409, 'x', m.minute
FROM generate_series(now() - interval '30 days', now(), '1 minute') AS m (minute);
