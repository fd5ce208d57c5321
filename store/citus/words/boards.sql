-- name: next_departures
-- How late it is stands in the same row there; where the bus ends is found with it, for the reason that searches have.
WITH coming AS (
    SELECT c.bus_id, c.idx, c.departs_at, c.bay, c.delay_seconds, e.idx AS last_idx, e.stop_id AS last_stop
    FROM bus_stops AS c
    INNER JOIN LATERAL (
        SELECT e.idx, e.stop_id
        FROM bus_stops AS e
        WHERE e.bus_id = c.bus_id AND e.idx > c.idx
        ORDER BY e.idx DESC
        LIMIT 1
    ) AS e ON true
    WHERE
        c.stop_id = any($1::bigint[]) AND c.can_board
        AND c.departs_at > now() - interval '6 hours'
        AND c.departs_at > now() - make_interval(secs => coalesce(c.delay_seconds, 0))
        AND (SELECT d.status FROM buses AS d WHERE d.bus_id = c.bus_id) <> 'DRAFT'
    ORDER BY c.departs_at, c.bus_id
    LIMIT $2
)

SELECT
    c.bus_id, c.departs_at, c.bay, c.delay_seconds, b.name, b.total_seats,
    CASE WHEN o.disabled_at IS NULL OR b.status <> 'SCHEDULED' THEN b.status ELSE 'CLOSED' END AS status,
    o.name AS operator, r.name AS route, z.name AS destination, free.seats AS seats_left
FROM coming AS c
INNER JOIN buses AS b ON b.bus_id = c.bus_id
INNER JOIN operators AS o ON o.operator_id = b.operator_id
INNER JOIN stops AS z ON z.stop_id = c.last_stop
LEFT JOIN routes AS r ON r.route_id = b.route_id
INNER JOIN LATERAL (
    SELECT
        count(*) FILTER (
            WHERE substr(s.states, c.idx + 1, c.last_idx - c.idx) = repeat('A', c.last_idx - c.idx)
        ) AS seats
    FROM seats AS s
    WHERE s.bus_id = b.bus_id
    GROUP BY s.bus_id
) AS free ON true
ORDER BY c.departs_at, c.bus_id;
