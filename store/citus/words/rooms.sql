-- name: close_departed
-- By the clock of the transaction, which is this statement's.
UPDATE rooms AS r SET closed_at = now()
FROM buses AS b
WHERE
    r.room_id = any($1::bigint[]) AND r.closed_at IS NULL AND r.scope = 'bus' AND b.bus_id = r.subject_id
    AND (b.departs_at <= now() OR b.status = 'CANCELLED')
RETURNING r.room_id, r.operator_id;

-- name: advance
-- Servers are asked for seats once for all rooms, and for those only that move on: rooms are on the coordinator.
WITH t AS MATERIALIZED (
    SELECT clock_timestamp() AS now, clock_timestamp() - interval '0.8 seconds' AS before
),

open AS MATERIALIZED (
    SELECT r.room_id, r.operator_id, r.scope, r.subject_id
    FROM rooms AS r
    INNER JOIN t ON r.served_at < t.before
    WHERE r.room_id = any($1::bigint[]) AND r.scope <> 'operator' AND r.opened_at IS NOT NULL AND r.closed_at IS NULL
),

buses_before AS MATERIALIZED (
    SELECT o.room_id, b.bus_id
    FROM open AS o
    INNER JOIN buses AS b ON b.operator_id = o.operator_id AND b.route_id = o.subject_id
    WHERE o.scope = 'route' AND b.departs_at > now() AND b.status = 'SCHEDULED'
    UNION ALL
    SELECT o.room_id, o.subject_id AS bus_id FROM open AS o WHERE o.scope = 'bus'
),

free AS MATERIALIZED (
    SELECT DISTINCT b.room_id
    FROM buses_before AS b
    INNER JOIN seats AS s ON s.bus_id = b.bus_id
    WHERE s.states LIKE '%A%'
)

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
    is_sold_out = r.room_id IN (SELECT b.room_id FROM buses_before AS b)
    AND r.room_id NOT IN (SELECT f.room_id FROM free AS f)
FROM t
WHERE
    r.room_id = any($1::bigint[]) AND r.opened_at IS NOT NULL AND r.closed_at IS NULL
    AND r.served_at < t.before;
