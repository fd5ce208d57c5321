-- name: move_stops
-- What has a time zone's sums is reckoned before rows are changed.
WITH moved AS MATERIALIZED (
    SELECT
        s.idx,
        s.arrives_at + $2::interval + CASE WHEN s.idx = max(s.idx) OVER () THEN $3::interval ELSE '0' END AS arrives_at,
        s.departs_at + $2::interval + CASE WHEN s.idx = max(s.idx) OVER () THEN $3::interval ELSE '0' END AS departs_at
    FROM bus_stops AS s
    WHERE s.bus_id = $1
)

UPDATE bus_stops AS s SET arrives_at = m.arrives_at, departs_at = m.departs_at
FROM moved AS m
WHERE s.bus_id = $1 AND s.idx = m.idx;
