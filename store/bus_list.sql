-- name: list_buses
-- $1 of this operator, $2 of this day of its clock, $3 in this status, $4 on this route, after the position ($5, $6),
-- $7 at most.
SELECT
    b.bus_id, b.name::text AS name, b.operator_id, o.name AS operator, b.route_id, r.name AS route, b.status,
    b.departs_at, b.arrives_at, b.total_seats, b.facts,
    (SELECT count(*) FROM seats AS s WHERE s.bus_id = b.bus_id AND translate(s.states, 'A', '') = '') AS seats_available
FROM buses AS b
INNER JOIN operators AS o ON o.operator_id = b.operator_id
LEFT JOIN routes AS r ON r.route_id = b.route_id
WHERE
    ($1::integer IS NULL OR b.operator_id = $1)
    AND b.departs_at >= coalesce($2::date - interval '1 day', now() - interval '7 days')
    AND b.departs_at < coalesce($2::date + interval '2 days', 'infinity')
    AND CASE
        WHEN $2::date IS NULL THEN b.arrives_at > now()
        ELSE (b.departs_at AT TIME ZONE o.time_zone)::date = $2::date
    END
    AND ($3::text IS NULL OR b.status = $3)
    AND ($4::bigint IS NULL OR b.route_id = $4)
    AND ($5::timestamptz IS NULL OR (b.departs_at, b.bus_id) > ($5::timestamptz, $6::bigint))
ORDER BY b.departs_at, b.bus_id
LIMIT $7;

-- name: find_bus
SELECT
    b.bus_id, b.name::text AS name, b.operator_id, o.name AS operator, b.route_id, r.name AS route, b.status,
    b.departs_at, b.arrives_at, b.total_seats, b.facts, b.sales_close_seconds, b.currency::text AS currency,
    b.layout_id, l.name AS layout, b.vehicle_id, v.registration, v.name AS vehicle,
    coalesce(
        (
            SELECT f.amount FROM leg_fares AS f
            WHERE f.bus_id = b.bus_id AND f.from_idx = 0 AND f.to_idx = cardinality(b.fares)
        ),
        (SELECT sum(fare) FROM unnest(b.fares) AS fare)
    )::integer AS fare,
    (SELECT count(*) FROM seats AS s WHERE s.bus_id = b.bus_id AND translate(s.states, 'A', '') = '') AS seats_available
FROM buses AS b
INNER JOIN operators AS o ON o.operator_id = b.operator_id
INNER JOIN layouts AS l ON l.layout_id = b.layout_id
LEFT JOIN routes AS r ON r.route_id = b.route_id
LEFT JOIN vehicles AS v ON v.vehicle_id = b.vehicle_id
WHERE b.bus_id = $1;

-- name: list_calls
SELECT s.stop_id, place.name::text AS name, s.arrives_at, s.departs_at, s.bay, s.delay_seconds
FROM bus_stops AS s
INNER JOIN stops AS place ON place.stop_id = s.stop_id
WHERE s.bus_id = $1
ORDER BY s.idx;

-- name: count_seats
-- By the worst letter: B > X > L > A.
SELECT
    count(*) FILTER (WHERE s.worst = 'A') AS available,
    count(*) FILTER (WHERE s.worst = 'L') AS locked,
    count(*) FILTER (WHERE s.worst = 'B') AS booked,
    count(*) FILTER (WHERE s.worst = 'X') AS blocked
FROM (
    SELECT
        CASE
            WHEN strpos(p.states, 'B') > 0 THEN 'B'
            WHEN strpos(p.states, 'X') > 0 THEN 'X'
            WHEN strpos(p.states, 'L') > 0 THEN 'L'
            ELSE 'A'
        END AS worst
    FROM seats AS p
    WHERE p.bus_id = $1
) AS s;

-- name: count_bookings
SELECT
    count(*) FILTER (WHERE k.status IN ('CONFIRMED', 'PARTIALLY_CANCELLED')) AS paid,
    count(*) FILTER (WHERE k.status = 'PENDING' AND k.expires_at > clock_timestamp()) AS unpaid
FROM bookings AS k
WHERE k.bus_id = $1;
