-- name: stop_with_children
-- A stop, or a station with its stops.
SELECT s.stop_id, s.name, s.time_zone, s.stop_id = $1 AS is_itself
FROM stops AS s
WHERE s.stop_id = $1 OR s.parent_id = $1;

-- name: next_departures
-- The next $2 departures from any of the stops $1 whose bus, as late as it is, has not left. A bus may be six hours
-- late at most and one early, so older ones are not looked at, and later ones not asked how late they are.
WITH coming AS (
    SELECT c.bus_id, c.idx, c.departs_at
    FROM calls AS c
    WHERE
        c.stop_id = any($1::bigint[]) AND c.can_board
        AND c.departs_at > now() - interval '6 hours'
        AND (
            c.departs_at > now() + interval '1 hour'
            OR c.departs_at > (
                SELECT now() - make_interval(secs => coalesce(d.delay_seconds, 0)) FROM bus_stops AS d
                WHERE d.bus_id = c.bus_id AND d.idx = c.idx
            )
        )
        AND (SELECT d.status FROM buses AS d WHERE d.bus_id = c.bus_id) <> 'DRAFT'
    ORDER BY c.departs_at, c.bus_id
    LIMIT $2
)

SELECT
    c.bus_id, c.departs_at, h.bay, h.delay_seconds, b.name, b.total_seats,
    CASE WHEN o.disabled_at IS NULL OR b.status <> 'SCHEDULED' THEN b.status ELSE 'CLOSED' END AS status,
    o.name AS operator, r.name AS route, z.name AS destination, free.seats AS seats_left
FROM coming AS c
INNER JOIN bus_stops AS h ON h.bus_id = c.bus_id AND h.idx = c.idx
INNER JOIN buses AS b ON b.bus_id = c.bus_id
INNER JOIN operators AS o ON o.operator_id = b.operator_id
LEFT JOIN routes AS r ON r.route_id = b.route_id
INNER JOIN LATERAL (
    SELECT p.name, e.idx
    FROM bus_stops AS e
    INNER JOIN stops AS p ON p.stop_id = e.stop_id
    WHERE e.bus_id = c.bus_id AND e.idx > c.idx
    ORDER BY e.idx DESC
    LIMIT 1
) AS z ON true
INNER JOIN LATERAL (
    SELECT count(*) AS seats
    FROM seats AS s
    WHERE s.bus_id = c.bus_id AND substr(s.states, c.idx + 1, z.idx - c.idx) = repeat('A', z.idx - c.idx)
) AS free ON true
ORDER BY c.departs_at, c.bus_id;
