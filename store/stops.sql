-- name: list_stops
-- $1 part of the name as typed, $2 after this number, $3 at most.
SELECT s.stop_id, s.source, s.code, s.name, s.time_zone, s.parent_id, s.latitude, s.longitude, s.version
FROM stops AS s
WHERE strpos(s.folded, folded($1::text)) > 0 AND s.stop_id > $2
ORDER BY s.stop_id
LIMIT $3;

-- name: find_stop
SELECT s.stop_id, s.source, s.code, s.name, s.time_zone, s.parent_id, s.latitude, s.longitude, s.version
FROM stops AS s
WHERE s.stop_id = $1;

-- name: lock_stop
SELECT s.stop_id, s.source, s.code, s.name, s.time_zone, s.parent_id, s.latitude, s.longitude, s.version
FROM stops AS s
WHERE s.stop_id = $1
FOR UPDATE OF s;

-- name: lock_station
-- A station stays one: what has a parent is none, and this one is not removed meanwhile.
SELECT s.parent_id FROM stops AS s WHERE s.stop_id = $1 FOR KEY SHARE OF s;

-- name: add_stop
INSERT INTO stops (source, code, name, time_zone, parent_id, latitude, longitude)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT ON CONSTRAINT stops_source_code_key DO NOTHING
RETURNING stop_id, source, code, name, time_zone, parent_id, latitude, longitude, version;

-- name: change_stop
UPDATE stops AS s
SET name = $2, time_zone = $3, latitude = $4, longitude = $5, version = s.version + 1
WHERE s.stop_id = $1
RETURNING s.version;

-- name: remove_stop
DELETE FROM stops AS s WHERE s.stop_id = $1;

-- name: take_time
SET LOCAL statement_timeout = '30s';

-- name: touch_buses
-- Whoever's buses still call there or at a stop of it: known anew, locked in order.
WITH locked AS MATERIALIZED (
    SELECT b.bus_id
    FROM buses AS b
    WHERE
        b.bus_id IN (
            SELECT c.bus_id FROM calls AS c WHERE c.stop_id = $1 AND c.departs_at > now() - interval '7 days'
        )
        AND b.arrives_at > now()
    ORDER BY b.bus_id
    FOR NO KEY UPDATE OF b
)

UPDATE buses AS b SET facts = b.facts + 1
FROM locked AS l
WHERE b.bus_id = l.bus_id;
