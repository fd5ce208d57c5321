-- name: take_time
-- Every server of a cluster is asked whether a bus goes by a route, and then all of them write.
SET LOCAL statement_timeout = '10s';

-- name: list_routes
-- $1 of this operator, $2 after this number, $3 at most; stops as parallel arrays.
SELECT
    r.route_id, r.operator_id, r.name, r.version,
    stops.stop_ids, stops.arrivals, stops.departures, stops.names
FROM routes AS r
INNER JOIN LATERAL (
    SELECT
        coalesce(array_agg(s.stop_id ORDER BY s.idx), '{}') AS stop_ids,
        coalesce(array_agg(s.arrival_seconds ORDER BY s.idx), '{}') AS arrivals,
        coalesce(array_agg(s.departure_seconds ORDER BY s.idx), '{}') AS departures,
        coalesce(array_agg(place.name::text ORDER BY s.idx), '{}') AS names
    FROM route_stops AS s
    INNER JOIN stops AS place ON place.stop_id = s.stop_id
    WHERE s.route_id = r.route_id
) AS stops ON true
WHERE ($1::integer IS NULL OR r.operator_id = $1) AND r.route_id > $2
ORDER BY r.route_id
LIMIT $3;

-- name: find_route
SELECT
    r.route_id, r.operator_id, r.name, r.version,
    coalesce(array_agg(s.stop_id ORDER BY s.idx) FILTER (WHERE s.idx IS NOT NULL), '{}') AS stop_ids,
    coalesce(array_agg(s.arrival_seconds ORDER BY s.idx) FILTER (WHERE s.idx IS NOT NULL), '{}') AS arrivals,
    coalesce(array_agg(s.departure_seconds ORDER BY s.idx) FILTER (WHERE s.idx IS NOT NULL), '{}') AS departures,
    coalesce(array_agg(place.name::text ORDER BY s.idx) FILTER (WHERE s.idx IS NOT NULL), '{}') AS names
FROM routes AS r
LEFT JOIN route_stops AS s ON s.route_id = r.route_id
LEFT JOIN stops AS place ON place.stop_id = s.stop_id
WHERE r.route_id = $1
GROUP BY r.route_id;

-- name: lock_route
-- Whoever makes a bus from it meanwhile waits, or is waited for.
SELECT r.operator_id FROM routes AS r WHERE r.route_id = $1 FOR UPDATE OF r;

-- name: is_used
SELECT true FROM buses AS b WHERE b.operator_id = $1 AND b.route_id = $2 LIMIT 1;

-- name: add_route
INSERT INTO routes (operator_id, name) VALUES ($1, $2) RETURNING route_id;

-- name: add_stops
-- $1 route, $2 operator, $3-$5 the pattern in order.
INSERT INTO route_stops (route_id, operator_id, idx, stop_id, arrival_seconds, departure_seconds)
SELECT $1, $2, w.place - 1, w.stop_id, w.arrives, w.departs
FROM unnest($3::bigint[], $4::integer[], $5::integer[]) WITH ORDINALITY AS w (stop_id, arrives, departs, place);

-- name: drop_stops
DELETE FROM route_stops AS s WHERE s.route_id = $1;

-- name: rename_route
UPDATE routes AS r SET name = $2, version = r.version + 1 WHERE r.route_id = $1;

-- name: remove_route
DELETE FROM routes AS r WHERE r.route_id = $1;
