-- name: days
-- Today, as each of the operators in $1 has it; all operators for NULL.
SELECT
    o.operator_id, o.name, o.currency,
    (clock_timestamp() AT TIME ZONE o.time_zone)::date AS today,
    date_trunc('day', clock_timestamp() AT TIME ZONE o.time_zone) AT TIME ZONE o.time_zone AS since
FROM operators AS o
WHERE $1::integer[] IS NULL OR o.operator_id = any($1::integer[])
ORDER BY o.operator_id;

-- name: hours
-- What was paid for since $2, hour by hour, of the operators $1; the hours are those of its own clock. A booking may
-- wait an hour for its money at most. The second bound on what was made tells the planner that this is a small part.
SELECT
    b.operator_id, date_trunc('hour', b.confirmed_at, o.time_zone) AS hour, sum(cardinality(b.seats)) AS seats,
    sum((SELECT sum(price) FROM unnest(b.prices) AS price)) AS revenue
FROM bookings AS b
INNER JOIN operators AS o ON o.operator_id = b.operator_id
WHERE
    b.operator_id = any($1::integer[])
    AND b.created_at > $2::timestamptz - interval '1 hour' AND b.created_at < $2::timestamptz + interval '3 days'
    AND b.confirmed_at >= $2
GROUP BY b.operator_id, date_trunc('hour', b.confirmed_at, o.time_zone)
ORDER BY b.operator_id, date_trunc('hour', b.confirmed_at, o.time_zone);

-- name: conversion
-- How many holds were made since $2, and how many of them have been paid for. Seats dropped from a hold are a row of
-- their own, and no hold that anybody made.
SELECT
    h.operator_id, date_trunc('hour', h.created_at, o.time_zone) AS hour, count(*) AS holds,
    count(b.booking_id) AS paid
FROM holds AS h
INNER JOIN operators AS o ON o.operator_id = h.operator_id
LEFT JOIN bookings AS b ON b.bus_id = h.bus_id AND b.hold_id = h.hold_id AND b.confirmed_at IS NOT NULL
WHERE
    h.operator_id = any($1::integer[])
    AND h.created_at >= $2::timestamptz AND h.created_at < $2::timestamptz + interval '3 days'
    AND h.part_of IS NULL
GROUP BY h.operator_id, date_trunc('hour', h.created_at, o.time_zone);

-- name: conflicts
-- How many requests since $2 found a seat taken: their refusals are kept with their idempotency keys.
SELECT k.operator_id, date_trunc('hour', k.created_at, o.time_zone) AS hour, count(*) AS conflicts
FROM idempotency_keys AS k
INNER JOIN operators AS o ON o.operator_id = k.operator_id
WHERE
    k.operator_id = any($1::integer[])
    AND k.created_at >= $2::timestamptz AND k.created_at < $2::timestamptz + interval '3 days'
    AND k.status = 409 AND position('"seat_unavailable"'::bytea IN k.response) > 0
GROUP BY k.operator_id, date_trunc('hour', k.created_at, o.time_zone);

-- name: routes
-- How full today's buses of one operator are, route by route: of all their seats on all their segments, those booked.
SELECT
    b.route_id, r.name, count(DISTINCT b.bus_id) AS buses, sum(length(s.states)) AS places,
    sum(length(s.states) - length(replace(s.states, 'B', ''))) AS booked
FROM buses AS b
INNER JOIN seats AS s ON s.bus_id = b.bus_id
LEFT JOIN routes AS r ON r.route_id = b.route_id
WHERE b.operator_id = $1 AND b.departs_at >= $2 AND b.departs_at < $3 AND b.status NOT IN ('DRAFT', 'CANCELLED')
GROUP BY b.route_id, r.name
ORDER BY r.name, b.route_id;

-- name: watchers
-- Whose buses are watched: $1 buses, $2 by how many.
SELECT b.operator_id, sum(w.watchers) AS watchers
FROM unnest($1::bigint[], $2::integer[]) AS w (bus_id, watchers)
INNER JOIN buses AS b ON b.bus_id = w.bus_id
GROUP BY b.operator_id;
