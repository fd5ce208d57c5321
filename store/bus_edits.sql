-- name: set_words
UPDATE buses AS b SET name = $2, sales_close_seconds = $3 WHERE b.bus_id = $1;

-- name: set_times
UPDATE buses AS b SET departs_at = $2, arrives_at = $3 WHERE b.bus_id = $1;

-- name: move_stops
-- All by $2, the last one's arrival by $3 besides. One statement, for the stops must be in order after each.
UPDATE bus_stops AS s
SET
    arrives_at = s.arrives_at + $2::interval + CASE WHEN s.idx = z.idx THEN $3::interval ELSE '0' END,
    departs_at = s.departs_at + $2::interval + CASE WHEN s.idx = z.idx THEN $3::interval ELSE '0' END
FROM (SELECT max(e.idx) AS idx FROM bus_stops AS e WHERE e.bus_id = $1) AS z
WHERE s.bus_id = $1;

-- name: find_vehicle
-- Not retired while the bus is given it.
SELECT v.layout_id, v.is_retired FROM vehicles AS v WHERE v.operator_id = $1 AND v.vehicle_id = $2 FOR SHARE OF v;

-- name: set_vehicle
UPDATE buses AS b SET vehicle_id = $2 WHERE b.bus_id = $1;

-- name: is_wanted
-- Whether anybody ever had a seat of it: what has ended still names seats of the layout it was.
SELECT
    EXISTS (SELECT FROM holds AS h WHERE h.bus_id = $1)
    OR EXISTS (SELECT FROM bookings AS k WHERE k.bus_id = $1)
    OR EXISTS (SELECT FROM blocks AS x WHERE x.bus_id = $1);

-- name: drop_seats
DELETE FROM seats AS s WHERE s.bus_id = $1;

-- name: set_layout
-- $1 bus, $2 operator, $3 layout: its seats, all free.
WITH bus AS (
    UPDATE buses AS b
    SET
        layout_id = $3,
        total_seats = (SELECT count(*) FROM layout_seats AS l WHERE l.layout_id = $3)
    WHERE b.bus_id = $1
    RETURNING b.bus_id, cardinality(b.fares) AS segments
)

INSERT INTO seats (bus_id, operator_id, seat_no, states)
SELECT bus.bus_id, $2, l.seat_no, repeat('A', bus.segments)
FROM bus
INNER JOIN layout_seats AS l ON l.layout_id = $3;

-- name: find_calls
SELECT s.idx FROM bus_stops AS s WHERE s.bus_id = $1 AND s.stop_id = $2 ORDER BY s.idx;

-- name: set_call
-- No row for what is so already: $1 bus, $2 its stop, $3 bay, $4 delay.
UPDATE bus_stops AS s SET bay = $3, delay_seconds = $4
WHERE
    s.bus_id = $1 AND s.idx = $2 AND (s.bay IS DISTINCT FROM $3 OR s.delay_seconds IS DISTINCT FROM $4)
RETURNING true;
