-- name: read_rooms
-- What every process knows by heart: rooms that are open, and those closed so lately that somebody still waits in one.
SELECT
    r.room_id, r.operator_id, r.scope, r.subject_id, r.name::text AS name, r.seed, r.draw, r.is_auto, r.created_at,
    r.opens_at, r.opened_at, r.closed_at, r.per_minute, r.pace, r.served, r.served_at, r.is_sold_out, r.joined,
    clock_timestamp() AS now
FROM rooms AS r
WHERE r.closed_at IS NULL OR r.closed_at > clock_timestamp() - interval '1 hour'
ORDER BY r.room_id;

-- name: list_rooms
-- Newest first: $1 operator (NULL: all), $2 the last one seen, $3 at most.
SELECT
    r.room_id, r.operator_id, r.scope, r.subject_id, r.name::text AS name, r.seed, r.draw, r.is_auto, r.created_at,
    r.opens_at, r.opened_at, r.closed_at, r.per_minute, r.pace, r.served, r.served_at, r.is_sold_out, r.joined,
    (SELECT count(*) FROM room_places AS p WHERE p.room_id = r.room_id AND p.entered_at IS NOT NULL) AS entered
FROM rooms AS r
WHERE ($1::integer IS NULL OR r.operator_id = $1) AND ($2::bigint IS NULL OR r.room_id < $2)
ORDER BY r.room_id DESC
LIMIT $3;

-- name: find_room
SELECT
    r.room_id, r.operator_id, r.scope, r.subject_id, r.name::text AS name, r.seed, r.draw, r.is_auto, r.created_at,
    r.opens_at, r.opened_at, r.closed_at, r.per_minute, r.pace, r.served, r.served_at, r.is_sold_out, r.joined,
    (SELECT count(*) FROM room_places AS p WHERE p.room_id = r.room_id AND p.entered_at IS NOT NULL) AS entered
FROM rooms AS r
WHERE r.room_id = $1;

-- name: find_bus
SELECT b.operator_id, b.name::text AS name, b.status, b.departs_at <= clock_timestamp() AS has_left
FROM buses AS b
WHERE b.bus_id = $1;

-- name: find_route
SELECT r.operator_id, r.name::text AS name FROM routes AS r WHERE r.route_id = $1;

-- name: find_operator
SELECT o.operator_id, o.name::text AS name FROM operators AS o WHERE o.operator_id = $1;

-- name: subjects_of
-- Under which names a room may stand before a bus.
SELECT b.route_id, b.operator_id FROM buses AS b WHERE b.bus_id = $1;

-- name: lock_operator
-- Rooms of one operator are opened one after another, so that they can be counted.
SELECT pg_advisory_xact_lock(hashtextextended('waiting rooms of ' || $1::integer::text, 0));

-- name: count_open
SELECT count(*) FROM rooms AS r WHERE r.operator_id = $1 AND r.closed_at IS NULL;

-- name: is_covered
-- Whether any room, drawn or not, is before a bus already.
SELECT exists(
    SELECT FROM rooms AS r
    INNER JOIN buses AS b ON b.bus_id = $1
    WHERE
        r.closed_at IS NULL
        AND (r.scope, r.subject_id) IN (('bus', b.bus_id), ('route', b.route_id), ('operator', b.operator_id))
);

-- name: add_room
-- Nothing is added while a room of the same subject is open.
INSERT INTO rooms (
    operator_id, scope, subject_id, name, seed, is_auto, created_at, opens_at, per_minute, pace, served_at
)
SELECT
    $1, $2, $3, $4, $5, $6, t.now AS created_at, greatest($7::timestamptz, t.now) AS opens_at,
    $8, $9, t.now AS served_at
FROM (SELECT clock_timestamp() AS now) AS t
ON CONFLICT (scope, subject_id) WHERE closed_at IS NULL DO NOTHING
RETURNING room_id;

-- name: tell
SELECT pg_notify('omnibus_bulletin', 'rooms');

-- name: set_pace
UPDATE rooms AS r SET per_minute = $2::integer, pace = coalesce($2::integer / 60.0, r.pace)
WHERE r.room_id = $1 AND r.closed_at IS NULL;

-- name: close_room
UPDATE rooms AS r SET closed_at = clock_timestamp()
WHERE r.room_id = $1 AND r.closed_at IS NULL
RETURNING r.room_id;

-- name: close_departed
-- Of rooms $1, those before a bus that has left, or that goes for nobody.
UPDATE rooms AS r SET closed_at = clock_timestamp()
FROM buses AS b
WHERE
    r.room_id = any($1::bigint[]) AND r.closed_at IS NULL AND r.scope = 'bus' AND b.bus_id = r.subject_id
    AND (b.departs_at <= clock_timestamp() OR b.status = 'CANCELLED')
RETURNING r.room_id, r.operator_id;

-- name: advance
-- Rooms ($1) move on, each once a second whichever process comes first. What was served by the old pace is served; the
-- new one grows while there is no strain ($2) and somebody waits, if those came in whose turn was some seconds ago. It
-- grows slowly, and to $5 only, if they did not: nothing is learnt of what can be served, and those behind them may all
-- be there; but numbers that nobody uses must not hold up others. It falls at once when there is strain. What nobody
-- waited for is saved up for a second only. Before a bus, or a route, without a free seat nobody moves, and nothing is
-- learnt of what can be served.
UPDATE rooms AS r
SET
    served = CASE
        WHEN r.is_sold_out THEN r.served
        WHEN r.served + r.pace * date_part('epoch', t.now - r.served_at) < r.joined + greatest(r.pace, 1)
            THEN r.served + r.pace * date_part('epoch', t.now - r.served_at)
        ELSE greatest(r.served, r.joined + greatest(r.pace, 1))
    END,
    served_at = t.now,
    pace = CASE
        WHEN r.per_minute IS NOT NULL THEN r.per_minute / 60.0
        WHEN $2 THEN greatest(r.pace * 0.7, $3)
        WHEN r.joined <= r.served OR r.is_sold_out THEN r.pace
        WHEN (
            SELECT count(p.entered_at) * 10 > count(*)
            FROM room_places AS p
            WHERE
                p.room_id = r.room_id AND p.number > (r.served - 20 * r.pace)::integer
                AND p.number <= (r.served - 8 * r.pace)::integer
        ) THEN least(r.pace * 1.1, $4)
        ELSE greatest(r.pace, least(r.pace * 1.01, $5))
    END,
    is_sold_out = CASE r.scope
        WHEN 'bus'
            THEN
                NOT EXISTS (
                    SELECT FROM seats AS s WHERE s.bus_id = r.subject_id AND s.states LIKE '%A%'
                )
        WHEN 'route'
            THEN
                EXISTS (
                    SELECT FROM buses AS b
                    WHERE
                        b.operator_id = r.operator_id AND b.route_id = r.subject_id AND b.departs_at > clock_timestamp()
                        AND b.status = 'SCHEDULED'
                ) AND NOT EXISTS (
                    SELECT FROM buses AS b
                    INNER JOIN seats AS s ON s.bus_id = b.bus_id
                    WHERE
                        b.operator_id = r.operator_id AND b.route_id = r.subject_id AND b.departs_at > clock_timestamp()
                        AND b.status = 'SCHEDULED' AND s.states LIKE '%A%'
                )
        ELSE false
    END
FROM (SELECT clock_timestamp() AS now) AS t
WHERE
    r.room_id = any($1::bigint[]) AND r.opened_at IS NOT NULL AND r.closed_at IS NULL
    AND r.served_at < t.now - interval '0.8 seconds';

-- name: purge_places
-- Who waited is nobody's business a week after: $1 at most at a time.
DELETE FROM room_places AS p
USING (
    SELECT w.room_id, w.place_id
    FROM room_places AS w
    INNER JOIN rooms AS r ON r.room_id = w.room_id
    WHERE r.closed_at < clock_timestamp() - interval '7 days'
    LIMIT $1
) AS old
WHERE p.room_id = old.room_id AND p.place_id = old.place_id;

-- name: purge_rooms
DELETE FROM rooms AS r
WHERE
    r.closed_at < clock_timestamp() - interval '7 days'
    AND NOT EXISTS (SELECT FROM room_places AS p WHERE p.room_id = r.room_id);
